"""`report`: a file of judgments in, a pluralistic report out. Needs neither database nor Django."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from aggregation.command_line import UsageError, pairs_of_text
from aggregation.options import OptionError
from aggregation.reading import (
    ALIASES,
    FileError,
    Reading,
    chosen_rows,
    read_columns,
    table_from_columns,
)
from aggregation.report import (
    Material,
    Reason,
    Report,
    ReportOptions,
    build,
    comparisons_from,
    plain,
    whole_people,
)
from aggregation.tables import Comparisons, TableError

VOICE = "\x1f"  # parts who judged from what they declared, in a column of this program's own
REASONS = ("reason", "rationale", "explanation")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command, for argparse and for Django alike."""
    parser.add_argument("file", type=Path, help="judgments as .csv, .jsonl or .parquet (also .gz)")
    parser.add_argument("--out", type=Path, help="write the whole report to this .json file")
    parser.add_argument(
        "--by", metavar="COLUMN", help="column that says which group each judgment was cast in"
    )
    for flag, short, meaning in (
        ("options", "o", "options of the report, such as replicates=50 or seed=3"),
        ("map", None, "which column is what"),
        ("where", None, "only rows with this value"),
    ):
        names = [f"--{flag}", *([f"-{short}"] if short else [])]
        parser.add_argument(
            *names, nargs="*", action="extend", default=[], metavar="NAME=VALUE", help=meaning
        )
    parser.add_argument(
        "--kind", choices=("comparisons", "ballots", "labels", "ratings"), help="kind of judgments"
    )


def run(arguments: argparse.Namespace, console: Console | None = None) -> Report:
    """Read, build, say the sentences, write. Raises UsageError, FileError, OptionError or
    TableError with a sentence.
    """
    screen = console or Console(stderr=False)
    options = ReportOptions.parse(pairs_of_text(arguments.options, "--options"))
    material = read_material(
        arguments.file,
        Reading(
            arguments.kind,
            pairs_of_text(arguments.map, "--map"),
            pairs_of_text(arguments.where, "--where"),
        ),
        arguments.by,
    )
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns,
        TimeRemainingColumn(),
        console=screen,
        transient=True,
        disable=not screen.is_terminal,
    ) as progress:
        task = progress.add_task("Resampling people", total=options.replicates)
        report = build(
            material, options, lambda done, most: progress.update(task, completed=done, total=most)
        )
    if arguments.out:
        if arguments.out.suffix != ".json":
            raise UsageError(f"--out must end in .json, not '{arguments.out.suffix}'.")
        arguments.out.write_text(json.dumps(plain(report), ensure_ascii=False, indent=1) + "\n")
    show(report, screen)
    return report


def read_material(path: Path, reading: Reading, by: str | None = None) -> Material:
    """Judgments of a file as a report reads them. Raises FileError or TableError."""
    columns = chosen_rows(read_columns(path), reading.where or {})
    reading = Reading(reading.kind, reading.map, None)
    if by is not None:
        columns = _with_voices(columns, reading.map or {}, by)
    table = table_from_columns(columns, reading)
    if getattr(table, "annotator", None) is None:
        raise FileError(
            "A report needs to know who judged what. Name the column with --map annotator=COLUMN."
        )
    pairs, level, how = comparisons_from(table)
    reasons = _reasons(columns, table) if isinstance(table, Comparisons) and by is None else ()
    if by is None:
        return Material(pairs, level, reasons=reasons, conversions=how, judgments=len(table))
    voices = [tuple(str(each).split(VOICE, 1)) for each in pairs.annotator_ids]
    whole, declared, values = whole_people(pairs, voices)  # type: ignore[arg-type]
    return Material(
        whole,
        level,
        declared=declared,
        declared_names=values,
        attribute=by,
        conversions=how,
        judgments=len(table),
    )


def _with_voices(columns: pa.Table, given: Mapping[str, str], by: str) -> pa.Table:
    """The annotator's column with the declared value added to each name."""
    if by not in columns.column_names:
        raise FileError(
            f"There is no column '{by}'. The file has: {', '.join(columns.column_names)}."
        )
    known = [given["annotator"]] if "annotator" in given else ALIASES["annotator"]
    name = next((each for each in known if each in columns.column_names), None)
    if name is None:
        raise FileError("No column says who judged. Name it with --map annotator=COLUMN.")
    who, said = columns[name].to_pylist(), columns[by].to_pylist()
    voices = [
        None if person is None else f"{person}{VOICE}{'' if value is None else value}"
        for person, value in zip(who, said, strict=True)
    ]
    place = columns.column_names.index(name)
    return columns.set_column(place, name, pa.array(voices, pa.string()))


def _reasons(columns: pa.Table, table: Comparisons) -> tuple[Reason, ...]:
    name = next((each for each in REASONS if each in columns.column_names), None)
    if name is None or table.annotator is None:
        return ()
    rows: list[Any] = columns[name].to_pylist()
    return tuple(
        Reason(
            str(table.annotator_ids[table.annotator[row]]),
            ""
            if table.group is None or table.group[row] < 0
            else str(table.group_ids[table.group[row]]),
            table.ids[table.a[row]],
            table.ids[table.b[row]],
            int(table.y[row] > 0) - int(table.y[row] < 0),
            str(text),
        )
        for row, text in enumerate(rows)
        if text and table.annotator[row] >= 0
    )


def show(report: Report, screen: Console) -> None:
    """The report's sentences, section by section."""
    sections: list[tuple[str, Sequence[str]]] = [("In short", report.summary)]
    for title, section in (
        ("Is there enough data?", report.sufficiency),
        ("How much is noise?", report.disagreement),
        ("Who disagrees?", report.groups),
        ("What does each rule give?", report.decisions),
        ("What would a minority lose?", report.minority),
    ):
        if section is not None:
            sections.append((title, section.sentences))
    sections.append(("A choice about values", report.values))
    for title, sentences in sections:
        if sentences:
            screen.print(f"[bold]{title}[/bold]")
            for sentence in sentences:
                screen.print(f"  {sentence}", markup=False, highlight=False)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point without Django: `python -m aggregation.report_command_line FILE`."""
    parser = argparse.ArgumentParser(prog="report", description=__doc__)
    add_arguments(parser)
    try:
        run(parser.parse_args(argv))
    except (UsageError, FileError, OptionError, TableError) as error:
        Console(stderr=True).print(f"[red]{error}[/red]")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
