"""When is the majority already the best rule? A certificate for binary labels and independent
annotators.

With reliabilities p_j > 1/2, log-odds weights w_j = log(p_j / (1 - p_j)) in rising order and class
prior pi, the majority of J annotators (J odd, h = (J + 1)/2) equals the best rule on every pattern
of votes iff

sum of the h smallest w - sum of the J - h largest w >= |log(pi / (1 - pi))|.

For J even, h = J/2 + 1 says it for the patterns without a tie. Ties, settled by the prior (by a
coin at 1/2), are settled best iff besides

sum of the J/2 smallest w - sum of the J/2 largest w >= -|log(pi / (1 - pi))|,

at even odds only if all w are equal: otherwise weights settle ties better than a coin. Derived for
this project and checked against enumeration. A certificate says: learning annotators' weights buys
nothing here.
"""

from dataclasses import dataclass
from itertools import product

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
    margin = _margin(np.sort(np.log(p / (1 - p))), abs(float(np.log(prior / (1 - prior)))))
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


def _margin(w: Floats, odds: float) -> float:
    """Left minus right of the theorem, the smaller one of ties and of other patterns; w rises."""
    J = len(w)
    h = J // 2 + 1
    decided = float(w[:h].sum() - w[h:].sum()) - odds
    if J % 2:
        return decided
    return min(decided, float(w[: J // 2].sum() - w[J // 2 :].sum()) + odds)


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
