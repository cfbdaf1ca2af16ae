"""Curvature of the Bradley–Terry likelihood, and covariances of centred strengths made of it.

H[i, j] is minus the second derivative of the log-likelihood. Shifting all strengths of a connected
part meets no curvature; 11'/size added for each part makes H invertible.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.special import expit

from aggregation.methods.ranking._errors import blank

Floats = NDArray[np.float64]
Ints = NDArray[Any]

BLOCK = 1 << 16  # matrix entries treated at a time
STEEP = 300.0  # log-odds above which products of odds could overflow


def information(h: Floats, theta: Floats) -> Floats:
    """H = diag(sum_j w_ij) - w with w_ij = (h_ij + h_ji) P_ij (1 - P_ij)."""
    if np.abs(theta).max(initial=0.0) > STEEP:
        p = expit(np.subtract.outer(theta, theta))
        return laplacian((h + h.T) * p * p.T)
    odds = np.exp(theta)
    H = np.empty_like(h)
    sums = np.empty(len(theta))
    rows = max(1, BLOCK // max(len(theta), 1))
    for start in range(0, len(theta), rows):
        block = slice(start, start + rows)
        both = np.add.outer(odds[block], odds)
        w = np.divide(odds[block, None], both)
        w *= np.divide(odds, both, out=both)
        w *= np.add(h[block], h[:, block].T, out=both)
        w.sum(axis=1, out=sums[block])
        np.negative(w, out=H[block])
    np.einsum("ii->i", H)[:] += sums
    return H


def laplacian(w: Floats) -> Floats:
    """diag(sum_j w_ij) - w."""
    return np.diag(w.sum(axis=1)) - w


def centring(part: Ints) -> Floats:
    """Sum over parts of 1 1'/size; the identity on items without games. Added to H it makes H
    invertible.
    """
    same = (part[:, None] == part[None, :]) & (part[:, None] >= 0)
    size = np.maximum(same.sum(axis=1), 1)
    return np.where(same, 1.0 / size[:, None], 0.0) + np.diag((part < 0).astype(np.float64))


def covariance(H: Floats, part: Ints, ridge: Floats) -> Floats:
    """Covariance of the centred strengths, P (H + ridge + 11'/size)^-1 P; the pseudo-inverse of H
    without ridge.
    """
    return _projected(_inverse(H + np.diag(ridge) + centring(part)), part)


def robust_covariance(H: Floats, part: Ints, ridge: Floats, meat: Floats) -> Floats:
    """A^-1 B A^-1 with A = H + ridge + 11'/size as in `covariance`, and B[K, K] the meat, in whose
    place it is computed. `ridge` is the same all over a part.

    Scores of a part sum to 0, so B 1 = 0, and 1 is an eigenvector of A: the result is of centred
    strengths as it stands. With A = LL' it is L'^-1 (L^-1 B L'^-1) L^-1: two congruences of a
    symmetric matrix (LAPACK's reduction of generalised eigenproblems) cost half of two products
    with an inverse. The outer one goes by upper triangles; L' with rows and columns reversed is
    a lower one.
    """
    A = H + (1 / len(part) if (part == 0).all() else centring(part))
    np.einsum("ii->i", A)[:] += ridge
    L, failed = linalg.lapack.dpotrf(A.T, lower=1, overwrite_a=1)
    if failed:
        C = np.nan_to_num(covariance(H, part, ridge))
        found = C @ meat @ C
    else:
        inner, _ = linalg.lapack.dsygst(meat.T, L, lower=1, overwrite_a=1)
        outer, _ = linalg.lapack.dsygst(inner[::-1, ::-1], L[::-1, ::-1], lower=0)
        found = np.ascontiguousarray(_mirrored(outer).T[::-1, ::-1])
    return blank(found, np.flatnonzero(part < 0))


def _mirrored(upper: Floats) -> Floats:
    """The symmetric matrix that an upper triangle is half of, in its place."""
    K = len(upper)
    for start in range(0, K, 128):
        block = slice(start, start + 128)
        upper[block, :start] = upper[:start, block].T
        corner = upper[block, block]
        np.copyto(corner, corner.T.copy(), where=np.tri(len(corner), k=-1, dtype=np.bool_))
    return upper


def _projected(inverse: Floats, part: Ints) -> Floats:
    """P C P of a symmetric matrix C, exactly symmetric; NaN for items without games."""
    if len(part) and (part == 0).all():
        half = inverse - inverse.mean(axis=0)
        C = half - half.mean(axis=1)[:, None]
    else:
        project = np.eye(len(part)) - centring(part)
        C = project @ inverse @ project
    return blank((C + C.T) / 2, np.flatnonzero(part < 0))


def _inverse(A: Floats) -> Floats:
    """Inverse of a positive definite matrix, for half of what any other matrix would cost."""
    factor, failed = linalg.lapack.dpotrf(A, lower=1)
    if failed:
        return np.asarray(linalg.inv(A, check_finite=False))
    lower, _ = linalg.lapack.dpotri(factor, lower=1)
    lower = np.tril(lower)
    return np.asarray(lower + np.tril(lower, -1).T)


__all__ = [
    "BLOCK",
    "STEEP",
    "centring",
    "covariance",
    "information",
    "laplacian",
    "robust_covariance",
]
