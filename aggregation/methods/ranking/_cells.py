"""Judgments with equal likelihood put together: one cell per (pair, outcome)."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from aggregation.tables import Comparisons, PairCounts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
LOOKUP_LIMIT = 30_000_000  # keys; above, cells are found by sorting


@dataclass(frozen=True, eq=False)
class Cells:
    """i, j [M]: items, i < j;  outcome [M]: signed, + i is better;  weight [M];  row: cell of each
    judgment, or None.

    sign[N]: +1 where the judgment's a is the cell's i, else -1.
    """

    i: Ints
    j: Ints
    outcome: Ints
    weight: Floats
    n_items: int
    row: Ints | None = None
    sign: Floats | None = None

    @classmethod
    def of(cls, evidence: Comparisons | PairCounts, levels: bool = False) -> Self:
        """Cells with outcomes -1, 0, 1, or with signed strengths where `levels`."""
        if isinstance(evidence, PairCounts):
            return cls._of_counts(evidence)
        y = evidence.y.astype(np.int64) if levels else np.sign(evidence.y).astype(np.int64)
        a, b = evidence.a.astype(np.int64), evidence.b.astype(np.int64)
        sign = np.where(a < b, 1, -1)
        S = int(np.abs(y).max(initial=1))
        K, C = evidence.n_items, 2 * S + 1
        key = (np.minimum(a, b) * K + np.maximum(a, b)) * C + sign * y + S
        distinct, row = _distinct(key, K * K * C)
        weight = np.bincount(row, evidence.weight, minlength=len(distinct)).astype(np.float64)
        pair, outcome = distinct // C, distinct % C - S
        return cls(pair // K, pair % K, outcome, weight, K, row, sign.astype(np.float64))

    @classmethod
    def _of_counts(cls, counts: PairCounts) -> Self:
        i, j, won, lost, tied = counts.edges()
        outcome = np.repeat([1, -1, 0], len(i)).astype(np.int64)
        weight = np.concatenate([won, lost, tied])
        kept = weight > 0
        i, j = np.tile(i, 3)[kept], np.tile(j, 3)[kept]
        return cls(
            i.astype(np.int64), j.astype(np.int64), outcome[kept], weight[kept], counts.n_items
        )


def _distinct(key: Ints, size: int) -> tuple[Ints, Ints]:
    if size > LOOKUP_LIMIT:
        distinct, row = np.unique(key, return_inverse=True)
        return distinct, row.astype(np.int64)
    present = np.bincount(key, minlength=1) > 0
    place = np.cumsum(present) - 1
    return np.flatnonzero(present), np.asarray(place[key], dtype=np.int64)


def scattered(cells: Cells, value: NDArray[Any]) -> Floats:
    """Sum of `value` at i less its sum at j."""
    K = cells.n_items
    total = np.bincount(cells.i, value, minlength=K) - np.bincount(cells.j, value, minlength=K)
    return total.astype(np.float64)
