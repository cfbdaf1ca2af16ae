"""Models of who judged: votes per (annotator, pair, side), and a maximiser for strengths and
annotators together.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.special import log_expit

from aggregation.links import Link
from aggregation.method import Estimate
from aggregation.methods.ranking import bradley_terry
from aggregation.methods.ranking._strengths import centred
from aggregation.methods.ranking._structure import Structure, structure_of
from aggregation.results import AnnotatorQuality, Fit
from aggregation.tables import Comparisons
from aggregation.warning_codes import ResultWarning, WarningCode, warn
from aggregation.watching import beat
from annotation.phrases import say

Floats = NDArray[np.float64]
Ints = NDArray[Any]
TINY = 1e-12  # probabilities of outcomes are kept this far from 0 and 1


@dataclass(frozen=True, eq=False)
class AnnotatorCells:
    """who, i, j, side [M]: annotator, items i < j, +1 if i was shown first, -1 if j, 0 unknown;
    won, lost [M]: weight
    of judgments for i and for j, a tie being half of each. J annotators (one more for all unknown
    ones), K items.
    """

    who: Ints
    i: Ints
    j: Ints
    side: Ints
    won: Floats
    lost: Floats
    J: int
    K: int

    @classmethod
    def of(cls, table: Comparisons, sides: bool = False) -> "AnnotatorCells":
        J, K = max(len(table.annotator_ids), 0) + 1, table.n_items
        who = (
            np.full(len(table), J - 1)
            if table.annotator is None
            else table.annotator.astype(np.int64)
        )
        who = np.where(who < 0, J - 1, who)
        flip = table.a > table.b
        i, j = (
            np.minimum(table.a, table.b).astype(np.int64),
            np.maximum(table.a, table.b).astype(np.int64),
        )
        shown = (
            table.first
            if sides and table.first is not None
            else np.zeros(len(table), dtype=np.int8)
        )
        side = np.where(flip, -shown, shown).astype(np.int64)
        key, cell = np.unique(((who * K + i) * K + j) * 3 + side + 1, return_inverse=True)
        y = np.where(flip, -np.sign(table.y), np.sign(table.y))
        won = np.bincount(cell, table.weights * (1 + y) / 2, minlength=len(key))
        lost = np.bincount(cell, table.weights * (1 - y) / 2, minlength=len(key))
        pair, side = key // 3, key % 3 - 1
        who, i, j = pair // (K * K), pair // K % K, pair % K
        return cls(who, i, j, side, won.astype(np.float64), lost.astype(np.float64), J, K)

    @property
    def n(self) -> Ints:
        """Cells weight per annotator."""
        return np.bincount(self.who, self.won + self.lost, minlength=self.J)

    def apart(self) -> list[tuple["AnnotatorCells", Ints, Ints]]:
        """The cells by parts that share neither items nor annotators, with the codes of each part's
        items and annotators, which are numbered anew in it.
        """
        ends = np.concatenate([self.i, self.j]), self.K + np.tile(self.who, 2)
        size = self.K + self.J
        edges = sparse.coo_array((np.ones(len(ends[0])), ends), shape=(size, size))
        _, label = connected_components(edges, directed=False)
        order = np.argsort(label[self.i], kind="stable")
        cuts = np.flatnonzero(np.diff(label[self.i][order])) + 1
        return [self._only(cells) for cells in np.split(order, cuts) if len(cells)]

    def _only(self, cells: Ints) -> tuple["AnnotatorCells", Ints, Ints]:
        items = np.unique(np.concatenate([self.i[cells], self.j[cells]]))
        people, who = np.unique(self.who[cells], return_inverse=True)
        i, j = np.searchsorted(items, self.i[cells]), np.searchsorted(items, self.j[cells])
        won, lost, side = self.won[cells], self.lost[cells], self.side[cells]
        part = AnnotatorCells(who, i, j, side, won, lost, len(people), len(items))
        return part, items, people

    @property
    def present(self) -> NDArray[np.bool_]:
        return np.asarray(self.n > 0)


@dataclass(frozen=True, eq=False)
class Chance:
    """P(i wins) per cell, its derivative in d = theta_i - theta_j, and in each annotator parameter
    [P, M].
    """

    p: Floats
    d: Floats
    e: Floats


@dataclass(frozen=True, eq=False)
class AnnotatorModel:
    """chance(cells, d, e[P, M]) and prior(e[P, J]) -> (log density, gradient [P, J]); bounds and
    starts per parameter.

    mirror: (theta, e) and (-theta, mirror(e)) have the same likelihood, so both signs are tried,
    and the one is given in which upright(e) holds. begin(cells) -> e[P, J]: one more start.
    """

    chance: Callable[[AnnotatorCells, Floats, Floats], Chance]
    prior: Callable[[Floats], tuple[float, Floats]]
    start: tuple[float, ...]
    bounds: tuple[tuple[float | None, float | None], ...]
    mirror: Callable[[Floats], Floats] | None = None
    upright: Callable[[Floats], bool] = lambda _: True
    begin: Callable[[AnnotatorCells], Floats] | None = None


@dataclass(frozen=True, eq=False)
class AnnotatorFit:
    theta: Floats
    e: Floats
    loglik: float
    penalised: float
    iters: int
    converged: bool
    grad_inf: float


def loss(
    x: Floats, cells: AnnotatorCells, model: AnnotatorModel, ridge: Floats
) -> tuple[float, Floats]:
    """Minus the penalised log-likelihood of x = (theta, e), and its gradient."""
    K, P, J = cells.K, len(model.start), cells.J
    theta, e = x[:K], x[K:].reshape(P, J)
    at = model.chance(cells, theta[cells.i] - theta[cells.j], e[:, cells.who])
    p = np.clip(at.p, TINY, 1 - TINY)
    slope = (cells.won / p - cells.lost / (1 - p)) * ((at.p >= TINY) & (at.p <= 1 - TINY))
    log_prior, g_prior = model.prior(e)
    value = (
        float(cells.won @ np.log(p) + cells.lost @ np.log1p(-p))
        + log_prior
        - 0.5 * float(ridge @ theta**2)
    )
    flow = slope * at.d
    g_theta = (
        np.bincount(cells.i, flow, minlength=K)
        - np.bincount(cells.j, flow, minlength=K)
        - ridge * theta
    )
    g_e = (
        np.stack([np.bincount(cells.who, slope * at.e[q], minlength=J) for q in range(P)]) + g_prior
    )
    return -value, -np.concatenate([g_theta, g_e.ravel()])


def fit_annotators(
    cells: AnnotatorCells,
    model: AnnotatorModel,
    structure: Structure,
    ridge: Floats,
    begin: Floats,
    max_iter: int,
) -> AnnotatorFit:
    """The best fit of every part of items and annotators that share nothing with the others, as if
    it were alone. A part that one annotator judged doesn't tell what he is like: his parameters are
    blank there, and its strengths are `begin`, of Bradley–Terry.
    """
    theta, e = np.zeros(cells.K), np.full((len(model.start), cells.J), np.nan)
    fits = []
    for part, items, people in cells.apart():
        here = (part, model, ridge[items], begin[items])
        found = _fit_part(*here, max_iter) if part.J > 1 else _of_one(*here)
        theta[items], e[:, people] = found.theta, found.e
        fits.append(found)
    return AnnotatorFit(
        theta=centred(theta, structure.part),
        e=e,
        loglik=sum(found.loglik for found in fits),
        penalised=sum(found.penalised for found in fits),
        iters=sum(found.iters for found in fits),
        converged=all(found.converged for found in fits),
        grad_inf=max((found.grad_inf for found in fits), default=0.0),
    )


def _of_one(
    cells: AnnotatorCells, model: AnnotatorModel, ridge: Floats, theta: Floats
) -> AnnotatorFit:
    d = theta[cells.i] - theta[cells.j]
    value = float(cells.won @ log_expit(d) + cells.lost @ log_expit(-d))
    blank = np.full((len(model.start), 1), np.nan)
    return AnnotatorFit(theta, blank, value, value - 0.5 * float(ridge @ theta**2), 0, True, 0.0)


def _fit_part(
    cells: AnnotatorCells, model: AnnotatorModel, ridge: Floats, begin: Floats, max_iter: int
) -> AnnotatorFit:
    """L-BFGS from the given strengths, from their mirror image where the model has one, and from
    where the model would begin; the best is kept.
    """
    from scipy.optimize import minimize

    K, J, P = cells.K, cells.J, len(model.start)
    e = np.repeat(np.array(model.start)[:, None], J, axis=1)
    starts = [np.concatenate([begin, e.ravel()])]
    if model.mirror is not None:
        starts.append(np.concatenate([-begin, e.ravel()]))
    if model.begin is not None:
        starts.append(np.concatenate([begin, model.begin(cells).ravel()]))
    bounds = [(None, None)] * K + [b for b in model.bounds for _ in range(J)]
    settings = {
        "maxiter": max_iter,
        "maxfun": 3 * max_iter,
        "ftol": 1e-15,
        "gtol": 1e-9,
        "maxcor": 30,
    }
    runs = [
        minimize(
            loss,
            x,
            args=(cells, model, ridge),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options=settings,
            callback=beat,
        )
        for x in starts
    ]
    best = min(runs, key=lambda run: float(run.fun))
    theta, e = best.x[:K], best.x[K:].reshape(P, J)
    penalised, free = -float(best.fun), _projected(best, bounds)
    if model.mirror is not None and not model.upright(e):
        theta, e = -theta, model.mirror(e)
        penalised = -loss(np.concatenate([theta, e.ravel()]), cells, model, ridge)[0]
    log_prior, _ = model.prior(e)
    return AnnotatorFit(
        theta=theta,
        e=e,
        loglik=penalised - log_prior + 0.5 * float(ridge @ theta**2),
        penalised=penalised,
        iters=int(best.nit),
        converged=bool(best.success) or free < 1e-5 * max(1.0, float(cells.n.max(initial=1.0))),
        grad_inf=free,
    )


def _projected(found: Any, bounds: list[tuple[float | None, float | None]]) -> float:
    """Largest gradient entry that isn't held by a bound."""
    low = np.array([-np.inf if b[0] is None else b[0] for b in bounds])
    high = np.array([np.inf if b[1] is None else b[1] for b in bounds])
    moved = np.clip(found.x - found.jac, low, high) - found.x
    return float(np.abs(moved).max(initial=0.0))


def dressed(
    table: Comparisons,
    cells: AnnotatorCells,
    structure: Structure,
    found: AnnotatorFit,
    ability: Floats,
    kind: str,
    boundary: tuple[str, ...] = (),
    bias: Floats | None = None,
) -> Estimate:
    """The estimate with its annotator table; annotators without judgments are blank."""
    J = len(table.annotator_ids)
    silent = ~cells.present[:J]
    theta = np.where(structure.part < 0, np.nan, found.theta)
    warned: list[ResultWarning] = [w for w in structure.warnings if w.code not in _PRIOR_HELPS]
    if len(table):
        warned.append(warn(WarningCode.LOCAL_OPTIMUM_RISK))
    annotators = AnnotatorQuality(
        table.annotator_ids,
        np.where(silent, np.nan, ability[:J]),
        np.bincount(table.annotator[table.annotator >= 0], minlength=J)
        if table.annotator is not None
        else cells.n[:0],
        bias=None if bias is None else np.where(silent, np.nan, bias[:J]),
        ability_kind=kind,
    )
    return Estimate(
        score=theta,
        score_kind="logit",
        component=structure.part,
        annotators=annotators if table.annotator is not None else None,
        link=Link("logistic", theta),
        fit=Fit(
            loglik=found.loglik if len(table) else float("nan"),
            penalised=found.penalised if len(table) else float("nan"),
            n_obs=len(table),
            n_par=int((structure.part >= 0).sum())
            - structure.n_parts
            + int(np.isfinite(found.e).sum()),
            iters=found.iters,
            converged=found.converged,
            grad_inf=found.grad_inf,
            n_components=structure.n_parts,
            separated=structure.separated,
            boundary_params=boundary,
        ),
        warnings=tuple(warned),
    )


_PRIOR_HELPS = (
    WarningCode.NOT_STRONGLY_CONNECTED,
)  # the prior keeps these models finite; SEPARATION is still said


def alone(table: Comparisons, penalty: float) -> Estimate | None:
    """With fewer than two annotators (or none known) annotators can't be told apart: Bradley–Terry,
    abilities blank.
    """
    known = table.annotator is not None and len(np.unique(table.annotator)) > 1
    if known:
        return None
    plain = bradley_terry.solve(
        table,
        bradley_terry.BradleyTerryOptions(penalty=penalty, ci="none"),
        np.random.default_rng(0),
    )
    J = len(table.annotator_ids)
    blank = AnnotatorQuality(
        table.annotator_ids,
        np.full(J, np.nan),
        np.zeros(J, dtype=np.int64),
        ability_kind=say("not identified"),
    )
    return replace(
        plain, annotators=blank if table.annotator is not None else None, input_digest=None
    )


def beginning(table: Comparisons, penalty: float) -> tuple[Structure, Floats, Floats]:
    """Structure, ridge per item, and Bradley–Terry strengths to start from."""
    structure = structure_of(table.pair_counts())
    options = bradley_terry.BradleyTerryOptions(penalty=penalty, ci="none")
    start = bradley_terry.solve(table, options, np.random.default_rng(0)).score
    return structure, np.full(table.n_items, penalty), np.nan_to_num(start)
