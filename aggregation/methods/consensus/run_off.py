"""Run-off election: judges score candidate answers; the two with most first places meet in a second
round.

For every question (group): round one counts each judge's highest-scored candidate (t tied ones
share the vote); the two candidates with most votes remain, a tie for a place being settled by the
higher mean score. In round two each judge votes for whichever of the two he scored higher, half for
each if equal; the majority wins, an even split is undecided.

posterior is the share of second-round votes. Using whole score vectors but only their order, it
withstands a few corrupted judges: changing the result takes about half of the margin in judges. A
judge who scored neither finalist does not vote.
"""

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Estimate, Method
from aggregation.methods.consensus._labelling import top_label
from aggregation.options import Options
from aggregation.results import Fit
from aggregation.tables import Ratings
from aggregation.tables.columns import Ids
from aggregation.warning_codes import ResultWarning, WarningCode, warn

Floats = NDArray[np.float64]


def solve(table: Ratings, options: Options, rng: np.random.Generator) -> Estimate:
    rows = table.answered()
    groups: Ids = table.group_ids if table.group is not None else ("all",) if table.n_units else ()
    context = (
        np.zeros(len(rows), dtype=np.int64) if rows.group is None else rows.group.astype(np.int64)
    )
    posterior = np.full((len(groups), table.n_units), np.nan)
    order = np.argsort(context, kind="stable")
    starts = np.searchsorted(context[order], np.arange(len(groups) + 1))
    for g in range(len(groups)):
        members = order[starts[g] : starts[g + 1]]
        if len(members):
            posterior[g] = _election(rows.take(members), table.n_units)
    label = top_label(posterior)
    return Estimate(
        score=posterior.max(axis=1, initial=-np.inf) if posterior.size else np.zeros(len(groups)),
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


def _election(rows: Ratings, K: int) -> Floats:
    """Second-round shares of one question's candidates."""
    codes, _ = rows.clusters
    judges, row = np.unique(codes, return_inverse=True)
    total, count = np.zeros((len(judges), K)), np.zeros((len(judges), K))
    np.add.at(total, (row, rows.unit), rows.value * rows.weights)
    np.add.at(count, (row, rows.unit), rows.weights)
    scored = count > 0
    score = np.where(scored, total / np.where(scored, count, 1.0), -np.inf)
    voice = np.bincount(row, rows.weights) / np.maximum(np.bincount(row), 1)
    top = (score == score.max(axis=1, keepdims=True)) & scored
    votes = voice @ (top / np.maximum(top.sum(axis=1, keepdims=True), 1))
    mean = np.where(scored.any(axis=0), (voice @ np.where(scored, score, 0.0)), -np.inf)
    reach = voice @ scored
    mean = np.where(reach > 0, mean / np.where(reach > 0, reach, 1.0), -np.inf)
    shares = np.where(reach > 0, 0.0, np.nan)
    finalists = np.lexsort((-mean, -votes))[: min(2, int((reach > 0).sum()))]
    if len(finalists) == 1:
        shares[finalists[0]] = 1.0
        return shares
    first, second = score[:, finalists[0]], score[:, finalists[1]]
    votes_first = np.where(first > second, 1.0, np.where(first < second, 0.0, 0.5))
    voting = np.isfinite(first) | np.isfinite(second)
    share = float((voice * votes_first)[voting].sum() / voice[voting].sum())
    shares[finalists] = share, 1 - share
    return shares


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
)
