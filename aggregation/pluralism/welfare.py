"""What a candidate is worth to a group, on a scale that groups can share.

Bradley–Terry utilities u[G, n] have no common zero, and their scale is confounded with how noisy a
group is, so the smallest raw utility over groups means nothing. Two normalisations are offered.

    winprob  W[g, i] = mean over rivals j != i of sigma(u[g, i] - u[g, j]), the chance that group g
             prefers i to a rival drawn evenly. Calmer than raw utilities when a group's scale is
             misjudged, not free of scale. It depends on the rivals: clones of a candidate shift it,
             so remove duplicates first.
    range    (u - min) / (max - min) per group. Free of scale, but set by each group's two extreme
             candidates; for checking whether a decision hangs on the normalisation.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

Floats = NDArray[np.float64]
Kind = Literal["winprob", "range"]


def pair_probabilities(utilities: ArrayLike) -> Floats:
    """P[g, i, j] = sigma(u[g, i] - u[g, j]) from utilities[G, n]; one half on the diagonal."""
    u = _utilities(utilities)
    return np.asarray(expit(u[:, :, None] - u[:, None, :]))


def pooled_probabilities(utilities: ArrayLike, shares: ArrayLike) -> Floats:
    """P[i, j] = sum_g share_g P_g[i, j]: the chance that a person drawn at random prefers i."""
    return np.asarray(np.einsum("g,gij->ij", group_shares(shares), pair_probabilities(utilities)))


def welfare(utilities: ArrayLike, kind: Kind = "winprob") -> Floats:
    """W[G, n] in [0, 1] from utilities[G, n]; a lone candidate, or one of equals, is worth 1/2.

    Raises ValueError for utilities that are not finite or not a table.
    """
    u = _utilities(utilities)
    n = u.shape[1]
    if kind == "range":
        low, high = u.min(axis=1, keepdims=True), u.max(axis=1, keepdims=True)
        flat = high - low <= 1e-12
        return np.where(flat, 0.5, (u - low) / np.where(flat, 1.0, high - low))
    if n == 1:
        return np.full_like(u, 0.5)
    rows = [(expit(row[:, None] - row[None, :]).sum(axis=1) - 0.5) / (n - 1) for row in u]
    return np.array(rows)


def regret(W: ArrayLike) -> Floats:
    """R[g, i] = max_k W[g, k] - W[g, i]: what group g loses against its own favourite."""
    table = np.asarray(W, dtype=np.float64)
    return np.asarray(table.max(axis=1, keepdims=True) - table)


def group_shares(shares: ArrayLike) -> Floats:
    """Shares scaled to sum 1. Raises ValueError for a negative share or a sum of zero."""
    pi = np.asarray(shares, dtype=np.float64)
    if pi.ndim != 1 or not np.isfinite(pi).all() or (pi < 0).any() or pi.sum() <= 0:
        raise ValueError("Shares of groups must be non-negative numbers with a positive sum.")
    return np.asarray(pi / pi.sum())


def _utilities(utilities: ArrayLike) -> Floats:
    u = np.asarray(utilities, dtype=np.float64)
    if u.ndim != 2 or not u.size or not np.isfinite(u).all():
        raise ValueError("Utilities must be a table of finite numbers, one row per group.")
    return u
