"""Agreement of rankings: Kendall's tau-b of two, Kendall's W of many."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def kendall_tau_b(x: ArrayLike, y: ArrayLike) -> float:
    """tau-b = (concordant - discordant) / sqrt(pairs untied in x * pairs untied in y); NaN if one
    is constant. O(K^2).
    """
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    both = np.isfinite(a) & np.isfinite(b)
    upper = np.triu_indices(int(both.sum()), 1)
    da = np.sign(np.subtract.outer(a[both], a[both]))[upper]
    db = np.sign(np.subtract.outer(b[both], b[both]))[upper]
    untied = float(np.abs(da).sum() * np.abs(db).sum())
    return float((da * db).sum() / np.sqrt(untied)) if untied else float("nan")


def kendall_w(ranks: ArrayLike) -> float:
    """Concordance of m annotators who each ranked the same n items, ties as mean ranks: float in
    [0, 1].

    W = 12 S / (m^2 (n^3 - n) - m sum T), T = sum (t^3 - t) over the ties of one annotator. ranks
    [m, n] may be any scores whose order is the ranking (lower is better).
    """
    table = np.array([_mean_ranks(row) for row in np.asarray(ranks, dtype=np.float64)])
    m, n = table.shape
    S = float(((table.sum(axis=0) - m * (n + 1) / 2) ** 2).sum())
    T = sum(
        float((t**3 - t).sum()) for t in (np.unique(row, return_counts=True)[1] for row in table)
    )
    possible = m**2 * (n**3 - n) - m * T
    return 12 * S / possible if possible > 0 else float("nan")


def _mean_ranks(row: Floats) -> Floats:
    below = (row[:, None] > row[None, :]).sum(axis=1)
    tied = (row[:, None] == row[None, :]).sum(axis=1)
    return np.asarray(below + (tied + 1) / 2, dtype=np.float64)
