"""Utilities that rankings imply, as far as they say anything."""

import numpy as np

from aggregation.slates.approvals import Floats, Longs
from aggregation.tables import Ballots


def borda_utilities(ballots: Ballots, members: Longs) -> tuple[Floats, Floats]:
    """u[V, M] = number of members a ballot puts below each (ties half), 0 where it wasn't shown;
    and the ballots' weights. Equal ballots are put together.
    """
    levels, weight = ballots.completed().profile
    tiers = levels[weight > 0][:, members].astype(np.int64)
    shown = tiers >= 0
    utility = np.zeros(tiers.shape)
    for column in range(tiers.shape[1]):
        mine = tiers[:, [column]]
        below = (shown & (tiers > mine)).sum(axis=1)
        tied = (shown & (tiers == mine)).sum(axis=1) - 1
        utility[:, column] = np.where(shown[:, column], below + tied / 2, 0.0)
    return utility, weight[weight > 0]


def plurality_utilities(ballots: Ballots, members: Longs) -> tuple[Floats, Floats]:
    """u[V, M] = 1 for the first item of a ballot, shared between several that are first."""
    levels, weight = ballots.completed().profile
    tiers = levels[weight > 0][:, members].astype(np.float64)
    tiers[tiers < 0] = np.inf
    first = np.isfinite(tiers) & (tiers == tiers.min(axis=1, initial=np.inf)[:, None])
    return first / np.maximum(first.sum(axis=1, keepdims=True), 1), weight[weight > 0]
