"""Uniform phantom rule: the median of the n ratings and n - 1 phantoms spread evenly over the
scale.

On the scale [0, 1] it is the y at which the share of weight with ratings of at least y crosses y:
with ratings in falling order and S their cumulative share, y* = max_i min(x_(i), S_i). It is the
only rule that nobody can manipulate (single-peaked preferences) and that gives every unanimous
group a say in proportion to its size: if everyone rates 0 or 1, the result is the mean. O(n log n),
any weights.

The result depends on the ends of the scale: give them, or the smallest and largest rating seen are
taken.
"""

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Estimate, Method
from aggregation.methods.scalars._ratings import by_unit, rated
from aggregation.options import Options
from aggregation.tables import Ratings

Floats = NDArray[np.float64]


def solve(table: Ratings, options: Options, rng: np.random.Generator) -> Estimate:
    low, high = table.scale
    span = high - low if high > low else 1.0
    score = [low + span * phantom((x - low) / span, w) for x, w in by_unit(table.answered())]
    return rated(table, np.array(score))


def phantom(value: Floats, weight: Floats) -> float:
    """y* of rising values in [0, 1]; NaN without weight."""
    total = weight.sum()
    if not total:
        return float("nan")
    share = np.cumsum(weight[::-1]) / total
    return float(np.minimum(value[::-1], share).max())


METHOD = Method(
    title="Uniform phantom",
    family="scalars",
    consumes=(Ratings,),
    solve=solve,
    reference="Moulin (1980), Public Choice 35; Aziz, Lam, Lee & Walsh (2021), arXiv:2111.01566",
    axioms=(
        "anonymity",
        "strategyproofness",
        "unanimous fair share",
        "proportionality at the ends",
    ),
)
