"""Pair counts per cluster of judgments, so that a reweighting of annotators costs one small matrix
product.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from aggregation.tables.ballots import Ballots
from aggregation.tables.columns import Ids, numbered
from aggregation.tables.comparisons import Comparisons
from aggregation.tables.conversions import pairs_from_rankings, rankings_from_ratings
from aggregation.tables.pair_counts import DENSE_LIMIT, PairCounts
from aggregation.tables.ratings import Ratings

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PairCells:
    """counts[G, M]: weight that cluster g gave to cell m; cell m is (winner, loser) or a tie, by
    `key`.

    key = winner * K + loser, or K * K + low * K + high for a tie.
    """

    counts: Any
    key: NDArray[np.int64]
    ids: Ids
    rows: int

    @classmethod
    def of(cls, table: Comparisons | Ballots | Ratings) -> Self:
        """Cells of comparisons, or of the pairs that rankings and ratings imply."""
        rows = len(table)
        if isinstance(table, Ratings):
            table = rankings_from_ratings(table)
        if isinstance(table, Ballots):
            codes, number = table.clusters
            table = pairs_from_rankings(
                replace(table, annotator=codes, annotator_ids=numbered(number))
            )
        K = table.n_items
        a, b = table.a.astype(np.int64), table.b.astype(np.int64)
        winner, loser = np.where(table.y < 0, b, a), np.where(table.y < 0, a, b)
        tie = K * K + np.minimum(a, b) * K + np.maximum(a, b)
        key, cell = np.unique(np.where(table.y == 0, tie, winner * K + loser), return_inverse=True)
        cluster, count = table.clusters
        counts = sparse.coo_array((table.weights, (cluster, cell)), shape=(count, len(key))).tocsr()
        counts.sum_duplicates()
        return cls(counts, key, table.ids, rows)

    def blocks(self, weights: Iterable[Floats]) -> Iterator[tuple[Floats, Floats]]:
        """(wins, ties) as float64[B, K, K] for each block of cluster weights [B, G]; dense, for few
        items.
        """
        K = len(self.ids)
        for block in weights:
            flat = np.zeros((len(block), 2 * K * K))
            flat[:, self.key] = (self.counts.T @ block[:, : self.counts.shape[0]].T).T
            wins, upper = flat[:, : K * K].reshape(-1, K, K), flat[:, K * K :].reshape(-1, K, K)
            yield wins, upper + upper.transpose(0, 2, 1)

    def replicates(self, weights: Iterable[Floats]) -> Iterator[PairCounts]:
        """One table of counts per row of cluster weights."""
        for block in weights:
            for row in block:
                yield self.weighted(row[: self.counts.shape[0]])

    def weighted(self, weight: Floats) -> PairCounts:
        """The counts when cluster g counts weight[g] times."""
        K = len(self.ids)
        value = self.counts.T @ weight
        won = self.key < K * K
        wins = self._matrix(self.key[won], value[won])
        upper = self._matrix(self.key[~won] - K * K, value[~won])
        return PairCounts(wins, upper + upper.T, self.ids, self.rows)

    def _matrix(self, key: NDArray[np.int64], value: Floats) -> Any:
        K = len(self.ids)
        if K > DENSE_LIMIT:
            return sparse.coo_array((value, (key // K, key % K)), shape=(K, K)).tocsr()
        flat = np.zeros(K * K)
        flat[key] = value
        return flat.reshape(K, K)
