"""The middle of a sandwich covariance for pairwise models: score vectors summed per cluster, in
cache-sized chunks.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from aggregation.tables import Comparisons
from aggregation.uncertainty import sandwich

Floats = NDArray[np.float64]
RowScore = Callable[[slice], Floats]

DENSE_CELLS = 20_000_000  # clusters x items; above, the cluster scores are kept sparse
CHUNK = 2_000_000
LONG = 1 << 24  # rows at a time where every time costs a matrix of clusters x items
PIECE = 1 << 15  # rows whose intermediate columns stay in the cache


def cluster_covariance(
    table: Comparisons, residual: RowScore, bread: Floats, by_row: bool = False
) -> Floats:
    """C B C for scores u = residual * (e_a - e_b).

    residual(rows) gives the derivative of each row's log-likelihood with respect to theta_a -
    theta_b, weight included.
    Clusters are annotators; `by_row` treats every judgment as its own cluster (no G/(G-1)).
    """
    K = len(bread)
    known = np.isfinite(np.diagonal(bread))
    inner = np.where(known[:, None] & known[None, :], bread, 0.0)
    if by_row or table.annotator is None:
        covariance = inner @ _row_meat(table, residual, K) @ inner
    else:
        covariance = _cluster_meat(table, residual, inner)
    covariance[~known, :] = np.nan
    covariance[:, ~known] = np.nan
    return np.asarray(covariance)


def _row_meat(table: Comparisons, residual: RowScore, K: int) -> Floats:
    square = np.zeros(K * K)
    for start in range(0, len(table), CHUNK):
        rows = slice(start, min(start + CHUNK, len(table)))
        key = table.a[rows].astype(np.int64) * K + table.b[rows]
        square += np.bincount(key, residual(rows) ** 2, minlength=K * K)
    both = square.reshape(K, K) + square.reshape(K, K).T
    return np.asarray(np.diag(both.sum(axis=1)) - both)


def _cluster_meat(table: Comparisons, residual: RowScore, bread: Floats) -> Floats:
    K = len(bread)
    cluster, count = table.clusters
    if count * K > DENSE_CELLS:
        return _sparse_cluster_meat(table, residual, bread)
    total: Floats | None = None
    cells = sparse.coo_array((count, K), dtype=np.float64)
    for start in range(0, len(table), LONG):
        rows = slice(start, min(start + LONG, len(table)))
        r = _residuals(residual, rows)
        # Set this way, scipy takes the indices on trust; they were checked when the table was made.
        cells.coords, cells.data = (cluster[rows], table.a[rows]), r
        total = cells.toarray() if total is None else total + cells.toarray()
        cells.coords = (cluster[rows], table.b[rows])
        total -= cells.toarray()
    if total is None:
        return np.full((K, K), np.nan)
    return sandwich(bread, total[_active(total, cluster)])


def _active(total: Floats, cluster: NDArray[Any]) -> Any:
    """Which clusters have rows at all: a selection of them."""
    if total.any(axis=1).all():
        return slice(None)  # usual, and cheap to see
    return np.bincount(cluster, minlength=len(total)) > 0


def _residuals(residual: RowScore, rows: slice) -> Floats:
    """The residuals of some rows, computed piece by piece."""
    value = np.empty(rows.stop - rows.start)
    for first in range(rows.start, rows.stop, PIECE):
        piece = slice(first, min(first + PIECE, rows.stop))
        value[first - rows.start : piece.stop - rows.start] = residual(piece)
    return value


def _sparse_cluster_meat(table: Comparisons, residual: RowScore, bread: Floats) -> Floats:
    K = len(bread)
    cluster, count = table.clusters
    r = np.concatenate(
        [residual(slice(s, min(s + CHUNK, len(table)))) for s in range(0, len(table), CHUNK)]
    )
    ends = np.concatenate([table.a, table.b])
    U: Any = sparse.coo_array(
        (np.concatenate([r, -r]), (np.tile(cluster, 2), ends)), shape=(count, K)
    ).tocsr()
    active = int((np.bincount(cluster, minlength=count) > 0).sum())
    factor = active / (active - 1) if active > 1 else np.nan
    return np.asarray(factor * bread @ (U.T @ U).toarray() @ bread)
