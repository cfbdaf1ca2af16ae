"""Filling the seats that a proportional rule leaves empty, without taking any seat away."""

from typing import Literal

import numpy as np

from aggregation.slates.approvals import Approvals, Longs
from aggregation.slates.equal_shares import Shares, equal_shares
from aggregation.slates.phragmen import Loaded, phragmen
from aggregation.slates.ties import MOST_TIES, Slates

Completion = Literal["phragmen", "raise", "none"]
RAISE = 1.01  # factor by which budgets grow at each step
MOST_RAISES = 2_000  # steps; then budgets are a hundred million times what they were


def completed_shares(
    votes: Approvals, seats: int, completion: Completion, priority: Longs
) -> tuple[Slates, int]:
    """Equal Shares for unit prices, completed; and how many seats were bought before that."""
    price = np.ones(votes.n_items)
    ends, complete = equal_shares(votes, price, float(seats), priority)
    bought = min(len(end.chosen) for end in ends)
    if completion == "phragmen":
        starts = [Loaded(end.chosen, -end.left) for end in ends]
        found, all_ = filled_by_phragmen(votes, seats, starts, priority)
        return Slates.of(found, complete and all_), bought
    if completion == "raise":
        ends, complete = _raised(votes, seats, priority)
    return Slates.of([end.chosen for end in ends], complete), bought


def filled_by_phragmen(
    votes: Approvals, seats: int, starts: list[Loaded], priority: Longs
) -> tuple[set[frozenset[int]], bool]:
    """All slates of `seats` items that Phragmén makes of these, and whether these are all."""
    found: set[frozenset[int]] = set()
    complete = True
    for start in starts:
        ends, all_ = phragmen(votes, seats, priority, start)
        found |= {end.chosen for end in ends}
        complete &= all_
        if len(found) > MOST_TIES:
            ends, _ = phragmen(votes, seats, priority, starts[0], limit=0)
            return {ends[0].chosen}, False
    return found, complete


def _raised(votes: Approvals, seats: int, priority: Longs) -> tuple[list[Shares], bool]:
    """Ends of the largest raise of all budgets that still elects at most `seats` items."""
    price = np.ones(votes.n_items)
    kept = equal_shares(votes, price, float(seats), priority)
    reachable = min(seats, int((votes.support > 0).sum()))
    for step in range(1, MOST_RAISES):
        if min(len(end.chosen) for end in kept[0]) >= reachable:
            break
        ends, complete = equal_shares(votes, price, seats * RAISE**step, priority)
        sizes = [len(end.chosen) for end in ends]
        if max(sizes) > seats:
            break
        kept = ends, complete
    return kept
