"""`diagnose`: questions a file of judgments can answer about itself. Needs no database.

diagnose manipulation FILE --method SLUG      could voters gain by voting otherwise?
diagnose effects FILE ITEMS                   what do attributes of the items do? (conjoint)
diagnose peers FILE                           who agrees beyond chance? (peer scores)
diagnose known FILE GOLD                      what do stated confidences earn on known answers?
diagnose majority FILE [GOLD]                 is the majority enough, or do learned weights help?
"""

import argparse
import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table as Grid

from aggregation.catalogue import METHODS
from aggregation.diagnostics.amce import Effects, conjoint_effects, levels_from_numbers
from aggregation.diagnostics.manipulation import Manipulation, manipulation
from aggregation.diagnostics.payments import (
    PeerScores,
    known_answer_scores,
    payment,
    peer_scores,
)
from aggregation.method import Method
from aggregation.options import Options
from aggregation.reading import FileError, Reading, read_columns, read_table
from aggregation.slates.item_values import item_values, said
from aggregation.subjects.effects import effects_report
from aggregation.subjects.majority import examine_labels
from aggregation.subjects.manipulation import manipulation_report, order
from aggregation.tables import Ballots, Comparisons, Labels, Ratings, Table, convert

ITEM = ("item", "candidate", "system", "model", "id")


class DiagnoseError(ValueError):
    """What was asked for can't be done; the message says what to change."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command, for argparse and for Django alike."""
    parser.add_argument("question", choices=tuple(_QUESTIONS))
    parser.add_argument("file", type=Path, help="judgments as .csv, .jsonl or .parquet")
    parser.add_argument(
        "items", type=Path, nargs="?", help="effects: attributes of items; known, majority: gold"
    )
    parser.add_argument("--method", "-m", metavar="SLUG", help="manipulation: the rule")
    parser.add_argument("--options", "-o", nargs="*", default=[], metavar="NAME=VALUE")
    parser.add_argument(
        "--baselines",
        default="",
        metavar="ATTRIBUTE: LEVEL, …",
        help="effects: instead of the most",
    )
    parser.add_argument(
        "--parts", type=int, default=3, help="effects: ranges that a number is cut into"
    )
    parser.add_argument(
        "--base", type=float, help="known, peers: pay this and --scale times the score"
    )
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument(
        "--score",
        choices=("quadratic", "logarithmic"),
        default="quadratic",
        help="known: the proper score of a confidence",
    )
    parser.add_argument("--map", nargs="*", default=[], metavar="NAME=COLUMN")
    parser.add_argument("--out", type=Path, help="write the answer to a .json file")


def run(arguments: argparse.Namespace, console: Console | None = None) -> dict[str, Any]:
    """Read, answer, show, write; the answer as plain data.

    Raises DiagnoseError, FileError, OptionError or TableError with a sentence.
    """
    screen = console or Console()
    table = read_table(arguments.file, Reading(None, _pairs(arguments.map)))
    answer = _QUESTIONS[arguments.question](table, arguments, screen)
    if arguments.out:
        if arguments.out.suffix != ".json":
            raise DiagnoseError(f"--out must end in .json, not '{arguments.out.suffix}'.")
        text = json.dumps(answer, ensure_ascii=False, indent=1, allow_nan=False)
        arguments.out.write_text(text + "\n", encoding="utf-8")
    return answer


def _pairs(texts: list[str]) -> dict[str, str]:
    split = [text.partition("=") for text in texts]
    for name, equals, _ in split:
        if not equals:
            raise DiagnoseError(f"This needs NAME=VALUE, not '{name}'.")
    return {name.strip(): value.strip() for name, _, value in split}


# --- Manipulation ------------------------------------------------------------------------------


def _manipulation(table: Table, arguments: argparse.Namespace, screen: Console) -> dict[str, Any]:
    method = _ranked_rule(arguments.method)
    if not isinstance(table, Ballots | Ratings):
        raise DiagnoseError("Manipulation is looked for in rankings (ballot, item, rank).")
    ballots = table if isinstance(table, Ballots) else convert(table, (Ballots,))[0]
    options = method.options.parse(_pairs(arguments.options))
    found = manipulation(method, ballots, options)
    _show_manipulation(found, method, screen)
    return manipulation_report(found, method.slug)


def _ranked_rule(slug: str | None) -> Method:
    if slug is None or slug not in METHODS:
        raise DiagnoseError(f"Name a rule with --method. Known are: {', '.join(METHODS)}.")
    if not METHODS[slug].accepts(Ballots):
        raise DiagnoseError(f"'{slug}' reads no rankings.")
    return METHODS[slug]


def _show_manipulation(found: Manipulation, method: Method, screen: Console) -> None:
    screen.print(f"{method.title}: {', '.join(map(said, found.winners)) or 'nobody'} wins.")
    if found.count is None:
        more = "" if found.complete else " in the part that was searched"
        screen.print(f"No like-minded voters were found who gain by voting otherwise{more}.")
        return
    screen.print(
        f"{found.count:g} of {found.voters:g} voters are enough to gain by voting otherwise "
        f"({found.per_root:.2f} times the square root of the voters); "
        f"{found.exposed:.0%} of the voters hold a ballot for which some coalition gains."
    )
    grid = Grid("voters", "who mean", "cast", "then wins")
    for each in found.strategies[:10]:
        won = ", ".join(map(said, each.winners))
        grid.add_row(f"{each.count:g}", order(each.ballot), order(each.cast), won)
    screen.print(grid)
    if not found.complete:
        screen.print("The search ended at its limit, so fewer voters may be enough.")


# --- Effects -----------------------------------------------------------------------------------


def _effects(table: Table, arguments: argparse.Namespace, screen: Console) -> dict[str, Any]:
    pairs = table if isinstance(table, Comparisons) else convert(table, (Comparisons,))[0]
    if arguments.items is None:
        raise DiagnoseError("Name a second file: a line per item, a column per attribute.")
    attributes = read_attributes(arguments.items, pairs.ids, arguments.parts)
    found = conjoint_effects(pairs, attributes, item_values(arguments.baselines, "baselines"))
    _show_effects(found, screen)
    return effects_report(found)


def read_attributes(
    path: Path, ids: tuple[Any, ...], parts: int = 3
) -> dict[str, list[str | None]]:
    """Attributes per item of a table, None where the file doesn't say. A column of numbers with
    more than ten different ones is cut into `parts` ranges. Raises FileError.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FileError(f"{path} can't be read: {error}.") from error
    columns = [name for name in (rows[0] if rows else {}) if name]
    key = next((name for name in ITEM if name in columns), columns[0] if columns else None)
    if key is None or len(columns) < 2:
        raise FileError(f"{path} needs a column of items and at least one attribute.")
    by_item: dict[str, dict[str, str]] = {}
    for line, row in enumerate(rows, start=2):
        if row[key] in by_item:
            raise FileError(f"Line {line}: the item '{row[key]}' occurs twice.")
        by_item[row[key]] = row
    names = [name for name in columns if name != key]
    known = {n: [by_item.get(said(i), {}).get(n) or None for i in ids] for n in names}
    return {name: _levels(values, parts) for name, values in known.items()}


def _levels(values: list[str | None], parts: int) -> list[str | None]:
    if len({v for v in values if v is not None}) <= 10:
        return values
    try:
        return levels_from_numbers([None if v is None else float(v) for v in values], parts)
    except ValueError:
        return values


def _show_effects(found: Effects, screen: Console) -> None:
    screen.print(
        f"{found.pairs:,} pairs by {found.clusters:,} annotators; {found.left_out:,} left out. "
        "Causal only where attributes were given out at random."
    )
    grid = Grid("attribute", "level", "effect", "95% interval", "share preferred", "n")
    for each in found.levels:
        effect = "baseline" if each.baseline else _number(each.effect)
        interval = "" if each.baseline else f"{_number(each.lo)} … {_number(each.hi)}"
        share = f"{_number(each.mean)} ± {_number(each.mean_se)}"
        grid.add_row(each.attribute, each.level, effect, interval, share, f"{each.n:,}")
    screen.print(grid)
    if found.overlap is not None and found.overlap[0] > 0.3:
        v, one, other = found.overlap
        screen.print(f"'{one}' and '{other}' often go together (Cramér's V {v:.2f}).")
    for warning in found.warnings:
        screen.print(warning.sentence, style="yellow", markup=False)


# --- Peers -------------------------------------------------------------------------------------


def _peers(table: Table, arguments: argparse.Namespace, screen: Console) -> dict[str, Any]:
    labels = table if isinstance(table, Labels) else convert(table, (Labels,))[0]
    found = peer_scores(labels)
    paid = (
        None
        if arguments.base is None
        else payment(np.maximum(found.correlated, 0.0), arguments.base, arguments.scale)
    )
    _show_peers(found, paid, screen)
    return {
        "annotators": [
            {
                "annotator": said(who),
                "correlated_agreement": _finite(float(found.correlated[j])),
                "output_agreement": _finite(float(found.output[j])),
                "peers": int(found.peers[j]),
                "shared": int(found.shared[j]),
                **({} if paid is None else {"payment": _finite(float(paid[j]))}),
            }
            for j, who in enumerate(found.ids)
        ]
    }


def _show_peers(found: PeerScores, paid: Any, screen: Console) -> None:
    grid = Grid("annotator", "beyond chance", "plain agreement", "peers", "shared units")
    if paid is not None:
        grid.add_column("payment")
    for j in np.argsort(-np.nan_to_num(found.correlated, nan=-9.0), kind="stable")[:60]:
        cells = [said(found.ids[j]), _number(found.correlated[j]), _number(found.output[j])]
        cells += [str(found.peers[j]), str(found.shared[j])]
        grid.add_row(*cells, *([] if paid is None else [_number(paid[j])]))
    screen.print(grid)
    screen.print(
        "Rewards what people have in common: don't pay by it where honest people may differ."
    )


# --- Known answers -----------------------------------------------------------------------------


def _known(table: Table, arguments: argparse.Namespace, screen: Console) -> dict[str, Any]:
    labels = table if isinstance(table, Labels) else convert(table, (Labels,))[0]
    if arguments.items is None:
        raise DiagnoseError("Name a second file, with columns 'unit' and 'gold'.")
    answers = _answers(arguments.items)
    unsaid = sorted(set(answers.values()) - set(map(said, labels.label_ids)))
    labels = replace(labels, label_ids=(*labels.label_ids, *unsaid))  # right, though nobody's label
    found = known_answer_scores(replace(labels, gold=_codes(answers, labels)), arguments.score)
    base = 0.0 if arguments.base is None else arguments.base
    paid = payment(found.score, base, arguments.scale)
    grid = Grid("annotator", f"{arguments.score} score", "standard error", "n", "each answer pays")
    for j in np.argsort(-np.nan_to_num(found.score, nan=-9.0), kind="stable")[:60]:
        numbers = _number(found.score[j]), _number(found.se[j]), f"{found.n[j]:,}"
        grid.add_row(said(found.ids[j]), *numbers, _number(paid[j]))
    screen.print(grid)
    screen.print("Saying what one believes pays best. Confidences on other units play no part.")
    return {
        "rule": arguments.score,
        "annotators": [
            {
                "annotator": said(who),
                "score": _finite(float(found.score[j])),
                "se": _finite(float(found.se[j])),
                "n": int(found.n[j]),
                "payment": _finite(float(paid[j])),
            }
            for j, who in enumerate(found.ids)
        ],
    }


def _number(value: Any) -> str:
    return "–" if value != value else f"{value:.3f}".replace("-", "−")


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


# --- Majority ----------------------------------------------------------------------------------


def _majority(table: Table, arguments: argparse.Namespace, screen: Console) -> dict[str, Any]:
    labels = table if isinstance(table, Labels) else convert(table, (Labels,))[0]
    if arguments.items is not None:
        labels = replace(labels, gold=read_gold(arguments.items, labels))
    found = examine_labels(labels, Options(), lambda _done: None)["weights"]
    screen.print(
        f"{found['labels']:,} labels by {found['annotators']:,} annotators on {found['units']:,} "
        f"units. Dawid–Skene changes {found['changed']:,} of {found['decided']:,} labels; it "
        f"learns {found['parameters']} numbers about each annotator, and {found['few']:,} of them "
        "gave fewer labels than that."
    )
    if found["gold"] is not None:
        gold = found["gold"]
        screen.print(
            f"On {gold['units']:,} known answers: majority {gold['majority']:.4f}, Dawid–Skene "
            f"{gold['model']:.4f}, difference {gold['difference']:+.4f} "
            f"[{gold['lo']:+.4f}, {gold['hi']:+.4f}]."
        )
    if found["certificate"] is not None:
        certificate = found["certificate"]
        screen.print(
            f"The majority is certified to be the best rule on {certificate['optimal']:,} of "
            f"{certificate['units']:,} units."
        )
        if certificate["sure"] is not None:
            screen.print(
                "With any reliabilities that known answers leave possible, it is on "
                f"{certificate['sure']:,}."
            )
    return {"weights": found}


def read_gold(path: Path, labels: Labels) -> Any:
    """Codes of known answers per unit, -1 where there is none. Raises FileError."""
    return _codes(_answers(path), labels)


def _answers(path: Path) -> dict[str, str]:
    columns = read_columns(path)
    item = next((name for name in (*ITEM, "unit") if name in columns.column_names), None)
    answer = next(
        (name for name in ("gold", "label", "answer") if name in columns.column_names), None
    )
    if item is None or answer is None:
        raise FileError(f"{path} needs a column of items and a column 'gold'.")
    units, said_there = (map(str, columns[name].to_pylist()) for name in (item, answer))
    return dict(zip(units, said_there, strict=True))


def _codes(known: dict[str, str], labels: Labels) -> Any:
    code = {said(label): k for k, label in enumerate(labels.label_ids)}
    return np.array(
        [code.get(known.get(said(unit), ""), -1) for unit in labels.ids], dtype=np.int32
    )


_QUESTIONS = {
    "manipulation": _manipulation,
    "effects": _effects,
    "known": _known,
    "peers": _peers,
    "majority": _majority,
}
