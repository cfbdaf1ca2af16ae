"""How many groups there are: the smaller answer of two honest criteria, and a gate for thin data.

    BIC      -2 log L + (G free + G - 1 + 1) log A, where A counts annotators, who are the
             independent units, and the last 1 is the share of random votes
    held out votes are dealt into five folds inside each annotator; an annotator's score is
             sum over folds of log sum_g gamma[a, g](other folds) P_g(fold). The smallest G whose
             summed deficit to the best G is at most sqrt(A) sd(deficits) is taken; the plain best G
             invents groups and is never used
    gate     fewer than ten votes of the median annotator: one group, "too few votes"; a group of
             fewer than five expected members: the next smaller number of groups without one.
             Where groups can't be tried there is no component of random votes either: it couldn't
             be told from a minority that wants the opposite, and everybody counts

Votes are dealt to folds one by one, in an order that depends on what they say and not on rows or
anyone's name.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from aggregation.pluralism.latent import (
    Climb,
    Mixture,
    fit_mixture,
    log_evidence,
    pooled,
    refined,
)
from aggregation.pluralism.votes import GroupVotes, scrambled
from aggregation.watching import step, tick
from annotation.phrases import say

Floats = NDArray[np.float64]
MIN_VOTES = 10  # of the median annotator
MIN_MEMBERS = 5  # expected, of the smallest group
FOLDS = 5
MOST_SINGLE = 64  # votes of one person on one pair that are told apart


@dataclass(frozen=True, eq=False)
class GroupChoice:
    """Groups found in a table of votes, and how their number was chosen.

    tried        numbers of groups fitted;  bic, heldout, heldout_deficit_se: one number for each
                 (NaN where held-out votes were not scored)
    by_bic, by_heldout: what each criterion picks (None: not computed)
    gate         sentences on why groups can't be told apart; empty when they can
    """

    mixture: Mixture
    mixtures: tuple[Mixture, ...]
    tried: tuple[int, ...]
    bic: Floats
    heldout: Floats
    heldout_deficit_se: Floats
    by_bic: int | None
    by_heldout: int | None
    gate: tuple[str, ...]

    @property
    def n_groups(self) -> int:
        return self.mixture.n_groups


def choose_groups(
    votes: GroupVotes,
    how: Climb,
    rng: np.random.Generator,
    most: int = 5,
    fixed: int = 0,
    folds: int = FOLDS,
) -> GroupChoice:
    """Fit G = 1…most and choose, or take `fixed` groups unchosen (the gate still speaks)."""
    one = pooled(votes, how)
    gate = _thin(votes)
    if fixed:
        only = fit_mixture(votes, min(fixed, max(votes.n_people, 1)), how, rng, one)
        return _unchosen(votes, only, (*gate, *_small(only)))
    if gate or votes.n_people < 2 * MIN_MEMBERS:
        few = say(
            "%(n_people)s annotators can't form two groups of %(min_members)s",
            n_people=votes.n_people,
            min_members=MIN_MEMBERS,
        )
        everyone = pooled(votes, replace(how, noise=False))
        return _unchosen(votes, everyone, gate or (few,))
    tried = range(1, max(1, min(most, votes.n_people // MIN_MEMBERS)) + 1)
    step(0, len(tried) + (len(tried) - 1) * how.restarts + folds)
    fits = tuple(_ticked(fit_mixture(votes, G, how, rng, one)) for G in tried)
    bic = np.array([bayes_criterion(votes, m, how) for m in fits])
    by_bic = int(bic.argmin()) + 1
    scores = np.full((votes.n_people, len(fits)), np.nan)
    by_heldout, deficit = None, np.full(len(fits), np.nan)
    if len(fits) > 1 and folds > 1:
        scores = held_out_scores(votes, fits, how, folds)
        by_heldout, deficit = one_standard_error(scores)
    chosen = min(by_bic, by_heldout or by_bic)
    told: tuple[str, ...] = ()
    while chosen > 1 and _small(fits[chosen - 1]):
        told = _small(fits[chosen - 1])
        chosen -= 1
    return GroupChoice(
        fits[chosen - 1],
        fits,
        tuple(tried),
        bic,
        scores.sum(axis=0),
        deficit,
        by_bic,
        by_heldout,
        told,
    )


def _ticked(mixture: Mixture) -> Mixture:
    tick()
    return mixture


def bayes_criterion(votes: GroupVotes, mixture: Mixture, how: Climb) -> float:
    """BIC with the number of annotators as sample size; smaller is better."""
    G = mixture.n_groups
    parameters = G * votes.design.free + G - 1 + int(how.noise)
    return float(-2 * mixture.loglik + parameters * np.log(max(votes.n_people, 2)))


def held_out_scores(
    votes: GroupVotes, fits: tuple[Mixture, ...], how: Climb, folds: int = FOLDS
) -> Floats:
    """Held-out log-likelihood per annotator and number of groups, float64[A, len(fits)].

    Every fold is refitted on the other folds from the full fit's parameters.
    """
    votes, turn = _single_votes(votes)
    fold = _folds(votes, turn, fits[0], folds)
    scores = np.zeros((votes.n_people, len(fits)))
    quick = replace(how, max_iter=min(how.max_iter, 20))
    for f in range(folds):
        train, test = votes.take(fold != f), votes.take(fold == f)
        for column, full in enumerate(fits):
            known = refined(train, quick, full)
            with np.errstate(divide="ignore"):
                believed = np.log(known.gamma)
            scores[:, column] += logsumexp(believed + log_evidence(test, known.parameters), axis=1)
        tick()
    return scores


def one_standard_error(scores: Floats) -> tuple[int, Floats]:
    """The smallest number of groups whose deficit is within sqrt(A) sd of it, and those errors."""
    best = int(scores.sum(axis=0).argmax())
    deficit = scores[:, [best]] - scores
    error = np.sqrt(len(scores)) * deficit.std(axis=0, ddof=1)
    return int(np.flatnonzero(deficit.sum(axis=0) <= error)[0]) + 1, error


def _single_votes(votes: GroupVotes) -> tuple[GroupVotes, NDArray[np.int64]]:
    """Rows of several votes as rows of one vote each, wins first, and each vote's turn in its row.

    A person's votes on a pair may then lie in different folds; else nobody who judged one pair
    only, however often, could be foretold.
    """
    many = np.clip(np.floor(votes.n), 1, MOST_SINGLE).astype(np.int64)
    rows = np.repeat(np.arange(len(votes)), many)
    turn = np.arange(len(rows)) - np.repeat(np.cumsum(many) - many, many)
    weight = (votes.n / many)[rows]
    k = np.clip(votes.k[rows] - turn * weight, 0.0, weight)
    design = votes.design.take(rows)
    return GroupVotes(votes.annotator[rows], k, weight, design, votes.people), turn


def _folds(
    votes: GroupVotes, turn_in_row: NDArray[np.int64], one: Mixture, folds: int
) -> NDArray[np.int64]:
    """A fold per row: an annotator's rows dealt in turn, in an order scrambled by what they say.

    The order and the beginning differ from annotator to annotator, also between such as one model
    can't tell apart: only among them do places in the table matter. Otherwise all who gave the same
    answer to the same question would share a fold, and the rest would be trained on its opposite.
    """
    own = log_evidence(votes, one.parameters)[:, 0].round(6)
    alike = np.unique(own, return_inverse=True)[1]
    order = np.argsort(alike, kind="stable")
    first = np.diff(alike[order], prepend=-1) != 0
    twin = np.empty(len(own), dtype=np.int64)  # number among annotators that look the same
    twin[order] = np.arange(len(own)) - np.flatnonzero(first)[np.cumsum(first) - 1]
    own = own + twin * 0.3819660112501051
    digits = scrambled(votes, votes.design.log_odds(one.parameters)[:, 0])
    salt = (
        digits + (turn_in_row + 1) * 0.7548776662466927 + own[votes.annotator] * 0.5698402909980532
    )
    digits = np.modf(np.abs(salt) * 7919.37)[0].round(9)
    order = np.lexsort((digits, votes.annotator))
    who, said = votes.annotator[order], digits[order]
    fresh = np.diff(who, prepend=-1) != 0
    step = np.cumsum((np.diff(said, prepend=-1.0) != 0) | fresh)
    turn = step - np.repeat(step[fresh], np.diff(np.append(np.flatnonzero(fresh), len(who))))
    start = (np.modf(np.abs(own + 0.618033988749895) * 7919.37)[0] * folds).astype(np.int64)
    fold = np.empty(len(votes), dtype=np.int64)
    fold[order] = (turn + start[who]) % folds
    return fold


def _thin(votes: GroupVotes) -> tuple[str, ...]:
    each = votes.votes_each
    median = float(np.median(each)) if len(each) else 0.0
    if median >= MIN_VOTES:
        return ()
    return (
        say(
            "the median annotator has %(median)s votes, fewer than %(min_votes)s",
            median=f"{median:g}",
            min_votes=MIN_VOTES,
        ),
    )


def _small(mixture: Mixture) -> tuple[str, ...]:
    least = float(mixture.sizes.min(initial=np.inf))
    if mixture.n_groups == 1 or least >= MIN_MEMBERS:
        return ()
    return (
        say(
            "of %(n_groups)s groups the smallest has %(least)s expected members, "
            "fewer than %(min_members)s",
            n_groups=mixture.n_groups,
            least=f"{least:.1f}",
            min_members=MIN_MEMBERS,
        ),
    )


def _unchosen(votes: GroupVotes, mixture: Mixture, gate: tuple[str, ...]) -> GroupChoice:
    blank = np.full(1, np.nan)
    return GroupChoice(
        mixture, (mixture,), (mixture.n_groups,), blank, blank, blank, None, None, gate
    )
