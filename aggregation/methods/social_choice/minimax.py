"""Minimax: the item whose worst defeat is smallest.

score_i = -max(0, max_j M_ji): the margin of the heaviest majority against i (or, with
`strength="winning"`, the votes of that majority). Elects the Condorcet winner where there is one;
an item with no defeat scores 0. Items outside the top cycle can win, and a Condorcet loser can too.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from aggregation.method import Estimate, Method
from aggregation.methods.social_choice._majorities import defeats
from aggregation.methods.social_choice._tally import Tally, tally_pairs
from aggregation.options import Options, option
from aggregation.tables import PairCounts


@dataclass(frozen=True, kw_only=True)
class MinimaxOptions(Options):
    strength: Literal["margins", "winning"] = option(
        "margins", "Size of a defeat", "Margin, or votes of the majority."
    )


def solve(counts: PairCounts, options: MinimaxOptions, rng: np.random.Generator) -> Estimate:
    return tally_pairs(
        counts, lambda c: Tally(-defeats(c, options.strength).max(axis=0, initial=0.0))
    )


METHOD = Method(
    title="Minimax",
    family="social_choice",
    consumes=(PairCounts,),
    solve=solve,
    options=MinimaxOptions,
    reference="Simpson (1969); Kramer (1977), Journal of Economic Theory 16",
    axioms=(
        "anonymity",
        "neutrality",
        "Condorcet",
        "monotonicity",
    ),
)
