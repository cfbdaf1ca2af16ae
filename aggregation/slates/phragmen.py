"""Sequential Phragmén: every seat costs one unit of load, shared so that no voter bears much.

Load of a voter after c is elected with her support: s_c = (1 + sum of w_v x_v) / sum of w_v over
the supporters of c; the item of the least s_c is next and its supporters all bear s_c. The same as
voters who earn money at equal speed and buy an item as soon as they have one unit together.

Source: Phragmén (1894); Brill, Freeman, Janson & Lackner (2017), AAAI.
"""

from dataclasses import dataclass

import numpy as np

from aggregation.slates.approvals import Approvals, Floats, Longs
from aggregation.slates.ties import MOST_TIES, best, follow, rounded


@dataclass(frozen=True, eq=False)
class Loaded:
    """A slate on its way, and the load of each voter."""

    chosen: frozenset[int]
    load: Floats


def phragmen(
    votes: Approvals,
    seats: int,
    priority: Longs,
    start: Loaded | None = None,
    limit: int = MOST_TIES,
) -> tuple[list[Loaded], bool]:
    """All ends that ties allow, and whether these are all. Items nobody approves come last, tied.

    `start` goes on from a slate whose voters already bear loads (negative: money they have left).
    """
    begin = start or Loaded(frozenset(), np.zeros(len(votes.weight)))

    def step(state: Loaded) -> list[Loaded]:
        if len(state.chosen) >= min(seats, votes.n_items):
            return []
        after = _loads(votes, state.load)
        free = ~np.isin(np.arange(votes.n_items), sorted(state.chosen))
        return [_with(votes, state, item, after) for item in best(-after, free, priority)]

    return follow(begin, step, lambda s: (s.chosen, rounded(s.load)), limit)


def _loads(votes: Approvals, load: Floats) -> Floats:
    """Load that the supporters of each item would bear after its election; inf without any."""
    support = votes.support
    with np.errstate(divide="ignore", invalid="ignore"):
        after = (1.0 + (votes.weight * load) @ votes.approved) / support
    return np.asarray(np.where(support > 0, after, np.inf))


def _with(votes: Approvals, state: Loaded, item: int, after: Floats) -> Loaded:
    if not np.isfinite(after[item]):
        return Loaded(state.chosen | {item}, state.load)
    load = np.where(votes.approved[:, item], after[item], state.load)
    return Loaded(state.chosen | {item}, load)
