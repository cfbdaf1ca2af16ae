"""How far groups are from one verdict: models fitted per group, compared pair by pair.

    D[g, h]   share of judged pairs (weighted by votes) on which the models of g and h prefer
              different sides
    GIC       sum_{g<h} pi_g pi_h D[g, h] / sum_{g<h} pi_g pi_h, the chance that two people of
              different groups get opposite verdicts on a judged pair: 0 when every group would
              choose alike, 1 when they oppose each other everywhere

Only signs count, so a group's scale doesn't matter; utilities near zero change sign by chance,
which the interval under resampled people shows. Pairs on which a model is exactly even count half.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregation.pluralism.welfare import group_shares

Floats = NDArray[np.float64]


def verdict_disagreement(probabilities: ArrayLike, weight: ArrayLike) -> Floats:
    """D float64[G, G] from P[G, Q], the chance that group g prefers the first side of pair q."""
    side = np.sign(np.asarray(probabilities, dtype=np.float64) - 0.5)
    w = np.asarray(weight, dtype=np.float64)
    total = float(w.sum())
    if total <= 0:
        return np.full((len(side), len(side)), np.nan)
    return np.asarray((1 - (side * w) @ side.T / total) / 2 * (1 - np.eye(len(side))))


def group_inconsistency(probabilities: ArrayLike, weight: ArrayLike, shares: ArrayLike) -> float:
    """The coefficient, NaN for a single group."""
    pi = group_shares(shares)
    if len(pi) < 2:
        return float("nan")
    mass = np.triu(np.outer(pi, pi), 1)
    return float((mass * verdict_disagreement(probabilities, weight)).sum() / mass.sum())
