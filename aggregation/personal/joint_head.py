"""MORE: one reward head for several groups, moved only where no group loses.

Minimises sum_k lambda_k L_k, where lambda on the simplex makes |sum_k lambda_k grad L_k| least: its
negative is a direction in which every group's loss falls, or zero when there is none. Only the
head's gradients are used. Lengths are measured in the metric of the pooled curvature, so that
neither the scale of features nor the number of a group's votes decides; with one group this is
Newton's method on the ridge logistic loss. A step must lower all losses, else it is halved.

The end is a Pareto-stationary head reached from zero, one of many; groups with opposite tastes
leave no direction at all, and then the head stays at zero.

Source: Zeng, Dai, Cheng, Wang, Hu, Chen, Du & Xu (2023), On Diversified Preferences of Large
Language Model Alignment, arXiv:2312.07401; Désidéri (2012), Comptes Rendus Mathématique 350.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from aggregation.pluralism.votes import Design, FeatureDesign, GroupVotes, ItemDesign

Floats = NDArray[np.float64]
SETTLED = 1e-9


@dataclass(frozen=True, eq=False)
class JointHead:
    """weights float64[d]; lambda_, losses (mean per vote) and accuracy float64[G]."""

    weights: Floats
    lambda_: Floats
    losses: Floats
    accuracy: Floats
    steps: int
    converged: bool


def least_norm(gradients: ArrayLike) -> Floats:
    """lambda [K] on the simplex for which |lambda' gradients| is least, gradients [K, d].

    Solved exactly as non-negative least squares: the solution of [G'; 1'] x = [0; 1], scaled to sum
    1, satisfies the same optimality conditions.
    """
    from scipy.optimize import nnls

    G = np.asarray(gradients, dtype=np.float64)
    scale = np.abs(G).max()
    if scale == 0:
        return np.full(len(G), 1 / len(G))
    system = np.vstack([G.T / scale, np.ones(len(G))])
    x, _ = nnls(system, np.append(np.zeros(G.shape[1]), 1.0))
    return np.asarray(x / x.sum())


def joint_head(
    votes: GroupVotes, members: ArrayLike, ridge: float, max_iter: int = 200
) -> JointHead:
    """The head for groups with membership [A, G]; every group weighs the same. Groups without votes
    are left out of lambda, with NaN loss.
    """
    gamma = np.asarray(members, dtype=np.float64)[votes.annotator]
    total = float(votes.n.sum())
    size = gamma.T @ votes.n
    present = np.flatnonzero(size > 0)
    rows = gamma[:, present] * (total / size[present])
    w, step, converged = np.zeros(votes.design.d), 0, False
    lam = np.full(len(present), 1 / max(len(present), 1))
    value = _losses(votes, rows, w, ridge)
    while step < max_iter and not converged:
        step += 1
        eta = votes.design.log_odds(w[:, None])[:, 0]
        p = expit(eta)
        residual = votes.k - votes.n * p
        curvature = rows.mean(axis=1) * votes.n * p * (1 - p)
        gradients = np.stack(
            [ridge * w - _moved(votes.design, rows[:, g] * residual) for g in range(len(present))]
        )
        moves = np.stack(
            [
                votes.design.newton(curvature, rows[:, g] * residual, ridge, w)
                for g in range(len(present))
            ]
        )
        lam = _least_norm_in(-gradients @ moves.T)
        direction = lam @ moves
        slope = gradients @ direction
        converged = bool(-(lam @ slope) <= SETTLED * max(total, 1.0))
        if converged:
            break
        size_of_step = 1.0
        while size_of_step > 1e-6:
            proposed = w + size_of_step * direction
            reached = _losses(votes, rows, proposed, ridge)
            if (reached <= value + 1e-4 * size_of_step * np.minimum(slope, 0.0)).all():
                w, value = proposed, reached
                break
            size_of_step /= 2
        else:
            converged = True  # no step is left that lowers every group's loss
    return _described(votes, gamma, size, present, w, lam, step, converged)


def _least_norm_in(gram: Floats) -> Floats:
    """The same from inner products [K, K], symmetric and positive but for rounding."""
    values, vectors = np.linalg.eigh((gram + gram.T) / 2)
    return least_norm(vectors * np.sqrt(np.maximum(values, 0.0)))


def _moved(design: Design, residual: Floats) -> Floats:
    """X' residual."""
    if isinstance(design, ItemDesign):
        up = np.bincount(design.a, residual, minlength=design.d)
        return np.asarray(up - np.bincount(design.b, residual, minlength=design.d))
    assert isinstance(design, FeatureDesign)
    return np.asarray(residual @ design.x.astype(np.float64))


def _losses(votes: GroupVotes, rows: Floats, w: Floats, ridge: float) -> Floats:
    eta = votes.design.log_odds(w[:, None])[:, 0]
    each = votes.n * np.logaddexp(0.0, eta) - votes.k * eta
    return np.asarray(rows.T @ each + 0.5 * ridge * float(w @ w))


def _described(
    votes: GroupVotes,
    gamma: Floats,
    size: Floats,
    present: NDArray[np.int64],
    w: Floats,
    lam: Floats,
    steps: int,
    converged: bool,
) -> JointHead:
    weight = np.zeros(gamma.shape[1])
    weight[present] = lam
    losses, right = group_scores(votes, gamma, w)
    return JointHead(w, weight, losses, right, steps, converged)


def group_scores(votes: GroupVotes, gamma: Floats, w: Floats) -> tuple[Floats, Floats]:
    """Mean loss per vote and accuracy of a head by group, rows weighted by gamma [N, G]."""
    eta = votes.design.log_odds(w[:, None])[:, 0]
    each = votes.n * np.logaddexp(0.0, eta) - votes.k * eta
    side = (np.sign(np.where(np.abs(eta) < 1e-12, 0.0, eta)) + 1) / 2
    right = votes.k * side + (votes.n - votes.k) * (1 - side)
    size = gamma.T @ votes.n
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((gamma.T @ each) / size), np.asarray((gamma.T @ right) / size)
