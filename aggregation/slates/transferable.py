"""The single transferable vote: votes beyond a quota, and those of the last, pass to the next item.

A ballot counts for its best item still in the race (t tied ones share it, 1/t each). Quota q = n/(k
+ 1) for k seats and n voters by weight. While no item has more than q, the one with the fewest
votes leaves; one with T > q votes takes a seat, and every vote for it goes on with (T - q)/T of its
weight (weighted inclusive Gregory). Who is left when there are no more than the open seats sits
down. Ballots without an item in the race count no more. Pure.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregation.slates.approvals import Floats, Longs
from aggregation.slates.ties import CLOSE, MOST_TIES, Slates, best, follow, rounded

Items = frozenset[int]


@dataclass(frozen=True, eq=False)
class Count:
    """In the middle of it: who has a seat, who is in the race, what each ballot still weighs."""

    chosen: Items
    running: Items
    weight: Floats


def transferable_vote(
    tiers: NDArray[Any], weight: Floats, seats: int, priority: Longs, limit: int = MOST_TIES
) -> tuple[Slates, float]:
    """All slates that some order of breaking ties gives, and the quota.

    tiers int[B, M], the smaller the better, -1 where the ballot doesn't hold the item.
    """
    quota = float(weight.sum()) / (seats + 1)
    slack = CLOSE * max(1.0, float(weight.sum()))

    def step(state: Count) -> list[Count]:
        left = seats - len(state.chosen)
        if not left or not state.running:
            return []
        if len(state.running) <= left:
            return [Count(state.chosen | state.running, frozenset(), state.weight)]
        share = _first_places(tiers, state.running)
        votes = state.weight @ share
        running = np.isin(np.arange(tiers.shape[1]), sorted(state.running))
        if (votes > quota + slack).any():
            return [_seated(state, item, share, quota) for item in best(votes, running, priority)]
        empty = frozenset(np.flatnonzero(running & (votes <= slack)).tolist())
        if empty and len(state.running) - len(empty) >= left:  # all of them leave in any order
            return [Count(state.chosen, state.running - empty, state.weight)]
        last = best(-votes, running, priority)[::-1]  # the last of the public order leaves first
        return [Count(state.chosen, state.running - {item}, state.weight) for item in last]

    nobody: Items = frozenset()
    start = Count(nobody, frozenset(range(tiers.shape[1])), weight)
    ends, complete = follow(
        start, step, lambda state: (state.chosen, state.running, rounded(state.weight)), limit
    )
    return Slates.of([end.chosen for end in ends], complete), quota


def _first_places(tiers: NDArray[Any], running: Items) -> Floats:
    """share[B, M]: what part of each ballot counts for each item."""
    share = np.zeros(tiers.shape)
    members = sorted(running)
    places = np.where(tiers[:, members] < 0, np.inf, tiers[:, members])
    first = np.isfinite(places) & (places == places.min(axis=1, keepdims=True))
    share[:, members] = first / np.maximum(first.sum(axis=1, keepdims=True), 1)
    return share


def _seated(state: Count, item: int, share: Floats, quota: float) -> Count:
    votes = float(state.weight @ share[:, item])
    spent = state.weight * share[:, item] * (quota / votes)
    return Count(state.chosen | {item}, state.running - {item}, state.weight - spent)
