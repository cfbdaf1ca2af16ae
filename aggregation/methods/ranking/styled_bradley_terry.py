"""Style- and position-controlled Bradley–Terry: strengths after length, formatting and side are
accounted for.

Model: logit P(a wins) = theta_a - theta_b + gamma * first + beta'x, with x the covariates of the
judgment (a minus b), first = +1 if a was shown first and -1 if b was. With `position="annotator"`
every annotator has a gamma of his own around the common one (ridge `position_ridge`): his position
bias. Ties are half a win each. Ridges apply to the sum of log-likelihoods.

Covariates belong to judgments, so nothing can be grouped: a Newton step costs O(N F^2). beta is in
fit.parameters, and theta answers "who would win if both answers had the same style"; it is only as
good as the covariates. A covariate that predicts every outcome, or an item that always wins, is
reported (SEPARATION) and kept finite by a small penalty. Judgments without known side have first =
0.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from aggregation.links import Link
from aggregation.method import Estimate, Method
from aggregation.methods.ranking._curvature import centring
from aggregation.methods.ranking._errors import attainable, blank, replaced, robust
from aggregation.methods.ranking._strengths import centred
from aggregation.methods.ranking._structure import Structure, structure_of
from aggregation.methods.ranking._vote_design import Design
from aggregation.options import Options, option
from aggregation.results import AnnotatorQuality, CiMethod, Fit
from aggregation.tables import Comparisons, TableError
from aggregation.tables.pair_counts import DENSE_LIMIT
from aggregation.warning_codes import WarningCode, warn
from annotation.phrases import say

Floats = NDArray[np.float64]
EXTREME = 15.0  # log-odds that a covariate of typical size adds when it separates the data


@dataclass(frozen=True, kw_only=True)
class StyledOptions(Options):
    penalty: float = option(0.0, "Penalty on strengths", "", low=0.0)
    style_penalty: float = option(0.0, "Penalty on covariates", "", low=0.0)
    position: Literal["common", "annotator", "none"] = option(
        "common", "Position bias", "One for all, one per annotator, or none."
    )
    position_ridge: float = option(1.0, "Ridge on annotators' position bias", "", low=1e-9)
    standardise: bool = option(
        False, "Standardise covariates", "Mean 0 and standard deviation 1 before the fit."
    )
    rescue: float = option(1e-3, "Penalty under separation", "", low=1e-9)
    ci: Literal["auto", "none", "hessian", "cluster"] = option("auto", "Standard errors", "")


def solve(table: Comparisons, options: StyledOptions, rng: np.random.Generator) -> Estimate:
    structure = structure_of(table.pair_counts())
    design = _design(table, options)
    if design.K + design.z.shape[1] > DENSE_LIMIT:
        raise TableError(
            say(
                "This model takes at most %(dense_limit)s items, covariates and "
                "annotators together.",
                dense_limit=f"{DENSE_LIMIT:,}",
            )
        )
    ridge = np.concatenate([structure.ridge(options.penalty, options.rescue), design.ridge])
    x, iters, worst = _newton(design, structure, ridge)
    separating = _separating(design, x)
    if separating:
        ridge[design.K :] = np.maximum(ridge[design.K :], options.rescue)
        x, iters, worst = _newton(design, structure, ridge)
    cov, given = _covariance(table, design, structure, ridge, x, options)
    found = _dressed(table, design, structure, ridge, x, iters, worst, cov, separating)
    told = (*found.warnings, *replaced(options, given, len(table) > 0))
    return replace(found, ci_method=given, warnings=told)


def _design(table: Comparisons, options: StyledOptions) -> Design:
    N = len(table)
    columns: list[Floats] = []
    names: list[str] = []
    ridges: list[float] = []
    if table.x is not None:
        x = table.x.astype(np.float64)
        if options.standardise and N:
            spread = x.std(axis=0)
            x = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
        columns += list(x.T)
        names += list(table.feature_names)
        ridges += [options.style_penalty] * x.shape[1]
    sides = options.position != "none" and table.first is not None and table.first.any()
    first = table.first.astype(np.float64) if table.first is not None else np.zeros(N)
    if sides:
        columns.append(first)
        names.append("first")
        ridges.append(0.0)
    n_own = 0
    if sides and options.position == "annotator" and table.annotator is not None:
        n_own = len(table.annotator_ids)
        columns += [first * (table.annotator == k) for k in range(n_own)]
        names += [f"first for {name}" for name in table.annotator_ids]
        ridges += [options.position_ridge] * n_own
    z = np.stack(columns, axis=1) if columns else np.zeros((N, 0))
    informative = z.any(axis=0) if N else np.zeros(z.shape[1], dtype=np.bool_)
    ridge = np.where(informative, np.array(ridges), 1.0)  # an empty column has a coefficient of 0
    return Design(
        a=table.a.astype(np.int64),
        b=table.b.astype(np.int64),
        z=z,
        names=tuple(names),
        ridge=ridge,
        share=0.5 + 0.5 * np.sign(table.y),
        weight=table.weights,
        K=table.n_items,
        n_own=n_own,
    )


def _newton(
    design: Design, structure: Structure, ridge: Floats, max_iter: int = 60
) -> tuple[Floats, int, float]:
    K = design.K
    x = np.zeros(K + design.z.shape[1])
    scale = max(1.0, float(design.weight.sum()))
    value, worst, step = design.loglik(x), np.inf, 0
    extra = np.zeros((len(x), len(x)))
    extra[:K, :K] = centring(structure.part)
    while step < max_iter:
        gradient = design.gradient(x) - ridge * x
        worst = float(np.abs(gradient).max(initial=0.0))
        if worst <= 1e-11 * scale:
            break
        H = design.information(x) + np.diag(ridge + 1e-12 * scale) + extra
        climbed = _climb(design, x, linalg.solve(H, gradient, assume_a="sym"), ridge, value)
        if climbed is None:
            break
        x, value = climbed
        step += 1
    x[:K] = centred(x[:K], structure.part)
    return x, step, worst


def _climb(
    design: Design, x: Floats, move: Floats, ridge: Floats, value: float
) -> tuple[Floats, float] | None:
    """The longest of the steps 1, 1/2, 1/4 … that does not lower the objective, or None."""
    for halvings in range(34):
        candidate = x + move / 2**halvings
        reached = design.loglik(candidate) - 0.5 * float(ridge @ candidate**2)
        if reached >= value - 1e-12 * (abs(value) + 1):
            return candidate, reached
    return None


def _separating(design: Design, x: Floats) -> tuple[str, ...]:
    """Columns whose typical effect is beyond any doubt: their coefficient knows no bound."""
    size = np.abs(design.z).mean(axis=0) * np.abs(x[design.K :]) if len(design.z) else np.zeros(0)
    return tuple(design.names[f] for f in np.flatnonzero(size > EXTREME))


def _covariance(
    table: Comparisons,
    design: Design,
    structure: Structure,
    ridge: Floats,
    x: Floats,
    options: StyledOptions,
) -> tuple[Floats | None, CiMethod]:
    """The covariance, and what it is: where all scores cancel only the curvature is known."""
    if options.ci == "none" or options.replicates or not len(table):
        return None, "none"
    K = design.K
    project = np.eye(len(x))
    project[:K, :K] -= centring(structure.part)
    H = design.information(x) + np.diag(ridge)
    H[:K, :K] += centring(structure.part)
    C = project @ linalg.pinvh(H) @ project
    unseen = np.flatnonzero(structure.part < 0)
    ci = _chosen_ci(table, options)
    if ci == "hessian":
        return blank(C, unseen), ci
    weight = np.bincount(design.a, design.weight, minlength=K) + np.bincount(
        design.b, design.weight, minlength=K
    )
    found = robust(C, _scores(table, design, x), structure.part, weight, correct=ci == "cluster")
    return (blank(C, unseen), "hessian") if found is None else (blank(found, unseen), ci)


def _chosen_ci(table: Comparisons, options: StyledOptions) -> CiMethod:
    known = table.annotator is not None
    if options.ci == "auto":
        return "cluster" if known else "hessian"
    return attainable(options.ci, True, known)


def _scores(table: Comparisons, design: Design, x: Floats) -> Floats:
    cluster, count = table.clusters
    r = design.gradient_rows(x)
    key = cluster.astype(np.int64) * design.K
    size = count * design.K
    flat = np.bincount(key + design.a, r, minlength=size) - np.bincount(
        key + design.b, r, minlength=size
    )
    rest = [np.bincount(cluster, r * z, minlength=count) for z in design.z.T]
    U = np.column_stack([flat.reshape(count, design.K), *rest])
    return U[np.bincount(cluster, table.weight, minlength=count) > 0]


def _dressed(
    table: Comparisons,
    design: Design,
    structure: Structure,
    ridge: Floats,
    x: Floats,
    iters: int,
    worst: float,
    cov: Floats | None,
    separating: tuple[str, ...],
) -> Estimate:
    K = design.K
    theta = np.where(structure.part < 0, np.nan, x[:K])
    value = design.loglik(x)
    beta = dict(zip(design.names, x[K:].tolist(), strict=True))
    parameters: dict[str, Any] = {"beta": beta}
    se = None if cov is None else np.sqrt(np.maximum(np.diagonal(cov)[K:], 0.0))
    if se is not None:
        parameters["beta_se"] = dict(zip(design.names, se.tolist(), strict=True))
    told = (warn(WarningCode.SEPARATION, say("by a covariate"), separating),) if separating else ()
    estimate = Estimate(
        score=theta,
        score_kind="logit",
        cov=None if cov is None else cov[:K, :K],
        component=structure.part,
        link=Link("logistic", theta),
        fit=Fit(
            loglik=value if len(table) else float("nan"),
            penalised=value - 0.5 * float(ridge @ x**2) if len(table) else float("nan"),
            n_obs=len(table),
            n_par=int((structure.part >= 0).sum()) - structure.n_parts + len(beta),
            iters=iters,
            converged=worst <= 1e-7 * max(1.0, float(design.weight.sum())),
            grad_inf=worst,
            n_components=structure.n_parts,
            separated=structure.separated,
            parameters=parameters,
            quasi=bool((table.y == 0).any()),
        ),
        warnings=(*structure.warnings, *told),
    )
    if not design.n_own:
        return estimate
    common = beta["first"]
    own = x[-design.n_own :] + common
    n = (
        np.bincount(table.annotator[table.annotator >= 0], minlength=design.n_own)
        if table.annotator is not None
        else own
    )
    people = AnnotatorQuality(
        table.annotator_ids, np.full(design.n_own, np.nan), np.asarray(n, dtype=np.int64), bias=own
    )
    return replace(estimate, annotators=people)


METHOD = Method(
    title="Style-controlled Bradley–Terry",
    family="ranking",
    consumes=(Comparisons,),
    solve=solve,
    options=StyledOptions,
    reference="Agresti (2013), Categorical Data Analysis; Li et al. (2024), Does style matter?",
    axioms=("neutrality", "anonymity"),
    version="2",  # 2: errors where all tie; the kind of errors by its name
)
