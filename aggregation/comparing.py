"""Several methods on one set of judgments, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from aggregation.results import AggregateResult

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MethodComparison:
    """M methods over the K items they share.

    rank      int64[M, K], 0 = undefined;  kendall  float64[M, M] tau-b;  jaccard  float64[M, M] of
              the top k
    spread    int64[K], largest difference of ranks between two methods;  agreement  float64[M, M]
              share of units
    with the same label (NaN for methods without labels);  winners  per method
    """

    methods: tuple[str, ...]
    ids: tuple[Any, ...]
    rank: NDArray[np.int64]
    kendall: Floats
    jaccard: Floats
    spread: NDArray[np.int64]
    agreement: Floats
    winners: tuple[tuple[int, ...], ...]
    top: int


def compare(results: Sequence["AggregateResult"], top: int = 3) -> MethodComparison:
    """Align several results by item id (items in the order of the first result; items one of them
    lacks: rank 0).
    """
    ids = results[0].ids if results else ()
    ranks = np.array([_aligned(r, r.rank, ids, 0) for r in results], dtype=np.int64).reshape(
        len(results), len(ids)
    )
    labels = [_aligned(r, r.label, ids, -1) if r.label is not None else None for r in results]
    place = {item: k for k, item in enumerate(ids)}
    return MethodComparison(
        methods=tuple(r.method for r in results),
        ids=ids,
        rank=ranks,
        kendall=_each_pair(ranks, _kendall),
        jaccard=_each_pair(ranks, lambda x, y: _jaccard(x, y, top)),
        spread=_spread(ranks),
        agreement=_each_pair(labels, _same_label),
        winners=tuple(
            tuple(place[r.ids[w]] for w in r.winners if r.ids[w] in place) for r in results
        ),
        top=top,
    )


def _aligned(
    result: "AggregateResult", column: Any, ids: tuple[Any, ...], missing: int
) -> NDArray[np.int64]:
    if column is None:
        return np.full(len(ids), missing, dtype=np.int64)
    if result.ids == ids:
        return np.asarray(column, dtype=np.int64)
    place = {item: k for k, item in enumerate(result.ids)}
    return np.array([column[place[i]] if i in place else missing for i in ids], dtype=np.int64)


def _each_pair(rows: Any, measure: Any) -> Floats:
    return np.array([[measure(x, y) for y in rows] for x in rows], dtype=np.float64).reshape(
        len(rows), len(rows)
    )


def _kendall(x: NDArray[np.int64], y: NDArray[np.int64]) -> float:
    from scipy.stats import kendalltau  # takes a second to import; most callers never compare

    both = (x > 0) & (y > 0)
    if both.sum() < 2 or len(set(x[both].tolist())) < 2 or len(set(y[both].tolist())) < 2:
        return float("nan")
    return float(kendalltau(x[both], y[both]).statistic)


def _jaccard(x: NDArray[np.int64], y: NDArray[np.int64], top: int) -> float:
    first, second = (x > 0) & (x <= top), (y > 0) & (y <= top)
    union = (first | second).sum()
    return float((first & second).sum() / union) if union else float("nan")


def _same_label(x: Any, y: Any) -> float:
    if x is None or y is None:
        return float("nan")
    both = (x >= 0) & (y >= 0)
    return float((x[both] == y[both]).mean()) if both.any() else float("nan")


def _spread(ranks: NDArray[np.int64]) -> NDArray[np.int64]:
    if not ranks.size:
        return np.zeros(ranks.shape[1], dtype=np.int64)
    defined = np.ma.masked_equal(ranks, 0)
    return np.asarray((defined.max(axis=0) - defined.min(axis=0)).filled(0), dtype=np.int64)


def strays(ranks: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of the ranks int64[M, K] of M rules differ from the middle one (the upper of two) of
    their item; 0 = undefined never does.

    m items that share rank r stand for the places r to r + m - 1, so a rule that leaves the order
    of some items open doesn't differ from one that orders them.
    """
    defined = ranks > 0
    count = defined.sum(axis=0)
    ordered = np.sort(np.where(defined, ranks, np.iinfo(np.int64).max), axis=0)
    middle = np.where(count > 0, _at(ordered, count // 2), 0)
    sharing = np.array([np.bincount(rank)[rank] for rank in ranks]).reshape(ranks.shape)
    return np.asarray(defined & ((middle < ranks) | (middle > ranks + sharing - 1)))


def _at(ordered: NDArray[np.int64], row: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of each column the entry of its row; 0 without rows."""
    if not ordered.size:
        return np.zeros(ordered.shape[1], dtype=np.int64)
    last = np.minimum(row, len(ordered) - 1)
    return np.asarray(np.take_along_axis(ordered, last[None, :], axis=0)[0])
