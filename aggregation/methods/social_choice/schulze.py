"""Schulze: i stands above j where its widest chain of majorities to j is wider than the way back.

p_ij = max over paths from i to j of the smallest majority on the path; i beats j iff p_ij > p_ji,
which is transitive. score_i = number of items that i beats, so only the order means something;
items unbeaten by all win. Elects from the Smith set, ignores clones, and takes O(K^3).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Estimate, Method
from aggregation.methods.social_choice._majorities import defeats, widest_paths
from aggregation.methods.social_choice._tally import Tally, tally_pairs
from aggregation.options import Options, option
from aggregation.tables import PairCounts

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class SchulzeOptions(Options):
    strength: Literal["margins", "winning"] = option(
        "margins", "Size of a majority", "Margin, or votes of the majority."
    )


def solve(counts: PairCounts, options: SchulzeOptions, rng: np.random.Generator) -> Estimate:
    return tally_pairs(counts, lambda c: _order(widest_paths(defeats(c, options.strength))))


def _order(p: Floats) -> Tally:
    beats = p > p.T
    unbeaten = tuple(np.flatnonzero(~beats.any(axis=0)).tolist())
    return Tally(beats.sum(axis=1).astype(np.float64), "order", unbeaten)


METHOD = Method(
    title="Schulze",
    family="social_choice",
    consumes=(PairCounts,),
    solve=solve,
    options=SchulzeOptions,
    reference="Schulze (2011), Social Choice and Welfare 36",
    axioms=(
        "anonymity",
        "neutrality",
        "Condorcet",
        "Smith",
        "clone independence",
        "monotonicity",
    ),
)
