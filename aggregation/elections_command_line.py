"""`elections FILE`: a table of scores in, every rule's ranking out. Needs no database."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table as Grid

from aggregation.elections import Election, hold
from aggregation.elections_reading import read_scores
from aggregation.elections_report import as_csv, headline, order, plain, prospect_rows, rule_rows
from aggregation.elections_table import ElectionError
from aggregation.options import OptionError
from aggregation.slates.item_values import item_values


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command, for argparse and for Django alike."""
    parser.add_argument("file", type=Path, help="CSV: a line per system, a column per task")
    parser.add_argument(
        "--rule", action="append", default=None, metavar="SLUG", help="only this rule; repeatable"
    )
    parser.add_argument("--replicates", type=int, default=200, help="resamples of the tasks")
    parser.add_argument("--level", type=float, default=0.95, help="level of rank intervals")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--delta", type=float, default=0.0, help="scores this near are even")
    parser.add_argument("--weights", default="", metavar="TASK: W, …", help="1 for other tasks")
    parser.add_argument("--groups", default="", metavar="TASK: GROUP, …", help="adds two levels")
    parser.add_argument(
        "--lower", action="append", default=[], metavar="TASK", help="lower is better there"
    )
    parser.add_argument(
        "--leave-out", action="append", default=[], metavar="NAME", help="a system or task"
    )
    parser.add_argument("--out", type=Path, help="write everything to a .json or .csv file")


def run(arguments: argparse.Namespace, console: Console | None = None) -> Election:
    """Read, hold, show and write. Raises ElectionError with a sentence."""
    if not 0 <= arguments.replicates <= 10_000:
        raise ElectionError("--replicates must lie between 0 and 10000.")
    if not 0.5 <= arguments.level < 1:
        raise ElectionError("--level must lie between 0.5 and 1.")
    election = hold(
        read_scores(
            _text(arguments.file),
            weights=arguments.weights,
            lower=arguments.lower,
            leave_out=arguments.leave_out,
        ),
        arguments.rule,
        replicates=arguments.replicates,
        level=arguments.level,
        seed=arguments.seed,
        delta=arguments.delta,
        groups=_groups(arguments.groups),
    )
    if arguments.out:
        write(election, arguments.out)
    show(election, console or Console())
    return election


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ElectionError(f"{path} can't be read as text: {error}.") from error


def _groups(text: str) -> dict[str, str]:
    try:
        return item_values(text, "groups")
    except OptionError as error:
        raise ElectionError(str(error)) from error


def write(election: Election, path: Path) -> None:
    if path.suffix == ".json":
        text = json.dumps(plain(election), ensure_ascii=False, indent=1) + "\n"
    elif path.suffix == ".csv":
        text = as_csv(election)
    else:
        raise ElectionError(f"--out must end in .csv or .json, not '{path.suffix}'.")
    path.write_text(text, encoding="utf-8")


def show(election: Election, screen: Console) -> None:
    """The headline, the matrix of rules and systems, who could win, and cautions."""
    systems = [election.table.systems[system] for system in order(election)]
    screen.print(headline(election), markup=False)
    grid = Grid("rule", *systems, title="Ranks [interval over tasks]", title_justify="left")
    for row in rule_rows(election):
        cells = [f"{c.rank or '–'}{f' [{c.ranks}]' if c.ranks else ''}" for c in row.cells]
        grid.add_row(row.title, *(cell.replace("[", "\\[") for cell in cells))
    screen.print(grid)
    grid = Grid("system", "could win", "margin", "with weights on", title_justify="left")
    grid.title = "Prospective winners: some weights of the tasks make it beat all others"
    for prospect in prospect_rows(election):
        said = "yes" if prospect.wins else "no"
        grid.add_row(prospect.system, said, prospect.margin, prospect.tasks)
    screen.print(grid)
    for rule in rule_rows(election):
        for sentence in rule.cautions:
            screen.print(f"{rule.title}: {sentence}", style="yellow", markup=False)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point without Django: `python -m aggregation.elections_command_line FILE`."""
    parser = argparse.ArgumentParser(prog="elections", description=__doc__)
    add_arguments(parser)
    try:
        run(parser.parse_args(argv))
    except ElectionError as error:
        Console(stderr=True).print(str(error), style="red", markup=False)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
