"""What attributes of the responses do, as a chart and a table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from aggregation.chart_markup import chart_markup
from aggregation.charts import Estimate, forest
from aggregation.reports import Report
from aggregation.wording import number
from annotation.telling import told

TOGETHER = 0.3  # Cramér's V from which two attributes are said to go together
MOST_MARKS = 40


@dataclass(frozen=True)
class EffectRow:
    attribute: str
    level: str
    effect: str
    interval: str
    preferred: str
    n: int
    baseline: bool


@dataclass(frozen=True)
class EffectsView:
    sentence: str
    notes: tuple[str, ...]
    rows: tuple[EffectRow, ...]
    chart: SafeString


def effects_view(report: Report) -> EffectsView:
    return EffectsView(
        sentence=_(
            "From %(pairs)s pairs by %(people)s annotators%(left)s. Each effect is the change of "
            "the chance to be preferred against the attribute’s baseline, the other attributes "
            "held as they are. Causal only where attributes were given out at random; on responses "
            "that were merely found it says what goes with being preferred."
        )
        % {
            "pairs": f"{report['pairs']:,}",
            "people": f"{report['clusters']:,}",
            "left": _(", %(count)s left out because an attribute isn’t known")
            % {"count": f"{report['left_out']:,}"}
            if report["left_out"]
            else "",
        },
        notes=tuple(_notes(report)),
        rows=tuple(_row(each) for each in report["levels"]),
        chart=_chart(report),
    )


def _notes(report: Report) -> list[str]:
    said = [warning["sentence"] for warning in report["warnings"]]
    if report["overlap"] is not None and report["overlap"][0] > TOGETHER:
        v, one, other = report["overlap"]
        said.append(
            _(
                "“%(one)s” and “%(other)s” often go together (Cramér’s V %(v)s), so their effects "
                "are hard to tell apart. Choose one of them, or read the intervals."
            )
            % {"one": one, "other": other, "v": number(v)}
        )
    return said


def _row(each: Mapping[str, Any]) -> EffectRow:
    known = each["effect"] is not None and each["lo"] is not None and not each["baseline"]
    return EffectRow(
        attribute=each["attribute"],
        level=each["level"],
        effect=number(each["effect"]),
        interval=f"[{number(each['lo'])}, {number(each['hi'])}]" if known else "",
        preferred="" if each["mean"] is None else f"{each['mean']:.1%}",
        n=each["n"],
        baseline=each["baseline"],
    )


def _chart(report: Report) -> SafeString:
    marks = [
        Estimate(
            f"{told(each['attribute'])}: {told(each['level'])}",
            each["effect"],
            each["lo"],
            each["hi"],
            _("baseline") if each["baseline"] else "",
        )
        for each in report["levels"]
        if each["effect"] is not None
    ][:MOST_MARKS]
    if not marks:
        return chart_markup("")
    svg = forest(
        "effects",
        marks,
        title=_("Effects of attributes on the chance to be preferred"),
        unit=_("change of the chance; the dashed line is no effect"),
        reference=0.0,
    )
    return chart_markup(svg)
