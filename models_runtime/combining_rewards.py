"""Combining a project's measurements into one, kept with the parts that went in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import Count, QuerySet

from annotation.models import Candidate, Measurement, Project, User
from annotation.phrases import say
from models_runtime.combining import METHODS, combine
from models_runtime.errors import NotPossible
from models_runtime.models import Combination, Scoring

MOST_CANDIDATES = 200_000  # some seconds; more belong into a job
AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Part:
    """A measurement to go in. An empty `source` is fine where the name has only one."""

    name: str
    source: str = ""
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Available:
    """A number that `candidates` of a project's candidates have."""

    name: str
    source: str
    candidates: int


@dataclass(frozen=True, slots=True)
class Spread:
    """Where a combination's values lie."""

    least: float
    low: float
    median: float
    high: float
    most: float


def available_to(project: Project) -> list[Available]:
    """The numbers of a project's candidates that can be combined, by name and source."""
    rows = (
        Measurement.objects.filter(candidate__prompt__project=project, number__isnull=False)
        .order_by("name", "source")
        .values_list("name", "source")
        .annotate(candidates=Count("pk"))
    )
    return [Available(*row) for row in rows]


def combinations_of(project: Project) -> "QuerySet[Combination]":
    """Rewards that were combined here, the newest first; picks of the best are no combination."""
    return Combination.objects.filter(project=project, method__in=METHODS)


def spread_of(made: Combination) -> Spread:
    numbers = Measurement.objects.filter(scoring__combination=made).values_list("number", flat=True)
    return Spread(*(float(x) for x in np.quantile(list(numbers), [0, 0.25, 0.5, 0.75, 1])))


def combine_rewards(
    project: Project,
    parts: Sequence[Part],
    *,
    name: str = "combined",
    method: str = "log_sigmoid",
    quantile: float = 0.5,
    user: User | None = None,
) -> Combination:
    """Combine `parts` for every candidate that has them all, as measurements called `name`.

    Nothing is overwritten: each combination is a source of its own. Raises NotPossible.
    """
    if method not in METHODS:
        raise NotPossible(say("Choose one of these: %(names)s.", names=", ".join(METHODS)))
    if not name.strip() or len(name) > 100:
        raise NotPossible(say("Give the combination a name of at most 100 letters."))
    if not parts:
        raise NotPossible(say("Choose at least one measurement to combine."))
    parts = [_settled(project, part) for part in parts]
    if len({(part.name, part.source) for part in parts}) < len(parts):
        raise NotPossible(say("The same measurement was chosen twice. Give it a weight instead."))
    columns, candidates = _columns(project, parts)
    if len(candidates) > MOST_CANDIDATES:
        raise NotPossible(
            say(
                "At most %(most_candidates)s candidates can be combined at once.",
                most_candidates=f"{MOST_CANDIDATES:,}",
            )
        )
    try:
        found = combine(
            columns, method=method, weights=[part.weight for part in parts], quantile=quantile
        )
    except ValueError as error:
        raise NotPossible(str(error)) from error
    rows = [
        (candidate, float(value))
        for candidate, value in zip(candidates, found.values, strict=True)
        if np.isfinite(value)
    ]
    if not rows:
        raise NotPossible(say("No candidate has all of these measurements."))
    references: list[float | None] = list(found.references) or [None] * len(parts)
    with transaction.atomic():
        made = Combination.objects.create(
            project=project,
            method=method,
            name=name.strip(),
            parts=[
                {"name": p.name, "source": p.source, "weight": p.weight, "reference": reference}
                for p, reference in zip(parts, references, strict=True)
            ],
            settings={"quantile": quantile},
            candidates=len(rows),
            left_out=Candidate.objects.filter(prompt__project=project).count() - len(rows),
            created_by=user,
        )
        _keep(made, rows)
    return made


def _settled(project: Project, part: Part) -> Part:
    """The part with its source found; raises NotPossible where it isn't clear."""
    of_name = Measurement.objects.filter(
        candidate__prompt__project=project, name=part.name, number__isnull=False
    )
    sources = sorted(of_name.order_by().values_list("source", flat=True).distinct())
    if not sources:
        raise NotPossible(
            say("This project has no number called “%(part_name)s”.", part_name=part.name)
        )
    if part.source in sources:
        return part
    if part.source or len(sources) > 1:
        raise NotPossible(
            say(
                "Say which “%(part_name)s” is meant. There are: %(names)s.",
                part_name=part.name,
                names="; ".join(sources),
            )
        )
    return Part(part.name, sources[0], part.weight)


def _columns(
    project: Project, parts: Sequence[Part]
) -> tuple[list[np.ndarray[Any, np.dtype[np.float64]]], list[int]]:
    """A column of numbers per part, NaN where one is missing, and the candidates of the rows."""
    found = []
    for part in parts:
        rows = Measurement.objects.filter(
            candidate__prompt__project=project, name=part.name, source=part.source
        )
        found.append(dict(rows.values_list("candidate_id", "number")))
    candidates = sorted(set().union(*found))
    columns = [
        np.array([values.get(each, np.nan) for each in candidates], dtype=np.float64)
        for values in found
    ]
    return columns, candidates


def _keep(made: Combination, rows: Sequence[tuple[int, float]]) -> None:
    for start in range(0, len(rows), AT_ONCE):
        measurements = Measurement.objects.bulk_create(
            Measurement(candidate_id=candidate, name=made.name, source=str(made)[:200], number=x)
            for candidate, x in rows[start : start + AT_ONCE]
        )
        Scoring.objects.bulk_create(
            Scoring(measurement=each, combination=made) for each in measurements
        )
