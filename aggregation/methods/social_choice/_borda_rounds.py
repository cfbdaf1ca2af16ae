"""Rounds of Borda counts among the items that are left: Baldwin and Nanson."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aggregation.methods.social_choice._tally import Tally
from aggregation.tables import PairCounts

Floats = NDArray[np.float64]


def borda_rounds(
    counts: PairCounts, leaving: Callable[[Floats, float], NDArray[np.bool_]]
) -> Tally:
    """Those leave whom `leaving(points, slack)` names, until it names nobody or everybody; score =
    round of leaving, and who is left at the end wins.

    Points are each item's own share of the judgments it has with the items left, so an item that
    was compared more often has no advantage.
    """
    half, games = np.asarray(counts.half_ties), np.asarray(counts.games)
    share = np.where(games > 0, half / np.where(games > 0, games, 1.0), 0.5)
    np.fill_diagonal(share, 0.0)
    alive = np.ones(len(share), dtype=np.bool_)
    score, turn = np.zeros(len(share)), 0.0
    while alive.any():
        members = np.flatnonzero(alive)
        points = share[np.ix_(members, members)].sum(axis=1)
        gone = leaving(points, 1e-9 * max(1.0, float(points.max())))
        score[members] = turn
        if not gone.any() or gone.all():
            break
        alive[members[gone]] = False
        turn += 1
    return Tally(score, "order")
