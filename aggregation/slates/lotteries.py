"""Lotteries over slates: fair to everyone before the draw, and proportional after it.

`fractional_shares` goes on from a slate W that equal budgets have bought (p_c = 1 on W): every
voter with money left pays at the same speed for each item she approves that isn't yet full
(p_c < 1), until her money is gone or all her items are full; what is still missing to k is filled
in proportion to support, then evenly. No tie ever has to be broken.

Why it is group-fair (GFS): a voter who runs out of money paid k/n to items she approves. One who
doesn't never paid less for an item than any other supporter, so at least p_c/|N_c| >= 1/n for each
of her items, which are all full: |A_i|/n >= min(k, |A_i|)/n in all. These payments never exceed
p_c, which is Hall's condition for GFS.

Sources: Aziz, Lu, Suzuki, Vollen & Walsh (2023), WINE, "Best-of-both-worlds fairness in committee
voting" (BW-MES) and (2024), AAAI, "Fair lotteries for participatory budgeting"; dependent rounding:
Gandhi, Khuller, Parthasarathy & Srinivasan (2006), J. ACM 53. The two lotteries follow their idea;
how the leftover is spent is ours, as proved above.
"""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from aggregation.slates.approvals import Approvals, Floats, Longs

MOST_BRANCHES = 4096  # rounding trees up to which a lottery with costs is written out


def fractional_shares(
    votes: Approvals, slate: Iterable[int], left: Floats, cost: Floats, budget: float
) -> Floats:
    """Marginal probabilities p[M]: 1 on the slate, sum of p_c cost_c = budget (or all items)."""
    p = np.zeros(votes.n_items)
    p[list(slate)] = 1.0
    money, price = left.copy(), np.maximum(cost, 1e-300)
    able = (cost <= budget * (1 + 1e-12)) | (p > 0)
    p[able & (cost <= 0) & (votes.support > 0)] = 1.0
    while True:
        full = (p >= 1.0) | ~able
        paying = (money > 0)[:, None] & votes.approved & ~full
        speed = votes.weight @ paying  # money per unit of time that reaches each item
        if not speed.any():
            break
        wanted = paying.sum(axis=1)
        filled = np.full(len(p), np.inf)
        moving = speed > 0
        filled[moving] = ((1.0 - p) * price)[moving] / speed[moving]
        broke = np.full(len(money), np.inf)
        broke[wanted > 0] = money[wanted > 0] / wanted[wanted > 0]
        time = min(filled.min(), broke.min())
        p = np.where(moving, p + time * speed / price, p)
        money = np.maximum(money - time * wanted, 0.0)
        p[filled <= time * (1 + 1e-12)] = 1.0
        money[broke <= time * (1 + 1e-12)] = 0.0
    return _topped_up(p, cost, budget, votes.support, able)


def _topped_up(
    p: Floats,
    cost: Floats,
    budget: float,
    support: Floats,
    able: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> Floats:
    """The rest of the budget: in proportion to support, then evenly over items without any."""
    p = p.copy()
    for pull in (np.where(able, support, 0.0), np.where(able & (support <= 0), 1.0, 0.0)):
        while True:
            rest = budget - float(p @ cost)
            pull = np.where(p < 1.0, pull, 0.0)
            if rest <= 1e-12 * max(budget, 1.0) or float(pull @ cost) <= 0:
                break
            room = np.full(len(p), np.inf)
            room[pull > 0] = (1.0 - p[pull > 0]) / pull[pull > 0]
            time = min(room.min(), rest / float(pull @ cost))
            p = p + time * pull
            p[room <= time * (1 + 1e-12)] = 1.0
    return np.minimum(p, 1.0)


def systematic_lottery(marginal: Floats, order: Longs) -> tuple[list[tuple[int, ...]], list[float]]:
    """Slates of sum(p) seats and their probabilities, with exactly the marginals p (sum whole).

    Items lie end to end on a line, in `order`; a comb of spacing 1 starts at u in [0, 1) and takes
    what it touches (systematic sampling, Madow 1949). At most M + 1 slates.
    """
    items = np.argsort(order)
    ends = np.cumsum(marginal[items])
    seats = round(float(ends[-1])) if len(ends) else 0
    if seats:
        ends = ends * (seats / ends[-1])
    starts = np.concatenate([[0.0], ends[:-1]])
    cuts = np.unique(np.concatenate([[0.0, 1.0], np.round(ends % 1.0, 12) % 1.0]))
    chances: dict[tuple[int, ...], float] = {}
    for low, high in pairwise(cuts.tolist()):
        if high - low < 1e-11:
            continue
        teeth = (low + high) / 2 + np.arange(seats)
        where = np.searchsorted(starts, teeth, side="right") - 1
        slate = tuple(sorted(items[where].tolist()))
        chances[slate] = chances.get(slate, 0.0) + float(high - low)
    slates = sorted(chances)
    return slates, [chances[slate] for slate in slates]


def dependent_rounding(
    marginal: Floats, rng: np.random.Generator, cost: Floats | None = None
) -> tuple[int, ...]:
    """One slate drawn with exactly these marginals, always of floor or ceil(sum p) seats.

    With costs the total cost stays that of p, up to one item (BB1), instead of the number of seats.
    """
    p = np.array(marginal, dtype=np.float64)
    price = np.ones(len(p)) if cost is None else np.asarray(cost, dtype=np.float64)
    while len(open_ := np.flatnonzero((p > 1e-12) & (p < 1 - 1e-12))) > 1:
        (up, chance), down = _swap(p, price, int(open_[0]), int(open_[1]))
        p = up if rng.random() < chance else down
    for item in np.flatnonzero((p > 1e-12) & (p < 1 - 1e-12)):
        p[item] = float(rng.random() < p[item])
    return tuple(np.flatnonzero(p > 0.5).tolist())


def _swap(p: Floats, price: Floats, i: int, j: int) -> tuple[tuple[Floats, float], Floats]:
    """Move cost between two fractional items until one of them is whole: ((up, chance), down)."""
    if price[i] <= 0 or price[j] <= 0:
        k = i if price[i] <= 0 else j
        up, down = p.copy(), p.copy()
        up[k], down[k] = 1.0, 0.0
        return (up, float(p[k])), down
    a = min((1 - p[i]) * price[i], p[j] * price[j])
    b = min(p[i] * price[i], (1 - p[j]) * price[j])
    up, down = p.copy(), p.copy()
    up[i], up[j] = p[i] + a / price[i], p[j] - a / price[j]
    down[i], down[j] = p[i] - b / price[i], p[j] + b / price[j]
    return (up, b / (a + b)), down


def budget_lottery(
    marginal: Floats, cost: Floats, order: Longs
) -> tuple[list[tuple[int, ...]], list[float]]:
    """All slates that dependent rounding by cost can draw, with their probabilities.

    Empty where the tree of draws has more than MOST_BRANCHES leaves.
    """
    chances: dict[tuple[int, ...], float] = {}
    open_: list[tuple[Floats, float]] = [(np.array(marginal, dtype=np.float64), 1.0)]
    leaves = 0
    while open_:
        p, chance = open_.pop()
        split = np.flatnonzero((p > 1e-12) & (p < 1 - 1e-12))
        split = split[np.argsort(order[split])]
        if not len(split):
            slate = tuple(np.flatnonzero(p > 0.5).tolist())
            chances[slate] = chances.get(slate, 0.0) + chance
            leaves += 1
            if leaves > MOST_BRANCHES:
                return [], []
            continue
        if len(split) == 1:
            up, down = p.copy(), p.copy()
            up[split[0]], down[split[0]] = 1.0, 0.0
            open_ += [(up, chance * p[split[0]]), (down, chance * (1 - p[split[0]]))]
            continue
        (raised, part), lowered = _swap(p, cost, int(split[0]), int(split[1]))
        open_ += [(raised, chance * part), (lowered, chance * (1 - part))]
    slates = sorted(slate for slate, chance in chances.items() if chance > 1e-15)
    return slates, [chances[slate] for slate in slates]
