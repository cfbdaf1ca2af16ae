"""How different a set of texts is: the Vendi score, and pairs that are nearly the same. Pure.

The Vendi score of order q is the effective number of different things in a set: with K the matrix
of similarities (ones on the diagonal) and λ the eigenvalues of K/n,

    VS_q = exp( log(Σ λ^q) / (1 - q) ),

1 if all are the same and n if none is like another. Its limits: q = 0 counts the eigenvalues that
aren't zero, q = 1 is exp of Shannon's entropy, q = ∞ is 1/max λ. The larger q, the less rare things
count. Friedman and Dieng 2022, arXiv:2210.02410 (order 1); Pasarkar and Dieng 2023,
arXiv:2310.12952 (other orders). Here K holds the cosines of embeddings.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["Matrix", "Vectors", "cosines", "cosines_to", "effective_number", "vendi_score"]

Matrix = np.ndarray[Any, np.dtype[np.float64]]
Vectors = Sequence[Sequence[float]] | Matrix  # one vector a row
_NOTHING = 1e-14  # times n and the largest: eigenvalues below are rounding


def vendi_score(
    vectors: Vectors,
    *,
    order: float = 1.0,
    weights: Sequence[float] | None = None,
) -> float:
    """The effective number of different `vectors`, by their cosines; from 1 to n.

    `order` is 0 or more, infinity too. `weights` (above 0, any sum) say how often each occurs: two
    of a kind are one with weight 2. Raises ValueError for no vector, for vectors of different
    lengths, for one of length zero or with a value that isn't finite.
    """
    unit = _unit(vectors)
    shares = _shares(len(unit), weights)
    scaled = unit * np.sqrt(shares)[:, None]
    gram = scaled @ scaled.T if scaled.shape[0] <= scaled.shape[1] else scaled.T @ scaled
    return effective_number(np.linalg.eigvalsh(gram).tolist(), order=order, count=len(unit))


def effective_number(shares: Sequence[float], *, order: float, count: int | None = None) -> float:
    """Hill's number of `order` of shares that sum to 1; `count` is an upper bound of it.

    Raises ValueError if `order` is below 0 or not a number, or no share is above 0.
    """
    if math.isnan(order) or order < 0:
        raise ValueError("The order of a Vendi score is 0 or more.")
    most = max(shares, default=0.0)
    if most <= 0:
        raise ValueError("No share is above 0.")
    least = _NOTHING * most * (count or len(shares))
    kept = [share for share in shares if share > least]
    total = math.fsum(kept)
    kept = [share / total for share in kept]
    if order == 0:
        return float(len(kept))
    if math.isinf(order):
        return 1 / max(kept)
    if abs(order - 1) < 1e-9:
        return math.exp(-math.fsum(share * math.log(share) for share in kept))
    # Powers of shares relative to the largest, so that high orders don't vanish.
    largest = max(kept)
    powers = math.fsum((share / largest) ** order for share in kept)
    return math.exp((order * math.log(largest) + math.log(powers)) / (1 - order))


def cosines_to(vectors: Vectors) -> Matrix:
    """The cosine of the last vector to each before it. Raises ValueError as `vendi_score`."""
    unit = _unit(vectors)
    found: Matrix = np.clip(unit[:-1] @ unit[-1], -1.0, 1.0)
    return found


def cosines(vectors: Vectors) -> Matrix:
    """The cosine of each pair, n by n. Raises ValueError as `vendi_score`."""
    unit = _unit(vectors)
    return np.clip(unit @ unit.T, -1.0, 1.0)


def _unit(vectors: Vectors) -> Matrix:
    if len(vectors) == 0:
        raise ValueError("There is no vector.")
    if len({len(vector) for vector in vectors}) > 1:
        raise ValueError("The vectors have different lengths.")
    rows = np.array(vectors, dtype=np.float64)
    if not np.isfinite(rows).all():
        raise ValueError("A vector holds a value that isn't finite.")
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    if rows.shape[1] == 0 or not norms.all():
        raise ValueError("A vector of length zero has no direction.")
    unit: Matrix = rows / norms
    return unit


def _shares(count: int, weights: Sequence[float] | None) -> Matrix:
    if weights is None:
        return np.full(count, 1 / count)
    given = np.array(weights, dtype=np.float64)
    if given.shape != (count,) or not np.isfinite(given).all() or not (given > 0).all():
        raise ValueError("Give every vector a weight above 0.")
    shares: Matrix = given / given.sum()
    return shares
