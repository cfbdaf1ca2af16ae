"""Cumulative logit of ratings: units and annotators shift where a common row of thresholds cuts.

P(x_ju <= v_c) = sigma(tau_c - psi_u - D_j) for the values v_1 < … < v_C that occur. Maximises the
log-likelihood less penalty/2 (|psi|^2 + |D|^2), which is concave and makes psi and D sum to 0, by
Newton steps (conjugate gradients on a sparse Hessian) that are halved while they lower it. Pure.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import cg
from scipy.special import expit, logit

from aggregation.tables import Ratings
from aggregation.watching import beat

Floats = NDArray[np.float64]
AT_ONCE = 1 << 20  # chances of units and values held at once


@dataclass(frozen=True, eq=False)
class Ordinal:
    """Rows as edges: the position of a row's upper threshold is upper @ x, of its lower one lower @
    x, for x = (psi[U], D[J], tau[C - 1]); rows of the last (first) value have none.
    """

    value: Floats
    level: NDArray[Any]
    shape: tuple[int, int]
    upper: Any
    lower: Any
    last: NDArray[np.bool_]
    first: NDArray[np.bool_]
    weight: Floats
    ridge: Floats

    @classmethod
    def of(cls, rows: Ratings, people: NDArray[Any], J: int, penalty: float) -> "Ordinal":
        value, level = np.unique(rows.value, return_inverse=True)
        U, C = rows.n_units, len(value)
        last, first = level == C - 1, level == 0
        size = U + J + C - 1
        ridge = np.concatenate([np.full(U + J, penalty), np.zeros(C - 1)])

        def edges(threshold: NDArray[Any], missing: NDArray[np.bool_]) -> Any:
            row = np.flatnonzero(~missing)
            column = [rows.unit[row], U + people[row], U + J + threshold[row]]
            sign = np.repeat([-1.0, -1.0, 1.0], len(row))
            cells = (np.tile(row, 3), np.concatenate(column))
            return sparse.csr_array((sign, cells), shape=(len(rows), size))

        return cls(
            value, level, (U, J), edges(level, last), edges(level - 1, first), last, first,
            rows.weights, ridge,
        )  # fmt: skip

    def start(self) -> Floats:
        """Thresholds at the shares of all ratings; nobody differs."""
        below = [float(self.weight @ (self.level <= c)) for c in range(len(self.value) - 1)]
        U, J = self.shape
        return np.concatenate([np.zeros(U + J), logit(np.array(below) / self.weight.sum())])

    def allowed(self, x: Floats) -> bool:
        return bool((np.diff(x[sum(self.shape) :]) > 0).all())

    def objective(self, x: Floats) -> float:
        return float(self.weight @ np.log(self._chance(x)[0])) - 0.5 * float(self.ridge @ x**2)

    def gradient(self, x: Floats) -> Floats:
        p, at_lower, at_upper = self._chance(x)
        slope = self.weight / p
        up = self.upper.T @ (slope * _density(at_upper))
        return np.asarray(up - self.lower.T @ (slope * _density(at_lower)) - self.ridge * x)

    def curvature(self, x: Floats) -> Any:
        """Minus the Hessian."""
        p, at_lower, at_upper = self._chance(x)
        up, low = _density(at_upper) / p, _density(at_lower) / p
        bend_up, bend_low = up * (1 - 2 * expit(at_upper)), low * (1 - 2 * expit(at_lower))

        def product(left: Any, row: Floats, right: Any) -> Any:
            return left.T @ (sparse.diags_array(self.weight * row) @ right)

        mixed = product(self.upper, up * low, self.lower)
        H = product(self.upper, bend_up - up**2, self.upper) + mixed + mixed.T
        H = H + product(self.lower, -bend_low - low**2, self.lower)
        return sparse.diags_array(self.ridge) - H

    def _chance(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """P of each row's value, and the positions of the thresholds below and above it."""
        at_upper = np.where(self.last, np.inf, self.upper @ x)
        at_lower = np.where(self.first, -np.inf, self.lower @ x)
        flip = np.where(self.first, -1.0, at_lower) + np.where(self.last, 1.0, at_upper) > 0
        p = np.where(flip, expit(-at_lower) - expit(-at_upper), expit(at_upper) - expit(at_lower))
        return np.maximum(p, np.finfo(np.float64).tiny), at_lower, at_upper

    def expected(self, x: Floats) -> Floats:
        """Mean rating of each unit by an annotator without a shift."""
        U, J = self.shape
        steps, mean = np.diff(self.value), np.empty(U)
        some = max(1, AT_ONCE // max(len(steps), 1))
        for first in range(0, U, some):
            units = slice(first, min(first + some, U))
            mean[units] = self.value[-1] - expit(x[None, U + J :] - x[units, None]) @ steps
        return mean


def _density(position: Floats) -> Floats:
    return np.asarray(expit(position) * expit(-position))


@dataclass(frozen=True, eq=False)
class Fitted:
    x: Floats
    iters: int
    converged: bool
    worst: float


def fitted(model: Ordinal, max_iter: int) -> Fitted:
    """Newton steps from no differences at all."""
    x = model.start()
    value, worst = model.objective(x), np.inf
    scale = max(1.0, float(model.weight.max(initial=0.0)))
    for step in range(max_iter):
        beat()
        gradient = model.gradient(x)
        worst = float(np.abs(gradient).max(initial=0.0))
        if worst <= 1e-9 * scale:
            return Fitted(x, step, True, worst)
        H = model.curvature(x)
        inverse = sparse.diags_array(1 / H.diagonal())
        move, _ = cg(H, gradient, rtol=1e-8, maxiter=2000, M=inverse)
        climbed = _climb(model, x, move, value)
        if climbed is None:
            return Fitted(x, step, worst <= 1e-6 * scale, worst)
        x, value = climbed
    return Fitted(x, max_iter, False, worst)


def _climb(model: Ordinal, x: Floats, move: Floats, value: float) -> tuple[Floats, float] | None:
    """The longest of the steps 1, 1/2, 1/4 … that keeps the thresholds in order and does not lower
    the objective, or None.
    """
    for halvings in range(34):
        candidate = x + move / 2**halvings
        if not model.allowed(candidate):
            continue
        reached = model.objective(candidate)
        if reached >= value - 1e-12 * (abs(value) + 1):
            return candidate, reached
    return None
