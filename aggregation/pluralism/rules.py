"""Ways to decide for groups that disagree: from welfare W[G, n] to a pick or a lottery.

    plurality        the candidate most people put first
    bradley_terry    the strongest candidate when everyone is pooled: sum_g share_g P_g
    borda            the largest mean win probability over people
    utilitarian      argmax_i sum_g share_g W[g, i]
    maxmin_pick      argmax_i min_g W[g, i]; ties by leximin, then by the mean over people
    maxmin_lottery   max t with sum_i p_i W[g, i] >= t for every g (linear program); at most G
                     candidates get a chance, and t is never below the pick's value. The dual
                     variables are the weights of the groups that bind
    minimax_regret   the lottery of least worst regret; `minimax_regret_pick` its best pick
    maximal_lottery  no other mixture is preferred to it by a majority of people, P - P' >= 0
    alpha_fair       argmax_i sum_g share_g W^(1-alpha)/(1-alpha): alpha 0 is the mean, 1 the
                     geometric mean, infinity the MaxMin pick

Which rule is right is a choice about values, not a finding. MaxMin gives one small group the same
say as a large one, so groups of fewer than five expected members must be merged first; and the
majority pays for it: that price is `price_of_fairness`. Values computed on the data that chose a
group's utilities are optimistic (winner's curse).

Sources: Chakraborty et al. (2024), MaxMin-RLHF, arXiv:2402.08925; Moulin (2003), Fair Division and
Collective Welfare; Fishburn (1984); Savage (1951) for regret.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregation.pluralism.welfare import (
    group_shares,
    pooled_probabilities,
    regret,
    welfare,
)
from annotation.phrases import say

Floats = NDArray[np.float64]
TIE = 1e-9  # differences of welfare below this are ties
CHANCE = 1e-9  # probabilities below this are zero


@dataclass(frozen=True, eq=False)
class Decision:
    """A rule's answer and what it does to each group.

    lottery   float64[n]; picks have probability 1, or share it when tied
    picks     indices tied for the choice; empty for a lottery over several candidates
    by_group  float64[G], expected welfare of each group;  minimum, mean (over people), max_regret
    binding   float64[G], weight of each group in holding the value down (lotteries of a linear
              program), else None
    """

    rule: str
    lottery: Floats
    picks: tuple[int, ...]
    by_group: Floats
    minimum: float
    mean: float
    max_regret: float
    binding: Floats | None = None


def decisions(utilities: ArrayLike, shares: ArrayLike) -> dict[str, Decision]:
    """Every rule on the same utilities[G, n] and shares[G], welfare by win probability."""
    W = welfare(utilities)
    P = pooled_probabilities(utilities, shares)
    found = [
        plurality(utilities, shares),
        bradley_terry(P, W, shares),
        borda(P, W, shares),
        utilitarian(W, shares),
        maximal_lottery(P, W, shares),
        maxmin_pick(W, shares),
        maxmin_lottery(W, shares),
        minimax_regret_pick(W, shares),
        minimax_regret_lottery(W, shares),
    ]
    return {decision.rule: decision for decision in found}


def plurality(utilities: ArrayLike, shares: ArrayLike) -> Decision:
    """The candidate that most people put first; a group of several favourites splits its votes."""
    u = np.asarray(utilities, dtype=np.float64)
    return _picked("plurality", first_choices(u, shares), welfare(u), shares)


def first_choices(utilities: ArrayLike, shares: ArrayLike) -> Floats:
    """Share of people whose first choice each candidate is."""
    u = np.asarray(utilities, dtype=np.float64)
    top = u >= u.max(axis=1, keepdims=True) - TIE
    return np.asarray(group_shares(shares) @ (top / top.sum(axis=1, keepdims=True)))


def bradley_terry(P: Floats, W: Floats, shares: ArrayLike) -> Decision:
    """The strongest candidate of one Bradley–Terry model fitted to the pooled probabilities P."""
    return _picked("bradley_terry", bradley_terry_strengths(P), W, shares)


def bradley_terry_strengths(P: ArrayLike, steps: int = 100) -> Floats:
    """Strengths theta[n], mean 0, that maximise sum_ij P[i, j] log sigma(theta_i - theta_j).

    Newton's method; P must lie strictly between 0 and 1 off the diagonal.
    """
    table = np.array(P, dtype=np.float64)
    np.fill_diagonal(table, 0.0)
    n, games = len(table), table + table.T
    theta = np.zeros(n)
    for _ in range(steps):
        expected = 1 / (1 + np.exp(theta[None, :] - theta[:, None]))
        gradient = (table - games * expected).sum(axis=1)
        curvature = games * expected * (1 - expected)
        hessian = np.diag(curvature.sum(axis=1)) - curvature + 1.0 / n
        step = np.linalg.solve(hessian, gradient)
        theta = theta + step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-12:
            break
    return np.asarray(theta - theta.mean())


def borda(P: Floats, W: Floats, shares: ArrayLike) -> Decision:
    """The largest mean win probability in P."""
    return _picked("borda", P.sum(axis=1), W, shares)


def utilitarian(W: Floats, shares: ArrayLike) -> Decision:
    """The largest welfare averaged over people."""
    return _picked("utilitarian", group_shares(shares) @ W, W, shares)


def maxmin_pick(W: Floats, shares: ArrayLike) -> Decision:
    """The candidate whose worst-off group is best off; ties by leximin, then by the mean."""
    return _decided("maxmin_pick", _certain(leximin(W, shares), W.shape[1]), W, shares)


def leximin(W: Floats, shares: ArrayLike) -> tuple[int, ...]:
    """Candidates whose welfare, sorted from the worst group up, is lexicographically largest.

    What is tied there is decided by the mean over people, and what is tied then is returned whole.
    """
    keys = np.vstack([np.sort(W, axis=0), group_shares(shares) @ W])
    left = np.arange(W.shape[1])
    for row in keys:
        left = left[row[left] >= row[left].max() - TIE]
    return tuple(left.tolist())


def alpha_fair(W: Floats, shares: ArrayLike, alpha: float) -> Decision:
    """The pick of the alpha-fair family. Raises ValueError for a negative alpha."""
    if not alpha >= 0:
        raise ValueError("alpha must be zero or more.")
    name = f"alpha_fair({alpha:g})"
    if np.isinf(alpha):
        return _decided(name, _certain(leximin(W, shares), W.shape[1]), W, shares)
    logs = np.log(np.maximum(W, 1e-300))
    pi = group_shares(shares)
    if alpha == 1:
        return _picked(name, pi @ logs, W, shares)
    # On the scale of welfare, so that a large alpha neither overflows nor flattens differences.
    power = (1 - alpha) * logs
    top = power.max(axis=0)
    with np.errstate(divide="ignore"):
        score = (top + np.log(pi @ np.exp(power - top))) / (1 - alpha)
    return _picked(name, score, W, shares)


def maxmin_lottery(W: Floats, shares: ArrayLike) -> Decision:
    """The lottery whose worst-off group is best off; among such, the best mean over people."""
    p, binding = _maximin(W, group_shares(shares) @ W)
    return _decided("maxmin_lottery", p, W, shares, binding)


def minimax_regret_lottery(W: Floats, shares: ArrayLike) -> Decision:
    """The lottery whose worst regret over groups is least."""
    p, binding = _maximin(-regret(W), group_shares(shares) @ W)
    return _decided("minimax_regret_lottery", p, W, shares, binding)


def minimax_regret_pick(W: Floats, shares: ArrayLike) -> Decision:
    """The candidate whose worst regret over groups is least."""
    return _picked("minimax_regret_pick", -regret(W).max(axis=0), W, shares)


def maximal_lottery(P: Floats, W: Floats, shares: ArrayLike) -> Decision:
    """The minimax winner of the game P - P' (also called Nash or von Neumann winner)."""
    p, _ = _maximin((P - P.T).T, np.zeros(len(P)))
    return _decided("maximal_lottery", p, W, shares)


def price_of_fairness(W: Floats, shares: ArrayLike, pooled: Decision) -> float:
    """Mean over people of the welfare given up by choosing the MaxMin pick over a pooled choice."""
    return pooled.mean - maxmin_pick(W, shares).mean


def leave_one_group_out(
    W: Floats, shares: ArrayLike, rule: Callable[[Floats, Floats], Decision] = maxmin_pick
) -> tuple[Decision, ...]:
    """The rule without each group in turn, valued for all groups: whom does the choice hang on?

    With a single group there is nothing to leave out, and the answer is empty.
    """
    pi = group_shares(shares)
    if len(pi) < 2:
        return ()
    kept = [np.arange(len(pi)) != g for g in range(len(pi))]
    return tuple(
        _decided(f"without {g}", rule(W[mask], pi[mask]).lottery, W, pi)
        for g, mask in enumerate(kept)
    )


# --- What the rules share ------------------------------------------------------------------------


def _picked(rule: str, score: Floats, W: Floats, shares: ArrayLike) -> Decision:
    best = tuple(np.flatnonzero(score >= score.max() - TIE).tolist())
    return _decided(rule, _certain(best, len(score)), W, shares)


def _certain(picks: tuple[int, ...], n: int) -> Floats:
    p = np.zeros(n)
    p[list(picks)] = 1 / len(picks)
    return p


def _decided(
    rule: str, p: Floats, W: Floats, shares: ArrayLike, binding: Floats | None = None
) -> Decision:
    by_group = W @ p
    # A split within ties is a pick still to be made; a true lottery has no pick.
    support = np.flatnonzero(p > CHANCE)
    even = np.ptp(p[support]) < CHANCE and binding is None
    picks = tuple(support.tolist()) if even or len(support) == 1 else ()
    return Decision(
        rule,
        p,
        picks,
        by_group,
        float(by_group.min()),
        float(group_shares(shares) @ by_group),
        float((regret(W) @ p).max()),
        binding,
    )


def _maximin(V: Floats, second: Floats) -> tuple[Floats, Floats]:
    """p with max_p min_g (V p)_g, of largest `second`'p among those; weights of the binding rows.

    Equal candidates share their chance, so that names don't decide.
    """
    columns = np.vstack([V, second[None, :]])
    _, index, inverse, count = np.unique(
        columns.round(10), axis=1, return_index=True, return_inverse=True, return_counts=True
    )
    A, goal = V[:, index], second[index]
    G, n = A.shape
    rows = np.hstack([-A, np.ones((G, 1))])
    total = np.append(np.ones(n), 0.0)[None, :]
    free = [(0, None)] * n + [(None, None)]
    first = _solved(np.append(np.zeros(n), -1.0), rows, np.zeros(G), total, free)
    value = -float(first.fun)
    weights = np.maximum(-np.asarray(first.ineqlin.marginals, dtype=np.float64), 0.0)
    refined = _solved(-goal, -A, np.full(G, -(value - TIE)), np.ones((1, n)), [(0, None)] * n)
    p = np.maximum(refined.x, 0.0)
    p = np.where(p < CHANCE, 0.0, p)
    shared = (p / count)[inverse.ravel()]
    return shared / shared.sum(), weights / weights.sum()


def _solved(cost: Floats, A: Floats, b: Floats, total: Floats, bounds: list[Any]) -> Any:
    from scipy.optimize import linprog

    found = linprog(cost, A_ub=A, b_ub=b, A_eq=total, b_eq=[1.0], bounds=bounds, method="highs")
    if found.status != 0:
        raise ArithmeticError(
            say("The linear program of a lottery failed: %(message)s", message=found.message)
        )
    return found
