"""Calibrated mean: ratings corrected for annotators who are lenient, strict, or inconsistent.

Four models of x_ju, the rating of unit u by annotator j: "additive": x = psi_u + D_j, least
squares, sum of D = 0; the correction for lenient and strict annotators. "precision": x = psi_u +
D_j + v_j eps; alternately D_j = mean residual (centred), v_j^2 = mean squared residual (not below
`floor`), psi_u = mean of x - D weighted by 1/v_j^2; the weights favour consistent annotators.
Variances can collapse onto one annotator: the floor is essential, and LOCAL_OPTIMUM_RISK is
reported. "zscore": every annotator's ratings are centred and divided by his standard deviation
(only centred with fewer than three units rated or no spread), averaged, and put back on the common
scale. "ordinal": cumulative logit, P(x <= v_c) = sigma(tau_c - psi_u - D_j) with a ridge on psi and
D (`penalty`), for scales whose steps need not be equally wide: nothing but the order of the ratings
decides psi, and a unit's score is the mean rating that an annotator without shift would give it.
psi, on the scale of log-odds as D is here, and tau are in fit.parameters.

Needs annotators who share units: psi is comparable only within a connected part (DISCONNECTED);
with one annotator the correction means nothing. Bias D_j and spread are in the annotator table; an
annotator whom the fit follows exactly, such as the only one, has no spread to speak of (blank).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from aggregation.method import Estimate, Method
from aggregation.methods.scalars._ordinal import Ordinal, fitted
from aggregation.methods.scalars._ratings import rated, unit_means
from aggregation.options import Options, option
from aggregation.results import AnnotatorQuality, Fit
from aggregation.tables import Ratings, TableError
from aggregation.warning_codes import ResultWarning, WarningCode, warn
from annotation.phrases import say

Floats = NDArray[np.float64]
Codes = NDArray[np.int32]
LEVEL = 1e-9  # spreads below it, on the range of the ratings, are rounding
MOST_VALUES = 500  # of an ordinal scale


@dataclass(frozen=True, kw_only=True)
class CalibratedMeanOptions(Options):
    model: Literal["additive", "precision", "zscore", "ordinal"] = option(
        "additive", "Model", "What differs between annotators."
    )
    floor: float = option(
        0.1, "Smallest spread", "Of an annotator, in points of the scale.", low=1e-6
    )
    penalty: float = option(
        0.1, "Ridge", "Of the ordinal model, on units and annotators.", low=1e-6
    )
    max_iter: int = option(2000, "Iterations", "At most.", low=1)


@dataclass(frozen=True, eq=False)
class Calibration:
    """psi[U], bias[J], spread[J], steps and whether they settled."""

    psi: Floats
    bias: Floats
    spread: Floats
    iters: int
    converged: bool


def solve(table: Ratings, options: CalibratedMeanOptions, rng: np.random.Generator) -> Estimate:
    rows = table.answered()
    if rows.annotator is None or not len(rows):
        return rated(table, unit_means(rows))
    if options.model == "ordinal":
        rows = rows.take(rows.weights > 0)
        if not len(rows):
            return rated(table, unit_means(rows))
    people, J = rows.clusters
    if options.model == "ordinal":
        return _by_order(table, rows, people, J, options)
    found = (
        _zscore(rows, people, J)
        if options.model == "zscore"
        else _alternate(rows, people, J, options)
    )
    part, n_parts = _parts(rows, people, J)
    warned: list[ResultWarning] = []
    if n_parts > 1 and options.model != "zscore":
        warned.append(warn(WarningCode.DISCONNECTED, say("%(n)s parts", n=n_parts)))
    if options.model == "precision":
        warned.append(warn(WarningCode.LOCAL_OPTIMUM_RISK))
    fit = Fit(
        n_obs=len(rows),
        n_par=rows.n_units + J - 1,
        iters=found.iters,
        converged=found.converged,
        n_components=n_parts,
    )
    comparable = part if options.model != "zscore" else np.where(part < 0, -1, 0)
    return rated(
        table,
        found.psi,
        tuple(warned),
        component=comparable,
        annotators=_quality(rows, people, found),
        fit=fit,
    )


def _by_order(
    table: Ratings, rows: Ratings, people: Codes, J: int, options: CalibratedMeanOptions
) -> Estimate:
    different = len(np.unique(rows.value))
    if different > MOST_VALUES:
        raise TableError(
            say(
                "The ordinal model takes at most %(most)s different ratings, not %(n)s. Use "
                "another model for a continuous scale.",
                most=MOST_VALUES,
                n=different,
            )
        )
    model = Ordinal.of(rows, people, J, options.penalty)
    best = fitted(model, options.max_iter)
    U = rows.n_units
    rated_by_any = np.bincount(rows.unit, minlength=U) > 0
    score = np.where(rated_by_any, model.expected(best.x), np.nan)
    total = np.bincount(people, rows.weights, minlength=J)
    residual = rows.weights * (rows.value - score[rows.unit])
    off = np.bincount(people, residual, minlength=J) / np.where(total > 0, total, 1.0)
    spread = _spread(rows, people, score, off, J)
    found = Calibration(score, best.x[U : U + J], spread, best.iters, best.converged)
    part, n_parts = _parts(rows, people, J)
    apart = (warn(WarningCode.DISCONNECTED, say("%(n)s parts", n=n_parts)),)
    value = model.objective(best.x)
    fit = Fit(
        loglik=value + 0.5 * float(model.ridge @ best.x**2),
        penalised=value,
        n_obs=len(rows),
        n_par=len(best.x) - 2,
        iters=best.iters,
        converged=best.converged,
        grad_inf=best.worst,
        n_components=n_parts,
        parameters={
            "latent": np.where(rated_by_any, best.x[:U], np.nan).tolist(),
            "values": model.value.tolist(),
            "thresholds": best.x[U + J :].tolist(),
        },
    )
    return rated(
        table,
        score,
        apart if n_parts > 1 else (),
        component=part,
        annotators=_quality(rows, people, found),
        fit=fit,
    )


def _quality(rows: Ratings, people: Codes, found: Calibration) -> AnnotatorQuality:
    J = len(rows.annotator_ids)
    n = np.bincount(people, minlength=J)[:J]
    spread = found.spread[:J]
    apart = (n > 0) & (spread > LEVEL * max(float(np.ptp(rows.value)), LEVEL))
    precision = np.where(apart, 1 / np.where(apart, spread, 1.0), np.nan)
    return AnnotatorQuality(
        rows.annotator_ids,
        precision,
        n.astype(np.int64),
        bias=found.bias[:J],
        ability_kind=say("1 / spread"),
    )


def _alternate(rows: Ratings, people: Codes, J: int, options: CalibratedMeanOptions) -> Calibration:
    """Alternating least squares; with equal spreads it converges to the additive model."""
    total = np.bincount(people, rows.weights, minlength=J)
    held = np.where(total > 0, total, 1.0)
    bias, spread = np.zeros(J), np.ones(J)
    psi = unit_means(rows)
    for step in range(1, options.max_iter + 1):
        residual = rows.value - psi[rows.unit]
        bias = np.bincount(people, rows.weights * residual, minlength=J) / held
        bias = np.where(total > 0, bias - bias[total > 0].mean(), 0.0)
        residual = residual - bias[people]
        if options.model == "precision":
            square = np.bincount(people, rows.weights * residual**2, minlength=J) / held
            spread = np.sqrt(np.maximum(square, options.floor**2))
        new = _weighted_means(rows, rows.value - bias[people], 1 / spread[people] ** 2)
        moved = float(np.nanmax(np.abs(new - psi)))
        psi = new
        if moved < 1e-12 * max(1.0, float(np.abs(rows.value).max())):
            return Calibration(psi, bias, _spread(rows, people, psi, bias, J), step, True)
    return Calibration(psi, bias, _spread(rows, people, psi, bias, J), options.max_iter, False)


def _spread(rows: Ratings, people: Codes, psi: Floats, bias: Floats, J: int) -> Floats:
    residual = rows.value - psi[rows.unit] - bias[people]
    total = np.bincount(people, rows.weights, minlength=J)
    square = np.bincount(people, rows.weights * residual**2, minlength=J)
    return np.sqrt(square / np.where(total > 0, total, 1.0))


def _weighted_means(rows: Ratings, value: Floats, precision: Floats) -> Floats:
    weight = rows.weights * precision
    total = np.bincount(rows.unit, weight, minlength=rows.n_units)
    summed = np.bincount(rows.unit, weight * value, minlength=rows.n_units)
    return np.where(total > 0, summed / np.where(total > 0, total, 1.0), np.nan)


def _zscore(rows: Ratings, people: Codes, J: int) -> Calibration:
    total = np.bincount(people, rows.weights, minlength=J)
    held = np.where(total > 0, total, 1.0)
    centre = np.bincount(people, rows.weights * rows.value, minlength=J) / held
    square = (
        np.bincount(people, rows.weights * (rows.value - centre[people]) ** 2, minlength=J) / held
    )
    own = np.sqrt(square)
    overall = float(np.average(rows.value, weights=rows.weights))
    common = float(np.sqrt(np.average((rows.value - overall) ** 2, weights=rows.weights)))
    scaled = (_different(rows, people, J) >= 3) & (own > 0)
    factor = np.where(scaled, common / np.where(scaled, own, 1.0), 1.0)
    value = overall + (rows.value - centre[people]) * factor[people]
    return Calibration(unit_means(rows, value), centre - overall, own, 1, True)


def _different(rows: Ratings, people: Codes, J: int) -> NDArray[np.int64]:
    """How many units (in each group) everybody rated: a rating of weight 2 is the same rating
    twice, and tells no more of somebody's spread; a reweighting tells no less.
    """
    weighty = rows.weights > 0
    group = 0 if rows.group is None else rows.group[weighty].astype(np.int64) + 1
    place = group * rows.n_units + rows.unit[weighty]
    distinct = np.unique(place * J + people[weighty])
    return np.bincount(distinct % J, minlength=J)


def _parts(rows: Ratings, people: Codes, J: int) -> tuple[NDArray[np.int64], int]:
    """Part of each unit (-1 unrated): units linked through common annotators."""
    graph = sparse.coo_array(
        (np.ones(len(rows)), (people, J + rows.unit)), shape=(J + rows.n_units,) * 2
    )
    _, label = connected_components(graph.tocsr(), directed=False)
    part = np.full(rows.n_units, -1, dtype=np.int64)
    seen = np.unique(rows.unit)
    names, compact = np.unique(label[J + seen], return_inverse=True)
    part[seen] = compact
    return part, len(names)


METHOD = Method(
    title="Calibrated mean",
    family="scalars",
    consumes=(Ratings,),
    solve=solve,
    options=CalibratedMeanOptions,
    reference="Li, Bampis, Krasula, Janowski & Katsavounidis (2020), arXiv:2004.02067; "
    "ITU-T P.910 (2022); McCullagh (1980), Journal of the Royal Statistical Society B 42",
    axioms=("neutrality", "annotators weighted by reliability"),
    version="3",  # 2: z-scores need three different ratings; 3: no precision without spread
)
