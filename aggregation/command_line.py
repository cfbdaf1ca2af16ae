"""`aggregate`: a file of judgments in, scores out. Needs neither a database nor Django."""

import argparse
import csv
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table as Grid

from aggregation.comparing import MethodComparison
from aggregation.comparison_lines import show_differences
from aggregation.method import Method
from aggregation.options import OptionError
from aggregation.reading import FileError, Reading, read_table
from aggregation.results import AggregateResult, compare
from aggregation.slates.in_words import (
    MOST_SLATES,
    proofs,
    purchase_lines,
    purchase_sentence,
    slate_lines,
)
from aggregation.tables import TableError
from annotation.spreadsheets import harmless

SHOWN_ROWS = 40


class UsageError(ValueError):
    """What was asked for can't be done; the message says what to change."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command, for argparse and for Django alike."""
    parser.add_argument("file", type=Path, help="judgments as .csv, .jsonl or .parquet (also .gz)")
    parser.add_argument(
        "--method",
        "-m",
        action="append",
        default=[],
        metavar="SLUG",
        help="method to use; may be repeated",
    )
    parser.add_argument(
        "--compare", action="store_true", help="show them side by side, and which predicts best"
    )
    parser.add_argument("--out", type=Path, help="write the scores to a .json or .csv file")
    parser.add_argument(
        "--options",
        "-o",
        nargs="*",
        action="extend",
        default=[],
        metavar="NAME=VALUE",
        help="options of the method",
    )
    parser.add_argument(
        "--map",
        nargs="*",
        action="extend",
        default=[],
        metavar="NAME=COLUMN",
        help="which column is what",
    )
    parser.add_argument(
        "--where",
        nargs="*",
        action="extend",
        default=[],
        metavar="COLUMN=VALUE",
        help="only rows with this value",
    )
    parser.add_argument(
        "--kind", choices=("comparisons", "ballots", "labels", "ratings"), help="kind of judgments"
    )


def run(arguments: argparse.Namespace, console: Console | None = None) -> list[AggregateResult]:
    """Read, aggregate, show and write. Raises UsageError, FileError, OptionError or TableError with
    a sentence.
    """
    screen = console or Console(stderr=False)
    chosen = _methods(arguments.method)
    with _progress(screen) as progress:
        task = progress.add_task(f"Reading {arguments.file.name}", total=None)
        table = read_table(arguments.file, _reading(arguments))
        values = pairs_of_text(arguments.options, "--options")
        options = [_options(method, values, alone=len(chosen) == 1) for method in chosen]
        results = []
        for method, own in zip(chosen, options, strict=True):
            progress.update(task, description=f"{method.title} on {len(table):,} judgments")
            results.append(method.fit(table, own))
    if arguments.out:
        write(results, arguments.out)
    for result in results:
        show(result, screen)
    if arguments.compare or len(results) > 1:
        show_comparison(compare(results), screen)
    if arguments.compare:
        show_differences(list(zip(chosen, options, strict=True)), results, table, screen)
    return results


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point without Django: `python -m aggregation.command_line FILE --method SLUG`."""
    parser = argparse.ArgumentParser(prog="aggregate", description=__doc__)
    add_arguments(parser)
    try:
        run(parser.parse_args(argv))
    except (UsageError, FileError, OptionError, TableError) as error:
        Console(stderr=True).print(f"[red]{error}[/red]")
        return 2
    return 0


def _reading(arguments: argparse.Namespace) -> Reading:
    where = pairs_of_text(arguments.where, "--where")
    return Reading(arguments.kind, pairs_of_text(arguments.map, "--map"), where)


def _methods(slugs: Iterable[str]) -> list[Method]:
    from aggregation.catalogue import METHODS

    wanted = list(slugs)
    unknown = [slug for slug in wanted if slug not in METHODS]
    if unknown:
        raise UsageError(f"There is no method '{unknown[0]}'. Known are: {', '.join(METHODS)}.")
    if not wanted:
        raise UsageError(f"Name a method with --method. Known are: {', '.join(METHODS)}.")
    return [METHODS[slug] for slug in wanted]


def pairs_of_text(texts: Iterable[str], flag: str) -> dict[str, str]:
    """{"name": "value"} from NAME=VALUE texts. Raises UsageError naming the flag."""
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"{flag} needs NAME=VALUE, not '{text}'.")
        pairs[name.strip()] = value.strip()
    return pairs


def _options(method: Method, values: dict[str, str], alone: bool) -> Any:
    """With several methods an option goes to those that know it."""
    known = {field.name for field in method.options.form_fields()}
    mine = values if alone else {name: value for name, value in values.items() if name in known}
    return method.options.parse(mine)


def _progress(screen: Console) -> Progress:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    return Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal)


def show(result: AggregateResult, screen: Console) -> None:
    """Scores with ranks and intervals, best first, then what the result warns of."""
    grid = Grid(title=f"{result.method} ({result.score_kind})", title_justify="left")
    labelled = result.label is not None
    for heading in ("rank", "item", "score") if not labelled else ("unit", "label", "share"):
        grid.add_column(
            heading, justify="left" if heading in ("item", "unit", "label") else "right"
        )
    if result.lo is not None:
        grid.add_column(f"{result.level:.0%} interval", justify="right")
    if result.rank_lo is not None:
        grid.add_column("ranks", justify="right")
    order = _order(result)
    for k in order[:SHOWN_ROWS]:
        grid.add_row(*_cells(result, k))
    screen.print(grid)
    if len(order) > SHOWN_ROWS:
        screen.print(f"… and {len(order) - SHOWN_ROWS} more (write them all with --out).")
    _show_slates(result, screen)
    for warning in result.warnings:
        screen.print(f"[yellow]{warning.code}[/yellow] {warning.sentence}")


def _show_slates(result: AggregateResult, screen: Console) -> None:
    for items, chance in slate_lines(result):
        screen.print(f"slate: {items}{f' with chance {chance}' if chance else ''}")
    if (more := len(result.committees) - MOST_SLATES) > 0:
        screen.print(f"… and {more} more slates (write them all with --out FILE.json).")
    of = " for the first of them" if len(result.committees) > 1 else ""
    for each in purchase_lines(result):
        told = f"{each.item} at rho {each.rho} for {each.cost}, paid by {each.payers}"
        screen.print(f"bought{of}: {told}")
    if purchased := purchase_sentence(result):
        screen.print(purchased)
    for sentence, holds in proofs(result):
        screen.print(sentence if holds else f"[yellow]{sentence}[/yellow]")


def _order(result: AggregateResult) -> list[int]:
    rank = result.rank
    if rank is None:
        return list(range(len(result.ids)))
    return sorted(range(len(result.ids)), key=lambda k: (_component(result, k), rank[k] or 10**9))


def _component(result: AggregateResult, k: int) -> int:
    part = int(result.component[k]) if result.component is not None else 0
    return part if part >= 0 else 10**9


def _cells(result: AggregateResult, k: int) -> list[str]:
    cells = []
    if result.label is not None:
        chosen = int(result.label[k])
        cells += [
            _name(result.ids[k]),
            "undecided" if chosen < 0 else _name(result.classes[chosen]),
        ]
    else:
        place = int(result.rank[k]) if result.rank is not None else 0
        cells += [str(place) if place else "–", _name(result.ids[k])]
    cells.append(_number(float(result.score[k])))
    if result.lo is not None and result.hi is not None:
        cells.append(f"{_number(float(result.lo[k]))} … {_number(float(result.hi[k]))}")
    if result.rank_lo is not None and result.rank_hi is not None:
        cells.append(f"{result.rank_lo[k]}–{result.rank_hi[k]}")
    return cells


def _name(value: Any) -> str:
    return " / ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _number(value: float) -> str:
    return "–" if value != value else f"{value:.4f}"


def show_comparison(comparison: MethodComparison, screen: Console) -> None:
    """Ranks per method with the largest disagreement, then Kendall's tau between methods."""
    if comparison.rank.any():
        grid = Grid(title="Ranks side by side", title_justify="left")
        for heading in ("item", *comparison.methods, "spread"):
            grid.add_column(heading, justify="left" if heading == "item" else "right")
        best = sorted(range(len(comparison.ids)), key=lambda k: comparison.rank[:, k].tolist())
        for k in best[:SHOWN_ROWS]:
            ranks = [str(r) if r else "–" for r in comparison.rank[:, k]]
            grid.add_row(_name(comparison.ids[k]), *ranks, str(comparison.spread[k]))
        screen.print(grid)
    agreement = comparison.kendall if comparison.rank.any() else comparison.agreement
    title = (
        "Kendall's tau-b between methods"
        if comparison.rank.any()
        else "Share of units with the same label"
    )
    grid = Grid("", *comparison.methods, title=title, title_justify="left")
    for name, row in zip(comparison.methods, agreement, strict=True):
        grid.add_row(name, *(_number(float(value)) for value in row))
    screen.print(grid)


def write(results: Sequence[AggregateResult], path: Path) -> None:
    """Scores as .csv (one row per method and item) or everything as .json (one result, or a list of
    them).
    """
    if path.suffix == ".csv":
        _write_csv(results, path)
    elif path.suffix == ".json":
        plain = [result.to_dict() for result in results]
        path.write_text(
            json.dumps(plain[0] if len(plain) == 1 else plain, ensure_ascii=False, indent=1) + "\n"
        )
    else:
        raise UsageError(f"--out must end in .csv or .json, not '{path.suffix}'.")


def _write_csv(results: Sequence[AggregateResult], path: Path) -> None:
    names = (
        "method",
        "item",
        "score",
        "se",
        "lo",
        "hi",
        "rank",
        "rank_lo",
        "rank_hi",
        "component",
        "label",
    )
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(names)
        for result in results:
            for k, item in enumerate(result.ids):
                writer.writerow(
                    map(
                        harmless,
                        (result.method, _name(item), *(_csv_cell(result, n, k) for n in names[2:])),
                    )
                )


def _csv_cell(result: AggregateResult, name: str, k: int) -> Any:
    column = getattr(result, name)
    if column is None:
        return ""
    if name == "label":
        return "" if column[k] < 0 else _name(result.classes[int(column[k])])
    value = column[k].item()
    return "" if value != value or (name.startswith("rank") and not value) else value


if __name__ == "__main__":
    sys.exit(main())
