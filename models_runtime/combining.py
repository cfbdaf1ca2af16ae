"""Making several rewards into one. Pure; arrays in, arrays out.

Rewards of different models have different scales and zeros, so adding them lets the widest one
decide. `log_sigmoid` brings each to log sigmoid(x - reference) first, where the reference is a
quantile of the reward over the candidates: far above it a better reward adds little, below it
each step counts, and a sum of them is the log-probability that all are good enough (Wang et al.
2024, Transforming and Combining Rewards). Rows in which a part is missing have no combination.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
METHODS = ("log_sigmoid", "weighted", "minimum")


@dataclass(frozen=True, slots=True)
class Combined:
    """`values` are NaN where a part was missing; `references` what each part was compared with,
    empty where the method needs none."""

    values: Numbers
    references: tuple[float, ...]


def combine(
    parts: Sequence[Numbers],
    *,
    method: str,
    weights: Sequence[float] | None = None,
    quantile: float = 0.5,
) -> Combined:
    """One number per row of equally long `parts`.

    `log_sigmoid` sums w·log sigmoid(x - q) with q each part's `quantile`; `weighted` sums w·x;
    `minimum` takes the least of (x - q)/s, s the spread between quartiles, so that no reward can
    make up for another. Raises ValueError with a sentence.
    """
    if method not in METHODS:
        raise ValueError(f"The method is one of {', '.join(METHODS)}.")
    if not parts or len({len(part) for part in parts}) != 1:
        raise ValueError("Give at least one reward, and all of the same length.")
    if not 0 < quantile < 1:
        raise ValueError("The reference quantile lies between 0 and 1.")
    chosen = [1.0] * len(parts) if weights is None else list(weights)
    if len(chosen) != len(parts) or not all(np.isfinite(chosen)):
        raise ValueError("Give one finite weight per reward.")
    table = np.vstack([np.asarray(part, dtype=np.float64) for part in parts])
    whole = ~np.isnan(table).any(axis=0)
    values = np.full(table.shape[1], np.nan)
    if not whole.any():
        return Combined(values, ())
    known = table[:, whole]
    if method == "weighted":
        values[whole] = np.asarray(chosen) @ known
        return Combined(values, ())
    references = np.quantile(known, quantile, axis=1)
    above = known - references[:, None]
    if method == "log_sigmoid":
        values[whole] = np.asarray(chosen) @ -np.logaddexp(0.0, -above)
    else:
        low, high = np.quantile(known, [0.25, 0.75], axis=1)
        spread = np.where(high > low, high - low, 1.0)
        values[whole] = (above / spread[:, None]).min(axis=0)
    return Combined(values, tuple(float(each) for each in references))
