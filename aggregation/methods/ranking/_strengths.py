"""Maximum likelihood of log-odds strengths from half-win matrices: Newton where small, Newman's
iteration where large.

h[i, j] = weight of wins of i over j (a tie is half a win for each); the log-likelihood is sum h_ij
log sigma(theta_i - theta_j) - sum_i ridge_i theta_i^2 / 2. All connected parts are fitted at once:
the Hessian is block-diagonal, and one row-sum constraint per part makes it invertible.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.sparse.linalg import LinearOperator, cg
from scipy.special import expit, log_expit

from aggregation.methods.ranking._curvature import BLOCK, STEEP, centring, laplacian

Floats = NDArray[np.float64]
Ints = NDArray[Any]

NEWTON_LIMIT = 32  # items; above, a Newman iteration is far cheaper than a Newton step
TOLERANCE = (
    1e-10  # of the largest gradient entry, relative to the largest number of games of an item
)


@dataclass(frozen=True, eq=False)
class Strengths:
    """theta[K] (mean 0 within each part), and how it was found."""

    theta: Floats
    iters: int
    converged: bool
    grad_inf: float


def fit_dense(
    h: Floats, part: Ints, ridge: Floats, start: Floats | None = None, max_iter: int = 200
) -> Strengths:
    """Fit strengths on a dense half-win matrix.

    part[K] = connected part of each item, -1 for items without games (they stay 0). Uses Newman
    (2023),
    arXiv:2207.00076, when there is no penalty and many items, then Newton to finish.
    """
    theta = np.zeros(len(h)) if start is None else start
    steps = 0
    if len(h) > NEWTON_LIMIT and not ridge.any():
        theta, steps, done, worst = _newman(h, theta, part, 100)
        if done:
            return Strengths(theta, steps, True, worst)
    return _newton(h, part, ridge, theta, max_iter, steps)


def fit_batch(h: Floats, part: Ints, ridge: Floats, start: Floats, max_iter: int = 60) -> Floats:
    """Strengths [B, K] of many half-win matrices [B, K, K] over one graph, by Newton steps side by
    side.

    A step after which the gradient has grown twofold is halved; a warm start makes that rare.
    """
    games, won = h + h.transpose(0, 2, 1), h.sum(axis=2)
    scale = np.maximum(games.sum(axis=2).max(axis=1), 1e-300)
    frame, diagonal = np.diag(ridge) + centring(part), np.arange(len(part))
    theta = np.repeat(start[None], len(h), axis=0)
    base, move, length = theta, np.zeros_like(theta), np.ones(len(h))
    last = np.full(len(h), np.inf)
    for _ in range(max_iter):
        p = expit(theta[:, :, None] - theta[:, None, :])
        expected = games * p
        gradient = won - expected.sum(axis=2) - ridge * theta
        worst = np.abs(gradient).max(axis=1) / scale
        open_ = worst > TOLERANCE
        if not open_.any():
            break
        overshot = open_ & (worst > 2 * last)
        curve = -(expected * p.transpose(0, 2, 1))
        curve[:, diagonal, diagonal] -= curve.sum(axis=2)
        fresh = np.linalg.solve(curve + frame, gradient[:, :, None])[:, :, 0]
        length = np.where(overshot, length / 2, 1.0)
        base = np.where(overshot[:, None], base, theta)
        move = np.where(overshot[:, None], move, fresh)
        last = np.where(overshot, last, worst)
        theta = np.where(open_[:, None], base + length[:, None] * move, theta)
    return np.stack([centred(row, part) for row in theta])


def _newton(
    h: Floats, part: Ints, ridge: Floats, theta: Floats, max_iter: int, steps: int
) -> Strengths:
    games = h + h.T
    won = h.sum(axis=1)
    scale = max(1.0, float(games.sum(axis=1).max(initial=0.0)))
    centre = centring(part)
    value = loglik(h, theta, ridge)
    worst = np.inf
    for step in range(steps, steps + max_iter):
        p = expit(theta[:, None] - theta[None, :])
        expected = games * p
        gradient = won - expected.sum(axis=1) - ridge * theta
        worst = float(np.abs(gradient).max(initial=0.0))
        if worst <= TOLERANCE * scale:
            return Strengths(centred(theta, part), step, True, worst)
        curvature = laplacian(expected * p.T) + np.diag(ridge) + centre
        move = linalg.solve(curvature, gradient, assume_a="pos", check_finite=False)
        theta, value, moved = _climb(h, theta, move, ridge, value)
        if not moved:
            return Strengths(centred(theta, part), step + 1, worst <= 1e-6 * scale, worst)
    return Strengths(centred(theta, part), steps + max_iter, False, worst)


def _climb(
    h: Floats, theta: Floats, move: Floats, ridge: Floats, value: float
) -> tuple[Floats, float, bool]:
    """The longest of the steps 1, 1/2, 1/4 … along `move` that does not lower the objective."""
    length = 1.0
    slack = 1e-12 * (abs(value) + 1.0)
    for _ in range(40):
        candidate = theta + length * move
        reached = loglik(h, candidate, ridge)
        if reached >= value - slack:
            return candidate, reached, bool(np.any(candidate != theta))
        length /= 2
    return theta, value, False


def _newman(h: Floats, theta: Floats, part: Ints, max_iter: int) -> tuple[Floats, int, bool, float]:
    """p_i <- sum_j h_ij p_j/(p_i + p_j) / sum_j h_ji/(p_i + p_j); the scale of a part stays as it
    was, so it is set to geometric mean 1 at the end.
    """
    won = h.sum(axis=1)
    scale = max(1.0, float((won + h.sum(axis=0)).max(initial=0.0)))
    idle = np.flatnonzero(part < 0)
    p = np.exp(theta)
    worst = np.inf
    work = np.empty((min(len(p), max(1, BLOCK // max(len(p), 1))), len(p)))
    ones = np.ones(len(work))
    for step in range(max_iter):
        above, below = _newman_sums(h, p, work, ones)
        # gradient at p: sum_j h_ij p_j/(p_i+p_j) - p_i sum_j h_ji/(p_i+p_j)
        worst = float(np.maximum.reduce(np.abs(above - p * below), initial=0.0))
        if worst <= TOLERANCE * scale:
            return centred(np.log(p), part), step, True, worst
        if len(idle):
            below[idle], above[idle] = 1.0, 1.0
        if np.minimum.reduce(np.minimum(above, below)) <= 0:
            break
        p = above / below
    return centred(np.log(p), part), max_iter, False, worst


def _newman_sums(h: Floats, p: Floats, work: Floats, ones: Floats) -> tuple[Floats, Floats]:
    """sum_j h_ij p_j/(p_i + p_j) and sum_j h_ji/(p_i + p_j), in blocks of rows that stay in the
    cache: `work` has as many rows as a block, `ones` as many entries.
    """
    K, rows = len(p), len(work)
    if rows >= K:
        share = np.divide(h, np.add.outer(p, p, out=work), out=work)
        return share @ p, ones @ share
    above, below = np.empty(K), np.zeros(K)
    for start in range(0, K, rows):
        block = slice(start, start + rows)
        share = work[: K - start]
        np.divide(h[block], np.add.outer(p[block], p, out=share), out=share)
        above[block] = share @ p
        below += ones[: len(share)] @ share
    return above, below


def fit_sparse(
    i: Ints, j: Ints, h_ij: Floats, h_ji: Floats, part: Ints, ridge: Floats, max_iter: int = 500
) -> Strengths:
    """Fit strengths on edges i < j. Newman's iteration per edge, then Newton with conjugate
    gradients to finish.
    """
    K = len(part)
    games = h_ij + h_ji
    scale = max(1.0, float(_at(i, j, games, games, K).max(initial=0.0)))
    won = _at(i, j, h_ij, h_ji, K)
    theta, worst, step = np.zeros(K), np.inf, 0
    idle = part < 0
    for step in range(0 if ridge.any() else 50):
        p = np.exp(theta)
        share = 1.0 / (p[i] + p[j])
        above = _at(i, j, h_ij * p[j] * share, h_ji * p[i] * share, K)
        below = _at(i, j, h_ji * share, h_ij * share, K)
        worst = float(np.abs(above - p * below).max(initial=0.0))
        if worst <= TOLERANCE * scale:
            return Strengths(theta, step, True, worst)
        above[idle], below[idle] = 1.0, 1.0
        theta = centred(np.log(above / below), part)
    return _newton_cg(i, j, h_ij, games, won, theta, part, ridge, max_iter, step, scale)


def _newton_cg(
    i: Ints,
    j: Ints,
    h_ij: Floats,
    games: Floats,
    won: Floats,
    theta: Floats,
    part: Ints,
    ridge: Floats,
    max_iter: int,
    steps: int,
    scale: float,
) -> Strengths:
    K = len(part)

    def objective(t: Floats) -> float:
        d = t[i] - t[j]
        return float(h_ij @ log_expit(d) + (games - h_ij) @ log_expit(-d) - 0.5 * ridge @ t**2)

    value, worst = objective(theta), np.inf
    for step in range(steps, steps + max_iter):
        p = expit(theta[i] - theta[j])
        gradient = won - _at(i, j, games * p, games * (1 - p), K) - ridge * theta
        worst = float(np.abs(gradient).max(initial=0.0))
        if worst <= TOLERANCE * scale:
            return Strengths(centred(theta, part), step, True, worst)
        curve = games * p * (1 - p)
        diagonal = _at(i, j, curve, curve, K) + ridge + (part < 0)
        operator = LinearOperator(
            (K, K),
            matvec=lambda v, c=curve, d=diagonal: d * v - _at(i, j, c * v[j], c * v[i], K),
            dtype=np.float64,
        )
        inverse = LinearOperator((K, K), matvec=lambda v, d=diagonal: v / d, dtype=np.float64)
        move, _ = cg(operator, gradient, rtol=1e-6, maxiter=2000, M=inverse)
        length = 1.0
        while objective(theta + length * move) < value - 1e-12 * (abs(value) + 1) and length > 1e-9:
            length /= 2
        theta = centred(theta + length * move, part) if not ridge.any() else theta + length * move
        value = objective(theta)
    return Strengths(centred(theta, part), steps + max_iter, False, worst)


def _at(i: Ints, j: Ints, at_i: Floats, at_j: Floats, K: int) -> Floats:
    """Sum edge values at their two ends."""
    ends = np.bincount(i, at_i, minlength=K) + np.bincount(j, at_j, minlength=K)
    return ends.astype(np.float64)


def loglik(h: Floats, theta: Floats, ridge: Floats | None = None) -> float:
    """sum h_ij log sigma(theta_i - theta_j), less the penalty."""
    if np.abs(theta).max(initial=0.0) > STEEP:
        value = float((h * log_expit(np.subtract.outer(theta, theta))).sum())
        return value if ridge is None else value - 0.5 * float(ridge @ theta**2)
    p = np.exp(theta)
    value = float(h.sum(axis=1) @ theta)
    rows = max(1, BLOCK // max(len(theta), 1))
    for start in range(0, len(theta), rows):
        block = slice(start, start + rows)
        value -= float(np.vdot(h[block], np.log(np.add.outer(p[block], p))))
    return value if ridge is None else value - 0.5 * float(ridge @ theta**2)


def chances(theta: Floats) -> Callable[[Ints, Ints], Floats]:
    """P(i beats j) for columns of items i and j, by a table of odds where none would overflow."""
    if np.abs(theta).max(initial=0.0) > STEEP:
        return lambda i, j: np.asarray(expit(theta[i] - theta[j]))
    odds = np.exp(theta)

    def chance(i: Ints, j: Ints) -> Floats:
        p, both = odds.take(i), odds.take(j)
        both += p
        p /= both
        return p

    return chance


def centred(theta: Floats, part: Ints) -> Floats:
    """theta with mean 0 over each part; items without games get 0."""
    if not len(part) or (part == 0).all():
        return theta - theta.mean() if len(theta) else theta
    played = part >= 0
    count = np.bincount(part[played], minlength=1)
    mean = np.bincount(part[played], theta[played], minlength=1) / np.maximum(count, 1)
    return np.where(played, theta - mean[np.where(played, part, 0)], 0.0)


__all__ = [
    "Strengths",
    "centred",
    "chances",
    "fit_dense",
    "fit_sparse",
    "loglik",
]
