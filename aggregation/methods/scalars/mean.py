"""Mean of the ratings, weighted.

score_u = sum w x / sum w over the ratings of unit u; with `trim` the given share of weight is cut
off at either end first. The standard error treats the annotators of a unit as its sample (all
ratings by one person are one point); it is blank with fewer than two.

It is what everyone expects, gives every annotator the same pull, and moves with a single extreme
rating: an annotator who wants a higher mean should exaggerate. Annotators' habits (lenient, strict)
stay in; see the calibrated mean.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Estimate, Method
from aggregation.methods.scalars._ratings import by_unit, mean_errors, rated, unit_means
from aggregation.options import Options, option
from aggregation.tables import Ratings
from aggregation.uncertainty import normal_quantile

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class MeanOptions(Options):
    trim: float = option(
        0.0, "Trimmed share", "Cut off at either end of every unit's ratings.", low=0.0, high=0.49
    )


def solve(table: Ratings, options: MeanOptions, rng: np.random.Generator) -> Estimate:
    rows = table.answered()
    if options.trim:
        return rated(table, np.array([_trimmed(x, w, options.trim) for x, w in by_unit(rows)]))
    score = unit_means(rows)
    return rated(table, score, **_bounds(score, mean_errors(rows, score), options))


def _bounds(score: Floats, se: Floats, options: Options) -> dict[str, Any]:
    z = normal_quantile(options.level)
    return {"se": se, "lo": score - z * se, "hi": score + z * se, "ci_method": "sandwich"}


def _trimmed(value: Floats, weight: Floats, trim: float) -> float:
    """Mean of the middle of the distribution; a rating across the cut counts in part."""
    total = weight.sum()
    if not total:
        return float("nan")
    upper = np.cumsum(weight) / total
    lower = upper - weight / total
    inside = np.clip(np.minimum(upper, 1 - trim) - np.maximum(lower, trim), 0.0, None)
    return float(inside @ value / inside.sum())


METHOD = Method(
    title="Mean",
    family="scalars",
    consumes=(Ratings,),
    solve=solve,
    options=MeanOptions,
    reference="Tukey (1962), Annals of Mathematical Statistics 33 (trimming)",
    axioms=("anonymity", "neutrality", "unanimity"),
)
