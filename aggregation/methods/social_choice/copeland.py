"""Copeland: pairwise majorities won minus pairwise majorities lost.

score_i = #{j: M_ij > 0} - #{j: M_ij < 0}, with M the margins; a tie and a pair nobody compared
count 0. Elects the Condorcet winner where there is one. It counts majorities, not their size, so
ties between items are common.
"""

import numpy as np

from aggregation.method import Estimate, Method
from aggregation.methods.social_choice._tally import Tally, tally_pairs
from aggregation.options import Options
from aggregation.tables import PairCounts


def solve(counts: PairCounts, options: Options, rng: np.random.Generator) -> Estimate:
    return tally_pairs(counts, lambda c: Tally(np.sign(c.margins).sum(axis=1)))


METHOD = Method(
    title="Copeland",
    family="social_choice",
    consumes=(PairCounts,),
    solve=solve,
    reference="Copeland (1951); Saari & Merlin (1996), Economic Theory 8",
    axioms=(
        "anonymity",
        "neutrality",
        "Condorcet",
        "Smith",
        "monotonicity",
    ),
)
