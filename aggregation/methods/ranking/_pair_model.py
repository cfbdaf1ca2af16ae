"""Fitting any outcome model to pairs: Newton, connectivity, standard errors; one file per model
stays small.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from aggregation.links import Link
from aggregation.method import Estimate
from aggregation.methods.ranking._cells import Cells, scattered
from aggregation.methods.ranking._curvature import centring
from aggregation.methods.ranking._errors import attainable, blank, replaced, robust
from aggregation.methods.ranking._outcome_models import Derivatives, OutcomeModel
from aggregation.methods.ranking._structure import Structure, structure_of
from aggregation.options import Options, option
from aggregation.results import CiMethod, Fit, ScoreKind
from aggregation.tables import Comparisons, PairCounts, TableError
from aggregation.tables.pair_counts import DENSE_LIMIT
from aggregation.warning_codes import ResultWarning
from annotation.phrases import say

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class PairModelOptions(Options):
    penalty: float = option(
        0.0, "Penalty", "Ridge on strengths, as a Gaussian prior of variance 1/penalty.", low=0.0
    )
    rescue: float = option(
        1e-3,
        "Penalty under separation",
        "Keeps strengths finite where an item always wins or loses.",
        low=1e-9,
    )
    ci: Literal["auto", "none", "hessian", "sandwich", "cluster"] = option(
        "auto",
        "Standard errors",
        "Automatic: over annotators where they are known, else the inverse Hessian.",
    )


@dataclass(frozen=True, eq=False)
class PairFit:
    """theta[K], extra[P], their joint covariance [K+P, K+P] (or None), and how they were found."""

    theta: Floats
    extra: Floats
    covariance: Floats | None
    loglik: float
    penalised: float
    iters: int
    converged: bool
    grad_inf: float


def estimate_pairs(
    evidence: Comparisons | PairCounts,
    model: OutcomeModel,
    cells: Cells,
    options: PairModelOptions,
    kind: ScoreKind,
    link: Callable[[Floats, Floats], Link | None],
    names: Callable[[Floats], dict[str, Any]],
    warnings: tuple[ResultWarning, ...] = (),
    quasi: bool = False,
) -> Estimate:
    """Fit `model` to `cells` and dress the result; `link` and `names` translate the extra
    parameters.
    """
    if cells.n_items > DENSE_LIMIT:
        raise TableError(
            say(
                "This model takes at most %(dense_limit)s items; use bradley_terry for more.",
                dense_limit=f"{DENSE_LIMIT:,}",
            )
        )
    structure = structure_of(evidence.pair_counts())
    ridge = structure.ridge(options.penalty, options.rescue)
    found = fit_cells(cells, model, structure, ridge)
    ci = _chosen_ci(evidence, cells, options)
    cov, given = (
        (None, ci)
        if ci == "none"
        else _covariance(evidence, cells, model, structure, ridge, found, ci)
    )
    K = cells.n_items
    theta = np.where(structure.part < 0, np.nan, found.theta)
    parameters = names(found.extra)
    if cov is not None and len(found.extra):
        parameters["extra_se"] = np.sqrt(np.maximum(np.diagonal(cov)[K:], 0.0)).tolist()
    return Estimate(
        score=theta,
        score_kind=kind,
        cov=None if cov is None else cov[:K, :K],
        ci_method=given,
        component=structure.part,
        link=link(theta, found.extra),
        fit=_described(found, structure, len(evidence), parameters, quasi),
        warnings=(
            *structure.warnings,
            *warnings,
            *replaced(options, given, bool(cells.weight.sum())),
        ),
    )


def _described(
    found: PairFit, structure: Structure, rows: int, parameters: dict[str, Any], quasi: bool
) -> Fit:
    return Fit(
        loglik=found.loglik if rows else float("nan"),
        penalised=found.penalised if rows else float("nan"),
        n_obs=rows,
        n_par=int((structure.part >= 0).sum()) - structure.n_parts + len(found.extra),
        iters=found.iters,
        converged=found.converged,
        grad_inf=found.grad_inf,
        n_components=structure.n_parts,
        separated=structure.separated,
        parameters=parameters,
        quasi=quasi,
    )


def fit_cells(
    cells: Cells, model: OutcomeModel, structure: Structure, ridge: Floats, max_iter: int = 200
) -> PairFit:
    """Newton's method with step halving on the penalised log-likelihood; strengths have mean 0 in
    each part.
    """
    K = cells.n_items
    theta, extra = np.zeros(K), model.start()
    scale = max(1.0, float(cells.weight.sum()))
    value = objective(cells, model, theta, extra, ridge)
    worst, step = np.inf, 0
    while step < max_iter:
        at = model.derivatives(cells.outcome, theta[cells.i] - theta[cells.j], extra)
        gradient = np.concatenate(
            [scattered(cells, cells.weight * at.d) - ridge * theta, at.e @ cells.weight]
        )
        worst = float(np.abs(gradient).max(initial=0.0))
        if worst <= 1e-11 * scale:
            break
        move = linalg.solve(information(cells, at, structure, ridge), gradient, assume_a="sym")
        climbed = _climb(cells, model, theta, extra, move, ridge, value)
        if climbed is None:
            break
        theta, extra, value = climbed
        step += 1
    loglik = value + 0.5 * float(ridge @ theta**2)
    return PairFit(theta, extra, None, loglik, value, step, worst <= 1e-7 * scale, worst)


def _climb(
    cells: Cells,
    model: OutcomeModel,
    theta: Floats,
    extra: Floats,
    move: Floats,
    ridge: Floats,
    value: float,
) -> tuple[Floats, Floats, float] | None:
    """The longest of the steps 1, 1/2, 1/4 … that does not lower the objective, or None."""
    slack = 1e-12 * (abs(value) + 1.0)
    for halvings in range(34):
        part = move / 2**halvings
        candidate = theta + part[: len(theta)], extra + part[len(theta) :]
        reached = objective(cells, model, *candidate, ridge)
        if reached >= value - slack:
            return *candidate, reached
    return None


def objective(
    cells: Cells, model: OutcomeModel, theta: Floats, extra: Floats, ridge: Floats
) -> float:
    """Penalised log-likelihood; minus infinity outside the allowed extra parameters."""
    if not model.allowed(extra):
        return -np.inf
    logp = model.derivatives(cells.outcome, theta[cells.i] - theta[cells.j], extra).logp
    return float(cells.weight @ logp - 0.5 * ridge @ theta**2)


def information(cells: Cells, at: Derivatives, structure: Structure, ridge: Floats) -> Floats:
    """Negative Hessian in (theta, extra), made invertible by one row-sum constraint per part."""
    K, P = cells.n_items, len(at.e)
    H = np.zeros((K + P, K + P))
    w = -cells.weight * at.dd
    off = np.bincount(cells.i * K + cells.j, w, minlength=K * K).reshape(K, K)
    off = off + off.T
    H[:K, :K] = np.diag(off.sum(axis=1) + ridge) - off + centring(structure.part)
    for q in range(P):
        H[:K, K + q] = H[K + q, :K] = scattered(cells, -cells.weight * at.de[q])
    H[K:, K:] = -(at.ee @ cells.weight)
    return H


def _chosen_ci(
    evidence: Comparisons | PairCounts, cells: Cells, options: PairModelOptions
) -> CiMethod:
    rows = isinstance(evidence, Comparisons)
    known = isinstance(evidence, Comparisons) and evidence.annotator is not None
    if options.ci != "auto":
        return attainable(options.ci, rows, known)
    if options.replicates or not cells.weight.sum():
        return "none"
    return "cluster" if known else "hessian"


def _covariance(
    evidence: Comparisons | PairCounts,
    cells: Cells,
    model: OutcomeModel,
    structure: Structure,
    ridge: Floats,
    found: PairFit,
    ci: CiMethod,
) -> tuple[Floats, CiMethod]:
    """The covariance, and what it is: where all scores cancel only the curvature is known."""
    K, P = cells.n_items, len(found.extra)
    at = model.derivatives(cells.outcome, found.theta[cells.i] - found.theta[cells.j], found.extra)
    project = np.eye(K + P)
    project[:K, :K] -= centring(structure.part)
    C = project @ linalg.pinvh(information(cells, at, structure, ridge)) @ project
    unseen = np.flatnonzero(structure.part < 0)
    if ci == "hessian" or not isinstance(evidence, Comparisons):
        return blank(C, unseen), "hessian"
    U = _scores(evidence, cells, at, ci == "sandwich")
    weight = np.bincount(cells.i, cells.weight, minlength=K) + np.bincount(
        cells.j, cells.weight, minlength=K
    )
    spread = robust(C, U, structure.part, weight, correct=ci == "cluster")
    return (blank(C, unseen), "hessian") if spread is None else (blank(spread, unseen), ci)


def _scores(table: Comparisons, cells: Cells, at: Derivatives, by_row: bool) -> Floats:
    """Derivative of the log-likelihood in (theta, extra), summed per cluster: float64[G, K + P]."""
    assert cells.row is not None
    assert cells.sign is not None
    cluster, count = (np.arange(len(table)), len(table)) if by_row else table.clusters
    K, P = cells.n_items, len(at.e)
    r = table.weights * at.d[cells.row] * cells.sign
    key = cluster.astype(np.int64) * K
    flat = np.bincount(key + table.a, r, minlength=count * K) - np.bincount(
        key + table.b, r, minlength=count * K
    )
    U = np.zeros((count, K + P))
    U[:, :K] = flat.reshape(count, K)
    for q in range(P):
        U[:, K + q] = np.bincount(cluster, table.weights * at.e[q][cells.row], minlength=count)
    return U[np.bincount(cluster, table.weight, minlength=count) > 0]
