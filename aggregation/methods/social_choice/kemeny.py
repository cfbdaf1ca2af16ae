"""Kemeny: the order that disagrees with as few pairwise judgments as possible.

Maximises sum over i before j of M_ij over all orders. The strongly connected parts of the weak
majority relation follow each other in every such order (extended Condorcet criterion), so each part
is solved alone: up to 14 items by dynamic programming over subsets, which also yields the mean
place over all best orders; beyond by an integer program (HiGHS) with a time limit. A second solve
says whether the best order is unique. score = number of items below (a mean over best orders where
they are counted), so only the order means something.

The maximum-likelihood order under Mallows' noise. NP-hard: when the time runs out the best order
found is given with NP_HARD_TRUNCATED and the remaining gap.
"""

import numpy as np

from aggregation.method import Estimate, Method
from aggregation.methods.social_choice import _kemeny_orders as orders
from aggregation.methods.social_choice._kemeny_orders import KemenyOptions
from aggregation.methods.social_choice._tally import Tally, tally_pairs
from aggregation.tables import PairCounts


def solve(counts: PairCounts, options: KemenyOptions, rng: np.random.Generator) -> Estimate:
    return tally_pairs(counts, lambda c: _consensus(c, options))


def _consensus(counts: PairCounts, options: KemenyOptions) -> Tally:
    found = orders.by_layers(np.asarray(counts.margins), options.time_limit)
    return found.tally(counts.rows, agreement=found.value)


METHOD = Method(
    title="Kemeny–Young",
    family="social_choice",
    consumes=(PairCounts,),
    solve=solve,
    options=KemenyOptions,
    reference="Kemeny (1959), Daedalus 88; Young & Levenglick (1978), SIAM J. Appl. Math. 35; "
    "Conitzer, Davenport & Kalagnanam (2006), AAAI",
    axioms=("anonymity", "neutrality", "Condorcet", "Smith", "reinforcement", "monotonicity"),
)
