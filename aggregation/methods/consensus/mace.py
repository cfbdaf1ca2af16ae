"""MACE: an annotator either knows the answer or spams with favourite labels of his own.

Model: with probability theta_j annotator j reports the true class; otherwise he draws label l from
his own habit xi_j. Classes are equally likely beforehand. Variational Bayes with theta_j ~
Beta(1/2, 1/2) and xi_j ~ Dirichlet(10): the probability of a vote l on class c is spam_j xi_j[l] +
know_j 1[l = c], where know_j = exp(psi(K_j + 1/2) - psi(K_j + S_j + 1)) and likewise for spam and
habit, K and S being expected counts. The start is know = 1/2 with uniform habits, then restarts
from different random points; the best likelihood is kept (LOCAL_OPTIMUM_RISK), that of the even
start where none is better beyond the tolerance, so that what is level stays level.

annotators.ability is the share of votes an annotator is expected to have known. Finds spammers with
a favourite label that the one-coin model takes for noise. Not identified with a single annotator or
class (vote shares are given). A unit that nobody labelled has the prior for posterior, but neither
score nor label.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma

from aggregation.method import Estimate, Method
from aggregation.methods.consensus import _votes as votes_
from aggregation.methods.consensus._labelling import labelled, quality
from aggregation.options import Options, option
from aggregation.tables import Labels
from aggregation.warning_codes import WarningCode, warn
from annotation.phrases import say

Floats = NDArray[np.float64]
KNOW, HABIT = 0.5, 10.0
BEYOND = 100  # tolerances by which the likelihood of another optimum is higher


@dataclass(frozen=True, kw_only=True)
class MaceOptions(Options):
    restarts: int = option(3, "Starts", "The first is even, the others random.", low=1, high=100)
    max_iter: int = option(1000, "Iterations", "At most, per start.", low=1)
    tol: float = option(
        1e-8, "Tolerance", "Relative change of the likelihood at which to stop.", low=0.0
    )
    keep: float = option(
        1.0,
        "Share of units kept",
        "The units of highest entropy beyond it stay undecided.",
        low=0.0,
        high=1.0,
    )


@dataclass(frozen=True, eq=False)
class Habits:
    """know[J], spam[J] and habit[J, C]: variational (unnormalised) probabilities; known[J]:
    expected share.
    """

    know: Floats
    spam: Floats
    habit: Floats
    known: Floats


def solve(table: Labels, options: MaceOptions, rng: np.random.Generator) -> Estimate:
    plain: Estimate | None = votes_.without_model(table)
    if plain is not None:
        return plain
    votes = votes_.Votes.of(table)
    starts = [_even(votes)] + [_random(votes, rng) for _ in range(options.restarts - 1)]
    found = _best([_run(votes, start, table, options) for start in starts], options.tol)
    habits: Habits = found.params
    annotators = quality(table, habits.known, votes.n, say("share of answers known"))
    fit = votes_.fit_of(
        found,
        len(table),
        votes.J * votes.C,
        (),
        know=habits.know.tolist(),
        spam=habits.spam.tolist(),
    )
    risk = warn(
        WarningCode.LOCAL_OPTIMUM_RISK,
        say("best of %(n)s starts", n=options.restarts),
    )
    told = (risk, *votes_.block_warnings(votes.blocks))
    return labelled(table, _kept(found.T, options.keep), annotators, fit, told)


def _best(runs: list[votes_.Expectation], tol: float) -> votes_.Expectation:
    """The even start's run, unless another is better by more than stopping leaves open: random
    starts lean to a label and an annotator, and on their way to the same optimum so do ties.
    """
    even = runs[0]
    best = max(runs, key=lambda run: run.loglik)
    return best if best.loglik - even.loglik > BEYOND * tol * (abs(even.loglik) + 1) else even


def _even(votes: votes_.Votes) -> Habits:
    J, C = votes.J, votes.C
    return Habits(np.full(J, 0.5), np.full(J, 0.5), np.full((J, C), 1.0 / C), np.full(J, 0.5))


def _random(votes: votes_.Votes, rng: np.random.Generator) -> Habits:
    know = rng.uniform(0.2, 0.8, votes.J)
    habit = rng.dirichlet(np.ones(votes.C), votes.J)
    return Habits(know, 1 - know, habit, know)


def _run(
    votes: votes_.Votes, start: Habits, table: Labels, options: MaceOptions
) -> votes_.Expectation:
    """EM from given habits: the first maximisation answers with the start itself."""
    current = [start]

    def maximise(T: Floats) -> Habits:
        current[0] = _maximise(votes, T, current[0])
        return current[0]

    T, _ = votes_.posterior(_evidence(votes, start), votes.seen, table.gold)
    return votes_.expectation_maximisation(
        votes, T, maximise, lambda habits: _evidence(votes, habits), lambda _: 0.0, table.gold,
        options.max_iter, options.tol,
    )  # fmt: skip


def _chances(habits: Habits) -> Floats:
    """P(vote l | class c) [J, l, c]."""
    base = (habits.spam[:, None] * habits.habit)[:, :, None]
    return np.asarray(base + habits.know[:, None, None] * np.eye(habits.habit.shape[1]))


def _evidence(votes: votes_.Votes, habits: Habits) -> Floats:
    return np.asarray(votes.evidence(votes_.logs(_chances(habits))) - np.log(votes.C))


def _maximise(votes: votes_.Votes, T: Floats, habits: Habits) -> Habits:
    N = votes.counts(T)
    right = np.einsum("jcc->jc", N)
    spammed = habits.spam[:, None] * habits.habit
    knew = right * habits.know[:, None] / np.maximum(habits.know[:, None] + spammed, votes_.FLOOR)
    strokes = N.sum(axis=2) - knew
    K, S = knew.sum(axis=1), strokes.sum(axis=1)
    total = digamma(K + S + 2 * KNOW)
    habit = np.exp(digamma(strokes + HABIT) - digamma(S + HABIT * votes.C)[:, None])
    known = (K + KNOW) / (K + S + 2 * KNOW)
    return Habits(
        np.exp(digamma(K + KNOW) - total), np.exp(digamma(S + KNOW) - total), habit, known
    )


def _kept(T: Floats, share: float) -> Floats:
    """Units beyond the given share, counted from the lowest entropy, become undecided (NaN)."""
    if share >= 1 or not len(T):
        return T
    entropy = -(T * votes_.logs(T)).sum(axis=1)
    return np.where((entropy <= np.quantile(entropy, share))[:, None], T, np.nan)


METHOD = Method(
    title="MACE",
    family="consensus",
    consumes=(Labels,),
    solve=solve,
    options=MaceOptions,
    reference="Hovy, Berg-Kirkpatrick, Vaswani & Hovy (2013), NAACL",
    axioms=("neutrality", "annotators weighted by reliability"),
    version="2",  # ties lean to no random start; units without votes have no score and no label
)
