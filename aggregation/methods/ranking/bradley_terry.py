"""Bradley–Terry: every item has a strength, and the odds of winning are the ratio of strengths.

Model: P(i beats j) = sigma(theta_i - theta_j). A tie counts as half a win for each side (a quasi-
likelihood: the scale shrinks, so don't compare these strengths with Davidson's), or ties are
dropped. The fit maximises sum_ij h_ij log sigma(theta_i - theta_j) - penalty/2 * |theta|^2, with
h_ij the wins of i over j.

Identifiability: only differences mean something; strengths have mean 0 within each connected part,
or an anchor item keeps a given value. A finite maximum exists exactly where the graph "has beaten"
is strongly connected. Elsewhere a small penalty keeps the strengths finite, NOT_STRONGLY_CONNECTED
is reported, and only the order means something. Parts never compared with each other have separate
scales and ranks. Items without judgments have no score.

Uncertainty: inverse Hessian; sandwich over single judgments; sandwich over annotators (default
where they are known), all in closed form up to 2,000 items; or the bootstrap over annotators. Where
every judgment is a tie there is nothing to make a sandwich of, and the inverse Hessian is given.

Don't use it when one number per item can't describe the judgments (see HodgeRank's cyclicity), or
when annotators differ much in reliability.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aggregation.links import Link
from aggregation.method import Estimate, Method
from aggregation.methods.ranking import _strengths as strengths
from aggregation.methods.ranking._curvature import covariance, information, robust_covariance
from aggregation.methods.ranking._errors import attainable, blank, replaced, silent
from aggregation.methods.ranking._meat import RowScore, meat
from aggregation.methods.ranking._structure import Structure, structure_of
from aggregation.options import Options, option
from aggregation.resampling import (
    active_clusters,
    resample,
    resample_side_by_side,
    varies_prompts,
)
from aggregation.results import CiMethod, Fit
from aggregation.tables import Comparisons, PairCounts, TableError
from aggregation.tables.comparisons import CANNOT_TELL
from aggregation.tables.pair_counts import count_pairs
from annotation.phrases import say

Floats = NDArray[np.float64]
ELO = 400 / np.log(10)
COV_LIMIT = 2_000  # items
BATCH_LIMIT = 150  # items up to which bootstrap fits run side by side


@dataclass(frozen=True, kw_only=True)
class BradleyTerryOptions(Options):
    ties: Literal["half", "drop"] = option("half", "Ties", "Half a win for each side, or left out.")
    strength: Literal["ignore", "weight", "soft"] = option(
        "ignore",
        "Strength of preference",
        "Ignored; as a weight; or as a soft outcome between 1/2 and 1 (then it is no likelihood).",
    )
    cannot_tell: Literal["tie", "drop"] = option("tie", "“Cannot tell”", "A tie, or left out.")
    penalty: float = option(
        0.0, "Penalty", "Ridge on strengths, as a Gaussian prior of variance 1/penalty.", low=0.0
    )
    rescue: float = option(
        1e-3,
        "Penalty under separation",
        "Keeps strengths finite where an item always wins or loses.",
        low=1e-9,
    )
    virtual: float = option(
        0.0, "Virtual games", "Wins and losses added to every observed pair.", low=0.0
    )
    ci: Literal["auto", "none", "hessian", "sandwich", "cluster"] = option(
        "auto",
        "Standard errors",
        "Automatic: over annotators where they are known, else the inverse Hessian.",
    )
    anchor: str | None = option(
        None, "Anchor item", "Id of an item with a fixed score; otherwise the mean is 0."
    )
    anchor_value: float = option(0.0, "Score of the anchor", "On the display scale.")
    scale: Literal["logit", "elo"] = option(
        "logit", "Display scale", "Log-odds, or 1000 + 173.72 times that."
    )


def solve(
    evidence: Comparisons | PairCounts, options: BradleyTerryOptions, rng: np.random.Generator
) -> Estimate:
    table = _selected(evidence, options)
    counts = _counts(table, options)
    structure = structure_of(counts)
    ridge = structure.ridge(options.penalty, options.rescue)
    if counts.is_dense:
        h = _virtual(np.asarray(counts.half_ties), options.virtual)
        found = strengths.fit_dense(h, structure.part, ridge)
        value = strengths.loglik(h, found.theta)
    else:
        h = None
        found, value = _fit_sparse(counts, structure, ridge, options.virtual)
    theta = np.where(structure.part < 0, np.nan, found.theta)
    ci = _chosen_ci(table, options, counts.n_items)
    rows_matter = ci in ("sandwich", "cluster")
    cov, given = _covariance(table, options, structure, ridge, h, found.theta, ci)
    score, cov = _displayed(theta, cov, structure, counts, options)
    return Estimate(
        score=score,
        score_kind=options.scale,
        cov=cov,
        ci_method=given,
        component=structure.part,
        link=Link("logistic", theta),
        fit=_fit(found, value, ridge, structure, len(table), options),
        warnings=(*structure.warnings, *replaced(options, given, len(table) > 0)),
        input_digest=None if rows_matter or options.replicates else counts.digest,
    )


def _selected(
    evidence: Comparisons | PairCounts, options: BradleyTerryOptions
) -> Comparisons | PairCounts:
    if not isinstance(evidence, Comparisons):
        return evidence
    table = evidence
    if options.cannot_tell == "drop" and table.tie_kind is not None:
        table = table.take(table.tie_kind != CANNOT_TELL)
    return table.take(table.y != 0) if options.ties == "drop" else table


def _counts(table: Comparisons | PairCounts, options: BradleyTerryOptions) -> PairCounts:
    if isinstance(table, PairCounts):
        return (
            PairCounts(table.wins, 0 * table.ties, table.ids, table.rows)
            if options.ties == "drop"
            else table
        )
    if options.strength == "ignore" or table.strength_levels == 1:
        return table.pair_counts()
    share, weight = _outcome(table, options, table.strength_levels)
    won = count_pairs(
        table.a, table.b, np.ones(len(table), dtype=np.int8), weight * share, table.ids
    )
    lost = count_pairs(
        table.b, table.a, np.ones(len(table), dtype=np.int8), weight * (1 - share), table.ids
    )
    return PairCounts(won.wins + lost.wins, won.ties, table.ids, len(table))


def _outcome(table: Comparisons, options: BradleyTerryOptions, S: int) -> tuple[Floats, Floats]:
    """Share of the win that goes to a, and the weight, per row; S is the largest strength."""
    y = table.y.astype(np.float64)
    if options.strength == "soft":
        return 0.5 + 0.5 * y / S, table.weights
    share = 0.5 + 0.5 * np.sign(y)
    return share, table.weights * np.maximum(
        np.abs(y), 1
    ) if options.strength == "weight" else table.weights


def _virtual(h: Floats, games: float) -> Floats:
    return np.asarray(h + games * ((h + h.T) > 0)) if games else h


def _fit_sparse(
    counts: PairCounts, structure: Structure, ridge: Floats, virtual: float
) -> tuple[strengths.Strengths, float]:
    i, j, won, lost, tied = counts.edges()
    h_ij, h_ji = won + tied / 2 + virtual, lost + tied / 2 + virtual
    seen = np.flatnonzero(structure.part >= 0)
    place = np.cumsum(structure.part >= 0) - 1
    fit = strengths.fit_sparse(place[i], place[j], h_ij, h_ji, structure.part[seen], ridge[seen])
    theta = np.zeros(counts.n_items)
    theta[seen] = fit.theta
    found = replace(fit, theta=theta)
    d = theta[i] - theta[j]
    return found, float(-(h_ij @ np.logaddexp(0, -d) + h_ji @ np.logaddexp(0, d)))


def _chosen_ci(
    table: Comparisons | PairCounts, options: BradleyTerryOptions, n_items: int
) -> CiMethod:
    rows = isinstance(table, Comparisons)
    known = isinstance(table, Comparisons) and table.annotator is not None
    if not n_items:
        return "none"
    if options.ci != "auto":
        return attainable(options.ci, rows, known)
    if n_items > COV_LIMIT or options.replicates:
        return "none"
    return "cluster" if known else "hessian"


def _covariance(
    table: Comparisons | PairCounts,
    options: BradleyTerryOptions,
    structure: Structure,
    ridge: Floats,
    h: Floats | None,
    theta: Floats,
    ci: CiMethod,
) -> tuple[Floats | None, CiMethod]:
    """The covariance, and what it is: where all scores cancel only the curvature is known."""
    if ci == "none" or h is None:
        return None, "none"
    H, part = information(h, theta), structure.part
    if ci == "hessian" or not isinstance(table, Comparisons):
        return covariance(H, part, ridge), "hessian"
    found = meat(table, _residual(table, options, theta), len(theta), by_row=ci == "sandwich")
    if found is None:
        return np.full_like(H, np.nan), ci
    quiet = silent(np.diagonal(found), h.sum(axis=0) + h.sum(axis=1), part)
    if quiet[part >= 0].all():
        return covariance(H, part, ridge), "hessian"
    cov = robust_covariance(H, part, ridge, found)
    return blank(cov, np.flatnonzero(quiet)) if quiet.any() else cov, ci


def _residual(table: Comparisons, options: BradleyTerryOptions, theta: Floats) -> RowScore:
    """Derivative of each row's log-likelihood with respect to theta_a - theta_b."""
    chance = strengths.chances(theta)
    plain = options.strength == "ignore" or table.strength_levels == 1

    def residual(rows: slice) -> Floats:
        p = chance(table.a[rows], table.b[rows])
        if not plain:
            some = table.take(np.arange(len(table))[rows])
            share, weight = _outcome(some, options, table.strength_levels)
            return np.asarray(weight * (share - p))
        y = table.y[rows]
        won: NDArray[Any] = y > 0 if np.count_nonzero(y) == len(y) else 0.5 + 0.5 * np.sign(y)
        np.subtract(won, p, out=p)
        return p if table.weight is None else p * table.weight[rows]

    return residual


def _displayed(
    theta: Floats,
    cov: Floats | None,
    structure: Structure,
    counts: PairCounts,
    options: BradleyTerryOptions,
) -> tuple[Floats, Floats | None]:
    factor, origin = (ELO, 1000.0) if options.scale == "elo" else (1.0, 0.0)
    score = origin + factor * theta
    cov = None if cov is None else factor**2 * cov
    if options.anchor is None:
        return score, cov
    names = [str(i) for i in counts.ids]
    if options.anchor not in names:
        raise TableError(
            say("The anchor %(anchor)s is not one of the items.", anchor=f"{options.anchor!r}")
        )
    r = names.index(options.anchor)
    mates = structure.part == structure.part[r]
    score = np.where(mates, score - score[r] + options.anchor_value, score)
    if cov is not None:
        shift = np.eye(len(score)) - np.outer(mates, np.eye(len(score))[r])
        known = np.isfinite(np.diagonal(cov))
        moved = shift @ np.where(known[:, None] & known[None, :], cov, 0.0) @ shift.T
        cov = np.where(known[:, None] & known[None, :], moved, np.nan)
    return score, cov


def _fit(
    found: strengths.Strengths,
    value: float,
    ridge: Floats,
    structure: Structure,
    rows: int,
    options: BradleyTerryOptions,
) -> Fit:
    theta = found.theta
    return Fit(
        loglik=value if rows else float("nan"),
        penalised=value - 0.5 * float(ridge @ theta**2) if rows else float("nan"),
        n_obs=rows,
        n_par=int((structure.part >= 0).sum()) - structure.n_parts,
        iters=found.iters,
        converged=found.converged,
        grad_inf=found.grad_inf,
        n_components=structure.n_parts,
        separated=structure.separated,
        quasi=options.ties == "half" or options.strength == "soft",
    )


def resample_counts(
    table: Any,
    evidence: Comparisons | PairCounts,
    estimate: Estimate,
    options: BradleyTerryOptions,
) -> Floats | None:
    """Bootstrap over annotators: counts are reweighted and many fits run side by side."""
    simple = (options.strength, options.ties, options.cannot_tell) == ("ignore", "half", "tie")
    simple = simple and not varies_prompts(options)
    if not isinstance(evidence, Comparisons) or not simple or evidence.n_items > BATCH_LIMIT:
        return resample(solve, table, evidence, estimate, options)
    if not len(evidence) or active_clusters(evidence) < 2:
        return None if not len(evidence) else np.zeros((0, evidence.n_items))
    structure = structure_of(evidence.pair_counts())
    ridge = structure.ridge(options.penalty, options.rescue)
    start = np.nan_to_num(estimate.link.location) if estimate.link else np.zeros(evidence.n_items)

    def fits(wins: Floats, ties: Floats) -> Floats:
        h = wins + ties / 2
        if options.virtual:
            h = h + options.virtual * (h + h.transpose(0, 2, 1) > 0)
        return strengths.fit_batch(h, structure.part, ridge, start)

    drawn = resample_side_by_side(evidence, options, fits)
    theta = np.where(structure.part >= 0, drawn, np.nan)
    counts = evidence.pair_counts()
    return np.stack([_displayed(row, None, structure, counts, options)[0] for row in theta])


METHOD = Method(
    title="Bradley–Terry",
    family="ranking",
    consumes=(Comparisons, PairCounts),
    solve=solve,
    options=BradleyTerryOptions,
    resample=resample_counts,
    reference="Bradley & Terry (1952), Biometrika 39; Ford (1957); Newman (2023), arXiv:2207.00076",
    axioms=("neutrality", "anonymity", "invariance to unobserved pairs"),
    version="3",  # 2: covariances by congruences, which round otherwise; 3: errors where all tie
)

__all__ = ["METHOD", "BradleyTerryOptions", "solve"]
