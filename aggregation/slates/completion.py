"""Filling the seats that a proportional rule leaves empty, without taking any seat away."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from aggregation.slates.approvals import Approvals, Longs
from aggregation.slates.equal_shares import Shares, equal_shares
from aggregation.slates.phragmen import Loaded, phragmen
from aggregation.slates.ties import MOST_TIES, Committee, Slates

Completion = Literal["phragmen", "raise", "none"]
RAISE = 1.01  # factor by which budgets grow at each step
MOST_RAISES = 2_000  # steps; then budgets are a hundred million times what they were


@dataclass(frozen=True)
class Bought:
    """Slates that Equal Shares bought, completed in some way, and the purchases behind each."""

    slates: Slates
    shares: dict[Committee, Shares] = field(default_factory=dict)

    @classmethod
    def of(cls, found: dict[frozenset[int], Shares], complete: bool) -> "Bought":
        shares = {tuple(sorted(map(int, slate))): end for slate, end in found.items()}
        return cls(Slates.of(found, complete), shares)


def completed_shares(
    votes: Approvals, seats: int, completion: Completion, priority: Longs
) -> tuple[Bought, int]:
    """Equal Shares for unit prices, completed; and how many seats were bought before that."""
    price = np.ones(votes.n_items)
    ends, complete = equal_shares(votes, price, float(seats), priority)
    bought = min(len(end.chosen) for end in ends)
    if completion == "phragmen":
        starts = [Loaded(end.chosen, -end.left) for end in ends]
        found, all_ = filled_by_phragmen(votes, seats, starts, priority)
        shares = {slate: ends[start] for slate, start in found.items()}
        return Bought.of(shares, complete and all_), bought
    if completion == "raise":
        ends, complete = _raised(votes, seats, priority)
    return Bought.of({end.chosen: end for end in reversed(ends)}, complete), bought


def filled_by_phragmen(
    votes: Approvals, seats: int, starts: list[Loaded], priority: Longs
) -> tuple[dict[frozenset[int], int], bool]:
    """All slates of `seats` items that Phragmén makes of these, each with the place of the first
    start it comes from; and whether these are all.
    """
    found: dict[frozenset[int], int] = {}
    complete = True
    for place, start in enumerate(starts):
        ends, all_ = phragmen(votes, seats, priority, start)
        found = {end.chosen: place for end in ends} | found
        complete &= all_
        if len(found) > MOST_TIES:
            ends, _ = phragmen(votes, seats, priority, starts[0], limit=0)
            return {ends[0].chosen: 0}, False
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
