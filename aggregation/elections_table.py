"""The table of scores that an election is held on: systems stand, tasks vote. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregation.tables import Ballots

Floats = NDArray[np.float64]


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
