"""Random dictator: one ballot is drawn by its weight, and its top item is chosen.

lottery_i = share of ballot weight that has i at the top (t tied tops share 1/t each). The only rule
without strategic advantage that also elects an unanimous favourite; every minority gets its share
of chances. The result is the lottery itself; nothing is drawn here.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Estimate, Method
from aggregation.methods.social_choice._tally import Tally, tally_ballots
from aggregation.options import Options
from aggregation.tables import Ballots
from aggregation.warning_codes import WarningCode, warn
from annotation.phrases import say

Floats = NDArray[np.float64]


def solve(ballots: Ballots, options: Options, rng: np.random.Generator) -> Estimate:
    return tally_ballots(ballots, _tops)


def _tops(ranks: NDArray[Any], weight: Floats) -> Tally:
    top = ranks == 0
    share = np.asarray(
        weight @ (top / np.maximum(top.sum(axis=1, keepdims=True), 1)), dtype=np.float64
    )
    K = ranks.shape[1]
    lottery = share / share.sum() if share.sum() > 0 else np.full(K, 1 / K)
    told = warn(WarningCode.RANDOMISED, say("the lottery is given, nothing is drawn"))
    return Tally(lottery, "probability", (), lottery, warnings=(told,))


METHOD = Method(
    title="Random dictator",
    family="social_choice",
    consumes=(Ballots,),
    solve=solve,
    reference="Gibbard (1977), Econometrica 45",
    axioms=(
        "anonymity",
        "neutrality",
        "strategyproofness",
        "ex-post efficiency",
    ),
)
