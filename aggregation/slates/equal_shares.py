"""Method of Equal Shares: voters get equal budgets and share the price of what they elect.

Each voter holds budget / n. An item of price p is affordable at rate r where
sum over its supporters of w_v min(b_v, r u_c) = p, with u_c = 1 or u_c = price ("cost utilities");
the item of the least r is bought and paid. The rule ends when nothing is affordable, often before
the budget is spent; how to go on is another choice (`completion` in the methods).

Source: Peters & Skowron (2020), EC; Peters, Pierczyński & Skowron (2021), NeurIPS.
"""

from dataclasses import dataclass

import numpy as np

from aggregation.slates.approvals import Approvals, Floats, Longs
from aggregation.slates.ties import CLOSE, MOST_TIES, best, follow, rounded


@dataclass(frozen=True)
class Purchase:
    """An item bought at the rate rho for its cost, which `payers` (their weight) paid together."""

    item: int
    rho: float
    cost: float
    payers: float


@dataclass(frozen=True, eq=False)
class Shares:
    """A slate on its way, what each voter has left and held at first, and what was bought in order.

    Where several orders lead to the same, it is the first of them in the public order.
    """

    chosen: frozenset[int]
    left: Floats
    held: float
    purchases: tuple[Purchase, ...] = ()


def equal_shares(
    votes: Approvals,
    cost: Floats,
    budget: float,
    priority: Longs,
    by_cost: bool = False,
    limit: int = MOST_TIES,
) -> tuple[list[Shares], bool]:
    """All ends that ties allow, and whether these are all. cost float64[M] >= 0; budget > 0."""
    held = budget / max(votes.total, 1e-300)
    start = Shares(frozenset(), np.full(len(votes.weight), held), held)
    worth = cost if by_cost else np.ones(len(cost))

    def step(state: Shares) -> list[Shares]:
        caps = payments(votes, cost, state.left)
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = np.where(caps > 0, caps / worth, caps)
        free = np.isfinite(rate) & ~np.isin(np.arange(len(cost)), sorted(state.chosen))
        return [
            _bought(votes, state, item, float(cost[item]), float(caps[item]), float(rate[item]))
            for item in best(-rate, free, priority)
        ]

    return follow(start, step, lambda s: (s.chosen, rounded(s.left)), limit)


def payments(votes: Approvals, cost: Floats, left: Floats) -> Floats:
    """Highest payment of one voter for each item, all supporters paying alike as far as they can;
    inf where they can't pay the price together.
    """
    order = np.argsort(left, kind="stable")
    have = left[order]
    caps = np.full(len(cost), np.inf)
    for item in range(len(cost)):
        mask = votes.approved[order, item]
        weight, money = votes.weight[order][mask], have[mask]
        if not len(weight) or weight @ money < cost[item] * (1 - CLOSE) - 1e-12:
            continue
        before = np.concatenate([[0.0], np.cumsum(weight * money)[:-1]])
        behind = np.cumsum(weight[::-1])[::-1]
        enough = before + behind * money >= cost[item] * (1 - CLOSE) - 1e-12
        first = int(np.argmax(enough)) if enough.any() else len(money) - 1
        caps[item] = max(cost[item] - before[first], 0.0) / behind[first]
    return caps


def _bought(
    votes: Approvals, state: Shares, item: int, cost: float, most: float, rho: float
) -> Shares:
    paid = np.where(votes.approved[:, item], np.minimum(state.left, most), 0.0)
    left = np.maximum(state.left - paid, 0.0)
    left[left < 1e-12] = 0.0
    purchase = Purchase(item, rho, cost, payers=float(votes.weight[paid > 0].sum()))
    return Shares(state.chosen | {item}, left, state.held, (*state.purchases, purchase))
