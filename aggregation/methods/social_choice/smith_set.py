"""Smith set: the smallest group of items each of which beats or ties every item outside, strictly
beating outsiders.

Items are put into layers by the strongly connected parts of the weak majority relation "i is not
beaten by j"; the first layer is the Smith set. score = -(layer number), so only the order of layers
means something. With one item in the first layer it is the Condorcet winner; otherwise the
majorities run in a circle (or tie) there, and the rule deliberately decides no further.
"""

import numpy as np

from aggregation.method import Estimate, Method
from aggregation.methods.social_choice._majorities import majority_layers
from aggregation.methods.social_choice._tally import Tally, tally_pairs
from aggregation.options import Options
from aggregation.tables import PairCounts


def solve(counts: PairCounts, options: Options, rng: np.random.Generator) -> Estimate:
    return tally_pairs(counts, _layers)


def _layers(counts: PairCounts) -> Tally:
    return Tally(-majority_layers(np.asarray(counts.margins)).astype(np.float64), "order")


METHOD = Method(
    title="Smith set (top cycle)",
    family="social_choice",
    consumes=(PairCounts,),
    solve=solve,
    reference="Smith (1973), Econometrica 41; Good (1971), Public Choice 10",
    axioms=(
        "anonymity",
        "neutrality",
        "Condorcet",
        "monotonicity",
    ),
)
