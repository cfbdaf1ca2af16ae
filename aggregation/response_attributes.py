"""What is known of each judged response: who wrote it, how long it is, what was measured on it.

Numbers become three equally full ranges. A table pasted by a person adds attributes per system or
per response; they stand beside the others under their own names.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Hashable, Sequence

from django.db.models.functions import Length

from aggregation.diagnostics.amce import levels_from_numbers
from aggregation.options import OptionError
from aggregation.slates.item_values import said
from annotation.models import Candidate, Measurement, Project
from annotation.phrases import say

PARTS = 3
MOST_LEVELS = 10  # different numbers that are still levels of their own
MOST_MEASUREMENTS = 8
CHARACTERS = say("length in characters")

Values = list[str | None]


def response_attributes(
    project: Project, ids: Sequence[Hashable], more: str = "", *, measured: bool = True
) -> dict[str, Values]:
    """Values per id (prompt, response), None where unknown. Raises OptionError for a bad table.

    Families are given only where they say something that systems don't, and systems only where no
    family does: the two together can't be told apart. `measured`: with what was measured on the
    responses by now.
    """
    rows = {
        (prompt, candidate): (pk, system, family, length)
        for pk, prompt, candidate, system, family, length in Candidate.objects.filter(
            prompt__project=project
        ).values_list(
            "pk",
            "prompt__external_id",
            "external_id",
            "system__name",
            "system__family",
            Length("text"),
        )
    }
    known = [rows.get(key) if isinstance(key, tuple) else None for key in ids]
    found: dict[str, Values] = {}
    systems: Values = [row[1] if row else None for row in known]
    families: Values = [(row[2] or None) if row else None for row in known]
    if 1 < len(set(families) - {None}) < len(set(systems) - {None}):
        found["family"] = families
    else:
        found["system"] = systems
    found[CHARACTERS] = _ranges([float(row[3]) if row else None for row in known])
    places: dict[int, list[int]] = defaultdict(list)
    for k, row in enumerate(known):
        if row:
            places[row[0]].append(k)
    if measured:
        found |= _measured(project, places, len(ids))
    return found | _pasted(more, ids, systems)


def _measured(project: Project, places: dict[int, list[int]], size: int) -> dict[str, Values]:
    """Numbers measured on responses; of several by one name the newest counts."""
    numbers: dict[str, list[float | None]] = {}
    measured = Measurement.objects.filter(
        candidate__prompt__project=project, number__isnull=False
    ).order_by("pk")
    for candidate, name, number in measured.values_list("candidate_id", "name", "number"):
        if name not in numbers:
            if len(numbers) == MOST_MEASUREMENTS:
                continue
            numbers[name] = [None] * size
        for k in places.get(candidate, ()):
            numbers[name][k] = number
    return {name: _ranges(values) for name, values in numbers.items()}


def _ranges(values: list[float | None]) -> Values:
    if len(set(values) - {None}) <= MOST_LEVELS:
        return [None if value is None else f"{value:g}" for value in values]
    return levels_from_numbers(values, PARTS)


def _pasted(text: str, ids: Sequence[Hashable], systems: Values) -> dict[str, Values]:
    """Attributes from a table whose first column names systems or responses."""
    if not text.strip():
        return {}
    reader = csv.DictReader(io.StringIO(text.strip()))
    names = [name for name in (reader.fieldnames or []) if name]
    if len(names) < 2:
        raise OptionError(
            say(
                "The table of attributes needs a head: a first column of systems or "
                "responses, then a column per attribute."
            )
        )
    key, *attributes = names
    by_item: dict[str, dict[str, str]] = {}
    for row in reader:
        if row[key] in by_item:
            raise OptionError(say("The table of attributes names “%(row)s” twice.", row=row[key]))
        by_item[row[key]] = row
    lines = [_line(by_item, item, system) for item, system in zip(ids, systems, strict=True)]
    if not any(lines):
        raise OptionError(
            say(
                "No system or response here is called “%(next)s”. The first column names "
                "systems, or responses as prompt / response.",
                next=next(iter(by_item), ""),
            )
        )
    found: dict[str, Values] = {}
    for name in attributes:
        values: Values = [line.get(name) or None if line else None for line in lines]
        found[name] = _levels(values)
    return found


def _line(
    by_item: dict[str, dict[str, str]], item: Hashable, system: str | None
) -> dict[str, str] | None:
    last = str(item[-1]) if isinstance(item, tuple) else str(item)
    for name in (said(item), last, system or ""):
        if name in by_item:
            return by_item[name]
    return None


def _levels(values: Values) -> Values:
    if len(set(values) - {None}) <= MOST_LEVELS:
        return values
    try:
        return _ranges([None if value is None else float(value) for value in values])
    except ValueError:
        return values
