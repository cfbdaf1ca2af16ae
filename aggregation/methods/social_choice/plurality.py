"""Plurality: the item most often ranked first.

score_i = weight of the ballots on which i stands at the top; t items tied at the top share the
ballot, 1/t each. It looks at nothing below the first place, so it splits votes between similar
items and may elect an item that loses to every other one. Use it where only first choices were
asked.
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
    return tally_ballots(ballots, _firsts)


def _firsts(ranks: NDArray[Any], weight: Floats) -> Tally:
    top = ranks == 0
    share = top / np.maximum(top.sum(axis=1, keepdims=True), 1)
    return Tally(np.asarray(weight @ share, dtype=np.float64))


METHOD = Method(
    title="Plurality",
    family="social_choice",
    consumes=(Ballots,),
    solve=solve,
    reference="Richelson (1978), Journal of Economic Theory 19 (characterisation)",
    axioms=(
        "anonymity",
        "neutrality",
        "monotonicity",
        "participation",
    ),
)
