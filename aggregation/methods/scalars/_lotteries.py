"""Lotteries over values, written into a result so that anyone can draw from them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def distribution(value: Floats, weight: Floats) -> list[list[float]]:
    """[value, probability] of a uniformly drawn rating, values rising and distinct; empty without
    weight.
    """
    total = weight.sum()
    if not total:
        return []
    distinct, place = np.unique(value, return_inverse=True)
    share: Any = np.bincount(place, weight) / total
    return [[float(v), float(p)] for v, p in zip(distinct, share, strict=True)]


def spread(pairs: list[list[float]]) -> float:
    """Standard deviation of one draw; NaN without values."""
    if not pairs:
        return float("nan")
    value, chance = np.array(pairs).T
    return float(np.sqrt(max(chance @ value**2 - (chance @ value) ** 2, 0.0)))
