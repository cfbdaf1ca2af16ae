"""Baldwin: the item with the lowest Borda score leaves, scores are counted anew, and so on.

Points are shares of the pairwise judgments with the items still there (a pair nobody compared is
even), which is Borda's count where everybody ranks everything. Where several are lowest all of them
leave, unless nobody would be left: then all win. score = round of leaving, so only the order means
something. A Condorcet winner is never lowest, so it is elected; raising an item can make it lose.
"""

import numpy as np

from aggregation.method import Estimate, Method
from aggregation.methods.social_choice._borda_rounds import borda_rounds
from aggregation.methods.social_choice._tally import tally_pairs
from aggregation.options import Options
from aggregation.tables import PairCounts


def solve(counts: PairCounts, options: Options, rng: np.random.Generator) -> Estimate:
    return tally_pairs(
        counts, lambda c: borda_rounds(c, lambda points, slack: points <= points.min() + slack)
    )


METHOD = Method(
    title="Baldwin",
    family="social_choice",
    consumes=(PairCounts,),
    solve=solve,
    reference="Baldwin (1926), Proceedings of the Royal Society of Victoria 39",
    axioms=("anonymity", "neutrality", "Condorcet", "Smith"),
)
