"""How many more judgments a goal needs, in a sentence, a chart and rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from aggregation.chart_markup import chart_markup
from aggregation.charts import Point, curve
from aggregation.reports import Report
from aggregation.wording import number


@dataclass(frozen=True)
class ForecastRow:
    chance: str
    more: str
    people: str


@dataclass(frozen=True)
class PlanView:
    """How many more judgments a goal needs."""

    sentence: str
    assumption: str
    rows: tuple[ForecastRow, ...]
    chart: SafeString


def plan_view(report: Report) -> PlanView:
    """The view of a plan; without one, why there is none."""
    plan = report["plan"]
    if plan is None:
        why = _(
            "Not enough data: the scores or their spread aren’t defined for all items. Collect "
            "comparisons that connect them, by at least two people, and try again."
        )
        return PlanView(why, "", (), chart_markup(""))
    asked, *others = report["forecasts"]
    return PlanView(
        sentence=_planned(plan, asked),
        assumption=_assumption(plan),
        rows=tuple(_forecast(each) for each in others) if plan["goal"] != "width" else (),
        chart=_plan_chart(plan),
    )


def _goal(plan: Mapping[str, Any]) -> str:
    level = f"{plan['level']:.0%}"
    if plan["goal"] == "winner":
        return _("the first item is told apart from every other one (intervals of %(level)s)") % {
            "level": level
        }
    if plan["goal"] == "order":
        return _("every two items are told apart (Holm’s test at %(level)s)") % {"level": level}
    return _("intervals at %(level)s are ± %(width)s or narrower on average") % {
        "level": level,
        "width": number(plan["width"]),
    }


def _planned(plan: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    goal, more = _goal(plan), asked["more"]
    if more == 0:
        return _("Reached: %(goal)s with the %(count)s judgments there are.") % {
            "goal": goal, "count": f"{plan['judgments']:,}"
        }  # fmt: skip
    if more is None:
        return _(
            "Even 64 times as many judgments as the %(count)s there are wouldn’t bring it about "
            "with a chance of %(chance)s that %(goal)s. Two items are probably as good as each "
            "other; treat them as tied."
        ) % {"goal": goal, "count": f"{plan['judgments']:,}", "chance": f"{asked['chance']:.0%}"}
    by = ""
    if asked["people"]:
        by = " " + ngettext(
            "by %(people)s further person", "by %(people)s further people", asked["people"]
        ) % {"people": f"{asked['people']:,}"}
    return _("About %(more)s more judgments%(by)s until %(goal)s, with a chance of %(chance)s.") % {
        "more": f"{more:,}",
        "by": by,
        "goal": goal,
        "chance": f"{asked['chance']:.0%}",
    }


def _assumption(plan: Mapping[str, Any]) -> str:
    return _(
        "Assumed: further judgments compare the same pairs in the same shares, come from new "
        "people who differ among themselves as the %(people)s so far do, and the scores’ errors "
        "are normal. Then the variance shrinks with the number of judgments, and what will be "
        "seen is drawn from what isn’t known today (seeded). Twice the judgments by the same "
        "people bring less."
    ) % {"people": plan["people"] or _("people")}


def _forecast(each: Mapping[str, Any]) -> ForecastRow:
    more = each["more"]
    return ForecastRow(
        chance=f"{each['chance']:.0%}",
        more="" if more is None else f"{more:,}",
        people="" if each["people"] is None else f"{each['people']:,}",
    )


def _plan_chart(plan: Mapping[str, Any]) -> SafeString:
    width = plan["goal"] == "width"
    seen = {step["more"]: step["half_width" if width else "reached"] for step in plan["steps"]}
    points = [Point(more, value) for more, value in sorted(seen.items())]
    svg = curve(
        "plan",
        points,
        title=_("What more judgments bring"),
        x_unit=_("further judgments"),
        y_unit=_("half-width of the intervals") if width else _("chance that the goal is reached"),
        top=None if width else 1.0,
    )
    return chart_markup(svg)
