"""Split cycle: a majority counts unless it is the weakest of some circle it belongs to.

i defeats j iff its margin M_ij over j is positive and larger than the widest way back from j to i,
p_ji = max over paths of the smallest margin on the path. Nobody defeats in a circle at its weakest
link, so the defeats never go round and somebody is undefeated: all of those win. score_i = minus
the number of items that defeat i. Elects from the Smith set and ignores clones; often several
win, of whom Schulze and ranked pairs pick some.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from aggregation.method import Estimate, Method
from aggregation.methods.social_choice._majorities import defeated_by, defeats
from aggregation.methods.social_choice._tally import Tally, tally_pairs
from aggregation.options import Options, option
from aggregation.tables import PairCounts


@dataclass(frozen=True, kw_only=True)
class SplitCycleOptions(Options):
    strength: Literal["margins", "winning"] = option(
        "margins", "Size of a majority", "Margin, or votes of the majority."
    )


def solve(counts: PairCounts, options: SplitCycleOptions, rng: np.random.Generator) -> Estimate:
    return tally_pairs(counts, lambda c: _undefeated(c, options))


def _undefeated(counts: PairCounts, options: SplitCycleOptions) -> Tally:
    defeated = defeated_by(defeats(counts, options.strength))
    return Tally(
        -defeated.astype(np.float64), winners=tuple(np.flatnonzero(defeated == 0).tolist())
    )


METHOD = Method(
    title="Split cycle",
    family="social_choice",
    consumes=(PairCounts,),
    solve=solve,
    options=SplitCycleOptions,
    reference="Holliday & Pacuit (2023), Public Choice 197, “Split Cycle”",
    axioms=("anonymity", "neutrality", "Condorcet", "Smith", "clone independence", "monotonicity"),
)
