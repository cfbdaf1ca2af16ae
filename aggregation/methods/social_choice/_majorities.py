"""What several rules read off the majorities: the defeats and the order of the layers."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from aggregation.tables import PairCounts

Floats = NDArray[np.float64]


def defeats(counts: PairCounts, strength: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """defeats[i, j]: strength of the majority of i over j, 0 where there is none."""
    size = counts.margins if strength == "margins" else counts.wins
    return np.where(counts.margins > 0, size, 0.0)


def majority_layers(
    margins: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Layer of each item, 0 = Smith set: strongly connected parts of "not beaten by", best first.

    Every two layers are fully ordered by strict majorities, so a layer's place is its number of
    strict losses to items outside.
    """
    K = len(margins)
    if not K:
        return np.zeros(0, dtype=np.int64)
    _, part = connected_components(
        sparse.csr_array(margins >= 0), directed=True, connection="strong"
    )
    outside = part[:, None] != part[None, :]
    losses = ((margins < 0) & outside).sum(axis=1)
    _, layer = np.unique(losses, return_inverse=True)
    return np.asarray(layer, dtype=np.int64)


def widest_paths(strength: Floats) -> Floats:
    """Floyd–Warshall for bottlenecks: p = max(p, min(p_ik, p_kj)); the diagonal stays 0."""
    p = strength
    for k in range(len(p)):
        p = np.maximum(p, np.minimum(p[:, k, None], p[None, k, :]))
    np.fill_diagonal(p, 0.0)
    return p


def defeated_by(strength: Floats) -> NDArray[np.int64]:
    """Number of items that defeat each in the sense of split cycle: by a majority larger than the
    widest way back. strength[i, j] as in `defeats`.
    """
    back = widest_paths(strength.copy()).T
    slack = 1e-9 * max(1.0, float(strength.max(initial=0.0)))
    return np.asarray(((strength > 0) & (strength > back + slack)).sum(axis=0), dtype=np.int64)
