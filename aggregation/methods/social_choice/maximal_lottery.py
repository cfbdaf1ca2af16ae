"""Maximal lottery: the mixture of items that no other mixture beats on average.

Probabilities p >= 0 with sum 1 and p'M >= 0 for the margins M (the von Neumann or minimax winner of
the majority game, whose value is 0). A Condorcet winner gets everything; in a circle the
probability is shared. Found by a linear program; where several lotteries qualify, the one of
maximal entropy is taken, which treats equal items alike.

`game="margins"` weighs pairs by their number of judgments; "rates" uses win rates, for uneven
counts; "majority" uses only who wins. The choice changes the result. Items with probability 0 lose
to the lottery; the rest are its support.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from aggregation.method import Estimate, Method
from aggregation.methods.social_choice._tally import Tally, tally_pairs
from aggregation.options import Options, option
from aggregation.results import Fit
from aggregation.tables import PairCounts
from aggregation.warning_codes import WarningCode, warn
from annotation.phrases import say

Floats = NDArray[np.float64]
FACE_LIMIT = 200  # items up to which the face of all optimal lotteries is explored


@dataclass(frozen=True, kw_only=True)
class MaximalLotteryOptions(Options):
    game: Literal["margins", "rates", "majority"] = option(
        "margins", "Game", "What a pair is worth."
    )


def solve(counts: PairCounts, options: MaximalLotteryOptions, rng: np.random.Generator) -> Estimate:
    return tally_pairs(counts, lambda c: _lottery(payoffs(c, options.game), c.rows))


def payoffs(counts: PairCounts, game: str) -> Floats:
    """Antisymmetric payoff of i against j."""
    margins = np.asarray(counts.margins)
    if game == "majority":
        return np.asarray(np.sign(margins))
    if game == "rates":
        return np.asarray(margins / np.where(counts.games > 0, counts.games, 1.0))
    return margins


def _lottery(M: Floats, rows: int) -> Tally:
    K = len(M)
    scale = float(np.abs(M).max(initial=0.0))
    p = np.full(K, 1 / K) if scale == 0 else _balanced(M / scale)
    worst = float((p @ M).min(initial=0.0)) / (scale or 1.0)
    told = warn(WarningCode.RANDOMISED, say("the lottery is given, nothing is drawn"))
    fit = Fit(n_obs=rows, converged=worst > -1e-6, parameters={"value": worst})
    return Tally(p, "probability", _certain(p), p, fit=fit, warnings=(told,))


def _certain(p: Floats) -> tuple[int, ...]:
    best = int(p.argmax()) if len(p) else 0
    return (best,) if len(p) and p[best] > 1 - 1e-9 else ()


def _balanced(M: Floats) -> Floats:
    """An optimal lottery; the one of maximal entropy where the linear program has several
    solutions.
    """
    K = len(M)
    first = _extreme(M, np.zeros(K))
    if K > FACE_LIMIT:
        return first
    tilt = np.cos(np.arange(1, K + 1) * 1.7)
    if np.abs(_extreme(M, tilt) - _extreme(M, -tilt)).max() < 1e-7:
        return first
    reach = np.array([_extreme(M, -np.eye(K)[i])[i] for i in range(K)])
    face = np.flatnonzero(reach > 1e-7)
    p = np.zeros(K)
    p[face] = _most_even(M[face])
    return p


def _extreme(M: Floats, cost: Floats) -> Floats:
    """The optimal lottery of least cost: p >= 0, sum p = 1, p'M >= 0."""
    from scipy.optimize import linprog

    K = len(M)
    found = linprog(
        cost, A_ub=-M.T, b_ub=np.zeros(K), A_eq=np.ones((1, K)), b_eq=[1.0], method="highs"
    )
    p = np.maximum(found.x, 0.0)
    return np.asarray(p / p.sum())


def _most_even(M: Floats) -> Floats:
    """Maximal entropy on p'M >= 0 by its dual: p_i ~ exp(sum_j M_ij l_j), minimise logsumexp(M l)
    over l >= 0.
    """

    from scipy.optimize import minimize

    def dual(multiplier: Floats) -> tuple[float, Floats]:
        z = M @ multiplier
        p = np.exp(z - logsumexp(z))
        return float(logsumexp(z)), M.T @ p

    start = np.zeros(M.shape[1])
    options = {"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-11}
    bounds = [(0, None)] * M.shape[1]
    found = minimize(dual, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    z = M @ found.x
    return np.asarray(np.exp(z - logsumexp(z)))


METHOD = Method(
    title="Maximal lottery",
    family="social_choice",
    consumes=(PairCounts,),
    solve=solve,
    options=MaximalLotteryOptions,
    reference="Fishburn (1984), Review of Economic Studies 51; "
    "Brandl, Brandt & Seedig (2016), Econometrica 84",
    axioms=(
        "anonymity",
        "neutrality",
        "Condorcet",
        "Smith",
        "clone independence",
        "reinforcement",
        "participation",
    ),
)
