"""What the choice of each rule is worth to each declared group, and what it costs them.

Worth of item i to group g: the chance that a person of g prefers i to a rival drawn evenly,

    W[g, i] = mean over j != i of sigma(theta_gi - theta_gj),

with theta_g the strengths of a Bradley–Terry model of the group's own comparisons (a tie is half of
each) under a standard normal prior, which keeps groups that never compared two items near even. A
choice p over items (1 for a winner, shared where several win, a lottery's own chances) is worth
W[g] . p and costs max_i W[g, i] - W[g] . p, what the group gives up against its own favourite.

Intervals are percentiles over the shared weights of annotators (`uncertainty`). Costs are biased
upwards where a favourite is chosen by noise: the interval starts at 0 where that is all there is.
The MaxMin choice, the item whose worth to the group it serves least is greatest, is always shown.
Groups of fewer than FEWEST people are left out, to protect them and because nothing can be said.

W as in aggregation.pluralism.welfare; MaxMin: Chakraborty et al. (2024), arXiv:2402.08925. Pure.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregation.pluralism.welfare import welfare
from aggregation.results import AggregateResult
from aggregation.tables import Comparisons, TableError
from aggregation.uncertainty import cluster_weight_rows, percentile_bounds
from annotation.phrases import say

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Watch = Callable[[int], object]

FEWEST = 5  # people; nothing is said about a smaller group
MOST_ITEMS = 100
PRIOR = 1.0  # precision of the normal prior on strengths
STEPS = 20  # of progress


@dataclass(frozen=True)
class GroupSize:
    name: str
    people: int
    judgments: int
    favourite: str


@dataclass(frozen=True)
class Share:
    """What a choice is worth to one group, what it costs it, with bounds (NaN: one annotator)."""

    worth: float
    worth_lo: float
    worth_hi: float
    cost: float
    cost_lo: float
    cost_hi: float


@dataclass(frozen=True)
class Chosen:
    """A choice, the rules that make it (none for the MaxMin choice), and its share per group.

    `worst` is the index of the group that it costs most.
    """

    rules: tuple[str, ...]
    items: tuple[tuple[str, float], ...]
    shares: tuple[Share, ...]
    worst: int
    is_maxmin: bool


@dataclass(frozen=True)
class GroupCosts:
    """`unheard`: people who declared nothing, or belong to groups too small to speak of."""

    groups: tuple[GroupSize, ...]
    choices: tuple[Chosen, ...]
    items: tuple[str, ...]
    worth: tuple[tuple[float, ...], ...]
    unheard: int
    level: float


def group_costs(
    table: Comparisons,
    results: Sequence[AggregateResult],
    *,
    level: float = 0.95,
    replicates: int = 200,
    seed: int = 0,
    watch: Watch | None = None,
) -> GroupCosts:
    """Costs of each rule's choice to the groups of the table's contexts.

    Raises TableError for more than MOST_ITEMS items or fewer than two groups that can be heard.
    """
    if len(table.ids) > MOST_ITEMS:
        raise TableError(
            say(
                "Costs to groups are worked out for at most %(most_items)s items; there "
                "are %(ids)s. Score systems instead of single responses.",
                most_items=MOST_ITEMS,
                ids=f"{len(table.ids):,}",
            )
        )
    cells = _Cells.of(table)
    heard = [g for g in range(len(table.group_ids)) if cells.people[g] >= FEWEST]
    if len(heard) < 2:
        raise TableError(
            say(
                "Fewer than two groups have %(fewest)s people or more, so nothing can be "
                "said of what a choice costs them.",
                fewest=FEWEST,
            )
        )
    W = np.stack([worth(cells.wins(g)) for g in heard])
    drawn = _drawn(cells, heard, (seed, replicates), watch or _unwatched)
    names = [_said(key) for key in table.ids]
    chances = [*_choices(table, results), ((), _maxmin(W))]
    choices = [_chosen(rules, p, W, drawn, names, level) for rules, p in chances]
    return GroupCosts(
        groups=tuple(
            GroupSize(
                _said(table.group_ids[g]),
                int(cells.people[g]),
                int(cells.judgments[g]),
                names[int(W[row].argmax())],
            )
            for row, g in enumerate(heard)
        ),
        choices=tuple(_with_maxmin(choices)),
        items=tuple(names),
        worth=tuple(tuple(row.tolist()) for row in W),
        unheard=cells.unheard(heard),
        level=level,
    )


def worth(wins: Floats) -> Floats:
    """W[K] from points wins[i, j] that i took from j: welfare of penalised strengths."""
    return np.asarray(welfare(strengths(wins)[None])[0])


def strengths(wins: Floats, steps: int = 60) -> Floats:
    """theta[K] maximising sum_ij wins_ij log sigma(theta_i - theta_j) - PRIOR/2 |theta|^2."""
    games = wins + wins.T
    theta = np.zeros(len(wins))
    for _ in range(steps):
        p = 1 / (1 + np.exp(theta[None, :] - theta[:, None]))
        gradient = (wins - games * p).sum(axis=1) - PRIOR * theta
        curvature = games * p * (1 - p)
        hessian = np.diag(curvature.sum(axis=1) + PRIOR) - curvature
        step = np.linalg.solve(hessian, gradient)
        theta = theta + step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-10:
            break
    return np.asarray(theta)


def _unwatched(done: int) -> None:
    """Nobody asked how far it is."""


# --- Evidence -----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Cells:
    """Points per (annotator, group, winner, loser): cluster code, group, i * K + j, weight."""

    K: int
    clusters: int
    who: Longs
    group: Longs
    pair: Longs
    points: Floats
    people: Longs
    judgments: Longs
    everybody: int

    @classmethod
    def of(cls, table: Comparisons) -> "_Cells":
        K, G = len(table.ids), len(table.group_ids)
        who, clusters = table.clusters
        context = np.full(len(table), -1) if table.group is None else table.group
        rows = (context >= 0) & (table.weights > 0)
        named = table.annotator if table.annotator is not None else np.full(len(table), -1)
        known = named >= 0
        a, b = table.a[rows].astype(np.int64), table.b[rows].astype(np.int64)
        y, w = np.sign(table.y[rows]), table.weights[rows]
        side = np.where(y > 0, 1.0, np.where(y < 0, 0.0, 0.5)) * w
        pairs = np.unique(
            context[rows & known].astype(np.int64) * max(clusters, 1) + who[rows & known]
        )
        return cls(
            K=K,
            clusters=clusters,
            who=np.tile(who[rows].astype(np.int64), 2),
            group=np.tile(context[rows].astype(np.int64), 2),
            pair=np.concatenate([a * K + b, b * K + a]),
            points=np.concatenate([side, w - side]),
            people=np.bincount(pairs // max(clusters, 1), minlength=G),
            judgments=np.bincount(context[rows], minlength=G),
            everybody=len(np.unique(named[known])),
        )

    def wins(self, group: int, weights: Floats | None = None) -> Floats:
        mine = self.group == group
        points = self.points[mine] if weights is None else self.points[mine] * weights[mine]
        packed = np.bincount(self.pair[mine], points, minlength=self.K**2)
        return np.asarray(packed.reshape(self.K, self.K))

    def unheard(self, heard: Sequence[int]) -> int:
        return self.everybody - len(np.unique(self.who[np.isin(self.group, heard)]))


def _drawn(
    cells: _Cells, heard: Sequence[int], draws: tuple[int, int], watch: Watch
) -> Floats | None:
    """W[B, G, K] under reweighted annotators; None without any."""
    seed, replicates = draws
    if not replicates or cells.clusters < 2:
        return None
    found: list[Any] = []
    for block in cluster_weight_rows(seed, replicates, cells.clusters):
        for weights in block:
            again = weights[cells.who]
            found.append(np.stack([worth(cells.wins(g, again)) for g in heard]))
            watch(STEPS * len(found) // replicates)
    return np.array(found)


# --- Choices ------------------------------------------------------------------------------------


def _choices(
    table: Comparisons, results: Sequence[AggregateResult]
) -> list[tuple[tuple[str, ...], Floats]]:
    """Different choices with the rules that make them, most rules first."""
    place = {key: k for k, key in enumerate(table.ids)}
    found: dict[bytes, tuple[list[str], Floats]] = {}
    for result in results:
        p = _lottery(result, place)
        if p is None:
            continue
        found.setdefault(np.round(p, 9).tobytes(), ([], p))[0].append(result.method)
    ranked = sorted(found.values(), key=lambda each: -len(each[0]))
    return [(tuple(rules), p) for rules, p in ranked]


def _lottery(result: AggregateResult, place: dict[Any, int]) -> Floats | None:
    """Chances of the table's items under a rule; None where it chooses none of them."""
    p = np.zeros(len(place))
    chance = result.lottery
    if chance is None:
        chance = np.zeros(len(result.ids))
        if result.winners:
            chance[list(result.winners)] = 1 / len(result.winners)
    for key, share in zip(result.ids, chance.tolist(), strict=True):
        if key in place and share > 0:
            p[place[key]] = share
    return p / p.sum() if p.sum() > 1e-9 else None


def _maxmin(W: Floats) -> Floats:
    """The item of greatest smallest worth; equals share."""
    least = W.min(axis=0)
    top = least >= least.max() - 1e-9
    return np.asarray(top / top.sum())


def _chosen(
    rules: tuple[str, ...],
    p: Floats,
    W: Floats,
    drawn: Floats | None,
    names: Sequence[str],
    level: float,
) -> Chosen:
    value = W @ p
    cost = W.max(axis=1) - value
    if drawn is None:
        unknown = np.full(len(W), np.nan)
        bounds = (unknown, unknown), (unknown, unknown)
    else:
        again = drawn @ p
        bounds = (
            percentile_bounds(again, level),
            percentile_bounds(drawn.max(axis=2) - again, level),
        )
    (low, high), (least, most) = bounds
    shares = tuple(
        Share(*map(float, row)) for row in zip(value, low, high, cost, least, most, strict=True)
    )
    order = np.argsort(-p, kind="stable")
    items = tuple((names[i], float(p[i])) for i in order if p[i] > 1e-9)
    return Chosen(rules, items, shares, int(cost.argmax()), not rules)


def _with_maxmin(choices: Sequence[Chosen]) -> list[Chosen]:
    """The MaxMin choice last, or marked on the rules that make it too."""
    *made, maxmin = choices
    marked = [
        Chosen(c.rules, c.items, c.shares, c.worst, True) if c.items == maxmin.items else c
        for c in made
    ]
    return marked if any(c.is_maxmin for c in marked) else [*marked, maxmin]


def _said(key: Any) -> str:
    return " · ".join(map(str, key)) if isinstance(key, tuple | list) else str(key)
