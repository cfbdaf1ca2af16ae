"""Nanson: all items with a Borda score below the average leave, scores are counted anew, and so on.

Points are shares of the pairwise judgments with the items still there (a pair nobody compared is
even), which is Borda's count where everybody ranks everything. When nobody is below the average,
all that are left win. score = round of leaving, so only the order means something. A Condorcet
winner is always above the average, so it is elected. Unlike Baldwin it drops several at a time;
raising an item can make it lose under both.
"""

import numpy as np

from aggregation.method import Estimate, Method
from aggregation.methods.social_choice._borda_rounds import borda_rounds
from aggregation.methods.social_choice._tally import tally_pairs
from aggregation.options import Options
from aggregation.tables import PairCounts


def solve(counts: PairCounts, options: Options, rng: np.random.Generator) -> Estimate:
    return tally_pairs(
        counts, lambda c: borda_rounds(c, lambda points, slack: points < points.mean() - slack)
    )


METHOD = Method(
    title="Nanson",
    family="social_choice",
    consumes=(PairCounts,),
    solve=solve,
    reference="Nanson (1882), Transactions of the Royal Society of Victoria 19; Niou (1987), "
    "Public Choice 54",
    axioms=("anonymity", "neutrality", "Condorcet", "Smith"),
)
