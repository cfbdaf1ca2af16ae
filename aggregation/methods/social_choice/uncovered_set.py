"""Uncovered set: the items no other item dominates in both victories and defeats.

i covers j when i beats j and every item that beats i beats j too (Gillies). score is 1 for
uncovered items and 0 for covered ones: a set, not a ranking. It lies inside the Smith set, contains
the winners of Copeland, and shrinks to the Condorcet winner where there is one.
"""

import numpy as np

from aggregation.method import Estimate, Method
from aggregation.methods.social_choice._tally import Tally, tally_pairs
from aggregation.options import Options
from aggregation.tables import PairCounts


def solve(counts: PairCounts, options: Options, rng: np.random.Generator) -> Estimate:
    return tally_pairs(
        counts, lambda c: Tally((~_covered(np.asarray(c.margins))).astype(np.float64), "order")
    )


def _covered(
    margins: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    beats = (margins > 0).astype(np.float64)
    # escapes[i, j]: number of items that beat i but not j
    escapes = beats.T @ (1.0 - beats)
    covers = (beats > 0) & (escapes == 0)
    return np.asarray(covers.any(axis=0))


METHOD = Method(
    title="Uncovered set",
    family="social_choice",
    consumes=(PairCounts,),
    solve=solve,
    reference="Gillies (1959); Miller (1980), American Journal of Political Science 24",
    axioms=(
        "anonymity",
        "neutrality",
        "Condorcet",
        "Smith",
    ),
)
