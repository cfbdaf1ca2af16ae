"""What pages show of examinations: rows, matrices and sentences, made from stored reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from aggregation.reports import Report
from aggregation.results import AggregateResult
from aggregation.wording import named, number
from annotation.telling import told

MOST_IN_MATRIX = 20
MOST_PEOPLE = 200
SHADES = 5


@dataclass(frozen=True)
class Cell:
    """One meeting of two items: share of points of the row's item, and the counts behind it.

    `shade` 0 … 4 from never to always winning; empty `share`: they never met, or it's the diagonal.
    """

    share: str = ""
    counts: str = ""
    shade: int = -1
    same: bool = False


@dataclass(frozen=True)
class MatrixLine:
    place: int
    item: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class WinTable:
    """Items against items, best first; `left_out` items are only in the download."""

    lines: tuple[MatrixLine, ...]
    left_out: int


@dataclass(frozen=True)
class PersonLine:
    """One annotator; numbers are said already, empty where they are unknown."""

    name: str
    judgments: int
    agreement: str
    shared: int
    lean: str
    lean_interval: str
    leans: bool
    ties: str
    circles: str
    ability: str
    se: str
    bias: str


@dataclass(frozen=True)
class AgreementLine:
    name: str
    value: str
    interval: str
    units: int
    labels: int
    why: str


@dataclass(frozen=True)
class JudgmentsView:
    """A look at a run's judgments, as the page shows it."""

    matrix: WinTable | None
    people: tuple[PersonLine, ...]
    total_people: int
    lean_is: str
    has_ties: bool
    has_circles: bool
    ability_kind: str
    has_bias: bool
    agreement: tuple[AgreementLine, ...]
    notes: tuple[str, ...]


def judgments_view(
    report: Report, result: AggregateResult | None, called: Mapping[str, str] | None = None
) -> JudgmentsView:
    """The view of a report on judgments, in the order of ranks of `result` where it ranks.

    `called` has the names of annotators by their ids; who isn't in it is shown by the id.
    """
    people = report["annotators"]
    quality = result.annotators if result is not None else None
    abilities = {} if quality is None else {named(key): j for j, key in enumerate(quality.ids)}
    return JudgmentsView(
        matrix=_matrix(report["pairs"], result),
        people=tuple(
            _person(row, quality, abilities, called or {}) for row in people[:MOST_PEOPLE]
        ),
        total_people=len(people),
        lean_is=report["lean"] if any(row["lean"] is not None for row in people) else "",
        has_ties=any(row["ties"] is not None for row in people),
        has_circles=any(row["triads"] for row in people),
        ability_kind="" if quality is None else told(quality.ability_kind) or _("ability"),
        has_bias=quality is not None and quality.bias is not None,
        agreement=tuple(_coefficient(row) for row in report["agreement"]),
        notes=tuple(_notes(report)),
    )


def _matrix(pairs: Mapping[str, Any] | None, result: AggregateResult | None) -> WinTable | None:
    if pairs is None or len(pairs["ids"]) < 2:
        return None
    ids = [named(key) for key in pairs["ids"]]
    order = _best_first(ids, pairs, result)[:MOST_IN_MATRIX]
    lines = [
        MatrixLine(place, ids[i], tuple(_cell(pairs, i, j) for j in order))
        for place, i in enumerate(order, start=1)
    ]
    return WinTable(tuple(lines), pairs["left_out"] + len(ids) - len(order))


def _best_first(
    ids: Sequence[str], pairs: Mapping[str, Any], result: AggregateResult | None
) -> list[int]:
    if result is not None and result.rank is not None:
        ranks = {named(key): int(result.rank[k]) for k, key in enumerate(result.ids)}
        return sorted(range(len(ids)), key=lambda i: (ranks.get(ids[i], 0) or 10**9, i))
    points = [sum(pairs["wins"][i]) + sum(pairs["ties"][i]) / 2 for i in range(len(ids))]
    games = [points[i] + sum(row[i] for row in pairs["wins"]) for i in range(len(ids))]
    return sorted(range(len(ids)), key=lambda i: -points[i] / max(games[i], 1e-9))


def _cell(pairs: Mapping[str, Any], i: int, j: int) -> Cell:
    if i == j:
        return Cell(same=True)
    won, lost, even = pairs["wins"][i][j], pairs["wins"][j][i], pairs["ties"][i][j]
    games = won + lost + even
    if not games:
        return Cell()
    share = (won + even / 2) / games
    return Cell(
        share=f"{share:.0%}",
        counts=_("%(points)s of %(games)s")
        % {"points": told(_count(won + even / 2)), "games": told(_count(games))},
        shade=min(int(share * SHADES), SHADES - 1),
    )


def _count(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"


def _person(
    row: Mapping[str, Any], quality: Any, abilities: Mapping[str, int], called: Mapping[str, str]
) -> PersonLine:
    j = abilities.get(named(row["name"]))
    known = row["lean_lo"] is not None and row["lean_hi"] is not None
    return PersonLine(
        name=called.get(named(row["name"])) or named(row["name"]),
        judgments=row["judgments"],
        agreement="" if row["agreement"] is None else f"{row['agreement']:.0%}",
        shared=row["shared"],
        lean=number(row["lean"]),
        lean_interval=f"[{number(row['lean_lo'])}, {number(row['lean_hi'])}]" if known else "",
        leans=_leans(row),
        ties="" if row["ties"] is None else f"{row['ties']:.0%}",
        circles=_("%(n)s of %(total)s") % {"n": row["circles"], "total": row["triads"]}
        if row["triads"]
        else "",
        ability="" if j is None else number(float(quality.ability[j])),
        se="" if j is None or quality.se is None else number(float(quality.se[j])),
        bias="" if j is None or quality.bias is None else number(float(quality.bias[j])),
    )


def _leans(row: Mapping[str, Any]) -> bool:
    return row["lean_lo"] is not None and (row["lean_lo"] > 0 or row["lean_hi"] < 0)


def _coefficient(row: Mapping[str, Any]) -> AgreementLine:
    known = row["lo"] is not None and row["hi"] is not None
    why = _("not enough data") if not row["units"] else _("undefined: only one label occurs")
    return AgreementLine(
        name=row["name"],
        value=number(row["value"]),
        interval=f"[{number(row['lo'])}, {number(row['hi'])}]" if known else "",
        units=row["units"],
        labels=row["labels"],
        why=why if row["value"] is None else "",
    )


def _notes(report: Report) -> list[str]:
    """What the judgments themselves warn of, with what to do."""
    found = []
    units = max((row["units"] for row in report["agreement"]), default=0)
    if report["agreement"] and not units:
        found.append(
            _(
                "No two people judged the same thing, so nothing tells how far they agree. Ask for "
                "an overlap of at least two on some questions."
            )
        )
    leaning = [row for row in report["annotators"] if _leans(row)]
    expected = 0.05 * sum(row["lean_lo"] is not None for row in report["annotators"])
    if leaning and len(leaning) > expected + 1:
        found.append(
            ngettext(
                "%(count)d annotator leans to one side by more than chance explains (marked "
                "below). Read some of these judgments, or use a rule that models it.",
                "%(count)d annotators lean to one side by more than chance explains (marked "
                "below). Read some of their judgments, or use a rule that models it.",
                len(leaning),
            )
            % {"count": len(leaning)}
        )
    circles = report["circles"]
    if circles and circles["circular"]:
        found.append(
            _(
                "Majorities go in a circle in %(circular)d of %(complete)d triples of items, where "
                "A beats B, B beats C and C beats A. No single order is true to all of them; look "
                "at a lottery or a Condorcet rule too."
            )
            % {"circular": circles["circular"], "complete": circles["complete"]}
        )
    return found
