"""Are stated probabilities true? Brier score, log loss, calibration error, and the reliability
curve behind it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Calibration:
    """Scores of probabilities p against outcomes y, and per bin: mean p, mean y, number.

    brier = reliability - resolution + uncertainty up to the spread of p within bins. The
    calibration error depends on the bins: never show it without their number and n.
    """

    n: int
    brier: float
    log_loss: float
    ece: float
    reliability: float
    resolution: float
    uncertainty: float
    bin_p: Floats
    bin_y: Floats
    bin_n: NDArray[np.int64]


def calibration(
    p: ArrayLike, y: ArrayLike, bins: int = 10, equal_mass: bool = False
) -> Calibration:
    """p in [0, 1], y in {0, 1}. Bins are of equal width, the right end in the last one, or of equal
    size.
    """
    prob, outcome = np.asarray(p, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if prob.shape != outcome.shape or ((prob < 0) | (prob > 1)).any():
        raise ValueError("Probabilities must lie between 0 and 1 and be as many as outcomes.")
    n = len(prob)
    place = _bins(prob, bins, equal_mass)
    count = np.bincount(place, minlength=bins)
    held = np.maximum(count, 1)
    mean_p, mean_y = (np.bincount(place, v, minlength=bins) / held for v in (prob, outcome))
    share = count / max(n, 1)
    base = float(outcome.mean()) if n else float("nan")
    clipped = np.clip(prob, 1e-15, 1 - 1e-15)
    losses = -(outcome * np.log(clipped) + (1 - outcome) * np.log1p(-clipped))
    return Calibration(
        n=n,
        brier=float(((prob - outcome) ** 2).mean()) if n else float("nan"),
        log_loss=float(losses.mean()) if n else float("nan"),
        ece=float((share * np.abs(mean_p - mean_y)).sum()) if n else float("nan"),
        reliability=float((share * (mean_p - mean_y) ** 2).sum()),
        resolution=float((share * (mean_y - base) ** 2).sum()) if n else float("nan"),
        uncertainty=base * (1 - base),
        bin_p=np.where(count > 0, mean_p, np.nan),
        bin_y=np.where(count > 0, mean_y, np.nan),
        bin_n=count.astype(np.int64),
    )


def _bins(p: Floats, bins: int, equal_mass: bool) -> NDArray[np.int64]:
    if equal_mass:
        order = np.argsort(np.argsort(p, kind="stable"), kind="stable")
        return np.asarray(order * bins // max(len(p), 1), dtype=np.int64)
    return np.minimum(np.floor(p * bins + 1e-9), bins - 1).astype(np.int64)
