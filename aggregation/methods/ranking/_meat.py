"""The middle of a sandwich covariance for pairwise models: score vectors summed per cluster, in
cache-sized chunks.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from aggregation.tables import Comparisons

Floats = NDArray[np.float64]
Cells = NDArray[np.int32]
RowScore = Callable[[slice], Floats]

DENSE_CELLS = 20_000_000  # clusters x items; above, the cluster scores are kept sparse
CHUNK = 2_000_000
LONG = 1 << 24  # rows at a time where every time costs a matrix of clusters x items
PIECE = 1 << 16  # rows whose intermediate columns stay in the cache


def meat(
    table: Comparisons, residual: RowScore, n_items: int, by_row: bool = False
) -> Floats | None:
    """B[K, K] of the sandwich A^-1 B A^-1 for scores u = residual * (e_a - e_b): G/(G-1) * U'U with
    U[G, K] the scores summed per cluster. None with fewer than two clusters. Clusters without any
    score don't count, unless hardly one would be left.

    residual(rows) gives the derivative of each row's log-likelihood with respect to theta_a -
    theta_b, weight included.
    Clusters are annotators; `by_row` treats every judgment as its own cluster (no G/(G-1)).
    """
    if by_row or table.annotator is None:
        return _row_meat(table, residual, n_items)
    _, count = table.clusters
    summed = _dense_scores if count * n_items <= DENSE_CELLS else _sparse_scores
    products, active = summed(table, residual, n_items)
    G = active if active > 1 else _judging(table)
    if G < 2:
        return None
    products *= G / (G - 1)
    return products


def _judging(table: Comparisons) -> int:
    """Clusters whose judgments have any weight."""
    cluster, count = table.clusters
    return int((np.bincount(cluster, table.weight, minlength=count) > 0).sum())


def _row_meat(table: Comparisons, residual: RowScore, K: int) -> Floats:
    square = np.zeros(K * K)
    for rows in _slices(0, len(table), CHUNK):
        key = table.a[rows].astype(np.int64) * K + table.b[rows]
        square += np.bincount(key, residual(rows) ** 2, minlength=K * K)
    both = square.reshape(K, K) + square.reshape(K, K).T
    return np.asarray(np.diag(both.sum(axis=1)) - both)


def _dense_scores(table: Comparisons, residual: RowScore, K: int) -> tuple[Floats, int]:
    """U'U, and the number of clusters with any score, from a matrix of all clusters and items."""
    cluster, count = table.clusters
    U: Floats | None = None
    for rows in _slices(0, len(table), LONG):
        long = rows.stop - rows.start
        value, first, second = np.empty(long), *np.empty((2, long), dtype=np.int32)
        for piece in _slices(rows.start, rows.stop, PIECE):
            here = slice(piece.start - rows.start, piece.stop - rows.start)
            value[here] = residual(piece)
            # 32 bits hold a cell's number, for there are at most DENSE_CELLS.
            start = np.multiply(cluster[piece], K, dtype=np.int32)
            np.add(start, table.a[piece], out=first[here])
            np.add(start, table.b[piece], out=second[here])
        won = _summed(value, first, count, K)
        U = won if U is None else np.add(U, won, out=U)
        U -= _summed(value, second, count, K)
    if U is None:
        return np.zeros((K, K)), 0
    return np.asarray(U.T @ U), int(U.any(axis=1).sum())


def _summed(value: Floats, cell: Cells, count: int, K: int) -> Floats:
    """Values summed per cell. A matrix of a single row, which adds up whatever stands at one place,
    does that in two thirds of the time of one that has both coordinates, and takes cells of 32 bits
    where `bincount` would make 64 of them.
    """
    ends = np.array([0, len(cell)], dtype=np.int32)
    flat = sparse.csr_array((value, cell, ends), shape=(1, count * K))
    return np.asarray(flat.toarray()).reshape(count, K)


def _sparse_scores(table: Comparisons, residual: RowScore, K: int) -> tuple[Floats, int]:
    """The same where few of the clusters' cells are filled."""
    cluster, count = table.clusters
    r = np.concatenate([residual(rows) for rows in _slices(0, len(table), CHUNK)])
    ends = np.concatenate([table.a, table.b])
    U: Any = sparse.coo_array(
        (np.concatenate([r, -r]), (np.tile(cluster, 2), ends)), shape=(count, K)
    ).tocsr()
    return np.asarray((U.T @ U).toarray()), int((abs(U).sum(axis=1) > 0).sum())


def _slices(start: int, stop: int, size: int) -> Iterator[slice]:
    """Consecutive slices of at most `size` rows."""
    for first in range(start, stop, size):
        yield slice(first, min(first + size, stop))
