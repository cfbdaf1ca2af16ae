"""What rules on ratings share: units in rows, blanks where nobody rated."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Estimate
from aggregation.results import Fit
from aggregation.tables import Ratings
from aggregation.warning_codes import ResultWarning, WarningCode, warn
from annotation.phrases import say

Floats = NDArray[np.float64]


def unit_means(rows: Ratings, value: Floats | None = None) -> Floats:
    """Weighted mean per unit of the ratings (or of `value` per row); NaN without ratings."""
    x = rows.value if value is None else value
    total = np.bincount(rows.unit, rows.weights, minlength=rows.n_units)
    summed = np.bincount(rows.unit, rows.weights * x, minlength=rows.n_units)
    return np.where(total > 0, summed / np.where(total > 0, total, 1.0), np.nan)


def mean_errors(rows: Ratings, mean: Floats) -> Floats:
    """Standard error of a weighted mean, each annotator's ratings of a unit being one sample point.

    NaN with fewer than two annotators on a unit.
    """
    codes, count = rows.clusters
    total = np.bincount(rows.unit, rows.weights, minlength=rows.n_units)
    key = rows.unit.astype(np.int64) * count + codes
    distinct, place = np.unique(key, return_inverse=True)
    part = np.bincount(place, rows.weights * (rows.value - mean[rows.unit]))
    unit = distinct // count if count else distinct
    n = np.bincount(unit, minlength=rows.n_units)
    square = np.bincount(unit, part**2, minlength=rows.n_units)
    factor = n / np.maximum(n - 1, 1)
    return np.where(n > 1, np.sqrt(factor * square) / np.where(total > 0, total, 1.0), np.nan)


def by_unit(rows: Ratings) -> list[tuple[Floats, Floats]]:
    """(values, weights) of every unit, values rising."""
    order = np.lexsort((rows.value, rows.unit))
    value, weight = rows.value[order], rows.weights[order]
    ends = np.cumsum(np.bincount(rows.unit, minlength=rows.n_units))[:-1]
    return (
        list(zip(np.split(value, ends), np.split(weight, ends), strict=True))
        if rows.n_units
        else []
    )


def rated(
    table: Ratings, score: Floats, warnings: tuple[ResultWarning, ...] = (), **more: Any
) -> Estimate:
    """An estimate over units on the ratings' own scale."""
    blank = np.isnan(score)
    found = list(warnings)
    if blank.all():
        found.append(warn(WarningCode.EMPTY, say("no ratings")))
    elif blank.any():
        names = (table.ids[u] for u in np.flatnonzero(blank))
        found.append(warn(WarningCode.UNSEEN_ITEMS, say("%(n)s units", n=int(blank.sum())), names))
    fit = more.pop("fit", Fit(n_obs=len(table)))
    return Estimate(score=score, score_kind="points", fit=fit, warnings=tuple(found), **more)
