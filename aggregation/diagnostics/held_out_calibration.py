"""Do a rule's chances come true on people it hasn't seen? Brier score, calibration error and the
reliability behind it, of predictions on held-out annotators.

Which item of a pair comes first means nothing, so predictions are read from the favourite's side:
p = max(q, 1 - q) in [1/2, 1] against y = 1, 1/2 (a tie) or 0 for the favourite. Brier is the
weighted mean of (p - y)^2 (a coin scores 1/4 where nothing ties); the calibration error is the
weighted mean over BINS bins of p, of equal width, of |mean p - mean y|, and depends on them.
Intervals of a bin are over annotators; with few judgments the error is above zero by chance alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BINS = 5


@dataclass(frozen=True)
class Bin:
    """Predictions of the favourite between two chances: their mean, how often it won with its
    standard error over annotators (NaN of fewer than two), and their number.
    """

    low: float
    high: float
    said: float
    won: float
    se: float
    n: int


@dataclass(frozen=True)
class HeldOutCalibration:
    """brier with its standard error over annotators; ece over BINS bins; bins without judgments
    are left out.
    """

    brier: float
    brier_se: float
    ece: float
    bins: tuple[Bin, ...]


def held_out_calibration(
    q: Floats, y: Floats, weight: Floats, annotator: NDArray[np.int32]
) -> HeldOutCalibration:
    """Of predictions q[N] in [0, 1] and outcomes y[N] in {0, 1/2, 1} by annotators (codes)."""
    swapped = q < 0.5
    p, won = np.where(swapped, 1 - q, q), np.where(swapped, 1 - y, y)
    square = (p - won) ** 2
    place = np.minimum(((p - 0.5) * 2 * BINS + 1e-9).astype(np.int64), BINS - 1)
    bins, error = [], 0.0
    for k in range(BINS):
        rows = np.flatnonzero((place == k) & (weight > 0))
        if len(rows):
            w = weight[rows]
            said, happened = float(w @ p[rows] / w.sum()), float(w @ won[rows] / w.sum())
            error += float(w.sum() / weight.sum()) * abs(said - happened)
            edges = 0.5 + k / (2 * BINS), 0.5 + (k + 1) / (2 * BINS)
            se = clustered_se(won[rows], w, annotator[rows])
            bins.append(Bin(*edges, said, happened, se, len(rows)))
    brier = float(weight @ square / weight.sum())
    return HeldOutCalibration(brier, clustered_se(square, weight, annotator), error, tuple(bins))


def clustered_se(value: Floats, weight: Floats, cluster: NDArray[np.int32]) -> float:
    """Standard error of the weighted mean over clusters: sqrt(G/(G-1) sum (sum w (v - mean))^2)
    over the total weight; NaN of a single cluster.
    """
    mean = float(weight @ value / weight.sum())
    sums = np.bincount(cluster, weight * (value - mean))
    G = len(np.unique(cluster))
    return float(np.sqrt(G / (G - 1) * (sums**2).sum()) / weight.sum()) if G > 1 else float("nan")
