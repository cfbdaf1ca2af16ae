"""Dowdall: one point for a first place, a half for a second, a third for a third, and so on.

score_i = sum over ballots of 1/rank; tied items share the mean of the places they occupy. Between
plurality and Borda: low places still count, but little. Items that were not shown on a ballot get
nothing from it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Estimate, Method
from aggregation.methods.social_choice._tally import Tally, tally_ballots
from aggregation.options import Options
from aggregation.tables import Ballots

Floats = NDArray[np.float64]


def solve(ballots: Ballots, options: Options, rng: np.random.Generator) -> Estimate:
    return tally_ballots(ballots, _harmonic)


def _harmonic(ranks: NDArray[Any], weight: Floats) -> Tally:
    K = ranks.shape[1]
    harmonic = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, K + 1))])
    tied = _tied(ranks)
    mean = (harmonic[np.minimum(ranks + tied, K)] - harmonic[np.maximum(ranks, 0)]) / tied
    return Tally(np.asarray(weight @ np.where(ranks < 0, 0.0, mean), dtype=np.float64))


def _tied(ranks: NDArray[Any]) -> NDArray[Any]:
    """How many items stand at the same rank on the same ballot (at least 1)."""
    B, K = ranks.shape
    key = np.arange(B)[:, None] * (K + 1) + ranks + 1
    return np.asarray(np.maximum(np.bincount(key.ravel(), minlength=B * (K + 1))[key], 1))


METHOD = Method(
    title="Dowdall (Nauru)",
    family="social_choice",
    consumes=(Ballots,),
    solve=solve,
    reference="Fraenkel & Grofman (2014), Australian Journal of Political Science 49",
    axioms=(
        "anonymity",
        "neutrality",
        "monotonicity",
    ),
)
