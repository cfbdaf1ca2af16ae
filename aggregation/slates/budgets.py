"""Slates bought from a budget, when items have different costs."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aggregation.slates.approvals import Approvals, Floats, Longs
from aggregation.slates.completion import MOST_RAISES, RAISE, Bought
from aggregation.slates.equal_shares import Shares, equal_shares
from aggregation.slates.ties import CLOSE, MOST_TIES, Slates, best, follow, rounded

Completion = Literal["raise", "greedy", "none"]
Slate = frozenset[int]
Ends = tuple[list[Shares], bool]


def bought_greedily(
    votes: Approvals,
    cost: Floats,
    budget: float,
    priority: Longs,
    start: Slate = frozenset(),
) -> Slates:
    """Most supporters first, as long as the cost fits; items without any are left out."""

    def step(chosen: Slate) -> list[Slate]:
        spent = float(cost[sorted(chosen)].sum())
        free = (votes.support > 0) & ~np.isin(np.arange(len(cost)), sorted(chosen))
        free &= _fits(spent + cost, budget)
        return [chosen | {item} for item in best(votes.support, free, priority)]

    ends, complete = follow(start, step, lambda chosen: chosen)
    return Slates.of(ends, complete)


@dataclass(frozen=True, eq=False)
class Earned:
    """A slate on its way, and the load of each voter: the time up to which her money is spent."""

    chosen: Slate
    load: Floats


def bought_by_load(votes: Approvals, cost: Floats, budget: float, priority: Longs) -> Slates:
    """Phragmén with costs: the least load (cost + sum w x) / sum w next; what doesn't fit is left
    out and the rest goes on.
    """

    def step(state: Earned) -> list[Earned]:
        spent = float(cost[sorted(state.chosen)].sum())
        free = (votes.support > 0) & ~np.isin(np.arange(len(cost)), sorted(state.chosen))
        free &= _fits(spent + cost, budget)
        total = np.where(votes.support > 0, votes.support, 1.0)
        after = (cost + (votes.weight * state.load) @ votes.approved) / total
        return [
            Earned(
                state.chosen | {item},
                np.where(votes.approved[:, item], after[item], state.load),
            )
            for item in best(-after, free, priority)
        ]

    start = Earned(frozenset(), np.zeros(len(votes.weight)))
    ends, complete = follow(start, step, lambda s: (s.chosen, rounded(s.load)))
    return Slates.of([end.chosen for end in ends], complete)


def bought_by_shares(
    votes: Approvals,
    cost: Floats,
    budget: float,
    priority: Longs,
    by_cost: bool = False,
    completion: Completion = "raise",
) -> Bought:
    """Equal Shares with costs, completed without ever exceeding the budget."""
    if not votes.support.any() or (budget <= 0 and not (cost <= 0).any()):
        return Bought(Slates.of([()]))
    ends, complete = equal_shares(votes, cost, budget, priority, by_cost)
    if completion == "raise":
        ends, complete = _raised(votes, cost, budget, priority, by_cost, (ends, complete))
    found = {end.chosen: end for end in reversed(ends)}  # the first of those with the same items
    if completion == "none":
        return Bought.of(found, complete)
    every: dict[Slate, Shares] = {}
    for slate, end in found.items():
        more = bought_greedily(votes, cost, budget, priority, slate)
        every |= {frozenset(each): end for each in more.committees}
        complete &= more.complete
    if len(every) > MOST_TIES:
        first = min(every, key=lambda slate: sorted(priority[list(slate)].tolist()))
        return Bought.of({first: every[first]}, False)
    return Bought.of(every, complete)


def _raised(
    votes: Approvals, cost: Floats, budget: float, priority: Longs, by_cost: bool, kept: Ends
) -> Ends:
    """The last of ever larger personal budgets whose slates all cost no more than the budget."""
    for step in range(1, MOST_RAISES):
        if all(_exhausted(votes, cost, budget, end.chosen) for end in kept[0]):
            break
        found = equal_shares(votes, cost, budget * RAISE**step, priority, by_cost)
        spent = np.array([cost[sorted(end.chosen)].sum() for end in found[0]])
        if not _fits(spent, budget).all():
            break
        kept = found
    return kept


def _exhausted(votes: Approvals, cost: Floats, budget: float, chosen: Slate) -> bool:
    """Nothing that anybody approves would still fit."""
    spent = float(cost[sorted(chosen)].sum())
    free = (votes.support > 0) & ~np.isin(np.arange(len(cost)), sorted(chosen))
    return not bool((free & _fits(spent + cost, budget)).any())


def _fits(cost: Floats, budget: float) -> NDArray[np.bool_]:
    return np.asarray(cost) <= budget * (1 + CLOSE) + 1e-12
