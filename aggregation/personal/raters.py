"""Rater calibration: what each rater's scale means, shrunk to the population.

x_ju = a_j + b_j r_u + e, where r_u is what a unit is worth on the common scale (a calibrated mean),
(a_j, b_j) ~ N(m, S) over raters and e ~ N(0, s^2). m, S and s^2 are estimated by
expectation–maximisation; a rater with few ratings gets nearly the population's line, one with many
the own least-squares line. Ratings are put back on the common scale by (x - a_j) / b_j.

Not identifiable apart from r: the lines are relative to it. A slope near zero means a rater who
doesn't tell units apart; slopes are kept above a tenth of the population's, so that no order is
turned round.

Source: empirical Bayes for random coefficients, Laird & Ware (1982), Biometrics 38.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aggregation.tables import Ratings

Floats = NDArray[np.float64]
LEAST_SLOPE = 0.1  # of the population's


@dataclass(frozen=True, eq=False)
class RaterLines:
    """intercept, slope float64[J] (NaN for raters without ratings); the population's line, the
    spread of lines [2, 2], residual standard deviation, and steps taken.
    """

    intercept: Floats
    slope: Floats
    population: tuple[float, float]
    spread: Floats
    noise: float
    steps: int

    def predict(self, annotator: NDArray[np.int32], worth: Floats) -> Floats:
        """The rating that each annotator is expected to give to what is worth so much."""
        return np.asarray(self.intercept[annotator] + self.slope[annotator] * worth)


def rater_lines(ratings: Ratings, worth: Floats, max_iter: int = 200) -> RaterLines:
    """Lines of raters against the units' worth, float64[U]; NaN worth leaves ratings out.

    Raises ValueError without annotators.
    """
    rows = ratings.answered()
    if rows.annotator is None:
        raise ValueError("Rater calibration needs to know who rated.")
    kept = (rows.annotator >= 0) & np.isfinite(worth[rows.unit])
    rows = rows.take(kept)
    assert rows.annotator is not None
    J, who, w = len(rows.annotator_ids), rows.annotator, rows.weights
    if not len(rows):
        blank = np.full(J, np.nan)
        return RaterLines(blank, blank, (np.nan, np.nan), np.zeros((2, 2)), np.nan, 0)
    r, x = worth[rows.unit], rows.value

    def summed(values: Floats) -> Floats:
        return np.asarray(np.bincount(who, values, minlength=J), dtype=np.float64)

    square = np.array([[summed(w), summed(w * r)], [summed(w * r), summed(w * r * r)]])
    square = np.moveaxis(square, 2, 0)
    cross = np.stack([summed(w * x), summed(w * r * x)], axis=1)
    has = square[:, 0, 0] > 0
    total, n = square[has].sum(axis=0), float(w.sum())
    mean = np.linalg.lstsq(total, cross.sum(axis=0), rcond=None)[0]
    left = float((w * (x - mean[0] - mean[1] * r) ** 2).sum())
    noise = max(left / n / 2, 1e-9)
    spread = np.diag([max(noise, 1e-6), max(float(mean[1] ** 2), 1e-6) / 4])
    line, steps = np.tile(mean, (J, 1)), 0
    for step in range(1, max_iter + 1):
        inverse = np.linalg.inv(spread)
        V = np.linalg.inv(inverse + square / noise)
        line = np.einsum("jkl,jl->jk", V, inverse @ mean + cross / noise)
        new_mean = line[has].mean(axis=0)
        gap = line[has] - new_mean
        spread = (V[has].sum(axis=0) + gap.T @ gap) / has.sum() + 1e-9 * np.eye(2)
        residual = x - line[who, 0] - line[who, 1] * r
        expected = float((w * residual**2).sum() + np.einsum("jkl,jlk->", square[has], V[has]))
        noise = max(expected / n, 1e-9)
        moved = float(np.abs(new_mean - mean).max())
        mean, steps = new_mean, step
        if moved < 1e-9:
            break
    line[~has] = np.nan
    return RaterLines(
        line[:, 0], line[:, 1], (float(mean[0]), float(mean[1])), spread, noise**0.5, steps
    )


def calibrated(ratings: Ratings) -> Ratings:
    """The ratings on the common scale, whose worth per unit is the calibrated mean of them."""
    from aggregation.methods.scalars.calibrated_mean import METHOD

    rows = ratings.answered()
    if rows.annotator is None or not len(rows):
        return ratings
    return on_common_scale(ratings, rater_lines(ratings, METHOD.fit(ratings).score))


def on_common_scale(ratings: Ratings, lines: RaterLines) -> Ratings:
    """The ratings as if all raters had used the scale alike; unknown raters' stay as they are."""
    if ratings.annotator is None:
        return ratings
    least = LEAST_SLOPE * abs(lines.population[1])
    known = (ratings.annotator >= 0) & np.isfinite(lines.slope[ratings.annotator])
    slope = np.maximum(lines.slope[ratings.annotator], max(least, 1e-9))
    value = (ratings.value - lines.intercept[ratings.annotator]) / slope
    return replace(ratings, value=np.where(known, value, ratings.value))
