"""Reading a table of scores: one line per system, one column per task. Pure."""

import csv
from collections.abc import Iterable, Mapping
from io import StringIO

import numpy as np

from aggregation.elections_table import ElectionError, ScoreTable
from aggregation.options import OptionError
from aggregation.slates.item_values import item_numbers
from annotation.phrases import say

MISSING = ("", "-", "–", "—", "na", "n/a", "nan", "none", "null")
MOST_CELLS = 200_000


def read_scores(
    text: str, *, weights: str = "", lower: Iterable[str] = (), leave_out: Iterable[str] = ()
) -> ScoreTable:
    """A table from CSV (comma, semicolon or tab) whose first column names the systems.

    Empty cells, "-" and "NA" are missing scores. `weights` ("task: 2") defaults to 1 each, `lower`
    names tasks where lower is better, `leave_out` systems or tasks to ignore.
    Raises ElectionError with the line of what is wrong.
    """
    rows = _rows(text)
    if len(rows) < 2:
        raise ElectionError(
            say("The table needs a line with the names of tasks and a line per system.")
        )
    (_, header), body = rows[0], rows[1:]
    tasks = [name.strip() for name in header[1:]]
    _check_names(tasks, "task", [1] * len(tasks))
    systems = [row[0].strip() for _, row in body]
    _check_names(systems, "system", [line for line, _ in body])
    if len(tasks) * len(systems) > MOST_CELLS:
        raise ElectionError(
            say("The table has more than %(most_cells)s cells.", most_cells=f"{MOST_CELLS:,}")
        )
    score = np.array([_numbers(line, row, tasks) for line, row in body], dtype=np.float64)
    return _chosen(
        systems, tasks, score.reshape(len(systems), len(tasks)), weights, lower, leave_out
    )


def _rows(text: str) -> list[tuple[int, list[str]]]:
    """Lines that aren't empty, with their numbers."""
    text = text.lstrip("\ufeff")
    first = text.partition("\n")[0]
    delimiter = max("\t;,", key=first.count)
    reader = csv.reader(StringIO(text), delimiter=delimiter, strict=True)
    try:
        return [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise ElectionError(f"Line {reader.line_num}: {error}.") from error


def _check_names(names: list[str], kind: str, lines: list[int]) -> None:
    if not names:
        raise ElectionError(say("The table names no %(kind)s.", kind=kind))
    seen: set[str] = set()
    for name, line in zip(names, lines, strict=True):
        if not name:
            raise ElectionError(say("Line %(line)s: a %(kind)s has no name.", line=line, kind=kind))
        if name in seen:
            raise ElectionError(
                say(
                    "Line %(line)s: the %(kind)s '%(name)s' occurs twice.",
                    line=line,
                    kind=kind,
                    name=name,
                )
            )
        seen.add(name)


def _numbers(line: int, row: list[str], tasks: list[str]) -> list[float]:
    cells = row[1:]
    if len(cells) > len(tasks):
        raise ElectionError(
            say(
                "Line %(line)s has %(cells)s scores for %(tasks)s tasks.",
                line=line,
                cells=len(cells),
                tasks=len(tasks),
            )
        )
    cells += [""] * (len(tasks) - len(cells))
    return [_number(line, cell.strip(), task) for cell, task in zip(cells, tasks, strict=True)]


def _number(line: int, cell: str, task: str) -> float:
    if cell.lower() in MISSING:
        return float("nan")
    try:
        value = float(cell)
    except ValueError as error:
        raise ElectionError(
            say(
                "Line %(line)s, task '%(task)s': '%(cell)s' is no number. Use a point "
                "for decimals and leave the cell empty where there is no score.",
                line=line,
                task=task,
                cell=cell[:40],
            )
        ) from error
    if not np.isfinite(value):
        raise ElectionError(
            say(
                "Line %(line)s, task '%(task)s': '%(cell)s' is not finite.",
                line=line,
                task=task,
                cell=cell,
            )
        )
    return value


def _chosen(
    systems: list[str],
    tasks: list[str],
    score: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    weights: str,
    lower: Iterable[str],
    leave_out: Iterable[str],
) -> ScoreTable:
    lower, dropped = frozenset(lower), frozenset(leave_out)
    _check_known(lower, tasks, "task")
    _check_known(dropped, [*systems, *tasks], "system or task")
    try:
        given = item_numbers(weights, "weights")
    except OptionError as error:
        raise ElectionError(str(error)) from error
    _check_known(given, tasks, "task")
    rows = [k for k, name in enumerate(systems) if name not in dropped]
    columns = [k for k, name in enumerate(tasks) if name not in dropped]
    kept = tuple(tasks[k] for k in columns)
    return ScoreTable(
        tuple(systems[k] for k in rows),
        kept,
        score[np.ix_(rows, columns)],
        np.array([given.get(task, 1.0) for task in kept]),
        lower & set(kept),
    )


def _check_known(names: Iterable[str] | Mapping[str, float], known: list[str], kind: str) -> None:
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ElectionError(
            say(
                "There is no %(kind)s '%(unknown)s'. Known are: %(names)s.",
                kind=kind,
                unknown=unknown[0],
                names=", ".join(known),
            )
        )
