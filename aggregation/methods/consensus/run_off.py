"""Run-off election: judges score candidate answers; the two with most first places meet in a second
round.

For every question (group): round one counts each judge's highest-scored candidate (t tied ones
share the vote); the two candidates with most votes remain, a tie for a place being settled by the
higher mean score. In round two each judge votes for whichever of the two he scored higher, half for
each if equal; the majority wins, an even split is undecided. Where candidates are level in votes
and mean scores, every run-off that could be held is: the question is decided if all elect the same
candidate, else it stays open (TIE_UNRESOLVED).

posterior is the share of second-round votes, the mean of all run-offs that could be held. Using
whole score vectors but only their order, it withstands a few corrupted judges: changing the result
takes about half of the margin in judges. A judge who scored neither finalist does not vote. One who
scored a candidate several times stands by the mean of it, and votes with the weight of his scores
per candidate: twice the same scores count as two such judges.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Estimate, Method
from aggregation.methods.consensus._labelling import TIE, row_top
from aggregation.options import Options
from aggregation.results import Fit
from aggregation.tables import Ratings
from aggregation.tables.columns import Ids
from aggregation.warning_codes import ResultWarning, WarningCode, warn
from aggregation.watching import beat

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]


def solve(table: Ratings, options: Options, rng: np.random.Generator) -> Estimate:
    rows = table.answered()
    groups: Ids = table.group_ids if table.group is not None else ("all",) if table.n_units else ()
    context = (
        np.zeros(len(rows), dtype=np.int64) if rows.group is None else rows.group.astype(np.int64)
    )
    posterior = np.full((len(groups), table.n_units), np.nan)
    label = np.full(len(groups), -1, dtype=np.int64)
    order = np.argsort(context, kind="stable")
    starts = np.searchsorted(context[order], np.arange(len(groups) + 1))
    for g in range(len(groups)):
        members = order[starts[g] : starts[g + 1]]
        if len(members):
            posterior[g], label[g] = _election(rows.take(members), table.n_units)
    return Estimate(
        score=row_top(posterior) if posterior.size else np.zeros(len(groups)),
        score_kind="share",
        ids=groups,
        ranked=False,
        winners=(),
        classes=table.ids,
        posterior=posterior,
        label=label,
        fit=Fit(n_obs=len(rows)),
        warnings=_warnings(posterior, label, groups),
    )


def _election(rows: Ratings, K: int) -> tuple[Floats, int]:
    """Second-round shares of one question's candidates, and the one elected (-1: none)."""
    score, voice = _judges(rows, K)
    reach = voice @ np.isfinite(score) > 0
    if reach.sum() == 1:
        return np.where(reach, 1.0, np.nan), int(reach.argmax())
    total, held, elected = np.where(reach, 0.0, np.nan), 0, set[int]()
    for one, others in _run_offs(_first_places(score, voice), _means(score, voice), reach):
        beat()
        share = _second_round(score, voice, one, others)
        total[one] += share.sum()
        total[others] += 1 - share
        held += len(others)
        ahead = _above(share, 0.5)
        elected |= set(np.where(ahead == 1, one, np.where(ahead == 0, others, -1)).tolist())
    return total / held, elected.pop() if len(elected) == 1 else -1


def _judges(rows: Ratings, K: int) -> tuple[Floats, Floats]:
    """Each judge's mean score of every candidate (-inf: none), and the weight of his scores per
    candidate.
    """
    codes, _ = rows.clusters
    judges, row = np.unique(codes, return_inverse=True)
    total, weight = np.zeros((len(judges), K)), np.zeros((len(judges), K))
    np.add.at(total, (row, rows.unit), rows.value * rows.weights)
    np.add.at(weight, (row, rows.unit), rows.weights)
    scored = weight > 0
    score = np.where(scored, total / np.where(scored, weight, 1.0), -np.inf)
    return score, weight.sum(axis=1) / np.maximum(scored.sum(axis=1), 1)


def _first_places(score: Floats, voice: Floats) -> Floats:
    top = _above(score, score.max(axis=1, keepdims=True)) == 0.5
    return np.asarray(voice @ (top / np.maximum(top.sum(axis=1, keepdims=True), 1)))


def _means(score: Floats, voice: Floats) -> Floats:
    scored = np.isfinite(score)
    reach = voice @ scored
    total = voice @ np.where(scored, score, 0.0)
    return np.where(reach > 0, total / np.where(reach > 0, reach, 1.0), -np.inf)


def _run_offs(votes: Floats, mean: Floats, open_: NDArray[np.bool_]) -> list[tuple[int, Longs]]:
    """Each candidate with those whom he may meet: one pair, unless candidates tie for a place."""
    first = _leaders(votes, mean, open_)
    if len(first) > 1:
        return [(int(one), first[k:]) for k, one in enumerate(first[:-1], start=1)]
    rest = open_.copy()
    rest[first] = False
    return [(int(first[0]), _leaders(votes, mean, rest))]


def _leaders(votes: Floats, mean: Floats, open_: NDArray[np.bool_]) -> Longs:
    """The candidates with most votes and, of these, the highest mean score."""
    left = np.flatnonzero(open_)
    for value in (votes, mean):
        left = left[_above(value[left], value[left].max()) == 0.5]
    return left


def _second_round(score: Floats, voice: Floats, one: int, others: Longs) -> Floats:
    """Share of the votes for one against each of others."""
    his, theirs = score[:, [one]], score[:, others]
    voting = (np.isfinite(his) | np.isfinite(theirs)) * voice[:, None]
    return np.asarray((voting * _above(his, theirs)).sum(axis=0) / voting.sum(axis=0))


def _above(one: Floats, other: Any) -> Floats:
    """1 where one is higher, 0 where it is lower, 1/2 where they are level but for rounding."""
    near = TIE * np.abs(np.where(np.isfinite(one), one, 0.0))
    return np.where(one > other + near, 1.0, np.where(one < other - near, 0.0, 0.5))


def _warnings(
    posterior: Floats, label: NDArray[np.int64], groups: Ids
) -> tuple[ResultWarning, ...]:
    blank = (
        np.isnan(posterior).all(axis=1) if posterior.size else np.zeros(len(groups), dtype=np.bool_)
    )
    open_ = ~blank & (label < 0)
    found: list[ResultWarning] = []
    if blank.any():
        found.append(
            warn(
                WarningCode.EMPTY,
                f"{int(blank.sum())} questions",
                [groups[g] for g in np.flatnonzero(blank)],
            )
        )
    if open_.any():
        found.append(
            warn(
                WarningCode.TIE_UNRESOLVED,
                f"{int(open_.sum())} questions",
                [groups[g] for g in np.flatnonzero(open_)],
            )
        )
    return tuple(found)


METHOD = Method(
    title="Run-off election",
    family="consensus",
    consumes=(Ratings,),
    solve=solve,
    reference="Rezaei, Banihashem, Chegini & Feizi (2023), Run-off election, ICML",
    axioms=("anonymity", "neutrality"),
    version="2",  # weights count as rows, and no tie falls to the first in line
)
