"""Votes weighed by the chance that whoever gave them is right."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from aggregation.tables import Labels

Floats = NDArray[np.float64]
CERTAIN = 0.99  # nobody is


def log_odds(q: Floats, C: int) -> Floats:
    """log(q (C - 1) / (1 - q)): what a vote by someone right with probability q is worth."""
    q = np.clip(q, 1 - CERTAIN, CERTAIN)
    return np.asarray(np.log(q * max(C - 1, 1) / (1 - q)))


def from_log_odds(rows: Labels, worth: Floats, log_prior: Floats | None = None) -> Floats:
    """Posterior [U, C] from the worth of each vote; NaN where a unit has no vote."""
    C = rows.n_classes
    key = rows.unit.astype(np.int64) * C + rows.label
    total = np.bincount(key, rows.weights * worth, minlength=rows.n_units * C).reshape(
        rows.n_units, C
    )
    seen = np.bincount(rows.unit, minlength=rows.n_units) > 0
    if not total.size:
        return total.astype(np.float64)
    prior = 0.0 if log_prior is None else log_prior
    return np.where(seen[:, None], softmax(total + prior, axis=1), np.nan)
