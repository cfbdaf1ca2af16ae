"""Slater: the order that contradicts as few majorities as possible, whatever their size.

Maximises, over all orders, the number of majorities that agree with the order: Kemeny's rule on the
signs of the margins, so that a majority of one vote is worth as much as a landslide. A tied pair
agrees with every order. Solved part by part (strongly connected parts of the weak majority
relation), up to 14 items by dynamic programming, beyond by an integer program (HiGHS) with a time
limit. score = number of items below, a mean over the best orders where they are counted, so only
the order means something; `reversed` in the fit is the number of majorities contradicted.

Right when it is known who won a pair but not by how much. There are often several best orders
(TIE_UNRESOLVED); where margins are known Kemeny's rule uses them. NP-hard: when the time runs out
the best order found is given with NP_HARD_TRUNCATED and the remaining gap.
"""

import numpy as np

from aggregation.method import Estimate, Method
from aggregation.methods.social_choice import _kemeny_orders as orders
from aggregation.methods.social_choice._kemeny_orders import KemenyOptions
from aggregation.methods.social_choice._tally import Tally, tally_pairs
from aggregation.tables import PairCounts


def solve(counts: PairCounts, options: KemenyOptions, rng: np.random.Generator) -> Estimate:
    return tally_pairs(counts, lambda c: _fewest_reversed(c, options))


def _fewest_reversed(counts: PairCounts, options: KemenyOptions) -> Tally:
    majorities = np.sign(np.asarray(counts.margins))
    found = orders.by_layers(majorities, options.time_limit)
    wrong = (int((majorities > 0).sum()) - found.value) / 2
    return found.tally(counts.rows, reversed=round(wrong))


METHOD = Method(
    title="Slater",
    family="social_choice",
    consumes=(PairCounts,),
    solve=solve,
    options=KemenyOptions,
    reference="Slater (1961), Biometrika 48; Charon & Hudry (2010), Annals of Operations Research "
    "175",
    axioms=("anonymity", "neutrality", "Condorcet", "Smith", "monotonicity"),
)
