"""Slates built for the largest groups that agree, so that no such group is left short.

`justified_candidates` (Brill & Peters 2023, EC, "greedy justified candidate rule"): for
l = k … 1, as long as an item outside has supporters of weight l n/k with fewer than l seats each,
it gets a seat. Polynomial; its slates have EJR+, hence EJR and PJR.

`cohesive_groups` (Aziz et al. 2017, Bredereck et al. 2019, GreedyEJR): the largest l such that
voters of weight l n/k who aren't yet served approve l common items; these items get seats and the
voters are served. Exponential in the number of items; its slates have EJR.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from aggregation.slates.approvals import Approvals, Bools, Longs
from aggregation.slates.ties import CLOSE, MOST_TIES, best, follow

MOST_ITEMS = 20  # items up to which all groups of common items are looked at


def justified_candidates(
    votes: Approvals, seats: int, priority: Longs, limit: int = MOST_TIES
) -> tuple[list[frozenset[int]], bool]:
    """All ends that ties allow, and whether these are all; they may leave seats empty."""

    def step(chosen: frozenset[int]) -> list[frozenset[int]]:
        held = votes.approved[:, sorted(chosen)].sum(axis=1)
        free = ~np.isin(np.arange(votes.n_items), sorted(chosen))
        for size in range(seats, 0, -1):
            group = (votes.weight * (held < size)) @ votes.approved
            entitled = free & (group >= quota(votes, seats, size))
            if entitled.any():
                return [chosen | {item} for item in best(group, entitled, priority)]
        return []

    nobody: frozenset[int] = frozenset()
    return follow(nobody, step, lambda chosen: chosen, limit)


@dataclass(frozen=True, eq=False)
class Served:
    """A slate on its way and who has been served by it."""

    chosen: frozenset[int]
    done: Bools


def cohesive_groups(
    votes: Approvals, seats: int, priority: Longs, limit: int = MOST_TIES
) -> tuple[list[frozenset[int]], bool]:
    """All ends that ties allow, and whether these are all. Raises ValueError beyond MOST_ITEMS."""
    if votes.n_items > MOST_ITEMS:
        raise ValueError(f"Looking at all groups takes at most {MOST_ITEMS} items.")

    def step(state: Served) -> list[Served]:
        open_ = votes.weight * ~state.done
        for size in range(min(seats, votes.n_items), 0, -1):
            found = _largest(votes, open_, size, quota(votes, seats, size))
            if found:
                ordered = sorted(found, key=lambda common: sorted(priority[list(common)]))
                return [
                    Served(
                        state.chosen | set(common),
                        state.done | votes.approved[:, common].all(axis=1),
                    )
                    for common in ordered
                ]
        return []

    start = Served(frozenset(), np.zeros(len(votes.weight), dtype=np.bool_))
    ends, complete = follow(start, step, lambda s: (s.chosen, s.done.tobytes()), limit)
    return [end.chosen for end in ends], complete


def _largest(
    votes: Approvals, open_: np.ndarray[tuple[int], np.dtype[np.float64]], size: int, least: float
) -> list[tuple[int, ...]]:
    """Sets of `size` items whose common open supporters weigh most, if at least `least`."""
    found: list[tuple[int, ...]] = []
    top = least
    for common, weight in _common_support(votes, open_, size):
        slack = CLOSE * max(1.0, top)
        if weight > top + slack:
            top, found = weight, []
        if weight >= top - slack:
            found.append(common)
    return found


def _common_support(
    votes: Approvals, open_: np.ndarray[tuple[int], np.dtype[np.float64]], size: int
) -> Iterator[tuple[tuple[int, ...], float]]:
    wanted = np.flatnonzero(open_ @ votes.approved > 0)
    for common in combinations(wanted.tolist(), size):
        yield common, float(open_ @ votes.approved[:, common].all(axis=1))


def quota(votes: Approvals, seats: int, size: int) -> float:
    """Weight of a group that deserves `size` of the seats: size * n / seats, less rounding."""
    return size * votes.total / seats * (1 - CLOSE)
