"""Who stands last on each ballot."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def last_places(ranks: NDArray[Any]) -> Floats:
    """Each ballot's share of last places, float64[B, K]; -1 (missing) has none."""
    last = (ranks == ranks.max(axis=1, keepdims=True, initial=-1)) & (ranks >= 0)
    return np.asarray(last / np.maximum(last.sum(axis=1, keepdims=True), 1), dtype=np.float64)
