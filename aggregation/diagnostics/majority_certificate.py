"""When is the majority already the best rule? A certificate for binary labels and independent
annotators.

With reliabilities p_j > 1/2, log-odds weights w_j = log(p_j / (1 - p_j)) in rising order and class
prior pi, the majority of J annotators (J odd, h = (J + 1)/2) equals the best rule on every pattern
of votes iff

sum of the h smallest w - sum of the J - h largest w >= |log(pi / (1 - pi))|.

For J even, h = J/2 + 1 says it for the patterns without a tie. Ties, settled by the prior (by a
coin at 1/2), are settled best iff besides

sum of the J/2 smallest w - sum of the J/2 largest w >= -|log(pi / (1 - pi))|,

at even odds only if all w are equal: otherwise weights settle ties better than a coin.

With two coins, a common sensitivity a and specificity s with a + s > 1, m votes of J for the first
class are worth L(m) = log(pi / (1 - pi)) + m log(a / (1 - s)) + (J - m) log((1 - a) / s), and the
majority is best iff L >= 0 wherever it says so and L <= 0 wherever not (ties by the prior).

Reliabilities that are only known within bounds are put at their worst corner: those of the J - h
annotators with the largest lower + upper weight at their upper bounds, all others at their lower
ones. If all bounds hold together with probability 1 - delta (`hoeffding_bounds`), so does what the
worst corner certifies.

Derived for this project and checked against enumeration. A certificate says: learning annotators'
weights buys nothing here.
"""

from dataclasses import dataclass
from itertools import product
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
ENUMERATED = 20  # annotators up to which the risks are computed exactly


@dataclass(frozen=True)
class Certificate:
    """margin >= 0: the majority is optimal. Risks: error rates of the majority and of the best rule
    (exact up to 20
    annotators, else simulated)."""

    margin: float
    optimal: bool
    majority_risk: float
    best_risk: float
    exact: bool

    @property
    def excess_risk(self) -> float:
        return self.majority_risk - self.best_risk


def majority_certificate(
    reliability: ArrayLike,
    prior: float = 0.5,
    rng: np.random.Generator | None = None,
    draws: int = 200_000,
) -> Certificate:
    """Certificate for annotators of the given reliabilities (each in (1/2, 1)) who all label the
    unit.

    Raises ValueError outside the theorem's conditions.
    """
    p = np.asarray(reliability, dtype=np.float64)
    if not len(p) or not ((p > 0.5) & (p < 1)).all() or not 0 < prior < 1:
        raise ValueError(
            "The certificate needs reliabilities between 1/2 and 1 and a prior between 0 and 1."
        )
    J = len(p)
    w, odds = np.log(p / (1 - p)), abs(float(np.log(prior / (1 - prior))))
    margin = _margin(w, w, odds, odds)
    exact = J <= ENUMERATED
    if exact:
        votes = np.array(list(product((-1.0, 1.0), repeat=J)))
        majority, best = _risks(votes, p, prior, None)
    else:
        generator = rng if rng is not None else np.random.default_rng(0)
        truth = np.where(generator.random(draws) < prior, 1.0, -1.0)
        votes = truth[:, None] * np.where(generator.random((draws, J)) < p, 1.0, -1.0)
        majority, best = _risks(votes, p, prior, truth)
    return Certificate(margin, margin >= -1e-12, majority, best, exact)


def two_coin_certificate(
    sensitivity: float, specificity: float, annotators: int, prior: float = 0.5
) -> Certificate:
    """Certificate for annotators who all have the same chance to see the first class (of prior
    `prior`) where it is, and the same chance to see the second.

    Raises ValueError where their votes would mean nothing or the opposite.
    """
    a, s, J = sensitivity, specificity, annotators
    if not (0 < a < 1 and 0 < s < 1 and a + s > 1 and 0 < prior < 1 and J > 0):
        raise ValueError(
            "The certificate needs chances between 0 and 1, sensitivity and specificity above 1 in "
            "all, and an annotator."
        )
    m = np.arange(J + 1)
    odds = float(np.log(prior / (1 - prior)))
    worth = odds + m * np.log(a / (1 - s)) + (J - m) * np.log((1 - a) / s)
    side = np.sign(2 * m - J)
    agreed = np.where(side == 0, _tie_margin(worth, odds), side * worth)
    ways = np.array([comb(J, k) for k in range(J + 1)], dtype=np.float64)
    up = prior * ways * a**m * (1 - a) ** (J - m)
    down = (1 - prior) * ways * (1 - s) ** m * s ** (J - m)
    chance = np.stack([up, down])
    majority = np.where(side == 0, np.sign(odds), side)
    best = np.sign(np.where(np.abs(worth) < 1e-12, 0.0, worth))
    margin = float(agreed.min())
    risks = _error(majority, None, chance), _error(best, None, chance)
    return Certificate(margin, margin >= -1e-12, *risks, exact=True)


def _tie_margin(worth: Floats, odds: float) -> Floats:
    """How far the prior, or a coin at 1/2, is the best way to settle a tie of this worth."""
    return -np.abs(worth) if odds == 0 else np.sign(odds) * worth


def worst_margin(
    lower: ArrayLike, upper: ArrayLike, prior: tuple[float, float] = (0.5, 0.5)
) -> float:
    """The least margin of reliabilities, and of a prior, within bounds: at least 0, and the
    majority is the best rule whichever they are. -inf where a reliability may be 1/2 or less.
    """
    low, high = np.asarray(lower, dtype=np.float64), np.asarray(upper, dtype=np.float64)
    if not len(low) or not ((low > 0.5) & (low <= high) & (high < 1)).all():
        return float("-inf")
    one, other = (float(np.log(share / (1 - share))) for share in prior)
    nearest = min(abs(one), abs(other)) if one * other > 0 else 0.0
    w, v = np.log(low / (1 - low)), np.log(high / (1 - high))
    return _margin(w, v, max(abs(one), abs(other)), nearest)


def hoeffding_bounds(
    right: ArrayLike, answered: ArrayLike, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Bounds of chances from counts, which all hold together with probability `level`."""
    n = np.asarray(answered, dtype=np.float64)
    share = np.asarray(right, dtype=np.float64) / np.maximum(n, 1)
    width = np.sqrt(np.log(2 * len(n) / (1 - level)) / (2 * np.maximum(n, 1)))
    width = np.where(n > 0, width, 1.0)
    return np.clip(share - width, 0.0, 1.0), np.clip(share + width, 0.0, 1.0)


def _margin(low: Floats, high: Floats, most: float, least: float) -> float:
    """Left minus right of the theorem for weights between `low` and `high` and prior log-odds
    between `least` and `most` from 0: the smaller one of patterns with a majority and of ties.
    """
    J = len(low)
    spread = np.sort(low + high)[::-1]

    def left(against: int) -> float:
        return float(low.sum() - spread[:against].sum())

    decided = left(J - (J // 2 + 1)) - most
    return decided if J % 2 else min(decided, left(J // 2) + least)


def _risks(votes: Floats, p: Floats, prior: float, truth: Floats | None) -> tuple[float, float]:
    """Error rates of majority (ties by the prior, a coin at 1/2) and of the best rule."""
    odds = np.log(prior / (1 - prior))
    evidence = votes @ np.log(p / (1 - p)) + odds
    tally = votes.sum(axis=1)
    majority = np.where(tally == 0, np.sign(odds), np.sign(tally))
    best = np.sign(np.where(np.abs(evidence) < 1e-12, 0.0, evidence))
    if truth is not None:
        return _error(majority, truth, None), _error(best, truth, None)
    up = prior * np.where(votes > 0, p, 1 - p).prod(axis=1)
    down = (1 - prior) * np.where(votes < 0, p, 1 - p).prod(axis=1)
    chance = np.stack([up, down])
    return _error(majority, None, chance), _error(best, None, chance)


def _error(decision: Floats, truth: Floats | None, chance: Floats | None) -> float:
    if truth is not None:
        return float(((1 - decision * truth) / 2).mean())
    assert chance is not None
    return float((chance[0] * (1 - decision) / 2 + chance[1] * (1 + decision) / 2).sum())
