"""Rules against each other, in sentences and rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from aggregation.chart_markup import chart_markup
from aggregation.charts import Estimate, forest
from aggregation.reports import Report
from aggregation.wording import named, number


@dataclass(frozen=True)
class HeldOutRow:
    rule: str
    loss: str
    interval: str
    behind: str
    sure: bool
    why: str
    brier: str = ""
    error: str = ""


@dataclass(frozen=True)
class ReliabilityRow:
    """How often favourites of so much chance won: a cell per rule, empty where there were none."""

    chance: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class RulesView:
    """Rules against each other: how much hangs on the rule, and which predicts people best."""

    sentences: tuple[str, ...]
    held_out: tuple[HeldOutRow, ...]
    how: str
    chart: SafeString
    predicting: tuple[str, ...]
    reliability: tuple[ReliabilityRow, ...]


def rules_view(report: Report, titles: Mapping[str, str]) -> RulesView:
    across, held = report["across"], report["held_out"]
    rows = [] if held is None else [_held_out(row, titles) for row in held["rules"]]
    return RulesView(
        sentences=tuple(_across(across)),
        held_out=tuple(rows),
        how="" if held is None else _how(held),
        chart=_loss_chart(held, titles),
        predicting=tuple(titles.get(row["method"], row["method"]) for row in _calibrated(held)),
        reliability=tuple(_reliability(_calibrated(held))),
    )


def _calibrated(held: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """The rules whose chances were held against what happened; older reports have none."""
    return [row for row in (held["rules"] if held else ()) if row.get("calibration")]


def _reliability(rules: list[Mapping[str, Any]]) -> Iterator[ReliabilityRow]:
    bins = [{each["low"]: each for each in row["calibration"]["bins"]} for row in rules]
    highs = {low: each["high"] for of_rule in bins for low, each in of_rule.items()}
    for low in sorted(highs):
        cells = tuple(_won(of_rule[low]) if low in of_rule else "" for of_rule in bins)
        yield ReliabilityRow(f"{low:.0%}–{highs[low]:.0%}", cells)


def _won(found: Mapping[str, Any]) -> str:
    """What was said, what happened with its interval over annotators, and of how many."""
    said = f"{found['said']:.0%} → {found['won']:.0%}"
    if found["se"] is not None:
        half = 1.96 * found["se"]
        said += f" [{max(found['won'] - half, 0):.0%}, {min(found['won'] + half, 1):.0%}]"
    return f"{said}, n = {found['n']:,}"


def _across(across: Mapping[str, Any]) -> list[str]:
    said = []
    if across["pairs"]:
        said.append(
            _(
                "%(ambiguous)d of %(pairs)d pairs (%(share)s) stand in another order under some "
                "rule."
            )
            % {
                "ambiguous": across["ambiguous_pairs"],
                "pairs": across["pairs"],
                "share": f"{across['ambiguous_pairs'] / across['pairs']:.0%}",
            }
        )
        winners = [
            _("“%(name)s” under %(count)d") % {"name": named(name), "count": count}
            for name, count in across["winners"]
        ]
        if len(winners) > 1:
            said.append(
                _("%(number)d items win under at least one of %(rules)d rules: %(winners)s.")
                % {
                    "number": len(winners),
                    "rules": across["rules"],
                    "winners": ", ".join(winners),
                }
            )
    if across["units"]:
        said.append(
            _("%(ambiguous)d of %(units)d units get another label under some rule.")
            % {"ambiguous": across["ambiguous_units"], "units": across["units"]}
        )
    return said or [_("These rules have nothing in common that could differ.")]


def _held_out(row: Mapping[str, Any], titles: Mapping[str, str]) -> HeldOutRow:
    known = row["loss"] is not None
    half = 1.96 * row["se"] if known and row["se"] is not None else None
    behind, behind_se = row["behind"], row["behind_se"]
    return HeldOutRow(
        rule=titles.get(row["method"], row["method"]),
        loss=number(row["loss"]),
        interval=""
        if half is None
        else f"[{number(row['loss'] - half)}, {number(row['loss'] + half)}]",
        behind=_behind(behind, behind_se),
        sure=behind_se is not None and behind is not None and behind > 1.96 * behind_se,
        why=row["why"],
        brier=_brier(row.get("calibration")),
        error=number(row["calibration"]["ece"]) if row.get("calibration") else "",
    )


def _brier(true: Mapping[str, Any] | None) -> str:
    if not true:
        return ""
    half = "" if true["brier_se"] is None else f" ± {number(1.96 * true['brier_se'])}"
    return f"{number(true['brier'])}{half}"


def _behind(behind: float | None, se: float | None) -> str:
    if behind is None:
        return ""
    if se is None:
        return _("best")
    return f"{number(behind)} ± {number(1.96 * se)}"


def _how(held: Mapping[str, Any]) -> str:
    return _(
        "%(judgments)s judgments by %(people)d annotators, who were dealt at random into %(folds)d "
        "parts; each part is predicted from the others. A tie counts as half. A coin loses "
        "%(coin)s per judgment; lower is better."
    ) % {
        "people": held["annotators"],
        "folds": held["folds"],
        "judgments": f"{held['judgments']:,}",
        "coin": number(held["coin"]),
    }


def _loss_chart(held: Mapping[str, Any] | None, titles: Mapping[str, str]) -> SafeString:
    known = [row for row in (held["rules"] if held else ()) if row["loss"] is not None]
    estimates = [
        Estimate(
            titles.get(row["method"], row["method"]),
            row["loss"],
            None if row["se"] is None else row["loss"] - 1.96 * row["se"],
            None if row["se"] is None else row["loss"] + 1.96 * row["se"],
        )
        for row in sorted(known, key=lambda row: row["loss"])
    ]
    if held is None or not estimates:
        return chart_markup("")
    svg = forest(
        "held-out",
        estimates,
        title=_("Log loss on annotators that were held out"),
        unit=_("log loss per judgment; the dashed line is a coin"),
        reference=held["coin"],
    )
    return chart_markup(svg)
