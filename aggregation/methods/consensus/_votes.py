"""Votes as one sparse matrix, and the expectation–maximisation that models of annotators share.

Row u of A has the weight of every (annotator, label) that unit u received. Both steps of EM are
then products: log-likelihoods A @ logE and expected confusion counts A' @ T, for any model whose
votes are independent given the truth.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from aggregation.methods.consensus._labelling import labelled, quality, shares
from aggregation.results import Fit
from aggregation.tables import Labels
from aggregation.warning_codes import ResultWarning, WarningCode, warn
from aggregation.watching import beat
from annotation.phrases import say

Floats = NDArray[np.float64]
FLOOR = 1e-300  # smallest probability whose logarithm is taken
AT_ONCE = 1 << 14  # units whose posterior is computed in the cache
FEW_BLOCKS = 4  # blocks of annotators that are found one after the other


@dataclass(frozen=True, eq=False)
class Votes:
    """A float64[U, J * C] (column j * C + l), sizes; seen[U]: has a vote; blocks of annotators that
    share no unit with each other.
    """

    A: Any
    U: int
    J: int
    C: int
    n: NDArray[np.int64]
    seen: NDArray[np.bool_]
    blocks: int

    @classmethod
    def of(cls, table: Labels) -> "Votes":
        rows = table.answered()
        people, J = rows.people
        U, C = table.n_units, table.n_classes
        n = np.bincount(people, minlength=J).astype(np.int64)
        A = _matrix(rows, people, J)
        seen = np.diff(A.indptr) > 0
        return cls(A, U, J, C, n, seen, _blocks(A, n > 0, C))

    def counts(self, T: Floats) -> Floats:
        """N[j, l, c]: expected weight of votes l by j on units of class c."""
        # The transpose is a view: units are read in order, and sums land in a small matrix.
        return np.asarray(self.A.T @ T).reshape(self.J, self.C, self.C)

    def evidence(self, logE: Floats) -> Floats:
        """L[u, c]: sum over votes of log P(vote | class c); logE is [J, l, c]. The caller's own."""
        return np.asarray(self.A @ logE.reshape(self.J * self.C, self.C))


def _matrix(rows: Labels, people: NDArray[Any], J: int) -> Any:
    """A of the answered rows; what it is made from is as large and ends here."""
    C = rows.n_classes
    width: Any = np.int32 if J * C < 2**31 else np.int64
    column = np.multiply(people, C, dtype=width)
    column += rows.label
    weight = np.ones(len(rows)) if rows.weight is None else rows.weight
    return sparse.coo_array((weight, (rows.unit, column)), shape=(rows.n_units, J * C)).tocsr()


def _blocks(A: Any, active: NDArray[np.bool_], C: int) -> int:
    """Groups of annotators that share no unit with each other."""
    waiting, found = active.copy(), 0
    while waiting.any():
        if found == FEW_BLOCKS:
            return found + _further_blocks(A, waiting, C)
        waiting &= ~_reached(A, int(waiting.argmax()), C)
        found += 1
    return found


def _reached(A: Any, person: int, C: int) -> NDArray[np.bool_]:
    """Annotators to whom shared units lead from one of them: in a few steps, in usual data."""
    reached = np.zeros(A.shape[1] // C, dtype=np.bool_)
    reached[person], before = True, 0
    while (now := int(reached.sum())) > before:
        before = now
        unit = A @ np.repeat(reached, C).astype(np.float64) > 0
        reached |= (A.T @ unit.astype(np.float64)).reshape(-1, C).any(axis=1)
    return reached


def _further_blocks(A: Any, waiting: NDArray[np.bool_], C: int) -> int:
    votes = A.tocoo()
    part = linked(votes.col // C, votes.row, len(waiting), A.shape[0])
    return len(np.unique(part[: len(waiting)][waiting]))


def linked(people: NDArray[Any], unit: NDArray[Any], J: int, U: int) -> NDArray[np.int32]:
    """The part that each annotator, and behind them each unit, belongs to: those linked by votes,
    given as the annotator and the unit of each.
    """
    graph = sparse.coo_array((np.ones(len(unit)), (people, J + unit)), shape=(J + U,) * 2)
    _, part = connected_components(graph.tocsr(), directed=False)
    return np.asarray(part, dtype=np.int32)


@dataclass(frozen=True, eq=False)
class Expectation:
    """T[U, C] posterior, objective (penalised marginal log-likelihood), its likelihood part, and
    the way there.
    """

    T: Floats
    objective: float
    loglik: float
    iters: int
    converged: bool
    params: Any


def expectation_maximisation(
    votes: Votes,
    T: Floats,
    maximise: Callable[[Floats], Any],
    evidence: Callable[[Any], Floats],
    log_prior: Callable[[Any], float],
    gold: NDArray[Any] | None,
    max_iter: int,
    tol: float,
    leap: Callable[[Any, Any, Any], Any] | None = None,
) -> Expectation:
    """Iterate maximise (T -> parameters) and the posterior (parameters -> T) until neither moves.

    evidence(params): log prior of the class plus log-likelihood, [U, C]. Gold units keep their
    class. `leap` extrapolates three successive parameters (SQUAREM); a leap that lowers the
    objective is not taken, so the objective never falls.
    """

    def at(params: Any, step: int) -> Expectation:
        posterior_, value = posterior(evidence(params), votes.seen, gold)
        return Expectation(posterior_, value + log_prior(params), value, step, False, params)

    now = at(maximise(T), 1)
    del T
    while now.iters < max_iter:
        beat()
        after = at(maximise(now.T), now.iters + 1)
        moved = _largest_change(now.T, after.T)
        gain = abs(after.objective - now.objective)
        if gain <= tol * (abs(after.objective) + 1e-12) and moved <= 100 * tol:
            return replace(after, converged=True)
        before, now = now.params, after  # its posterior is let go: a leap needs room for another
        if leap is not None:
            now = _leapt(before, after, maximise(after.T), leap, at, max_iter)
        del after
    return now


def _largest_change(before: Floats, after: Floats) -> float:
    """The largest absolute difference, some units at a time: whole, it would be as large as they
    are.
    """
    return max(
        (
            float(
                np.abs(after[start : start + AT_ONCE] - before[start : start + AT_ONCE]).max(
                    initial=0.0
                )
            )
            for start in range(0, len(after), AT_ONCE)
        ),
        default=0.0,
    )


def _leapt(
    before: Any,
    after: Expectation,
    following: Any,
    leap: Callable[[Any, Any, Any], Any],
    at: Callable[[Any, int], Expectation],
    max_iter: int,
) -> Expectation:
    """The extrapolated point where it is no worse than the one before, else the plain next step.

    `before`, those of `after` and `following` are successive parameters.
    """
    if after.iters >= max_iter:
        return after
    far = at(leap(before, after.params, following), after.iters + 1)
    if far.objective >= after.objective:
        return far
    if after.iters + 1 >= max_iter:
        return after
    del far  # before the next step is as large
    return at(following, after.iters + 2)


def squared_extrapolation(first: Floats, second: Floats, third: Floats) -> Floats:
    """SQUAREM (Varadhan & Roland 2008): first - 2 s r + s^2 v, with r and v first and second
    differences, s <= -1.

    Sums that the three points share stay what they are; entries are kept positive by halving the
    way.
    """
    r, v = second - first, third - 2 * second + first
    size = float(np.sqrt((v**2).sum()))
    if not size:
        return third
    s = min(-float(np.sqrt((r**2).sum())) / size, -1.0)
    while True:
        point = first - 2 * s * r + s**2 * v
        if s >= -1.0 or (point > 0).all() or not (third > 0).all():
            return point if (point >= 0).all() else third
        s = (s - 1) / 2 if s < -1.01 else -1.0


def posterior(
    logits: Floats, seen: NDArray[np.bool_], gold: NDArray[Any] | None
) -> tuple[Floats, float]:
    """Posterior [U, C] and marginal log-likelihood of voted units; gold units have one class.

    The posterior takes the place of the logits, some units at a time: these matrices are most of
    what EM needs memory for.
    """
    known = np.flatnonzero(gold >= 0) if gold is not None else np.zeros(0, dtype=np.int64)
    class_ = gold[known] if gold is not None else known
    own = logits[known, class_]
    value = np.empty(len(logits))
    for start in range(0, len(logits), AT_ONCE):
        units = slice(start, start + AT_ONCE)
        columns = np.ascontiguousarray(logits[units].T)  # short rows are slow to reduce
        top = columns.max(axis=0, initial=-np.inf)
        columns -= top
        np.exp(columns, out=columns)
        total = columns.sum(axis=0)
        columns /= total
        logits[units] = columns.T
        value[units] = top + np.log(total)
    logits[known] = 0.0
    logits[known, class_] = 1.0
    value[known] = own
    return logits, float(value[seen].sum())


def first_guess(table: Labels) -> Floats:
    """Vote shares; uniform where there is no vote; one-hot for gold units."""
    guess = shares(table.tallied())
    guess[np.isnan(guess)] = 1.0 / max(table.n_classes, 1)
    if table.gold is not None:
        known = np.flatnonzero(table.gold >= 0)
        guess[known] = np.eye(table.n_classes)[table.gold[known]]
    return guess


def class_share(T: Floats, seen: NDArray[np.bool_]) -> Floats:
    """Mean posterior over units with votes; uniform when there are none."""
    if not seen.any():
        return np.full(T.shape[1], 1.0 / max(T.shape[1], 1))
    return np.asarray(T[seen].mean(axis=0))


def without_model(table: Labels, prior: bool = True) -> Any:
    """The answer where a model of annotators means nothing (no votes, one annotator, one class),
    or None where it does: vote shares, blank for units without votes; without any votes the `prior`
    of a model that has one, in which all classes are alike.
    """
    rows = table.answered()
    people, J = rows.people
    present = np.bincount(people, minlength=J) > 0
    if len(rows) and present.sum() > 1 and table.n_classes > 1:
        return None
    one_class = table.n_classes == 1 and present.sum() > 1
    ability = np.where(present & one_class, 1.0, np.nan)
    n = np.bincount(people, minlength=J)
    known = quality(table, ability, n, say("not identified"))
    believed = first_guess(table) if prior and not len(rows) else shares(table.counts())
    return labelled(table, believed, known, Fit(n_obs=len(rows)))


def block_warnings(blocks: int) -> tuple[ResultWarning, ...]:
    if blocks > 1:
        return (warn(WarningCode.LABEL_SWITCHING, say("%(n)s groups of annotators", n=blocks)),)
    return ()


def fit_of(
    found: Expectation, rows: int, n_par: int, boundary: tuple[str, ...] = (), **parameters: Any
) -> Fit:
    return Fit(
        loglik=found.loglik,
        penalised=found.objective,
        n_obs=rows,
        n_par=n_par,
        iters=found.iters,
        converged=found.converged,
        boundary_params=boundary,
        parameters=parameters,
    )


def logs(p: Floats) -> Floats:
    return np.log(np.maximum(p, FLOOR))
