"""What the rules that pick would pick in many resamples, all at once."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from aggregation.pluralism import rules

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]


def worth_of(u: Floats) -> Floats:
    """Win probabilities [..., n] from utilities [..., n]."""
    n = u.shape[-1]
    worth = np.empty_like(u)
    for i in range(n):
        worth[..., i] = (expit(u[..., [i]] - u).sum(axis=-1) - 0.5) / (n - 1)
    return worth


def picks_of(u: Floats, shares: Floats) -> dict[str, Longs]:
    """Every pick rule on utilities [B, G, n] with shares [B, G]: an index per resample, int64[B].

    The same rules as `rules.decisions`, ties to the first, all resamples at once.
    """
    W = worth_of(u)
    mean = np.einsum("bg,bgn->bn", shares, W)
    least = W.min(axis=1) + 1e-7 * mean
    worst = (W.max(axis=2, keepdims=True) - W).max(axis=1)
    top = u >= u.max(axis=2, keepdims=True) - rules.TIE
    first = np.einsum("bg,bgn->bn", shares, top / top.sum(axis=2, keepdims=True))
    logs = np.log(np.maximum(W, 1e-300))
    score = {
        "plurality": first,
        "bradley_terry": _strengths(u, shares),
        "borda": mean,
        "utilitarian": mean,
        "maxmin_pick": least,
        "minimax_regret_pick": -worst,
        "alpha_fair(1)": np.einsum("bg,bgn->bn", shares, logs),
        "alpha_fair(2)": -np.einsum("bg,bgn->bn", shares, np.exp(-logs)),
    }
    return {rule: np.asarray(each.argmax(axis=1)) for rule, each in score.items()}


def _strengths(u: Floats, shares: Floats, steps: int = 30) -> Floats:
    """Pooled Bradley–Terry strengths [B, n] by Newton's method on all resamples together."""
    B, _, n = u.shape
    P = np.zeros((B, n, n))
    for g in range(u.shape[1]):
        P += shares[:, g, None, None] * expit(u[:, g, :, None] - u[:, g, None, :])
    off = 1 - np.eye(n)
    P *= off
    theta = np.zeros((B, n))
    for _ in range(steps):
        expected = expit(theta[:, :, None] - theta[:, None, :]) * off
        gradient = (P - expected).sum(axis=2)
        curvature = expected * (1 - expected)
        hessian = -curvature + 1.0 / n
        hessian[:, np.arange(n), np.arange(n)] += curvature.sum(axis=2)
        step = np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0]
        theta += step / np.maximum(1.0, np.abs(step).max(axis=1, keepdims=True))
        if np.abs(step).max() < 1e-9:
            break
    return theta
