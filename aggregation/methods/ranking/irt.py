"""Item response theory: how hard each unit is and how able each annotator, from right and wrong
answers.

Model: P(annotator j right on unit u) = sigma(a_u (ability_j - b_u)) with ability ~ N(0, 1); "1pl"
has one discrimination a for all units, "2pl" one each. Marginal likelihood by Gauss–Hermite
quadrature (61 points), maximised by L-BFGS in (a, -a b) from a = 0.75; abilities are posterior
means. A rating is the share right, on its scale from lo to hi.

score is easiness -b (higher: more answer it rightly); difficulty b and discrimination a are in
fit.parameters. A unit that everyone got right, or wrong, has no finite difficulty: a prior b ~ N(0,
2^2) keeps it finite. Where abilities explain nothing, as with one annotator or with shares that
hardly differ between people, a falls to 0 and difficulties grow without end; where they explain
all, a grows without end: a prior log a ~ N(0, 1) keeps such a discrimination (boundary_params).
SEPARATION tells of both. Parts of units without common annotators are linked only by the assumption
that abilities are alike (DISCONNECTED).
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.special import log_expit, logsumexp

from aggregation.method import Estimate, Method
from aggregation.options import Options, option
from aggregation.results import AnnotatorQuality, Fit
from aggregation.tables import Ratings
from aggregation.warning_codes import ResultWarning, WarningCode, warn
from aggregation.watching import beat
from annotation.phrases import say

Floats = NDArray[np.float64]
POINTS = 61
PRIOR_SD = 2.0
DISCRIMINATIONS = (1e-3, 20.0)  # as good as 0 and infinite


@dataclass(frozen=True, kw_only=True)
class IrtOptions(Options):
    model: Literal["1pl", "2pl"] = option(
        "1pl", "Model", "One discrimination for all units, or one each."
    )
    max_iter: int = option(5000, "Iterations", "At most.", low=1)


@dataclass(frozen=True, eq=False)
class Answers:
    """right, wrong: sparse [J, U] weights of right and wrong answers; nodes and log weights of the
    quadrature. held[U]: units whose difficulty has a prior; kept: discriminations that have one,
    [1] of all units or [U], None for none.
    """

    right: Any
    wrong: Any
    nodes: Floats
    log_weight: Floats
    held: NDArray[np.bool_]
    kept: NDArray[np.bool_] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        return int(self.right.shape[0]), int(self.right.shape[1])

    def posterior(self, a: Floats, c: Floats) -> tuple[Floats, Floats]:
        """Posterior over the nodes [J, Q] and log-likelihood per annotator, for logits a * node +
        c.
        """
        eta = np.outer(a, self.nodes) + c[:, None]
        L = self.right @ log_expit(eta) + self.wrong @ log_expit(-eta) + self.log_weight
        total = logsumexp(L, axis=1, keepdims=True)
        return np.exp(L - total), total[:, 0]

    def loss(self, x: Floats, common: bool) -> tuple[float, Floats]:
        """Minus the log-likelihood (and the priors on what has no finite estimate) in (a, c), and
        its gradient.
        """
        U = self.shape[1]
        a, c = (np.full(U, x[0]) if common else x[:U]), x[-U:]
        post, value = self.posterior(a, c)
        p = 1 / (1 + np.exp(-(np.outer(a, self.nodes) + c[:, None])))
        flow = (self.right.T @ post) * (1 - p) - (self.wrong.T @ post) * p
        g_a, g_c = flow @ self.nodes, flow.sum(axis=1)
        b = -c / a
        pull = np.where(self.held, b / PRIOR_SD**2, 0.0)
        total = (
            float(value.sum()) - 0.5 * float((np.where(self.held, b, 0.0) ** 2).sum()) / PRIOR_SD**2
        )
        g_a, g_c = g_a - pull * c / a**2, g_c + pull / a
        own = np.array([g_a.sum()]) if common else g_a
        if self.kept is not None:
            log_a = np.where(self.kept, np.log(x[:-U]), 0.0)
            total, own = total - 0.5 * float(log_a @ log_a), own - log_a / x[:-U]
        return -total, -np.concatenate([own, g_c])


def solve(table: Ratings, options: IrtOptions, rng: np.random.Generator) -> Estimate:
    rows = table.answered()
    seen = np.flatnonzero(np.bincount(rows.unit, minlength=table.n_units) > 0)
    score = np.full(table.n_units, np.nan)
    if not len(seen):
        return Estimate(
            score=score, score_kind="logit", warnings=(warn(WarningCode.EMPTY, say("no answers")),)
        )
    answers, people, J, extreme = _answers(table, rows, seen)
    common = options.model == "1pl"
    found, answers = _identified(answers, common, options.max_iter)
    U = len(seen)
    edge = np.zeros(0, dtype=np.int64) if answers.kept is None else np.flatnonzero(answers.kept)
    a, c = (np.full(U, found.x[0]) if common else found.x[:U]), found.x[-U:]
    score[seen] = c / a
    post, value = answers.posterior(a, c)
    part, n_parts = _parts(rows, people, J, table.n_units)
    names = [table.ids[seen[u]] for u in np.flatnonzero(extreme)]
    unseen = table.n_units - U
    vague = [table.ids[u] for u in (seen if common and len(edge) else seen[edge])]
    told = _warnings(table, seen, unseen, n_parts, names, vague)
    everywhere = np.full(table.n_units, np.nan)
    difficulty, discrimination = everywhere.copy(), everywhere.copy()
    difficulty[seen], discrimination[seen] = -c / a, a
    return Estimate(
        score=score,
        score_kind="logit",
        component=part,
        annotators=_abilities(rows, post, answers.nodes),
        fit=Fit(
            loglik=float(value.sum()),
            penalised=-float(found.fun),
            n_obs=len(rows),
            n_par=len(found.x),
            iters=int(found.nit),
            converged=bool(found.success) or float(np.abs(found.jac).max()) < 1e-4,
            grad_inf=float(np.abs(found.jac).max()),
            n_components=n_parts,
            separated=tuple(seen[extreme].tolist()),
            boundary_params=("discrimination",)
            if common and len(edge)
            else tuple(f"discrimination of {table.ids[u]}" for u in seen[edge]),
            parameters={
                "difficulty": difficulty.tolist(),
                "discrimination": discrimination.tolist(),
            },
        ),
        warnings=told,
    )


def _answers(
    table: Ratings, rows: Ratings, seen: NDArray[np.int64]
) -> tuple[Answers, NDArray[np.int32], int, NDArray[np.bool_]]:
    low, high = table.scale
    share = (rows.value - low) / (high - low) if high > low else np.full(len(rows), 0.5)
    people, J = rows.clusters
    place = np.searchsorted(seen, rows.unit)
    shape = (J, len(seen))
    right = sparse.coo_array((rows.weights * share, (people, place)), shape=shape).tocsr()
    wrong = sparse.coo_array((rows.weights * (1 - share), (people, place)), shape=shape).tocsr()
    extreme = (np.asarray(right.sum(axis=0)).ravel() <= 0) | (
        np.asarray(wrong.sum(axis=0)).ravel() <= 0
    )
    nodes, weights = np.polynomial.hermite_e.hermegauss(POINTS)
    return (
        Answers(right, wrong, nodes, np.log(weights / weights.sum()), extreme),
        people,
        J,
        extreme,
    )


def _identified(answers: Answers, common: bool, max_iter: int) -> tuple[Any, Answers]:
    """The fit, with a prior on every discrimination that would leave its range without one."""
    low, high = DISCRIMINATIONS
    found = _fit(answers, common, max_iter)
    n = len(found.x) - answers.shape[1]
    kept = np.zeros(n, dtype=np.bool_)
    while True:
        a = found.x[:n]
        gone = ~kept & ((a <= 1.01 * low) | (a >= 0.99 * high))
        if not gone.any():
            return found, answers
        kept = kept | gone
        answers = replace(answers, kept=kept)
        found = _fit(answers, common, max_iter)


def _fit(answers: Answers, common: bool, max_iter: int) -> Any:
    from scipy.optimize import minimize

    U = answers.shape[1]
    rate = np.asarray(answers.right.sum(axis=0)).ravel()
    total = rate + np.asarray(answers.wrong.sum(axis=0)).ravel()
    p = np.clip(rate / total, 0.02, 0.98)
    start = np.concatenate([[0.75] if common else np.full(U, 0.75), np.log(p / (1 - p))])
    bounds = [DISCRIMINATIONS] * (1 if common else U) + [(None, None)] * U
    settings = {
        "maxiter": max_iter,
        "maxfun": 3 * max_iter,
        "ftol": 1e-15,
        "gtol": 1e-8,
        "maxcor": 30,
    }
    return minimize(
        answers.loss,
        start,
        args=(common,),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options=settings,
        callback=beat,
    )


def _abilities(rows: Ratings, post: Floats, nodes: Floats) -> AnnotatorQuality | None:
    if rows.annotator is None:
        return None
    J = len(rows.annotator_ids)
    mean = post @ nodes
    se = np.sqrt(np.maximum(post @ nodes**2 - mean**2, 0.0))
    n = np.bincount(rows.annotator[rows.annotator >= 0], minlength=J)
    silent = n == 0
    ability, spread = np.where(silent, np.nan, mean[:J]), np.where(silent, np.nan, se[:J])
    return AnnotatorQuality(
        rows.annotator_ids, ability, n.astype(np.int64), se=spread, ability_kind=say("ability")
    )


def _parts(
    rows: Ratings, people: NDArray[np.int32], J: int, U: int
) -> tuple[NDArray[np.int64], int]:
    graph = sparse.coo_array(
        (np.ones(len(rows)), (people, J + rows.unit)), shape=(J + U, J + U)
    ).tocsr()
    _, label = connected_components(graph, directed=False)
    part = np.full(U, -1, dtype=np.int64)
    seen = np.unique(rows.unit)
    names, compact = np.unique(label[J + seen], return_inverse=True)
    part[seen] = compact
    return part, len(names)


def _warnings(
    table: Ratings,
    seen: NDArray[np.int64],
    unseen: int,
    n_parts: int,
    extreme: list[Any],
    vague: list[Any],
) -> tuple[ResultWarning, ...]:
    found: list[ResultWarning] = []
    if unseen:
        absent = np.setdiff1d(np.arange(table.n_units), seen)
        found.append(
            warn(
                WarningCode.UNSEEN_ITEMS,
                say("%(n)s units", n=unseen),
                (table.ids[u] for u in absent),
            )
        )
    if n_parts > 1:
        found.append(warn(WarningCode.DISCONNECTED, say("%(n)s parts", n=n_parts)))
    if vague:
        detail = say("abilities explain nothing or all, so a prior holds the discrimination")
        found.append(warn(WarningCode.SEPARATION, detail, extreme or vague))
    elif extreme:
        found.append(warn(WarningCode.SEPARATION, say("answered alike by all"), extreme))
    return tuple(found)


METHOD = Method(
    title="Item response theory",
    family="ranking",
    consumes=(Ratings,),
    solve=solve,
    options=IrtOptions,
    reference="Bock & Lieberman (1970), Psychometrika 35; Thissen (1982), Psychometrika 47",
    axioms=("neutrality", "annotators weighted by reliability"),
    version="2",  # 2: a prior on discriminations that would go to 0 or without end
)
