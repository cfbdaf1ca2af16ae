"""Paying annotators so that saying what they believe pays best.

With known answers: a strictly proper score of the stated probability p, made a payment by
base + scale * score with scale > 0 (which keeps it proper). Quadratic: 1 - (p - y)^2 for yes/no,
1 - sum_c (p_c - 1[y = c])^2 / 2 for classes; both lie in [0, 1]. Logarithmic: log p_y, floored, so
only proper above the floor.

Where the answers decide what is done, and only what is done can be checked: action d is carried out
with a chance phi_d > 0, and the score of the forecast for d is paid as score / phi_d if d was
carried out, 0 otherwise. Its expectation is the sum of all scores whatever is done, so it stays
proper; its variance grows with 1 / min phi (Chen, Kash, Ruberry & Shnayder 2014).

Without known answers: correlated agreement over many units (Dasgupta & Ghosh 2013; Shnayder,
Agarwal, Frongillo & Parkes 2016). Two annotators' score is how often they agree on the same unit,
minus how often their labels agree on two different units,

    agree(i, j) = mean over shared units of 1[x_iu = x_ju]
                  - mean over u != v of 1[x_iu = x_jv].

Whoever answers without looking has expectation 0, whatever their habit; and with two classes
honest effort is the best that both can do together. It rewards what people have in common, so a
minority that answers honestly but differently is paid less: never use it alone where disagreement
is legitimate. Output agreement (the first term alone) is given for comparison; it rewards whoever
says the popular thing. Undefined (NaN) where two annotators share no unit, or have fewer than two
each. Pure.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregation.tables import Comparisons, Labels

Floats = NDArray[np.float64]
FLOOR = 1e-4  # least probability that the logarithmic score believes


class PaymentError(ValueError):
    """A probability, a chance or a scale that no payment can be made of."""


def quadratic_score(p: ArrayLike, y: ArrayLike) -> Floats:
    """1 - (p - y)^2 for a stated probability p of y = 1; in [0, 1], elementwise."""
    stated, happened = _probabilities(p), np.asarray(y, dtype=np.float64)
    if not np.isin(happened, (0.0, 1.0)).all():
        raise PaymentError("An outcome is 0 or 1.")
    return np.asarray(1.0 - (stated - happened) ** 2)


def quadratic_score_of_classes(p: ArrayLike, y: ArrayLike) -> Floats:
    """1 - sum_c (p_c - 1[y = c])^2 / 2 for probabilities p[N, C] that sum to 1; in [0, 1]."""
    stated = _probabilities(p)
    label = np.asarray(y, dtype=np.int64)
    if stated.ndim != 2 or not np.allclose(stated.sum(axis=1), 1.0, atol=1e-6):
        raise PaymentError("Probabilities of classes must sum to 1 in each row.")
    if len(label) and (label.min() < 0 or label.max() >= stated.shape[1]):
        raise PaymentError("A label is no class.")
    happened = np.eye(stated.shape[1])[label]
    return np.asarray(1.0 - ((stated - happened) ** 2).sum(axis=1) / 2)


def logarithmic_score(p: ArrayLike, y: ArrayLike, floor: float = FLOOR) -> Floats:
    """1 + log(max(q, floor)) / |log floor| with q the probability given to what happened: in [0,
    1], strictly proper for beliefs between floor and 1 - floor.
    """
    if not 0 < floor < 0.5:
        raise PaymentError("The floor lies between 0 and 0.5.")
    stated, happened = _probabilities(p), np.asarray(y, dtype=np.float64)
    given = np.where(happened == 1.0, stated, 1.0 - stated)
    return np.asarray(1.0 - np.log(np.maximum(given, floor)) / np.log(floor))


def payment(score: ArrayLike, base: float, scale: float) -> Floats:
    """base + scale * score, in the currency of both; NaN scores are not paid (NaN)."""
    if not (np.isfinite(base) and np.isfinite(scale) and scale > 0):
        raise PaymentError("Base and scale must be finite, and the scale positive.")
    return np.asarray(base + scale * np.asarray(score, dtype=np.float64))


def executed_score(score: ArrayLike, executed: int, chance: ArrayLike) -> Floats:
    """Scores[D] of the forecasts for each action, when only `executed` was carried out: score /
    chance there, 0 elsewhere. Raises PaymentError where a chance isn't positive or they don't sum
    to 1.
    """
    given = np.asarray(score, dtype=np.float64)
    phi = np.asarray(chance, dtype=np.float64)
    if phi.shape != given.shape or not (phi > 0).all() or not np.isclose(phi.sum(), 1.0):
        raise PaymentError("Every action needs a positive chance, and these sum to 1.")
    if not 0 <= executed < len(phi):
        raise PaymentError(f"There is no action {executed}.")
    paid = np.zeros(len(phi))
    paid[executed] = given[executed] / phi[executed]
    return paid


def _probabilities(p: ArrayLike) -> Floats:
    stated = np.asarray(p, dtype=np.float64)
    if not ((stated >= 0) & (stated <= 1)).all():
        raise PaymentError("A probability lies between 0 and 1.")
    return stated


# --- With known answers --------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class KnownScores:
    """Per annotator: mean score of stated confidences on units with known answers, its standard
    error over them, and their number; NaN where there are too few (none, one).
    """

    ids: tuple[Hashable, ...]
    score: Floats
    se: Floats
    n: NDArray[np.int64]


def known_answer_scores(labels: Labels, rule: Literal["quadratic", "logarithmic"]) -> KnownScores:
    """Score each annotator's confidence of having the right label, where the right one is known.

    Reads conf[N] in [0, 1], gold[U] and annotators; weights play no part, for a promise of payment
    is one per answer. Raises PaymentError where one of the three is missing.
    """
    if labels.annotator is None or labels.conf is None or labels.gold is None:
        raise PaymentError(
            "Paying for known answers takes annotators, their stated confidence, and the answers."
        )
    truth = labels.gold[labels.unit]
    rows = (labels.annotator >= 0) & (labels.label >= 0) & (truth >= 0) & ~np.isnan(labels.conf)
    who, right = labels.annotator[rows], labels.label[rows] == truth[rows]
    score = (quadratic_score if rule == "quadratic" else logarithmic_score)(
        labels.conf[rows], right
    )
    J = len(labels.annotator_ids)
    n = np.bincount(who, minlength=J)
    mean = np.bincount(who, score, minlength=J) / np.where(n > 0, n, np.nan)
    around = np.bincount(who, (score - mean[who]) ** 2, minlength=J)
    se = np.sqrt(around / np.where(n > 1, (n - 1) * n, np.nan))
    return KnownScores(labels.annotator_ids, mean, se, n.astype(np.int64))


# --- Without known answers ----------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class PeerScores:
    """Per annotator: correlated agreement and output agreement with peers (means over peers by
    shared units, NaN without any), how many peers, and how many units shared with them in all.
    """

    ids: tuple[Hashable, ...]
    correlated: Floats
    output: Floats
    peers: NDArray[np.int64]
    shared: NDArray[np.int64]


def peer_scores(labels: Labels) -> PeerScores:
    """Score everybody against everybody they share units with. One label per annotator and unit:
    of several the first counts; abstentions and unknown annotators are left out.
    """
    answers = _answers(labels)
    J = len(labels.annotator_ids)
    C = len(labels.label_ids)
    counts = np.zeros((J, max(C, 1)))
    for j in range(J):
        mine = answers[j][answers[j] >= 0]
        counts[j] = np.bincount(mine, minlength=max(C, 1))
    total = counts.sum(axis=1)
    correlated, output = np.full(J, np.nan), np.full(J, np.nan)
    peers, shared = np.zeros(J, dtype=np.int64), np.zeros(J, dtype=np.int64)
    for i in range(J):
        both = (answers[i] >= 0) & (answers >= 0)
        both[i] = False
        n = both.sum(axis=1)
        same = (both & (answers == answers[i])).sum(axis=1)
        apart = total[i] * total - n
        able = (n > 0) & (apart > 0) & (total >= 2) & (total[i] >= 2)
        if not able.any():
            continue
        agreed = same[able] / n[able]
        crossed = ((counts @ counts[i])[able] - same[able]) / apart[able]
        correlated[i] = np.average(agreed - crossed, weights=n[able])
        output[i] = np.average(agreed, weights=n[able])
        peers[i], shared[i] = int(able.sum()), int(n[able].sum())
    return PeerScores(labels.annotator_ids, correlated, output, peers, shared)


def _answers(labels: Labels) -> NDArray[np.int64]:
    """Label codes [J, U], -1 where there is none."""
    answers = np.full((len(labels.annotator_ids), labels.n_units), -1, dtype=np.int64)
    who = labels.annotator
    if who is None:
        return answers
    rows = np.flatnonzero((who >= 0) & (labels.label >= 0) & (labels.weights > 0))[::-1]
    answers[who[rows], labels.unit[rows]] = labels.label[rows]
    return answers


# --- Judges who are judged ----------------------------------------------------------------------


def without_own(
    table: Comparisons, wrote: Sequence[Hashable | None], is_: Mapping[Hashable, Hashable]
) -> tuple[Comparisons, int]:
    """The comparisons in which nobody judges their own work, and how many rows that removed.

    `wrote` gives the author of each item (None: nobody here) and `is_` the author that each
    annotator is. Judging oneself is the one thing no payment makes honest.
    """
    if len(wrote) != table.n_items:
        raise PaymentError(f"There are {len(wrote)} authors for {table.n_items} items.")
    if table.annotator is None:
        return table, 0
    names = {author: code for code, author in enumerate(dict.fromkeys([*wrote, *is_.values()]))}
    author = np.array([-1 if w is None else names[w] for w in wrote], dtype=np.int64)
    judge = np.array(
        [names[is_[j]] if j in is_ else -2 for j in table.annotator_ids] + [-2], dtype=np.int64
    )
    who = judge[table.annotator]
    own = (author[table.a] == who) | (author[table.b] == who)
    return table.take(~own), int(own.sum())
