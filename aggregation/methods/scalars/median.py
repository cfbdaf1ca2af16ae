"""Median of the ratings, weighted.

score_u = the middle of the weight: the value at which half of the weight lies below and half above,
the mean of the two values where the half falls between them. With single-peaked preferences nobody
gains by misreporting, and one wild rating changes little; but it ignores any minority below one
half however strongly it differs (compare the uniform phantom rule).

Intervals come from the bootstrap over annotators (set replicates).
"""

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Estimate, Method
from aggregation.methods.scalars._ratings import by_unit, rated
from aggregation.options import Options
from aggregation.tables import Ratings

Floats = NDArray[np.float64]


def solve(table: Ratings, options: Options, rng: np.random.Generator) -> Estimate:
    return rated(table, np.array([weighted_median(x, w) for x, w in by_unit(table.answered())]))


def weighted_median(value: Floats, weight: Floats) -> float:
    """Median of rising values; NaN without weight."""
    total = weight.sum()
    if not total:
        return float("nan")
    upper = np.cumsum(weight)
    slack = 1e-12 * total
    low = value[int(np.argmax(upper >= total / 2 - slack))]
    high = value[int(np.argmax(upper > total / 2 + slack))]
    return float((low + high) / 2)


METHOD = Method(
    title="Median",
    family="scalars",
    consumes=(Ratings,),
    solve=solve,
    reference="Moulin (1980), Public Choice 35",
    axioms=("anonymity", "neutrality", "unanimity", "strategyproofness"),
)
