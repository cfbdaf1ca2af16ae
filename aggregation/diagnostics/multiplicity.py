"""Predictive multiplicity: what changes when an equally defensible rule or fit is used instead.

Across rules: the share of items whose rank, of pairs whose order, or of units whose label is not
the same under all rules (ambiguity), and the most that any one rule differs from the first
(discrepancy), after Marx, Calmon & Ustun (2020).

Near-optimal fits: all strengths whose Bradley–Terry log-likelihood lies within epsilon per judgment
of the best. Because the likelihood is concave, the best fit among those that put j above i (where
the best fit of all has i above j) ties the two, so it is found by merging them: their order can
change within the set iff

    loglik(best) - loglik(i and j merged) <= epsilon * n.

Whether an item can come first is the same question with the item above all others, solved by an
active set of items tied with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregation.methods.ranking import _strengths as strengths
from aggregation.results import AggregateResult
from aggregation.tables import PairCounts

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MOST_ORDERED = 5_000  # items whose order is compared pair by pair
MOST_ITEMS = 60  # whose pairs are all merged and fitted again
RIDGE = 1e-6  # keeps strengths finite where an item always wins


@dataclass(frozen=True, eq=False)
class AcrossRules:
    """How much depends on the rule.

    winners     ids that win under at least one rule, with the number of rules
    pairs       pairs ranked by two rules or more (none are looked at beyond MOST_ORDERED items)
    ambiguous_pairs  those whose order isn't the same under all (a tie against an order counts)
    discrepancy per rule, the share of pairs it orders otherwise than the first rule; NaN without
                any
    units, ambiguous_units  the same for labels of units
    """

    winners: tuple[tuple[Any, int], ...]
    rules: int
    pairs: int
    ambiguous_pairs: int
    discrepancy: tuple[float, ...]
    units: int
    ambiguous_units: int


def across_rules(results: Sequence[AggregateResult]) -> AcrossRules:
    """Multiplicity over results on the same judgments; items are matched by id."""
    ranked = [r for r in results if r.rank is not None]
    pairs, ambiguous, discrepancy = _orders(ranked)
    units, split = _labels([r for r in results if r.label is not None])
    won: dict[Any, int] = {}
    for result in ranked:
        for w in result.winners:
            won[result.ids[w]] = won.get(result.ids[w], 0) + 1
    winners = tuple(sorted(won.items(), key=lambda each: (-each[1], str(each[0]))))
    return AcrossRules(winners, len(ranked), pairs, ambiguous, discrepancy, units, split)


def _orders(ranked: Sequence[AggregateResult]) -> tuple[int, int, tuple[float, ...]]:
    if len(ranked) < 2 or len(ranked[0].ids) > MOST_ORDERED:
        return 0, 0, tuple(float("nan") for _ in ranked)
    ids = ranked[0].ids
    place = {item: k for k, item in enumerate(ids)}
    K = len(ids)
    lowest, highest = np.full((K, K), 2, np.int8), np.full((K, K), -2, np.int8)
    known = np.zeros((K, K), dtype=np.int16)
    first: tuple[NDArray[np.int8], Bools] | None = None
    discrepancy = []
    upper = np.triu(np.ones((K, K), dtype=np.bool_), 1)
    for result in ranked:
        rank = np.zeros(K, dtype=np.int64)
        assert result.rank is not None
        for k, item in enumerate(result.ids):
            if item in place:
                rank[place[item]] = result.rank[k]
        both = (rank[:, None] > 0) & (rank[None, :] > 0)
        sign = np.sign(rank[None, :] - rank[:, None]).astype(np.int8)
        lowest = np.where(both, np.minimum(lowest, sign), lowest)
        highest = np.where(both, np.maximum(highest, sign), highest)
        known += both
        if first is None:
            first = (sign, both)
        shared = both & first[1] & upper
        differs = (sign != first[0]) & shared
        discrepancy.append(float(differs.sum() / shared.sum()) if shared.any() else float("nan"))
    counted = (known >= 2) & upper
    return int(counted.sum()), int(((lowest < highest) & counted).sum()), tuple(discrepancy)


def _labels(labelled: Sequence[AggregateResult]) -> tuple[int, int]:
    if len(labelled) < 2:
        return 0, 0
    said: dict[Any, list[Any]] = {}
    for result in labelled:
        assert result.label is not None
        for unit, code in zip(result.ids, result.label.tolist(), strict=True):
            said.setdefault(unit, []).append(result.classes[code] if code >= 0 else None)
    common = [given for given in said.values() if len(given) == len(labelled)]
    return len(common), sum(len(set(given)) > 1 for given in common)


@dataclass(frozen=True, eq=False)
class NearOptimal:
    """What can change among fits nearly as good as the best one.

    epsilon     log-likelihood that may be lost per judgment;  n  judgments (weight)
    cost        float64[K, K]: loss per judgment of tying i and j; NaN across separate parts
    pairs, ambiguous_pairs  comparable pairs, and those whose order can change
    first_cost  float64[K]: loss per judgment of putting the item first; NaN in separate parts
    contenders  indices of items that come first in some nearly optimal fit
    """

    epsilon: float
    n: float
    cost: Floats
    pairs: int
    ambiguous_pairs: int
    first_cost: Floats
    contenders: tuple[int, ...]


def near_optimal(
    counts: PairCounts,
    epsilon: float = 0.005,
    *,
    watch: Callable[[int], object] | None = None,
) -> NearOptimal | None:
    """Multiplicity of nearly optimal Bradley–Terry fits (ties as half wins).

    None without judgments, with parts that never met, or with more than MOST_ITEMS judged items.
    `watch` is called after each item, with their number.
    """
    watch = watch or (lambda _: None)
    seen = np.flatnonzero(counts.seen)
    n_parts, _ = counts.components
    if n_parts != 1 or not 2 <= len(seen) <= MOST_ITEMS:
        return None
    part = counts.take(seen)
    h = np.asarray(part.half_ties if part.is_dense else part.half_ties.toarray())
    n = float(h.sum())
    theta, best = _fit(h)
    K = len(counts.ids)
    cost = np.full((K, K), np.nan)
    first = np.full(K, np.nan)
    for i in range(len(seen)):
        for j in range(i):
            lost = max(best - _merged(h, np.array([i, j]), theta)[1], 0.0) / n
            cost[seen[i], seen[j]] = cost[seen[j], seen[i]] = lost
        first[seen[i]] = max(best - _first(h, i, theta, best), 0.0) / n
        watch(i + 1)
    upper = np.triu(np.isfinite(cost), 1)
    ambiguous = int((cost[upper] <= epsilon).sum())
    contenders = tuple(np.flatnonzero(np.nan_to_num(first, nan=np.inf) <= epsilon).tolist())
    return NearOptimal(epsilon, n, cost, int(upper.sum()), ambiguous, first, contenders)


def _fit(h: Floats, start: Floats | None = None) -> tuple[Floats, float]:
    part, ridge = np.zeros(len(h), dtype=np.int64), np.full(len(h), RIDGE)
    found = strengths.fit_dense(h, part, ridge, start)
    return found.theta, strengths.loglik(h, found.theta)


def _merged(h: Floats, tied: NDArray[Any], start: Floats) -> tuple[Floats, float]:
    """The best fit in which the `tied` items have one strength, and its log-likelihood."""
    group = np.arange(len(h))
    group[tied] = tied.min()
    names, code = np.unique(group, return_inverse=True)
    onto = np.zeros((len(names), len(h)))
    onto[code, np.arange(len(h))] = 1.0
    small = onto @ h @ onto.T
    inner = float(np.trace(small))
    np.fill_diagonal(small, 0.0)
    at = start[names]
    theta, value = _fit(small, at - at.mean()) if len(names) > 1 else (np.zeros(1), 0.0)
    return theta[code], value - inner * float(np.log(2))


def _first(h: Floats, item: int, theta: Floats, best: float) -> float:
    """The best log-likelihood among fits in which no item is above this one."""
    if theta[item] >= theta.max():
        return best
    tied, fitted, value = {item}, theta, best
    for _ in range(4 * len(h)):
        above = [k for k in range(len(h)) if k not in tied and fitted[k] > fitted[item] + 1e-9]
        if above:
            tied.add(max(above, key=lambda k: fitted[k]))
        else:
            loose = _pulling_down(h, fitted, tied, item)
            if loose is None:
                return value
            tied.remove(loose)
        fitted, value = _merged(h, np.array(sorted(tied)), theta)
    return value


def _pulling_down(h: Floats, theta: Floats, tied: set[int], item: int) -> int | None:
    """A tied item that would rather be below `item`: its gradient points down; None if none."""
    if len(tied) < 2:
        return None
    p = 1 / (1 + np.exp(theta[None, :] - theta[:, None]))
    gradient = (h - (h + h.T) * p).sum(axis=1)
    rest = [k for k in tied if k != item]
    lowest = min(rest, key=lambda k: gradient[k])
    return lowest if gradient[lowest] < -1e-7 * max(h.sum(), 1.0) else None
