"""Best linear orders of a margin matrix, by dynamic programming or an integer program."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from aggregation.methods.social_choice._majorities import majority_layers
from aggregation.methods.social_choice._tally import Tally
from aggregation.options import Options, option
from aggregation.results import Fit
from aggregation.solving import solved
from aggregation.warning_codes import ResultWarning, WarningCode, warn
from annotation.phrases import say

Floats = NDArray[np.float64]
SUBSETS = 14  # items; 2^14 subsets are a matter of milliseconds
UNIQUENESS = 30  # items up to which a second integer program asks for another best order


@dataclass(frozen=True, kw_only=True)
class KemenyOptions(Options):
    time_limit: float = option(
        20.0, "Seconds per part", "Then the best order so far is taken.", low=0.1
    )


@dataclass(frozen=True, eq=False)
class BestOrders:
    """value: sum of margins along the order; below[K]: (mean) number of items below; firsts:
    possible first items.
    """

    value: float
    below: Floats
    firsts: tuple[int, ...]
    unique: bool
    gap: float = 0.0

    @property
    def proved(self) -> bool:
        return self.gap <= 1e-6

    @property
    def warnings(self) -> tuple[ResultWarning, ...]:
        found: list[ResultWarning] = []
        if not self.proved:
            more = say("up to %(gap)s more agreement possible", gap=f"{self.gap:g}")
            found.append(warn(WarningCode.NP_HARD_TRUNCATED, more))
        if not self.unique:
            found.append(warn(WarningCode.TIE_UNRESOLVED, say("several orders are best")))
        return tuple(found)

    def tally(self, rows: int, **told: Any) -> Tally:
        """As a rule's answer from so many rows; `told` stands first among the fit's parameters."""
        parameters = {**told, "gap": self.gap, "unique": self.unique}
        fit = Fit(n_obs=rows, converged=self.proved, parameters=parameters)
        return Tally(self.below, "order", self.firsts, fit=fit, warnings=self.warnings)


def by_layers(margins: Floats, time_limit: float) -> BestOrders:
    """Best orders of all items: the layers of the majorities follow each other in every one."""
    layer = majority_layers(margins)
    below = np.zeros(len(margins))
    firsts: tuple[int, ...] = ()
    value, gap, unique = 0.0, 0.0, True
    for level in range(int(layer.max(initial=-1)) + 1):
        members = np.flatnonzero(layer == level)
        part = best_orders(margins[np.ix_(members, members)], time_limit)
        below[members] = part.below + int((layer > level).sum())
        value, gap, unique = value + part.value, gap + part.gap, unique and part.unique
        if level == 0:
            firsts = tuple(members[list(part.firsts)].tolist())
    value += float(np.where(layer[:, None] < layer[None, :], margins, 0.0).sum())
    return BestOrders(value, below, firsts, unique, gap)


def best_orders(margins: Floats, time_limit: float) -> BestOrders:
    """Best order(s) of one strongly connected part of the weak majority relation."""
    K = len(margins)
    if K == 1:
        return BestOrders(0.0, np.zeros(1), (0,), True)
    if not margins.any():
        return BestOrders(0.0, np.full(K, (K - 1) / 2), tuple(range(K)), False)
    return _by_subsets(margins) if K <= SUBSETS else _by_program(margins, time_limit)


def _by_subsets(margins: Floats) -> BestOrders:
    """best[S] = best value of ordering S on top of the rest; item i is put last in S.

    Then ways[S] counts best orders, which gives the mean place of every item over all of them.
    """
    K = len(margins)
    full = (1 << K) - 1
    subset = np.arange(1 << K)
    gain = np.zeros((1 << K, K))  # gain[S, i] = sum_{k in S} M_ki: i placed directly after S
    for k in range(K):
        has = (subset >> k) & 1 == 1
        gain[has] += margins[k]
    size = np.array([bin(s).count("1") for s in range(1 << K)])
    best = np.full(1 << K, -np.inf)
    best[0] = 0.0
    ways = np.zeros(1 << K)
    ways[0] = 1.0
    slack = 1e-9 * max(1.0, float(np.abs(margins).max()))
    for level in range(K):
        here = subset[size == level]
        for after, value, _ in _extensions(here, gain, best, ways, K):
            np.maximum.at(best, after, value)
        for after, value, count in _extensions(here, gain, best, ways, K):
            optimal = value >= best[after] - slack
            np.add.at(ways, after[optimal], count[optimal])
    rest = _ways_on(gain, best, size, slack)
    below = _mean_below(gain, best, ways, rest, size, slack)
    firsts = tuple(i for i in range(K) if rest[1 << i] > 0)
    return BestOrders(float(best[full]), below, firsts, bool(ways[full] == 1.0))


def _extensions(here: Any, gain: Floats, best: Floats, ways: Floats, K: int) -> Any:
    for i in range(K):
        outside = here[(here >> i) & 1 == 0]
        yield outside | (1 << i), best[outside] + gain[outside, i], ways[outside]


def _ways_on(gain: Floats, best: Floats, size: Any, slack: float) -> Floats:
    """How many best ways lead from each subset to the full one; only best[full]-optimal paths
    count.
    """
    K = gain.shape[1]
    full = (1 << K) - 1
    rest = np.zeros(1 << K)
    rest[full] = 1.0
    subset = np.arange(1 << K)
    for level in range(K - 1, -1, -1):
        here = subset[size == level]
        for i in range(K):
            outside = here[(here >> i) & 1 == 0]
            after = outside | (1 << i)
            optimal = best[outside] + gain[outside, i] >= best[after] - slack
            rest[outside[optimal]] += rest[after[optimal]]
    return rest


def _mean_below(
    gain: Floats, best: Floats, ways: Floats, rest: Floats, size: Any, slack: float
) -> Floats:
    K = gain.shape[1]
    subset = np.arange(1 << K)
    below = np.zeros(K)
    for i in range(K):
        outside = subset[(subset >> i) & 1 == 0]
        after = outside | (1 << i)
        optimal = best[outside] + gain[outside, i] >= best[after] - slack
        flow = np.where(optimal, ways[outside] * rest[after], 0.0)
        below[i] = (flow * (K - 1 - size[outside])).sum() / ways[-1]
    return below


def _by_program(margins: Floats, time_limit: float) -> BestOrders:
    from scipy.optimize import Bounds, LinearConstraint

    K = len(margins)
    left, right = np.triu_indices(K, 1)
    pair = np.zeros((K, K), dtype=np.int64)
    pair[left, right] = np.arange(len(left))
    rows = _transitivity(K, pair)
    constraints = [LinearConstraint(rows, 0.0, 1.0)]
    weight = margins[left, right]

    def run(extra: list[Any]) -> Any:
        return solved(
            -2 * weight, integrality=np.ones(len(left)), bounds=Bounds(0, 1),
            constraints=constraints + extra, time_limit=time_limit,
        )  # fmt: skip

    found = run([])
    if found.x is None:
        return _by_insertion(margins)
    x = np.round(found.x)
    value = float(2 * weight @ x - weight.sum())
    gap = max(0.0, float(-found.mip_dual_bound + found.fun)) if found.status != 0 else 0.0
    below = _below(x, left, right, K)
    firsts, unique = {int(np.argmax(below))}, True
    if K <= UNIQUENESS and found.status == 0:
        other = run([
            LinearConstraint(sparse.csr_array((2 * weight)[None, :]), -found.fun - 1e-6, np.inf),
            LinearConstraint(sparse.csr_array((1 - 2 * x)[None, :]), 1 - x.sum(), np.inf),
        ])  # fmt: skip
        if other.x is not None:
            unique = False
            firsts.add(int(np.argmax(_below(np.round(other.x), left, right, K))))
    return BestOrders(value, below, tuple(sorted(firsts)), unique, gap)


def _transitivity(K: int, pair: NDArray[np.int64]) -> Any:
    """Rows of 0 <= x_ij + x_jl - x_il <= 1 for i < j < l."""
    i, j = np.triu_indices(K, 1)
    count = K - 1 - j
    i, j = np.repeat(i, count), np.repeat(j, count)
    start = np.repeat(np.concatenate([[0], np.cumsum(count)[:-1]]), count)
    m = j + 1 + np.arange(len(j)) - start
    column = np.stack([pair[i, j], pair[j, m], pair[i, m]], axis=1).ravel()
    value = np.tile([1.0, 1.0, -1.0], len(i))
    row = np.repeat(np.arange(len(i)), 3)
    return sparse.csr_array((value, (row, column)), shape=(len(i), K * (K - 1) // 2))


def _below(x: Floats, left: Any, right: Any, K: int) -> Floats:
    above = np.bincount(left, x, minlength=K) + np.bincount(right, 1 - x, minlength=K)
    return above.astype(np.float64)


def _by_insertion(margins: Floats) -> BestOrders:
    """Local search from the Borda order: move single items while that helps. Used when no program
    finished.
    """
    K = len(margins)
    order = list(np.argsort(-margins.sum(axis=1), kind="stable"))
    improved = True
    while improved:
        improved = False
        for item in list(order):
            at = order.index(item)
            rest = order[:at] + order[at + 1 :]
            ahead = np.concatenate([[0.0], np.cumsum(margins[rest, item])])
            behind = np.concatenate([np.cumsum(margins[item, rest][::-1])[::-1], [0.0]])
            total = ahead + behind
            best = int(total.argmax())
            if total[best] > total[at] + 1e-9:
                order = [*rest[:best], item, *rest[best:]]
                improved = True
    below = np.empty(K)
    below[order] = np.arange(K)[::-1]
    value = float(np.triu(margins[np.ix_(order, order)], 1).sum())
    bound = float(np.abs(np.triu(margins, 1)).sum())
    return BestOrders(value, below, (int(order[0]),), True, bound - value)
