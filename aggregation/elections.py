"""Benchmarks as elections: tasks vote, systems stand, and every rule gives its ranking.

A score table says how well each system did on each task. Each task becomes one ballot that ranks
the systems it has scores for, so that scales of different tasks need not be comparable; all rules
of social choice and some models of strength read these ballots. Means of raw scores stand beside
them for comparison, and so does the threshold rule of the same literature.

Resampling is over tasks: how would the ranking look, had the benchmark been made of other tasks
like these? With fewer than about ten tasks such intervals are rough.

Prospective winners: a system is one if some weights of the tasks make it beat every other system
(Condorcet winner): w >= 0, sum w = 1, and for all rivals j
sum_t w_t (1[i above j on t] - 1[j above i on t]) >= eps > 0, a linear program for each system.

Source: Rofin, Mikhailov, Florinskiy et al. (2023), EACL, "Vote'n'Rank: revision of benchmarking
with social choice theory"; two-level Borda: Colombo, Noiry, Irurozki & Clémençon (2022), NeurIPS,
"What are the best systems? New perspectives on NLP benchmarking". Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregation.catalogue import METHODS
from aggregation.elections_scores import TITLES, Rule, rules_of_scores
from aggregation.elections_table import ElectionError, ScoreTable
from aggregation.results import AggregateResult
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

MODELS = ("win_rate", "rank_centrality", "hodge_rank", "bradley_terry", "plackett_luce")
BY_BALLOTS = (
    *(s for s, m in METHODS.items() if m.family == "social_choice" and m.accepts(Ballots)),
    *MODELS,
)
SLOW = frozenset({"irv", "kemeny", "plackett_luce", "slater", "stable_voting"})
FEW = 12  # systems up to which slow rules are resampled, too
SECONDS = 5.0  # that exact rules may take per part


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
    own = rules_of_scores(table, groups)
    wanted = _wanted(rules, own)
    ballots = table.ballots(delta)
    draws = cluster_weights(seed, replicates, len(table.tasks)) if len(table.tasks) > 1 else None
    outcomes = [
        _of_scores(slug, own[slug], table, draws, level)
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


def rule_titles() -> dict[str, str]:
    """Titles of all rules by slug, in the order in which they are shown."""
    return {**TITLES, **{slug: METHODS[slug].title for slug in BY_BALLOTS}}


def _wanted(rules: Sequence[str] | None, own: Mapping[str, Rule]) -> list[str]:
    if rules is None:
        return [*own, *BY_BALLOTS]
    for slug in rules:
        if slug in own or slug in BY_BALLOTS:
            continue
        if slug in TITLES:
            raise ElectionError(
                say("The rule '%(rule)s' needs groups of tasks. Name some.", rule=slug)
            )
        raise ElectionError(
            say(
                "There is no rule '%(unknown)s' for elections. Known are: %(known)s.",
                unknown=slug,
                known=", ".join(rule_titles()),
            )
        )
    return list(dict.fromkeys(rules))


def _of_method(slug: str, ballots: Ballots, replicates: int, level: float, seed: int) -> Outcome:
    method = METHODS[slug]
    quick = slug not in SLOW or ballots.n_items <= FEW
    values: dict[str, Any] = {"level": level, "seed": seed}
    values["replicates"] = replicates if quick else 0
    if hasattr(method.options, "time_limit"):
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


def _of_scores(
    slug: str, rule: Rule, table: ScoreTable, draws: Floats | None, level: float
) -> Outcome:
    title = TITLES[slug]
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
