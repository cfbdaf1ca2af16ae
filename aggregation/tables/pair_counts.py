"""Who beat whom, how often: the sufficient statistic of most rules over pairs, mergeable by
addition.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from aggregation.tables.columns import Bools, Floats, Ids, Ints, TableError, digest_of, numbered
from aggregation.tables.pair_tally import suits, tally
from annotation.phrases import say

DENSE_LIMIT = 4096  # items; a dense float64 matrix of this size takes 134 MB
CHUNK = 1 << 15  # rows whose keys fit into the cache
Matrix: TypeAlias = Any  # float64[K, K], dense or scipy.sparse.csr_array


@dataclass(frozen=True, eq=False)
class PairCounts:
    """Counts over K items.

    wins[i, j]: weight of "i beats j"; ties[i, j] = ties[j, i]: weight of "as good as". float64[K,
    K], dense up to
    DENSE_LIMIT items and CSR above. rows: number of judgments behind the counts.
    """

    wins: Matrix
    ties: Matrix
    ids: Ids
    rows: int

    @classmethod
    def from_matrices(
        cls, wins: Any, ties: Any = None, ids: Ids | None = None, rows: int | None = None
    ) -> Self:
        """Counts given as matrices. Raises TableError for a negative count, a self-pair or unequal
        tie halves.
        """
        won: Matrix = wins if sparse.issparse(wins) else np.asarray(wins, dtype=np.float64)
        if won.ndim != 2 or won.shape[0] != won.shape[1]:
            raise TableError(say("A win matrix must be square, not %(shape)s.", shape=won.shape))
        tied: Matrix = (
            0 * won
            if ties is None
            else ties
            if sparse.issparse(ties)
            else np.asarray(ties, dtype=float)
        )
        if (
            won.min(initial=0) < 0 or tied.min(initial=0) < 0
            if not sparse.issparse(won)
            else won.min() < 0
        ):
            raise TableError(say("A count of wins or ties is negative."))
        if np.any(won.diagonal()) or np.any(tied.diagonal()):
            raise TableError(say("An item can't be compared with itself."))
        if abs(tied - tied.T).max() > 0 if won.shape[0] else False:
            raise TableError(say("Ties must be counted the same for both sides."))
        total = round(float(won.sum() + tied.sum() / 2))
        return cls(
            won,
            tied,
            ids if ids is not None else numbered(won.shape[0]),
            total if rows is None else rows,
        )

    @property
    def n_items(self) -> int:
        return len(self.ids)

    @property
    def is_dense(self) -> bool:
        return not sparse.issparse(self.wins)

    @cached_property
    def half_ties(self) -> Matrix:
        """W + T/2: every tie is half a win for each side."""
        return self.wins + self.ties / 2 if self.has_ties else self.wins

    @cached_property
    def has_ties(self) -> bool:
        return bool(self.ties.any()) if self.is_dense else self.ties.count_nonzero() > 0

    @cached_property
    def games(self) -> Matrix:
        """n = W + W' + T."""
        both = self.wins + self.wins.T
        if self.has_ties:
            both = both + self.ties
        return both if self.is_dense else sparse.csr_array(both)

    @cached_property
    def margins(self) -> Matrix:
        """M = W - W'."""
        gap = self.wins - self.wins.T
        return gap if self.is_dense else sparse.csr_array(gap)

    @cached_property
    def seen(self) -> Bools:
        """Which items took part in a comparison of positive weight."""
        return np.asarray(self.games.sum(axis=1)).ravel() > 0

    @cached_property
    def components(self) -> tuple[int, Ints]:
        """Weakly connected parts among the seen items: their number, and a label per item (-1 =
        unseen).
        """
        if self._all_reach_all:
            return 1, np.zeros(self.n_items, dtype=np.int32)
        _, labels = connected_components(sparse.csr_array(self.games), directed=False)
        labels = np.where(self.seen, labels, -1)
        kept, compact = np.unique(labels[self.seen], return_inverse=True)
        out = np.full(self.n_items, -1, dtype=np.int32)
        out[self.seen] = compact
        return len(kept), out

    @property
    def unseen_pairs(self) -> int:
        """Unordered pairs of items that nobody compared."""
        met = np.count_nonzero(self.games) if self.is_dense else self.games.count_nonzero()
        return self.n_items * (self.n_items - 1) // 2 - int(met) // 2

    @cached_property
    def _all_reach_all(self) -> bool:
        """Every item leads to every other by "has beaten or tied with": usual, and cheap to see."""
        return _one_knot(self.half_ties)

    def strong_components(self, ties_link: bool = True) -> tuple[int, Ints]:
        """Strongly connected parts of the graph "i has beaten (or tied with) j"."""
        links = self.half_ties if ties_link else self.wins
        if self._all_reach_all if ties_link else _one_knot(links):
            return 1, np.zeros(self.n_items, dtype=np.int32)
        count, labels = connected_components(
            sparse.csr_array(links), directed=True, connection="strong"
        )
        return int(count), labels.astype(np.int32)

    def edges(self) -> tuple[Ints, Ints, Floats, Floats, Floats]:
        """Observed pairs i < j with (wins of i, wins of j, ties)."""
        upper = sparse.coo_array(sparse.triu(sparse.coo_array(self.games), k=1))
        i, j = upper.row.astype(np.int32), upper.col.astype(np.int32)
        return i, j, _entries(self.wins, i, j), _entries(self.wins, j, i), _entries(self.ties, i, j)

    def take(self, items: NDArray[Any]) -> Self:
        """The counts among some items only, in the order given."""
        if len(items) == self.n_items and bool((items == np.arange(self.n_items)).all()):
            return self
        rows = self.rows if len(items) == self.n_items else 0
        ids = tuple(self.ids[int(i)] for i in items)
        if self.is_dense:
            grid = np.ix_(items, items)
            return type(self)(self.wins[grid], self.ties[grid], ids, rows)
        return type(self)(self.wins[items][:, items], self.ties[items][:, items], ids, rows)

    def __add__(self, other: Self) -> Self:
        if self.ids != other.ids:
            raise TableError(say("Only counts over the same items can be added."))
        return type(self)(
            self.wins + other.wins, self.ties + other.ties, self.ids, self.rows + other.rows
        )

    def __len__(self) -> int:
        return self.rows

    def digest(self) -> str:
        """SHA-256 over ids and counts."""
        parts: list[NDArray[Any]] = []
        for matrix in (self.wins, self.ties) if self.has_ties else (self.wins,):
            parts += [matrix] if self.is_dense else [matrix.indptr, matrix.indices, matrix.data]
        return digest_of((self.ids, self.rows), parts)

    def pair_counts(self) -> Self:
        """Itself: counts are a table in their own right (a database can group them)."""
        return self


def _one_knot(links: Matrix) -> bool:
    """Whether a dense relation is strongly connected: the first item reaches all and back."""
    if sparse.issparse(links) or len(links) < 2:
        return False
    K = len(links)
    if np.count_nonzero(links) == K * (K - 1):  # nobody meets himself: everyone beat everyone
        return True
    relation = links > 0
    return _reaches_all(relation) and _reaches_all(relation.T)


def _reaches_all(relation: Bools) -> bool:
    reached = np.zeros(len(relation), dtype=np.bool_)
    reached[0] = True
    frontier = np.array([0])
    while len(frontier):
        fresh = relation[frontier].any(axis=0) & ~reached
        reached |= fresh
        frontier = np.flatnonzero(fresh)
    return bool(reached.all())


def _entries(matrix: Matrix, i: Ints, j: Ints) -> Floats:
    return np.asarray(matrix[i, j], dtype=np.float64).ravel()


def count_pairs(a: Ints, b: Ints, y: NDArray[Any], weight: Floats | None, ids: Ids) -> PairCounts:
    """Count signed outcomes (sign of y: + a wins, - b wins, 0 tie). O(rows) time, O(K^2 + chunk)
    memory.

    Keys are computed in chunks that stay in the processor's cache: no temporary column is as long
    as the table.
    """
    K = len(ids)
    if K > DENSE_LIMIT:
        return _count_sparse(a, b, y, weight, ids)
    if suits(y, weight, K):
        return PairCounts(tally(a, b, y, K), np.zeros((K, K)), ids, len(a))
    count = _count_few if 3 * K * K <= CHUNK else _count_many
    wins, ties = count(a, b, y, weight, K)
    return PairCounts(wins, ties, ids, len(a))


def _count_few(
    a: Ints, b: Ints, y: NDArray[Any], weight: Floats | None, K: int
) -> tuple[Floats, Floats]:
    """Few items: one table of (outcome, a, b), counted chunk by chunk."""
    cells = 3 * K * K
    total: NDArray[Any] = np.zeros(cells, dtype=np.int64 if weight is None else np.float64)
    width: Any = np.int16 if cells < 2**15 else np.int32
    for start in range(0, len(a), CHUNK):
        part = slice(start, start + CHUNK)
        key: NDArray[Any] = a[part].astype(width) * width(K)
        key += b[part].astype(width)
        key += (np.sign(y[part]).astype(width) + width(1)) * width(K * K)
        total += np.bincount(key, None if weight is None else weight[part], minlength=cells)
    lost, tied, won = total.reshape(3, K, K)
    return (won + lost.T).astype(np.float64), (tied + tied.T).astype(np.float64)


def _count_many(
    a: Ints, b: Ints, y: NDArray[Any], weight: Floats | None, K: int
) -> tuple[Floats, Floats]:
    """Many items: one table of (winner, loser); ties, where there are any, in a second one."""
    wins, ties = np.zeros(K * K), np.zeros(K * K)
    block = max(CHUNK, 4 * K * K)
    for begin in range(0, len(a), block):
        rows = slice(begin, begin + block)
        key, tied = _winner_keys(a[rows], b[rows], y[rows], K)
        w = None if weight is None else weight[rows]
        if tied.any():
            ties += np.bincount(key[tied], None if w is None else w[tied], minlength=K * K)
            key, w = key[~tied], None if w is None else w[~tied]
        wins += np.bincount(key, w, minlength=K * K)
    square = ties.reshape(K, K)
    return wins.reshape(K, K), square + square.T if square.any() else square


def _winner_keys(a: Ints, b: Ints, y: NDArray[Any], K: int) -> tuple[NDArray[np.int64], Bools]:
    key = np.empty(len(a), dtype=np.int64)
    for start in range(0, len(a), CHUNK):
        part = slice(start, start + CHUNK)
        i, j = a[part].astype(np.int64), b[part].astype(np.int64)
        key[part] = np.where(y[part] >= 0, i * K + j, j * K + i)
    return key, y == 0


def _count_sparse(a: Ints, b: Ints, y: NDArray[Any], weight: Floats | None, ids: Ids) -> PairCounts:
    K = len(ids)
    value = np.ones(len(a)) if weight is None else weight
    won, lost, tied = y > 0, y < 0, y == 0
    winner, loser = np.concatenate([a[won], b[lost]]), np.concatenate([b[won], a[lost]])
    left, right = np.concatenate([a[tied], b[tied]]), np.concatenate([b[tied], a[tied]])
    wins = sparse.coo_array(
        (np.concatenate([value[won], value[lost]]), (winner, loser)), shape=(K, K)
    ).tocsr()
    ties = sparse.coo_array(
        (np.concatenate([value[tied]] * 2), (left, right)), shape=(K, K)
    ).tocsr()
    for matrix in (wins, ties):
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
    return PairCounts(wins, ties, ids, len(a))
