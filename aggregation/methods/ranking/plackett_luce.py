"""Plackett–Luce: a ranking is a row of choices of the best among what is left.

Model: P(ranking) = prod_r a_(i_r) / sum_{s >= r} a_(i_s) with a = exp(theta). Of a top-k list
(shown items left unranked) only the first k choices count; items not shown don't enter. Items tied
on a ballot are each taken as chosen from all items not ranked above them (Breslow's form for ties).
The log-likelihood, less penalty/2 * |theta|^2, is concave and maximised by Newton's method, with
the Hessian formed where that is little work, and with conjugate gradients elsewhere.

Identifiability as Bradley–Terry: mean 0 within each connected part; an item that is never above, or
never below, the others of its part has no finite strength (SEPARATION, a small penalty instead).
With ballots of two it is Bradley–Terry. It assumes that the choice of the best doesn't depend on
what is below (independence of irrelevant alternatives).

Standard errors: inverse Hessian, or sandwich over annotators (or over ballots where nobody knows
who cast them) up to 1,000 items. A last tier of several items chooses none of them: where no ballot
has more than one tier the likelihood is flat, and errors are blank (ALL_TIES).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.sparse.linalg import LinearOperator, cg

from aggregation.links import Link
from aggregation.method import Estimate, Method
from aggregation.methods.ranking._curvature import covariance
from aggregation.methods.ranking._errors import attainable, blank, replaced, robust
from aggregation.methods.ranking._strengths import centred
from aggregation.methods.ranking._structure import structure_of
from aggregation.options import Options, option
from aggregation.results import CiMethod, Fit
from aggregation.tables import Ballots
from aggregation.warning_codes import ResultWarning, WarningCode, warn
from aggregation.watching import beat
from annotation.phrases import say

Floats = NDArray[np.float64]
Ints = NDArray[Any]
DENSE_CELLS = 4_000_000  # ballots x items up to which the Hessian is formed,
DENSE_WORK = 100  # and ballots x items^2 per listed entry
COV_LIMIT = 1_000  # items
COV_WORK = 3e8  # items x listed entries


@dataclass(frozen=True, kw_only=True)
class PlackettLuceOptions(Options):
    penalty: float = option(
        0.0, "Penalty", "Ridge on strengths, as a Gaussian prior of variance 1/penalty.", low=0.0
    )
    rescue: float = option(1e-3, "Penalty under separation", "Keeps strengths finite.", low=1e-9)
    ci: Literal["auto", "none", "hessian", "cluster"] = option(
        "auto",
        "Standard errors",
        "Automatic: over annotators where they are known, else the inverse Hessian.",
    )
    max_iter: int = option(200, "Newton steps", "At most.", low=1)


@dataclass(frozen=True, eq=False)
class Stages:
    """Listed entries in order of ballot and tier. first, end [M]: where the entry's tier begins,
    where its ballot ends (as
    offsets); chosen [M]: the entry was chosen (it isn't in its ballot's last tier); weight [M]."""

    item: Ints
    ballot: Ints
    tier_start: Ints
    tier_end: Ints
    ballot_start: Ints
    ballot_end: Ints
    chosen: NDArray[np.bool_]
    weight: Floats
    n_items: int

    @classmethod
    def of(cls, ballots: Ballots) -> "Stages":
        full = ballots.completed()
        order = np.lexsort((full.tier, full.row_ballot))
        item, tier, ballot = full.item[order], full.tier[order], full.row_ballot[order]
        M = len(item)
        fresh = np.concatenate([[True], (np.diff(ballot) != 0) | (np.diff(tier) != 0)])[:M]
        starts = np.flatnonzero(fresh)
        group = np.cumsum(fresh) - 1
        tier_end = np.append(starts[1:], M)[group] if M else starts
        end = full.ptr[1:][ballot]
        return cls(
            item=item.astype(np.int64),
            ballot=ballot,
            tier_start=starts[group] if M else starts,
            tier_end=tier_end,
            ballot_start=full.ptr[:-1][ballot],
            ballot_end=end,
            chosen=tier_end < end,
            weight=full.weights[ballot],
            n_items=ballots.n_items,
        )

    def left(self, value: Floats) -> Floats:
        """Per entry: sum of `value` over the entries of its ballot that are not ranked above it."""
        below = np.empty(len(value))
        for entries in self.by_length:
            below[entries] = np.cumsum(value[entries][:, ::-1], axis=1)[:, ::-1]
        return np.asarray(below[self.tier_start])

    def before(self, value: Floats) -> Floats:
        """Per entry: sum of `value` over the entries of its ballot ranked at least as high."""
        above = np.empty(len(value))
        for entries in self.by_length:
            above[entries] = np.cumsum(value[entries], axis=1)
        return np.asarray(above[self.tier_end - 1])

    @cached_property
    def by_length(self) -> list[Ints]:
        """Entries of the ballots of each length, int64[ballots, length].

        Sums run within a ballot. As differences of one sum over all ballots they would lose
        strengths that are 10^16 times smaller than the sum, and a separated likelihood would rise
        without end.
        """
        starts = np.unique(self.ballot_start)
        length = self.ballot_end[starts] - starts if len(starts) else starts
        return [
            starts[length == size][:, None] + np.arange(size)[None, :]
            for size in np.unique(length).tolist()
        ]

    @property
    def is_compact(self) -> bool:
        """Whether forming the Hessian is less work than going through the ballots many times."""
        cells = self.n_items * (int(self.ballot.max(initial=-1)) + 1)
        return cells <= DENSE_CELLS and cells * self.n_items <= DENSE_WORK * len(self.item)

    def per_item(self, value: Floats) -> Floats:
        return np.bincount(self.item, value, minlength=self.n_items).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Point:
    """The likelihood at a theta: its value, scores per entry (their sum per item is the gradient),
    and pieces of H.
    """

    value: float
    scores: Floats
    a: Floats
    rate: Floats
    chance: Floats  # per entry: expected number of times it is chosen
    denominator: Floats


def evaluate(stages: Stages, theta: Floats) -> Point:
    """Log-likelihood and per-entry scores. Strengths are shifted per call so that exponentials stay
    in range.
    """
    z = theta[stages.item]
    top = np.full(int(stages.ballot.max(initial=-1)) + 1, -np.inf)
    np.maximum.at(top, stages.ballot, z)
    a = np.exp(z - top[stages.ballot])
    denominator = np.maximum(stages.left(a), np.finfo(float).tiny)
    active = stages.weight * stages.chosen
    value = float(active @ (z - top[stages.ballot] - np.log(denominator)))
    rate = active / denominator
    chance = a * stages.before(rate)
    return Point(value, active - chance, a, rate, chance, denominator)


def hessian_times(stages: Stages, at: Point, v: Floats) -> Floats:
    """H v, H the negative Hessian: sum over stages of w (diag(p) - p p') v, without forming it."""
    each = v[stages.item]
    mean = stages.left(at.a * each) / at.denominator
    return stages.per_item(at.chance * each - at.a * stages.before(at.rate * mean))


def solve(ballots: Ballots, options: PlackettLuceOptions, rng: np.random.Generator) -> Estimate:
    structure = structure_of(ballots.completed().pair_counts())
    ridge = structure.ridge(options.penalty, options.rescue)
    stages = Stages.of(ballots)
    theta, value, iters, worst = _fit(stages, structure.part, ridge, options.max_iter)
    ci = _chosen_ci(ballots, stages, options)
    cov, given = (
        (None, ci)
        if ci == "none"
        else _covariance(ballots, stages, theta, structure.part, ridge, ci)
    )
    scale = max(1.0, float(stages.per_item(stages.weight).max(initial=0.0)))
    shown = np.where(structure.part < 0, np.nan, theta)
    return Estimate(
        score=shown,
        score_kind="logit",
        cov=cov,
        ci_method=given,
        component=structure.part,
        link=Link("logistic", shown),
        fit=Fit(
            loglik=value if len(ballots) else float("nan"),
            penalised=value - 0.5 * float(ridge @ theta**2) if len(ballots) else float("nan"),
            n_obs=len(ballots),
            n_par=int((structure.part >= 0).sum()) - structure.n_parts,
            iters=iters,
            converged=worst <= 1e-7 * scale,
            grad_inf=worst,
            n_components=structure.n_parts,
            separated=structure.separated,
        ),
        warnings=(
            *structure.warnings,
            *_told(stages),
            *replaced(options, given, len(stages.item) > 0),
        ),
    )


def _told(stages: Stages) -> tuple[ResultWarning, ...]:
    """ALL_TIES where no ballot chooses, so that any strengths would explain the ballots alike."""
    if not len(stages.item) or stages.chosen.any():
        return ()
    return (warn(WarningCode.ALL_TIES, say("no ballot puts one item above another")),)


def _fit(
    stages: Stages, part: Ints, ridge: Floats, max_iter: int
) -> tuple[Floats, float, int, float]:
    K = stages.n_items
    theta = np.zeros(K)
    at = evaluate(stages, theta)
    scale = max(1.0, float(stages.per_item(stages.weight).max(initial=0.0)))
    worst, step = np.inf, 0
    for step in range(max_iter + 1):
        beat()
        gradient = stages.per_item(at.scores) - ridge * theta
        worst = float(np.abs(gradient).max(initial=0.0))
        if worst <= 1e-11 * scale or step == max_iter:
            break
        move = _direction(stages, at, gradient, ridge, part, worst / scale)
        best = _climb(stages, theta, move, ridge, part, at.value - 0.5 * float(ridge @ theta**2))
        if best is None:
            break
        theta, at = best
    return centred(theta, part), at.value, step, worst


def _direction(
    stages: Stages, at: Point, gradient: Floats, ridge: Floats, part: Ints, far: float
) -> Floats:
    """Newton direction: from the Hessian itself where it is small, else by conjugate gradients."""
    if stages.is_compact:
        H = _hessian(stages, at) + np.diag(ridge + (part < 0))
        same = (part[:, None] == part[None, :]) & (part >= 0)  # the flat directions: one per part
        steep = max(float(np.diagonal(H).max(initial=0.0)), 1e-12)
        try:
            return np.asarray(cho_solve(cho_factor(H + same * steep), gradient))
        except LinAlgError:  # flat to the last digit: found without a factor, step by step
            pass
    return _by_conjugate_gradients(stages, at, gradient, ridge, part, far)


def _hessian(stages: Stages, at: Point) -> Floats:
    """The negative Hessian float64[K, K]: sum over stages of w (diag(p) - p p').

    With G_s = sum of w / denominator^2 over the stages from which s was among those left, which
    grows down a ballot, the stages that had s and t left give a_s a_t min(G_s, G_t).
    """
    K = stages.n_items
    shape, cell = (int(stages.ballot.max(initial=-1)) + 1, K), (stages.ballot, stages.item)
    a, G = np.zeros(shape), np.zeros(shape)
    a[cell], G[cell] = at.a, stages.before(at.rate / at.denominator)
    both = [(np.minimum(G, G[:, [k]]) * a).T @ a[:, k] for k in range(K)]
    return np.asarray(np.diag(stages.per_item(at.chance)) - np.reshape(both, (K, K)))


def _by_conjugate_gradients(
    stages: Stages, at: Point, gradient: Floats, ridge: Floats, part: Ints, far: float
) -> Floats:
    """The diagonal is the preconditioner; as exact as the distance still to go (`far`, relative to
    the largest item's weight) makes worth while.
    """
    K = stages.n_items
    diagonal = np.maximum(
        stages.per_item(at.chance)
        - stages.per_item(at.a**2 * stages.before(at.rate / at.denominator)),
        1e-12,
    )
    diagonal = diagonal + ridge + (part < 0)
    operator = LinearOperator(
        (K, K),
        matvec=lambda v: hessian_times(stages, at, v) + ridge * v + (part < 0) * v,
        dtype=np.float64,
    )
    inverse = LinearOperator((K, K), matvec=lambda v: v / diagonal, dtype=np.float64)
    exact = max(1e-8, min(0.1, far))
    move, _ = cg(operator, gradient, rtol=exact, maxiter=20 * K + 100, M=inverse)
    return np.asarray(move)


def _climb(
    stages: Stages, theta: Floats, move: Floats, ridge: Floats, part: Ints, value: float
) -> tuple[Floats, Point] | None:
    for halvings in range(34):
        candidate = theta + move / 2**halvings
        if not ridge.any():
            candidate = centred(candidate, part)
        at = evaluate(stages, candidate)
        if at.value - 0.5 * float(ridge @ candidate**2) >= value - 1e-12 * (abs(value) + 1.0):
            return candidate, at
    return None


def _chosen_ci(ballots: Ballots, stages: Stages, options: PlackettLuceOptions) -> CiMethod:
    if not len(stages.item):
        return "none"
    if options.ci != "auto":
        return attainable(options.ci, True, ballots.annotator is not None)
    small = stages.n_items <= COV_LIMIT and stages.n_items * len(stages.item) <= COV_WORK
    if not small or options.replicates:
        return "none"
    return "cluster" if ballots.annotator is not None else "hessian"


def _covariance(
    ballots: Ballots, stages: Stages, theta: Floats, part: Ints, ridge: Floats, ci: CiMethod
) -> tuple[Floats, CiMethod]:
    """The covariance, and what it is: where all scores cancel only the curvature is known."""
    at = evaluate(stages, theta)
    K = stages.n_items
    H = (
        _hessian(stages, at)
        if stages.is_compact
        else np.stack([hessian_times(stages, at, unit) for unit in np.eye(K)])
    )
    informed = np.diagonal(H) + ridge > 0
    C = covariance((H + H.T) / 2, np.where(informed, part, -1), ridge)
    if ci == "hessian":
        return C, ci
    cluster, count = ballots.clusters
    key = cluster.astype(np.int64)[stages.ballot] * K + stages.item
    U = np.bincount(key, at.scores, minlength=count * K).reshape(count, K)
    present = np.bincount(cluster, ballots.weight, minlength=count) > 0
    known = np.isfinite(np.diagonal(C))
    found = robust(
        np.where(known[:, None] & known[None, :], C, 0.0),
        U[present].astype(np.float64),
        part,
        stages.per_item(stages.weight),
        correct=ci == "cluster",
    )
    return (C, "hessian") if found is None else (blank(found, np.flatnonzero(~known)), ci)


METHOD = Method(
    title="Plackett–Luce",
    family="ranking",
    consumes=(Ballots,),
    solve=solve,
    options=PlackettLuceOptions,
    reference="Plackett (1975), Journal of the Royal Statistical Society C 24; "
    "Hunter (2004), Annals of Statistics 32",
    axioms=("neutrality", "anonymity", "independence of irrelevant alternatives"),
    version="3",  # 2: errors where all scores cancel; 3: other steps to the same maximum
)
