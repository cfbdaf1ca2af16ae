"""What can be proved about a slate: whom it represents, with a witness where it fails. Pure.

A slate W of at most k seats for n voters (by weight). A group of weight l n/k "deserves" l seats.

JR    no item outside W is approved by n/k voters who have nobody in W.
EJR+  for no l is an item outside W approved by voters of weight l n/k with fewer than l approved
      seats each. Polynomial, and implies EJR, PJR and JR (Brill & Peters 2023).
EJR+ with costs: the same where items have prices, see `ejr_plus_with_costs`.
PJR   voters of weight l n/k who share l items have l approved seats between them.
EJR   one of them has l approved seats.
FJR   for no set T of items would voters of weight |T| n/k each approve b items of T while all of
      them have fewer than b approved seats (Peters, Pierczyński & Skowron 2021). Implies EJR.
core  for no set T would voters of weight |T| n/k each approve more of T than of W. Implies FJR.
Priceability: equal budgets can pay for W so that nobody pays for what she doesn't approve and the
      supporters of no item outside have more than its price left (Peters & Skowron 2020).
GFS   (of a lottery, marginals p) every group S has sum over items any of them approves of p_c >=
      (1/n) sum_S w_i min(k, |A_i|) (Aziz et al. 2023).

PJR, EJR, FJR and the core are coNP-complete to check: all sets of items are looked at, up to
MOST_ITEMS.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from scipy.sparse import coo_matrix, vstack

from aggregation.slates.approvals import Approvals, Floats
from aggregation.slates.ties import CLOSE

MOST_ITEMS = 20


@dataclass(frozen=True)
class Certificate:
    """Whether a property holds; where it fails, who is left short of what."""

    name: str
    holds: bool
    witness: dict[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        return {"holds": self.holds, **({"witness": self.witness} if self.witness else {})}


def justified_representation(votes: Approvals, slate: Iterable[int], seats: int) -> Certificate:
    """JR. Witness: an item and the weight of its supporters without any seat."""
    chosen = sorted(slate)
    empty = ~votes.approved[:, chosen].any(axis=1)
    group = (votes.weight * empty) @ votes.approved
    worst = int(group.argmax()) if len(group) else 0
    if len(group) and votes.total > 0 and group[worst] >= _due(votes, seats, 1):
        return Certificate("JR", False, {"item": worst, "weight": float(group[worst])})
    return Certificate("JR", True)


def ejr_plus(votes: Approvals, slate: Iterable[int], seats: int) -> Certificate:
    """EJR+. Witness: an item outside, l, and the weight of its supporters with less than l."""
    chosen = sorted(slate)
    held = votes.approved[:, chosen].sum(axis=1)
    outside = ~np.isin(np.arange(votes.n_items), chosen)
    for size in range(1, seats + 1) if votes.total > 0 else ():
        group = np.where(outside, (votes.weight * (held < size)) @ votes.approved, -1.0)
        worst = int(group.argmax()) if len(group) else 0
        if len(group) and group[worst] >= _due(votes, seats, size):
            witness = {"item": worst, "deserves": size, "weight": float(group[worst])}
            return Certificate("EJR+", False, witness)
    return Certificate("EJR+", True)


def ejr_plus_with_costs(
    votes: Approvals, slate: Iterable[int], cost: Floats, budget: float, by_cost: bool = False
) -> Certificate:
    """EJR+ where items have costs. Witness: an item outside, and the weight of a group S of its
    supporters whose share of the money, budget |S| / n, pays for more than any of them got:

    count  (held + 1) cost(c) <= budget |S| / n, held the most approved items bought for one of S
    cost   held + cost(c) <= budget |S| / n, held the most spent on what one of S approves

    With cost 1 and budget k both are EJR+. Equal Shares has it for the satisfaction it was run
    with: until some voter of S has less than cost(c)/|S| left, nothing is bought at a rate above
    the one at which S could buy c, so she got more than that for the money she spent.
    """
    chosen = sorted(slate)
    worth = cost if by_cost else np.ones(votes.n_items)
    held = votes.approved[:, chosen] @ worth[chosen]
    outside = ~np.isin(np.arange(votes.n_items), chosen)
    for most in np.unique(held) if votes.total > 0 else ():
        group = (votes.weight * (held <= most)) @ votes.approved
        due = budget * group / votes.total
        need = most + cost if by_cost else (most + 1) * cost
        short = outside & (group > 0) & (need * (1 - CLOSE) <= due)
        if short.any():
            worst = int(np.where(short, due - need, -np.inf).argmax())
            witness = {"item": worst, "weight": float(group[worst]), "money": float(due[worst])}
            return Certificate("EJR+ with costs", False, witness)
    return Certificate("EJR+ with costs", True)


def ejr(votes: Approvals, slate: Iterable[int], seats: int) -> Certificate:
    """EJR. Raises ValueError beyond MOST_ITEMS items."""
    held = votes.approved[:, sorted(slate)].sum(axis=1)
    for common, together in _cohesive(votes, seats):
        short = float(votes.weight @ (together & (held < len(common))))
        if short >= _due(votes, seats, len(common)):
            return Certificate("EJR", False, {"items": list(common), "weight": short})
    return Certificate("EJR", True)


def pjr(votes: Approvals, slate: Iterable[int], seats: int) -> Certificate:
    """PJR. Raises ValueError beyond MOST_ITEMS items."""
    chosen = sorted(slate)
    for common, together in _cohesive(votes, seats):
        for some in combinations(chosen, min(len(common) - 1, len(chosen))):
            rest = [item for item in chosen if item not in some]
            within = together & ~votes.approved[:, rest].any(axis=1)
            weight = float(votes.weight @ within)
            if weight >= _due(votes, seats, len(common)):
                return Certificate("PJR", False, {"items": list(common), "weight": weight})
    return Certificate("PJR", True)


def core(votes: Approvals, slate: Iterable[int], seats: int) -> Certificate:
    """The core. Witness: a set of items, and the weight of those who would rather have it."""
    held = votes.approved[:, sorted(slate)].sum(axis=1)
    for items, gets in _bundles(votes, seats):
        weight = float(votes.weight @ (gets > held))
        if weight >= _due(votes, seats, len(items)):
            return Certificate("core", False, {"items": list(items), "weight": weight})
    return Certificate("core", True)


def fjr(votes: Approvals, slate: Iterable[int], seats: int) -> Certificate:
    """FJR. Witness: a set of items, how many of them everyone in a group of that weight approves,
    and nobody in it has so many seats.
    """
    held = votes.approved[:, sorted(slate)].sum(axis=1)
    for items, gets in _bundles(votes, seats):
        for level in range(1, len(items) + 1):
            weight = float(votes.weight @ ((gets >= level) & (held < level)))
            if weight >= _due(votes, seats, len(items)):
                witness = {"items": list(items), "approved": level, "weight": weight}
                return Certificate("FJR", False, witness)
    return Certificate("FJR", True)


def priceable(votes: Approvals, slate: Iterable[int]) -> Certificate:
    """Priceability, by a linear program over payments and the price of a seat."""
    from scipy.optimize import linprog

    chosen = sorted(slate)
    voters, place = np.nonzero(votes.approved[:, chosen])
    P, V = len(voters), len(votes.weight)
    # Variables: total payment of each (ballot, seat) cell, then the price; budgets are 1 per voter.
    cells = np.arange(P)
    spend = coo_matrix((np.ones(P), (voters, cells)), shape=(V, P + 1))
    outside = [c for c in range(votes.n_items) if c not in set(chosen)]
    total = votes.support[outside]
    rows, columns, values = [], [], []
    for row, item in enumerate(outside):
        mine = np.flatnonzero(votes.approved[voters, item])
        rows += [row] * (len(mine) + 1)
        columns += [*mine.tolist(), P]
        values += [-1.0] * (len(mine) + 1)
    left = coo_matrix((values, (rows, columns)), shape=(len(outside), P + 1))
    paid = coo_matrix(
        (
            np.concatenate([np.ones(P), -np.ones(len(chosen))]),
            (
                np.concatenate([place, np.arange(len(chosen))]),
                np.concatenate([cells, np.full(len(chosen), P)]),
            ),
        ),
        shape=(len(chosen), P + 1),
    )
    answer = linprog(
        np.zeros(P + 1),
        A_ub=vstack([spend, left]).tocsr(),
        b_ub=np.concatenate([votes.weight, -total]),
        A_eq=paid.tocsr(),
        b_eq=np.zeros(len(chosen)),
        bounds=[(0, None)] * P + [(1e-9, None)],
        method="highs",
    )
    if answer.status == 2:
        return Certificate("priceability", False)
    found: dict[str, Any] = {} if answer.x is None else {"price": float(answer.x[-1])}
    return Certificate("priceability", answer.x is not None, found)


def group_fair_share(votes: Approvals, marginal: Floats, seats: int) -> Certificate:
    """GFS of a lottery, by a flow: every voter must be able to draw w_i min(k, |A_i|) / n from the
    items she approves, each of which holds p_c (Hall's condition). Witness: the amount missing.
    """
    from scipy.optimize import linprog

    demand = votes.weight * np.minimum(votes.approved.sum(axis=1), seats) / max(votes.total, 1e-300)
    voters, items = np.nonzero(votes.approved)
    P = len(voters)
    if not P:
        return Certificate("GFS", True)
    out = coo_matrix((np.ones(P), (voters, np.arange(P))), shape=(len(demand), P))
    into = coo_matrix((np.ones(P), (items, np.arange(P))), shape=(votes.n_items, P))
    answer = linprog(
        -np.ones(P),
        A_ub=vstack([out, into]).tocsr(),
        b_ub=np.concatenate([demand, marginal]),
        method="highs",
    )
    missing = float(demand.sum() + answer.fun)
    if missing > 1e-7:
        return Certificate("GFS", False, {"missing": missing})
    return Certificate("GFS", True)


def report(
    votes: Approvals, slates: Sequence[Sequence[int]], seats: int
) -> dict[str, dict[str, Any]]:
    """JR and EJR+ over all slates: a property holds where every one of them has it."""
    told: dict[str, dict[str, Any]] = {}
    for check in (justified_representation, ejr_plus):
        for slate in slates:
            found = check(votes, slate, seats)
            if not found.holds:
                told[found.name] = {**found.plain(), "slate": list(slate)}
                break
            told[found.name] = found.plain()
    return told


def _cohesive(votes: Approvals, seats: int) -> Iterator[tuple[tuple[int, ...], Any]]:
    """(common items, which voters approve all of them) for groups that deserve as many seats."""
    if votes.n_items > MOST_ITEMS:
        raise ValueError(f"Looking at all groups takes at most {MOST_ITEMS} items.")
    for size in range(1, min(seats, votes.n_items) + 1):
        popular = np.flatnonzero(votes.support >= _due(votes, seats, size))
        for common in combinations(popular.tolist(), size):
            together = votes.approved[:, common].all(axis=1)
            if votes.weight @ together >= _due(votes, seats, size):
                yield common, together


def _bundles(votes: Approvals, seats: int) -> Iterator[tuple[tuple[int, ...], Any]]:
    """(items, how many of them each voter approves) for sets of at most as many items as seats."""
    if votes.n_items > MOST_ITEMS:
        raise ValueError(f"Looking at all sets takes at most {MOST_ITEMS} items.")
    for size in range(1, min(seats, votes.n_items) + 1) if votes.total > 0 else ():
        for items in combinations(range(votes.n_items), size):
            yield items, votes.approved[:, items].sum(axis=1)


def _due(votes: Approvals, seats: int, size: int) -> float:
    return size * votes.total / seats * (1 - CLOSE)
