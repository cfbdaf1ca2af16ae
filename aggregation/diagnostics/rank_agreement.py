"""Agreement of rankings: Kendall's tau-b of two, Kendall's W of many, and both over prompts with
intervals.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregation.diagnostics.agreement import Coefficient
from aggregation.diagnostics.jackknife import groups_of, interval
from aggregation.tables import Ballots
from aggregation.watching import beat
from annotation.phrases import say

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
MOST_RANKERS = 200  # annotators of one prompt that are compared each with each


def kendall_tau_b(x: ArrayLike, y: ArrayLike) -> float:
    """tau-b = (concordant - discordant) / sqrt(pairs untied in x * pairs untied in y); NaN if one
    is constant. O(K^2).
    """
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    both = np.isfinite(a) & np.isfinite(b)
    upper = np.triu_indices(int(both.sum()), 1)
    da = np.sign(np.subtract.outer(a[both], a[both]))[upper]
    db = np.sign(np.subtract.outer(b[both], b[both]))[upper]
    untied = float(np.abs(da).sum() * np.abs(db).sum())
    return float((da * db).sum() / np.sqrt(untied)) if untied else float("nan")


def kendall_w(ranks: ArrayLike) -> float:
    """Concordance of m annotators who each ranked the same n items, ties as mean ranks: float in
    [0, 1].

    W = 12 S / (m^2 (n^3 - n) - m sum T), T = sum (t^3 - t) over the ties of one annotator. ranks
    [m, n] may be any scores whose order is the ranking (lower is better).
    """
    table, ties = _ranked(np.asarray(ranks, dtype=np.float64))
    return float(_concordance(table.sum(axis=0), ties.sum(), len(table)))


def _ranked(table: Floats) -> tuple[Floats, Floats]:
    """Mean ranks [m, n], and sum (t^3 - t) over the ties of each annotator [m]."""
    ranks = np.array([_mean_ranks(row) for row in table])
    # Of t things that tie, each ties with t; so sum t^3 is the sum of t^2 over things.
    tied = np.array([((row[:, None] == row).sum(axis=1) ** 2 - 1).sum() for row in table])
    return ranks, tied.astype(np.float64)


def _concordance(sums: Floats, ties: Any, m: Any) -> Floats:
    """W of sums of ranks [..., n] by m annotators with `ties` among them; NaN where undefined."""
    n = sums.shape[-1]
    S = ((sums - np.asarray(m * (n + 1) / 2)[..., None]) ** 2).sum(axis=-1)
    possible = np.asarray(m**2 * (n**3 - n) - m * ties, dtype=np.float64)
    known = possible > 0
    return np.where(known, 12 * S / np.where(known, possible, 1.0), np.nan)


def _mean_ranks(row: Floats) -> Floats:
    below = (row[:, None] > row[None, :]).sum(axis=1)
    tied = (row[:, None] == row[None, :]).sum(axis=1)
    return np.asarray(below + (tied + 1) / 2, dtype=np.float64)


# --- Many rankings of many prompts --------------------------------------------------------------


def rank_agreement(ballots: Ballots, seed: int = 0, level: float = 0.95) -> tuple[Coefficient, ...]:
    """Kendall's tau-b and W among annotators who ranked the same prompt, with intervals over
    annotators (`jackknife`).

    tau-b is the mean over all pairs of annotators of a prompt, each compared on what both ranked;
    pairs of which one tied everything are left out. W is the mean over prompts, each on what all
    its annotators ranked; it grows as annotators become fewer (1/m where they don't agree at all),
    so compare it between equal panels only. An annotator's last ballot on a prompt counts; of more
    than MOST_RANKERS on one prompt so many are drawn by the seed. `units` are prompts with two or
    more rankings, `labels` their rankings.
    """
    full = ballots.completed()
    rng = np.random.default_rng([0xC0, seed])
    panels = [p for p in map(partial(_panel, full, rng), _by_prompt(full)) if p is not None]
    people = np.unique(np.concatenate([np.zeros(0, np.int64), *(who for who, _ in panels)]))
    drawn, G = groups_of(len(people), seed)
    tau, w = _Mean(G), _Mean(G)
    for who, tiers in panels:
        beat()
        group = drawn[np.searchsorted(people, who)]
        tau.add_pairs(_taus(tiers), group)
        w.add_whole(tiers, group)
    rankings = sum(len(who) for who, _ in panels)
    return tuple(
        Coefficient(name, mean.value, *mean.interval(level, low), len(panels), rankings)
        for name, mean, low in ((say("Kendall tau-b"), tau, -1.0), (say("Kendall W"), w, 0.0))
    )


def _by_prompt(full: Ballots) -> Iterator[Longs]:
    """Ballots of known annotators, prompt by prompt."""
    if full.annotator is None:
        return
    prompt = np.zeros(len(full), dtype=np.int64) if full.group is None else full.group
    known = np.flatnonzero((full.annotator >= 0) & (full.lengths >= 2) & (full.weights > 0))
    order = known[np.argsort(prompt[known], kind="stable")]
    yield from np.split(order, np.flatnonzero(np.diff(prompt[order])) + 1)


def _panel(full: Ballots, rng: np.random.Generator, rows: Longs) -> tuple[Longs, Floats] | None:
    """(annotators [m], tiers [m, n], NaN where something wasn't ranked); None of fewer than two."""
    assert full.annotator is not None
    last = dict(zip(full.annotator[rows].tolist(), rows.tolist(), strict=True))
    who = np.array(sorted(last), dtype=np.int64)
    if len(who) < 2:
        return None
    if len(who) > MOST_RANKERS:
        who = np.sort(rng.choice(who, MOST_RANKERS, replace=False))
    ballots = [slice(full.ptr[last[int(j)]], full.ptr[last[int(j)] + 1]) for j in who]
    items = np.unique(np.concatenate([full.item[ballot] for ballot in ballots]))
    tiers = np.full((len(who), len(items)), np.nan)
    for row, ballot in enumerate(ballots):
        tiers[row, np.searchsorted(items, full.item[ballot])] = full.tier[ballot]
    return who, tiers


def _taus(tiers: Floats) -> Floats:
    """tau-b of each two annotators [m, m], NaN where it is undefined. O(m^2 n^2)."""
    m, n = tiers.shape
    agreed, mine = np.zeros((2, m, m))
    for i in range(n - 1):  # pairs of items (i, j) with j > i
        gap = tiers[:, i : i + 1] - tiers[:, i + 1 :]
        both = (~np.isnan(gap)).astype(np.float64)
        sign = np.sign(np.nan_to_num(gap))
        agreed += sign @ sign.T
        mine += np.abs(sign) @ both.T
    untied = np.sqrt(mine * mine.T)
    return np.where(untied > 0, agreed / np.where(untied > 0, untied, 1.0), np.nan)


class _Mean:
    """A mean over prompts or pairs of annotators, and the same without each group of annotators."""

    def __init__(self, groups: int) -> None:
        self.groups = groups
        self.sum, self.n = 0.0, 0.0
        self.sums, self.ns = np.zeros((2, groups))  # without each group

    def add_pairs(self, tau: Floats, group: Longs) -> None:
        """All pairs of a panel; without a group, those with nobody of it."""
        known = ~np.isnan(tau) & ~np.eye(len(tau), dtype=np.bool_)
        of = self._members(group)
        total, without = _over_pairs(np.where(known, tau, 0.0), of)
        pairs, pairs_without = _over_pairs(known.astype(np.float64), of)
        self.sum, self.n = self.sum + total, self.n + pairs
        self.sums += without
        self.ns += pairs_without

    def add_whole(self, tiers: Floats, group: Longs) -> None:
        """W of a panel on what all of it ranked; without a group, that of the rest of it."""
        common = tiers[:, ~np.isnan(tiers).any(axis=0)]
        if common.shape[1] < 2:
            return
        ranks, ties = _ranked(common)
        value = float(_concordance(ranks.sum(axis=0), ties.sum(), len(ranks)))
        if not np.isfinite(value):
            return
        of = self._members(group)
        m = len(ranks) - of.sum(axis=0)
        rest = _concordance(ranks.sum(axis=0) - of.T @ ranks, ties.sum() - of.T @ ties, m)
        known = np.isfinite(rest) & (m >= 2)
        self.sum, self.n = self.sum + value, self.n + 1
        self.sums += np.where(known, rest, 0.0)
        self.ns += known

    def _members(self, group: Longs) -> Floats:
        """1 where an annotator of the panel is in a group [m, groups]."""
        return np.asarray(group[:, None] == np.arange(self.groups), dtype=np.float64)

    @property
    def value(self) -> float:
        return self.sum / self.n if self.n else float("nan")

    def interval(self, level: float, low: float) -> tuple[float, float]:
        without = self.sums / np.where(self.ns > 0, self.ns, np.nan)
        return interval(self.value, without, level, (low, 1.0))


def _over_pairs(matrix: Floats, of: Floats) -> tuple[float, Floats]:
    """Sum over pairs of a symmetric matrix with empty diagonal, and the same without each group."""
    total = float(matrix.sum()) / 2
    within = np.einsum("ig,ij,jg->g", of, matrix, of, optimize=True) / 2
    return total, total - of.T @ matrix.sum(axis=1) + within
