"""Which candidate lies where in which question, joined in memory from plain readings; and quick
maps from row numbers.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from django.db import models
from django.db.models import F, Max
from numpy.typing import NDArray

from aggregation.streaming import stream_columns
from annotation.models import Candidate, Placement, Project, Prompt, Question, System

MOST_POSITIONS = 1 << 15  # more than a position's column can hold
WIDEST_TABLE = 1 << 24  # row numbers that a table by row number may span

Longs = NDArray[np.int64]


class Placed:
    """Which candidate lies at which place of which question, as columns.

    Three plain readings are joined here: the database would hash every row twice for it.
    """

    def __init__(self, project: Project, *, pooled: bool) -> None:
        self.pooled = pooled
        asked, prompt, rubric = _read(
            Question.objects.filter(project=project),
            {"id": newest(Question), "prompt_id": newest(Prompt)},
            rare=("rubric_id",),
        )
        self.asked, self.line_of = asked, lookup(asked)
        owner, self.candidate = self._placements(project)
        self.start: Longs = np.flatnonzero(np.diff(owner, prepend=-1))
        self.question: Longs = owner[self.start]
        self.place_of = lookup(self.question)
        line = self.line_of(self.question)
        self.prompt, self.rubric = prompt[line], rubric[line]
        self.system = self._systems(project) if pooled else np.zeros_like(self.candidate)

    def _placements(self, project: Project) -> tuple[Longs, Longs]:
        """Questions and the candidates placed in them, in the order of their positions."""
        at, candidate = _read(
            self._placed(project).annotate(at=F("question_id") * MOST_POSITIONS + F("position")),
            {
                "at": (newest(Question) + 1) * MOST_POSITIONS - 1,
                "candidate_id": newest(Candidate),
            },
        )
        owner = at // MOST_POSITIONS
        known = self.knows(owner)
        return (owner, candidate) if known.all() else (owner[known], candidate[known])

    def _placed(self, project: Project) -> models.QuerySet[Placement]:
        """The project's placements; where most questions of an age are its own, with others' of
        that age, for joining them takes twice the time of reading them.
        """
        if not len(self.asked):
            return Placement.objects.none()
        first, last = int(self.asked[0]), int(self.asked[-1])
        if 2 * len(self.asked) < last - first + 1:
            return Placement.objects.filter(question__project=project)
        return Placement.objects.filter(question__gte=first, question__lte=last)

    def _systems(self, project: Project) -> Longs:
        """The system that wrote each placed candidate, 0 where nobody says."""
        wrote, system = _read(
            Candidate.objects.filter(system__project=project),
            {"id": newest(Candidate), "system_id": newest(System)},
        )
        if not len(wrote):
            return np.zeros_like(self.candidate)
        line = lookup(wrote)(self.candidate)
        return np.where(wrote[line] == self.candidate, system[line], 0)

    def knows(self, question: Longs) -> NDArray[np.bool_]:
        """Which of these questions are the project's."""
        if not len(self.asked):
            return np.zeros(len(question), dtype=np.bool_)
        return np.asarray(self.asked[self.line_of(question)] == question)

    @property
    def thing(self) -> Longs:
        """What is scored, per placement: the system (0 = unknown) or the candidate."""
        return self.system if self.pooled else self.candidate


def newest(model: type[models.Model]) -> int:
    """The highest row number of a model now; rows that come later have higher ones."""
    return int(model._default_manager.aggregate(newest=Max("pk"))["newest"] or 0)


def _read(
    rows: models.QuerySet[Any], within: Mapping[str, int], rare: Sequence[str] = ()
) -> list[Longs]:
    """Integer columns of all rows, ascending by the first one, which is unique.

    Rows with a number above what `within` says of its column are left out: they came meanwhile.
    Columns in `rare` are mostly NULL.
    """
    names = (*within, *rare)
    rows = rows.filter(**{f"{name}__lte": most for name, most in within.items()})
    parts = [
        part.integers
        for part in stream_columns(
            rows.order_by().values(*names),
            order=names[:1],
            integers=names,
            rare=rare,
            within=within,
            at_most=newest(rows.model),
        )
    ]
    nothing = np.zeros(0, dtype=np.int64)
    return [np.concatenate([nothing, *(part[name] for part in parts)]) for name in names]


def lookup(values: Longs) -> Callable[[Longs], NDArray[Any]]:
    """A map from ascending row numbers to their place. Others than these go to some place."""
    if not len(values) or values[-1] - values[0] >= WIDEST_TABLE:
        last = max(len(values) - 1, 0)
        return lambda column: np.searchsorted(values, column).clip(max=last)
    first = values[0]
    table = np.zeros(values[-1] - first + 1, dtype=np.int32)
    table[values - first] = np.arange(len(values), dtype=np.int32)
    return lambda column: table.take(column - first, mode="clip")


def distinct(*columns: Longs) -> Longs:
    """The different row numbers in some columns, ascending."""
    full = [column for column in columns if len(column)]
    if not full:
        return np.zeros(0, dtype=np.int64)
    low, high = min(c.min() for c in full), max(c.max() for c in full)
    if high - low >= WIDEST_TABLE:
        return np.unique(np.concatenate(full))
    seen = np.zeros(high - low + 1, dtype=np.bool_)
    for column in full:
        seen[column - low] = True
    return np.asarray(np.flatnonzero(seen) + low)
