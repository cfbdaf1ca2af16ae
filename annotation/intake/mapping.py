"""Which column goes into which field: what was given, completed by a guess from the names. Pure.

A field's source is a column's name, a pattern of several columns ("{doc}/{system}"), or a constant
after an equals sign ("=person").
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from annotation.intake.kinds import Field, Kind
from annotation.intake.readers import Row
from annotation.intake.refusals import BadCell, BadMapping
from annotation.phrases import say

EVERYTHING = "*"
NEWCOMER = say(
    "is a column that the first rows don't have. Correct its name, leave it "
    "out, or put a row that has it near the beginning and map it"
)
_PLACE = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Plan:
    """A mapping worked out for one file. `problems` are sentences; with any, nothing can start.

    `unknown` are columns that no field takes and nobody asked to ignore.
    """

    mapping: dict[str, str]
    columns: tuple[str, ...]
    unknown: tuple[str, ...]
    ignored: frozenset[str]
    problems: tuple[str, ...]

    def checked(self) -> "Plan":
        """This plan, if it can start. Raises BadMapping."""
        if self.problems:
            raise BadMapping(list(self.problems))
        return self

    def column_of(self, field: str) -> str:
        """The column a person should look at for a field."""
        source = self.mapping.get(field, "")
        return source if source in self.columns else field


def plan(
    kind: Kind,
    columns: tuple[str, ...],
    given: Mapping[str, str] | None = None,
    ignore: Collection[str] = (),
) -> Plan:
    """Complete what was given by a guess, and say what is in the way."""
    given = {field: source for field, source in (given or {}).items() if source}
    fields = {field.name: field for field in kind.fields}
    problems = list(_unknown_names(kind, fields, columns, given, ignore))
    mapping = {**given, **_guessed(kind, columns, given, ignore)}
    used = {column for source in mapping.values() for column in sources(source, columns)}
    ignored = frozenset(columns if EVERYTHING in ignore else ignore)
    unknown = tuple(column for column in columns if column not in used | ignored)
    problems += _missing(kind, fields, mapping)
    if unknown:
        problems.append(_in_the_way(unknown, kind, fields))
    order = {name: place for place, name in enumerate(fields)}
    mapping = dict(sorted(mapping.items(), key=lambda item: order.get(item[0], len(order))))
    return Plan(mapping, columns, unknown, ignored, tuple(problems))


def _in_the_way(unknown: tuple[str, ...], kind: Kind, fields: Collection[str]) -> str:
    values = {
        "columns": _names(unknown),
        "kind": kind.title.lower(),
        "ignored": ",".join(unknown),
        "fields": ", ".join(fields),
    }
    if len(unknown) == 1:
        return say(
            "%(columns)s is a column that no field of %(kind)s takes. Map each to a field (--map "
            "FIELD=COLUMN) or leave it out (--ignore %(ignored)s). The fields are: %(fields)s.",
            **values,
        )
    return say(
        "%(columns)s are columns that no field of %(kind)s takes. Map each to a field (--map "
        "FIELD=COLUMN) or leave it out (--ignore %(ignored)s). The fields are: %(fields)s.",
        **values,
    )


def sources(source: str, columns: Collection[str]) -> list[str]:
    """The columns that a field's source draws from."""
    if source in columns:
        return [source]
    return [] if source.startswith("=") else _PLACE.findall(source)


def _unknown_names(
    kind: Kind,
    fields: Mapping[str, Field],
    columns: tuple[str, ...],
    given: Mapping[str, str],
    ignore: Collection[str],
) -> Iterator[str]:
    for field, source in given.items():
        if field not in fields:
            yield (
                say(
                    "%(kind_title)s have no field “%(field)s”. The fields are: %(names)s.",
                    kind_title=kind.title,
                    field=field,
                    names=", ".join(fields),
                )
            )
        named = sources(source, columns)
        if not named and not source.startswith("="):
            named = [source]
        for column in named:
            if column not in columns:
                yield (
                    say(
                        "The file has no column “%(column)s” (for %(field)s). Its columns are: "
                        "%(names)s.",
                        column=column,
                        field=field,
                        names=", ".join(columns),
                    )
                )
    for column in ignore:
        if column not in columns and column != EVERYTHING:
            yield say("The file has no column “%(column)s” to ignore.", column=column)


def _guessed(
    kind: Kind, columns: tuple[str, ...], given: Mapping[str, str], ignore: Collection[str]
) -> dict[str, str]:
    """Columns for the fields that weren't given: by a field's own name first, then by aliases."""
    taken = {column for source in given.values() for column in sources(source, columns)}
    free = {_plain(c): c for c in reversed(columns) if c not in ignore}
    guessed: dict[str, str] = {}
    names: list[tuple[str, tuple[str, ...]]] = [(f.name, (f.name,)) for f in kind.fields]
    names += [(field.name, field.aliases) for field in kind.fields]
    for field, spellings in names:
        found = next((name for name in spellings if name in free), None)
        if found is None or field in given or field in guessed:
            continue
        if found == field or free[found] not in taken:  # a column of a pattern keeps its own name
            guessed[field] = free.pop(found)
    return guessed


def _missing(kind: Kind, fields: Mapping[str, Field], mapping: Mapping[str, str]) -> Iterator[str]:
    groups = [(field.name,) for field in kind.fields if field.required]
    for group in (*groups, *kind.needs):
        if not any(name in mapping for name in group):
            what = " or ".join(f"{name} ({fields[name].help})" for name in group)
            yield say(
                "No column is known for %(what)s. Say which one: --map %(group)s=COLUMN.",
                what=what,
                group=group[0],
            )


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _names(names: Collection[str]) -> str:
    return ", ".join(f"“{name}”" for name in names)


class Reading:
    """Applies a plan to rows."""

    def __init__(self, plan: Plan, *, newcomer: str = NEWCOMER) -> None:
        self._newcomer = newcomer
        self._known = frozenset(plan.columns)
        self._ignored = plan.ignored
        self._all_ignored = plan.ignored >= self._known and bool(plan.ignored)
        self._columns = [(f, s) for f, s in plan.mapping.items() if s in self._known]
        rest = {f: s for f, s in plan.mapping.items() if s not in self._known}
        self._constants = {f: s[1:] for f, s in rest.items() if s.startswith("=")}
        self._patterns = {f: s for f, s in rest.items() if not s.startswith("=")}

    def values(self, row: Row) -> dict[str, Any]:
        """The row's values by field. Raises BadCell for a column that earlier rows don't have."""
        cells = row.cells
        if not cells.keys() <= self._known:
            self._refuse_newcomers(cells)
        values = {field: cells.get(column) for field, column in self._columns}
        if self._constants:
            values.update(self._constants)
        for field, pattern in self._patterns.items():
            values[field] = _filled(pattern, cells)
        return values

    def _refuse_newcomers(self, cells: Mapping[str, Any]) -> None:
        newcomers = sorted(cells.keys() - self._known - self._ignored)
        if newcomers and not self._all_ignored:
            raise BadCell(newcomers[0], self._newcomer)


def _filled(pattern: str, cells: Mapping[str, Any]) -> str | None:
    """The pattern with the row's values, None where one of them is blank."""
    values = {name: cells.get(name) for name in _PLACE.findall(pattern)}
    if any(value is None or not str(value).strip() for value in values.values()):
        return None
    return _PLACE.sub(lambda match: str(values[match[1]]).strip(), pattern)
