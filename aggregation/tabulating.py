"""Every table of a run's page as a sheet, for downloads and for the API alike."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aggregation.enqueue import judgments_examined
from aggregation.models import Run
from aggregation.results import MethodComparison
from aggregation.wording import named
from annotation.spreadsheets import harmless


@dataclass(frozen=True)
class Sheet:
    """Named columns and rows; an unknown number is None. `name` becomes part of a file's name."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def records(self) -> list[dict[str, Any]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def csv(self) -> str:
        """Comma-separated with a head; what a spreadsheet would run as a formula is quoted."""
        stream = io.StringIO()
        writer = csv.writer(stream)
        writer.writerows(map(harmless, row) for row in (self.columns, *self.rows))
        return stream.getvalue()


SCORES = ("item", "rank", "score", "se", "lo", "hi", "rank_lo", "rank_hi", "judgments")


def _scores(run: Run) -> Sheet:
    rows = run.scores.order_by("position").values_list(*SCORES)
    return Sheet("scores", SCORES, tuple(rows))


def _labels(run: Run) -> Sheet:
    result = run.aggregate()
    columns = ("unit", "label", *(f"share: {named(each)}" for each in result.classes))
    if result.label is None or result.posterior is None:
        return Sheet("labels", columns, ())
    rows = []
    for k, unit in enumerate(result.ids):
        code = int(result.label[k])
        said = None if code < 0 else named(result.classes[code])
        rows.append((named(unit), said, *(_known(p) for p in result.posterior[k].tolist())))
    return Sheet("labels", columns, tuple(rows))


def _warnings(run: Run) -> Sheet:
    rows = [
        (warning.code.value, warning.sentence, "; ".join(warning.items))
        for warning in run.aggregate().warnings
    ]
    return Sheet("warnings", ("code", "sentence", "items"), tuple(rows))


def _abilities(run: Run) -> Sheet:
    quality = run.aggregate().annotators
    columns = ("annotator", "ability", "se", "bias", "judgments")
    if quality is None:
        return Sheet("abilities", columns, ())
    rows = [
        (
            named(name),
            _known(float(quality.ability[j])),
            None if quality.se is None else _known(float(quality.se[j])),
            None if quality.bias is None else _known(float(quality.bias[j])),
            int(quality.n[j]),
        )
        for j, name in enumerate(quality.ids)
    ]
    return Sheet("abilities", columns, tuple(rows))


def _pairs(run: Run) -> Sheet:
    columns = ("item", "other", "wins", "losses", "ties", "judgments")
    pairs = _examined(run).get("pairs")
    if not pairs:
        return Sheet("pairs", columns, ())
    ids, wins, ties = pairs["ids"], pairs["wins"], pairs["ties"]
    rows = [
        (
            named(ids[i]),
            named(ids[j]),
            wins[i][j],
            wins[j][i],
            ties[i][j],
            wins[i][j] + wins[j][i] + ties[i][j],
        )
        for i in range(len(ids))
        for j in range(i + 1, len(ids))
        if wins[i][j] + wins[j][i] + ties[i][j]
    ]
    return Sheet("pairs", columns, tuple(rows))


def _agreement(run: Run) -> Sheet:
    return _listed(run, "agreement", ("name", "value", "lo", "hi", "units", "labels"))


def _annotators(run: Run) -> Sheet:
    columns = (
        "name", "judgments", "agreement", "shared", "lean", "lean_lo", "lean_hi", "lean_n", "ties",
        "circles", "triads",
    )  # fmt: skip
    return _listed(run, "annotators", columns)


def _listed(run: Run, name: str, columns: tuple[str, ...]) -> Sheet:
    found = _examined(run).get(name, ())
    return Sheet(name, columns, tuple(tuple(row[c] for c in columns) for row in found))


def _examined(run: Run) -> dict[str, Any]:
    examination = judgments_examined(run)
    return {} if examination is None else examination.report or {}


def _subject(run: Run, subject: str) -> dict[str, Any]:
    """The newest report of a subject on this run, empty without one."""
    found = (
        run.examinations.filter(subject=subject, report__isnull=False)
        .order_by("-id")
        .values_list("report", flat=True)
        .first()
    )
    return found or {}


def _manipulation(run: Run) -> Sheet:
    rows = [
        (each["count"], each["ballot"], each["cast"], "; ".join(each["winners"]))
        for each in _subject(run, "manipulation").get("strategies", ())
    ]
    return Sheet("manipulation", ("voters", "ballot", "cast", "winners"), tuple(rows))


EFFECTS = (
    "attribute", "level", "baseline", "effect", "se", "lo", "hi", "mean", "mean_se", "n",
)  # fmt: skip


def _effects(run: Run) -> Sheet:
    rows = [tuple(row[c] for c in EFFECTS) for row in _subject(run, "effects").get("levels", ())]
    return Sheet("effects", EFFECTS, tuple(rows))


PEERS = ("annotator", "correlated", "output", "peers", "shared")


def _peers(run: Run) -> Sheet:
    found = _subject(run, "majority").get("peers", ())
    rows = [(named(row["annotator"]), *(row[c] for c in PEERS[1:])) for row in found]
    return Sheet("peers", PEERS, tuple(rows))


TABLES: dict[str, Callable[[Run], Sheet]] = {
    "scores": _scores,
    "labels": _labels,
    "abilities": _abilities,
    "pairs": _pairs,
    "agreement": _agreement,
    "annotators": _annotators,
    "warnings": _warnings,
    "manipulation": _manipulation,
    "effects": _effects,
    "peers": _peers,
}


def ranks_sheet(comparison: MethodComparison, methods: Sequence[str]) -> Sheet:
    """Items by rules; None where a rule doesn't rank an item."""
    rows = [
        (
            named(item),
            *(int(rank) or None for rank in comparison.rank[:, k]),
            int(comparison.spread[k]),
        )
        for k, item in enumerate(comparison.ids)
    ]
    return Sheet("ranks", ("item", *methods, "largest_difference"), tuple(rows))


def kendall_sheet(comparison: MethodComparison, methods: Sequence[str]) -> Sheet:
    """Kendall's tau-b between rules."""
    rows = [
        (method, *(_known(value) for value in row))
        for method, row in zip(methods, comparison.kendall.tolist(), strict=True)
    ]
    return Sheet("kendall", ("rule", *methods), tuple(rows))


SHARES = ("worth", "worth_lo", "worth_hi", "cost", "cost_lo", "cost_hi")


def groups_sheet(report: dict[str, Any] | None) -> Sheet:
    """A line per choice and group: what it is worth to the group, and what it costs it."""
    columns = ("choice", "rules", "maxmin", "group", "people", "favourite", *SHARES)
    rows = [
        (
            "; ".join(f"{name}: {chance:g}" for name, chance in choice["items"]),
            "; ".join(choice["rules"]),
            choice["is_maxmin"],
            group["name"],
            group["people"],
            group["favourite"],
            *(share[name] for name in SHARES),
        )
        for choice in (report or {}).get("choices", ())
        for group, share in zip(report["groups"], choice["shares"], strict=True)  # type: ignore[index]
    ]
    return Sheet("groups", columns, tuple(rows))


def _known(value: float) -> float | None:
    return value if value == value else None
