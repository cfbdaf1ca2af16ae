"""Rules of elections that read the scores, or that the catalogue of methods doesn't have.

Each takes a table and the tasks' weights, float64[T] >= 0, and gives a score per system,
float64[S], higher is better, NaN for a system without any. Pure.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from aggregation.elections_table import ElectionError, ScoreTable
from aggregation.slates.ties import CLOSE
from annotation.phrases import say

Floats = NDArray[np.float64]
Rule = Callable[[ScoreTable, Floats], Floats]

TITLES = {
    "arithmetic_mean": "Arithmetic mean",
    "geometric_mean": "Geometric mean",
    "threshold": "Threshold",
    "two_level_borda": "Two-level Borda",
}


def rules_of_scores(table: ScoreTable, groups: Mapping[str, str] | None) -> dict[str, Rule]:
    """The rules by slug; two-level Borda only with `groups` (task -> group).

    Raises ElectionError for a group of a task that isn't there.
    """
    rules: dict[str, Rule] = {
        "arithmetic_mean": arithmetic_mean,
        "geometric_mean": geometric_mean,
        "threshold": threshold,
    }
    if groups:
        unknown = sorted(set(groups) - set(table.tasks))
        if unknown:
            raise ElectionError(
                say("There is no task '%(unknown)s' to put into a group.", unknown=unknown[0])
            )
        member = [groups.get(task, task) for task in table.tasks]
        rules["two_level_borda"] = lambda t, weight: two_level_borda(t, weight, member)
    return rules


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
