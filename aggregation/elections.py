"""Benchmarks as elections: tasks vote, systems stand, and every rule gives its ranking.

A score table says how well each system did on each task. Each task becomes one ballot that ranks
the systems it has scores for, so that scales of different tasks need not be comparable; rules of
social choice and models of strength read these ballots. Means of raw scores stand beside them for
comparison, as do two rules of the same literature that need ballots only (Baldwin, threshold).

Resampling is over tasks: how would the ranking look, had the benchmark been made of other tasks
like these? With fewer than about ten tasks such intervals are rough.

Prospective winners: a system is one if some weights of the tasks make it beat every other system
(Condorcet winner): w >= 0, sum w = 1, and for all rivals j
sum_t w_t (1[i above j on t] - 1[j above i on t]) >= eps > 0, a linear program for each system.

Source: Rofin, Mikhailov, Florinskiy et al. (2023), EACL, "Vote'n'Rank: revision of benchmarking
with social choice theory"; two-level Borda: Colombo, Noiry, Irurozki & Clémençon (2022), NeurIPS,
"What are the best systems? New perspectives on NLP benchmarking". Pure.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregation.catalogue import METHODS
from aggregation.results import AggregateResult
from aggregation.slates.ties import CLOSE
from aggregation.tables import Ballots
from aggregation.uncertainty import (
    best_from_replicates,
    cluster_weights,
    competition_ranks,
    rank_bounds_from_replicates,
)
from aggregation.warning_codes import ResultWarning, WarningCode, warn
from annotation.phrases import say

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

BY_BALLOTS = (
    "plurality",
    "borda",
    "dowdall",
    "bucklin",
    "irv",
    "copeland",
    "minimax",
    "schulze",
    "ranked_pairs",
    "kemeny",
    "smith_set",
    "uncovered_set",
    "random_dictator",
    "maximal_lottery",
    "win_rate",
    "bradley_terry",
    "plackett_luce",
    "hodge_rank",
)
SLOW = frozenset(
    {"irv", "kemeny", "maximal_lottery", "plackett_luce", "uncovered_set", "ranked_pairs"}
)
FEW = 12  # systems up to which slow rules are resampled, too
SECONDS = 5.0  # that Kemeny may take per part


class ElectionError(ValueError):
    """A table or a choice of rules that no election can be held on; the message says why."""


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """score float64[S, T], NaN where a system wasn't run on a task; weight float64[T] >= 0.

    Higher is better, except on the tasks of `lower`, which `signed` turns round.
    """

    systems: tuple[str, ...]
    tasks: tuple[str, ...]
    score: Floats
    weight: Floats
    lower: frozenset[str] = frozenset()

    @property
    def signed(self) -> Floats:
        turn = np.array([-1.0 if task in self.lower else 1.0 for task in self.tasks])
        return np.asarray(self.score * turn)

    def ballots(self, delta: float = 0.0) -> Ballots:
        """One ballot per task, best first; neighbours that differ by at most `delta` tie."""
        rankings = [_tiers(column, delta) for column in self.signed.T]
        return Ballots.from_rankings(
            rankings,
            weight=self.weight,
            annotator=np.arange(len(self.tasks)),
            annotator_ids=self.tasks,
            ids=self.systems,
        )


def _tiers(column: Floats, delta: float) -> list[int | Sequence[int]]:
    tiers: list[list[int]] = []
    last = np.inf
    for system in np.argsort(-column, kind="stable"):
        value = float(column[system])
        if np.isnan(value):
            continue
        if tiers and last - value <= delta:
            tiers[-1].append(int(system))
        else:
            tiers.append([int(system)])
        last = value
    return list(tiers)


@dataclass(frozen=True, eq=False)
class Outcome:
    """One rule's answer over the systems. Ranks 1 = best, 0 = undefined; None: not resampled.

    rank_lo/hi  bounds of the rank at `level` over resampled tasks;  p_best  share of resamples in
    which the system comes first (ties shared)
    """

    slug: str
    title: str
    score: Floats
    rank: Longs
    winners: tuple[int, ...]
    rank_lo: Longs | None = None
    rank_hi: Longs | None = None
    p_best: Floats | None = None
    warnings: tuple[ResultWarning, ...] = ()


@dataclass(frozen=True)
class Prospect:
    """Whether some weights of the tasks make a system beat all others, by what margin, and which
    weights (of the largest margin).
    """

    system: int
    margin: float
    weights: tuple[float, ...]

    @property
    def wins(self) -> bool:
        return self.margin > 1e-9


@dataclass(frozen=True, eq=False)
class Election:
    """All rules on one table. condorcet: the system that beats every other, or None."""

    table: ScoreTable
    outcomes: tuple[Outcome, ...]
    condorcet: int | None
    prospects: tuple[Prospect, ...]
    replicates: int
    level: float
    seed: int

    def __post_init__(self) -> None:
        assert len(self.prospects) == len(self.table.systems)

    @property
    def winners(self) -> dict[int, list[str]]:
        """Titles of the rules that each system wins, the most successful first."""
        won: dict[int, list[str]] = {}
        for outcome in self.outcomes:
            for winner in outcome.winners:
                won.setdefault(winner, []).append(outcome.title)
        return dict(sorted(won.items(), key=lambda item: -len(item[1])))


def hold(
    table: ScoreTable,
    rules: Sequence[str] | None = None,
    *,
    replicates: int = 200,
    level: float = 0.95,
    seed: int = 0,
    delta: float = 0.0,
    groups: Mapping[str, str] | None = None,
) -> Election:
    """Every rule on the table. `groups` (task -> group) adds the two-level Borda rule.

    Raises ElectionError for an unknown rule or a table without systems or tasks.
    """
    if not table.systems or not table.tasks:
        raise ElectionError(say("An election needs at least one system and one task."))
    own = _own_rules(table, groups)
    wanted = list(rules) if rules is not None else [*BY_BALLOTS, *own]
    unknown = [slug for slug in wanted if slug not in own and slug not in BY_BALLOTS]
    if unknown:
        known = ", ".join([*BY_BALLOTS, *own])
        raise ElectionError(
            say(
                "There is no rule '%(unknown)s' for elections. Known are: %(known)s.",
                unknown=unknown[0],
                known=known,
            )
        )
    ballots = table.ballots(delta)
    draws = cluster_weights(seed, replicates, len(table.tasks)) if len(table.tasks) > 1 else None
    outcomes = [
        _of_rule(slug, own[slug], table, draws, level)
        if slug in own
        else _of_method(slug, ballots, replicates, level, seed)
        for slug in wanted
    ]
    margins = ballots.pair_counts().margins
    return Election(
        table,
        tuple(outcomes),
        _beats_all(np.asarray(margins)),
        tuple(prospects(table)),
        replicates,
        level,
        seed,
    )


def _of_method(slug: str, ballots: Ballots, replicates: int, level: float, seed: int) -> Outcome:
    method = METHODS[slug]
    few = slug not in SLOW or ballots.n_items <= FEW
    values: dict[str, Any] = {"level": level, "seed": seed, "replicates": replicates if few else 0}
    if slug == "kemeny":
        values["time_limit"] = SECONDS
    result = method.fit(ballots, method.options(**values))
    return Outcome(
        slug,
        method.title,
        result.score,
        _ranks(result),
        result.winners,
        result.rank_lo,
        result.rank_hi,
        result.p_best,
        tuple(w for w in result.warnings if w.code != WarningCode.SINGLE_ANNOTATOR),
    )


def _ranks(result: AggregateResult) -> Longs:
    if result.rank is None:
        return np.zeros(len(result.ids), dtype=np.int64)
    return result.rank


# --- Rules that need the scores, or that the catalogue doesn't have ------------------------------

Rule = Callable[[ScoreTable, Floats], Floats]
OWN_TITLES = {
    "arithmetic_mean": "Arithmetic mean",
    "geometric_mean": "Geometric mean",
    "baldwin": "Baldwin",
    "threshold": "Threshold",
    "two_level_borda": "Two-level Borda",
}


def _own_rules(table: ScoreTable, groups: Mapping[str, str] | None) -> dict[str, tuple[str, Rule]]:
    rules: dict[str, tuple[str, Rule]] = {
        "arithmetic_mean": (OWN_TITLES["arithmetic_mean"], arithmetic_mean),
        "geometric_mean": (OWN_TITLES["geometric_mean"], geometric_mean),
        "baldwin": (OWN_TITLES["baldwin"], baldwin),
        "threshold": (OWN_TITLES["threshold"], threshold),
    }
    if groups:
        unknown = sorted(set(groups) - set(table.tasks))
        if unknown:
            raise ElectionError(
                say("There is no task '%(unknown)s' to put into a group.", unknown=unknown[0])
            )
        member = [groups.get(task, task) for task in table.tasks]
        rules["two_level_borda"] = (
            OWN_TITLES["two_level_borda"],
            lambda t, weight: two_level_borda(t, weight, member),
        )
    return rules


def _of_rule(
    slug: str, named: tuple[str, Rule], table: ScoreTable, draws: Floats | None, level: float
) -> Outcome:
    title, rule = named
    score = rule(table, table.weight)
    component = np.where(np.isnan(score), -1, 0)
    rank = competition_ranks(score, component)
    found: list[ResultWarning] = []
    if slug.endswith("mean") and np.isnan(table.score).any():
        few = [s for s, row in zip(table.systems, table.score, strict=True) if np.isnan(row).any()]
        found.append(warn(WarningCode.UNBALANCED_EXPOSURE, say("not run on every task"), few))
    if np.isnan(score).any():
        absent = [s for s, value in zip(table.systems, score, strict=True) if np.isnan(value)]
        found.append(warn(WarningCode.UNSEEN_ITEMS, say("%(n)s systems", n=len(absent)), absent))
    winners = tuple(np.flatnonzero(rank == 1).tolist())
    if len(winners) > 1:
        found.append(warn(WarningCode.TIE_UNRESOLVED, say("%(n)s systems", n=len(winners))))
    if draws is None or len(draws) < 2:
        return Outcome(slug, title, score, rank, winners, warnings=tuple(found))
    rows = np.array([rule(table, table.weight * draw) for draw in draws])
    low, high = rank_bounds_from_replicates(rows, level, component)
    best = best_from_replicates(rows)
    return Outcome(slug, title, score, rank, winners, low, high, best, tuple(found))


def arithmetic_mean(table: ScoreTable, weight: Floats) -> Floats:
    """Weighted mean of a system's scores over the tasks it was run on; NaN without any."""
    known = ~np.isnan(table.signed)
    total = known @ weight
    summed = np.where(known, table.signed, 0.0) @ weight
    return np.where(total > 0, summed / np.where(total > 0, total, 1.0), np.nan)


def geometric_mean(table: ScoreTable, weight: Floats) -> Floats:
    """exp of the weighted mean of log scores; a zero makes it 0, a negative score NaN. On tasks
    where lower is better 1/score counts.
    """
    known = ~np.isnan(table.score)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(table.score)
    turn = np.array([-1.0 if task in table.lower else 1.0 for task in table.tasks])
    total = known @ weight
    with np.errstate(invalid="ignore"):
        summed = np.where(known & (weight > 0), logs * turn * weight, 0.0).sum(axis=1)
        mean = np.exp(summed / np.where(total > 0, total, 1.0))
    return np.where(total > 0, mean, np.nan)


def baldwin(table: ScoreTable, weight: Floats) -> Floats:
    """Drop those of the lowest Borda score among who is left, again and again; score = how many
    systems were dropped before. Systems tied for the lowest score leave together.
    """
    points = _points(table, weight)
    alive = np.asarray(np.isfinite(table.signed).any(axis=1))
    score = np.where(alive, 0.0, np.nan)
    gone = 0
    while alive.any():
        members = np.flatnonzero(alive)
        total = points[np.ix_(members, members)].sum(axis=1)
        slack = CLOSE * max(1.0, float(total.max(initial=0.0)))
        last = members[total <= total.min() + slack]
        score[last] = gone
        gone += len(last)
        alive[last] = False
    return score


def threshold(table: ScoreTable, weight: Floats) -> Floats:
    """Fewest last places, then fewest last-but-one places, and so on (Aleskerov, Yuzbashev &
    Yakuba 2007); score = number of systems that do worse. A place is 1 + the systems above.
    """
    signed = table.signed
    size = len(signed)
    above = (signed[None, :, :] > signed[:, None, :]).sum(axis=1)
    known = ~np.isnan(signed)
    counts = np.zeros((size, size))
    for place in range(size):
        counts[:, size - 1 - place] = ((above == place) & known) @ weight
    keys = [tuple(np.round(row / max(weight.sum(), 1e-300), 9)) for row in counts]
    score = np.array([float(sum(other > key for other in keys)) for key in keys])
    return np.where(known.any(axis=1), score, np.nan)


def two_level_borda(table: ScoreTable, weight: Floats, groups: Sequence[str]) -> Floats:
    """Borda within each group of tasks, then Borda over the groups' rankings, each counting alike
    (up to the mean weight of its tasks); for scores of single instances grouped by task.
    """
    names = list(dict.fromkeys(groups))
    total = np.zeros(len(table.systems))
    for name in names:
        mine = np.array([group == name for group in groups])
        inner = _points(table, np.where(mine, weight, 0.0)).sum(axis=1)
        present = np.asarray(np.isfinite(table.score[:, mine]).any(axis=1))
        gap = inner[:, None] - inner[None, :]
        above, tied = (gap > CLOSE) & present, (np.abs(gap) <= CLOSE) & present
        share = float(weight[mine].mean())
        total += np.where(present, above.sum(axis=1) + (tied.sum(axis=1) - 1) / 2, 0.0) * share
    return np.where(np.isfinite(table.score).any(axis=1), total, np.nan)


def _points(table: ScoreTable, weight: Floats) -> Floats:
    """points[i, j] = weight of tasks where i is above j, half where they are even."""
    signed = table.signed
    with np.errstate(invalid="ignore"):
        gap = signed[:, None, :] - signed[None, :, :]
    points = np.where(gap > 0, 1.0, np.where(gap == 0, 0.5, 0.0)) @ weight
    np.fill_diagonal(points, 0.0)
    return np.asarray(points)


# --- Condorcet and prospective winners -----------------------------------------------------------


def _beats_all(margins: Floats) -> int | None:
    better = margins > 0
    np.fill_diagonal(better, True)
    winners = np.flatnonzero(better.all(axis=1))
    return int(winners[0]) if len(winners) == 1 and len(margins) > 1 else None


def prospects(table: ScoreTable) -> list[Prospect]:
    """For each system the weights of tasks under which it beats all others most clearly."""
    signed = table.signed
    return [_prospect(signed, system) for system in range(len(table.systems))]


def _prospect(signed: Floats, system: int) -> Prospect:
    from scipy.optimize import linprog

    size, tasks = signed.shape
    if size < 2:
        return Prospect(system, float("nan"), ())
    with np.errstate(invalid="ignore"):
        gap = np.sign(np.nan_to_num(signed[[system]] - signed, nan=0.0))
    rivals = np.delete(gap, system, axis=0)
    answer = linprog(
        np.concatenate([np.zeros(tasks), [-1.0]]),
        A_ub=np.hstack([-rivals, np.ones((size - 1, 1))]),
        b_ub=np.zeros(size - 1),
        A_eq=np.concatenate([np.ones(tasks), [0.0]])[None, :],
        b_eq=[1.0],
        bounds=[(0, None)] * tasks + [(None, None)],
        method="highs",
    )
    return Prospect(system, float(answer.x[-1]), tuple(float(w) for w in answer.x[:-1]))
