"""What examinations of runs found, in sentences and rows for pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from aggregation.charts import Estimate, Point, curve, forest
from aggregation.models import Examination, Run
from aggregation.reports import Report
from aggregation.wording import named, number


def newest_examination(run: Run, subject: str, *, beside: Sequence[Run] = ()) -> Examination | None:
    """The newest examination of a run, beside just these others where it compares several."""
    wanted = {other.pk for other in beside}
    for examination in run.examinations.filter(subject=subject).order_by("-id")[:20]:
        if not beside or {other.pk for other in examination.beside.all()} == wanted:
            return examination
    return None


@dataclass(frozen=True)
class JudgesRow:
    people: int
    share: str
    kept: str
    recall: str
    interval: str
    flipped: str
    tau: str


@dataclass(frozen=True)
class SturdinessView:
    """How sturdy a result is: sentences, and significance under fewer judges."""

    sentences: tuple[str, ...]
    judges: tuple[JudgesRow, ...]
    draws: int
    near: tuple[str, ...]


def sturdiness_view(report: Report) -> SturdinessView:
    removals, judges = report["removals"], report["judges"]
    return SturdinessView(
        sentences=tuple(_removals(removals)),
        judges=tuple(_judges(row) for row in judges),
        draws=judges[0]["draws"] if judges else 0,
        near=tuple(_near(report["near"])),
    )


def _removals(removals: Mapping[str, Any] | None) -> list[str]:
    if removals is None:
        return [_("This rule names no winner here, so nothing can be said about losing it.")]
    said = [_removal(removals["votes"], _("judgment"), _("judgments"), people=False)]
    if removals["people"] is not None:
        said.append(_removal(removals["people"], _("person"), _("people"), people=True))
    return said


def _removal(removal: Mapping[str, Any], one: str, many: str, *, people: bool) -> str:
    count, least, total = removal["count"], removal["least"], removal["total"]
    if removal["basis"] == "tied":
        return _("The first place is shared already, so no %(what)s has to go to change it.") % {
            "what": one
        }
    if count is None:
        return _(
            "No removal of %(what)s was found that changes the winner (out of %(total)s; at least "
            "%(least)s would have to go)."
        ) % {"what": many, "total": f"{total:,}", "least": f"{least:,}"}
    if len(removal["winners"]) == 1:
        said = _("%(winners)s would win if %(count)s of %(total)s %(what)s (%(share)s) were gone")
    else:
        said = _(
            "%(winners)s would share the first place if %(count)s of %(total)s %(what)s "
            "(%(share)s) were gone"
        )
    if count == least:
        said += _(", and no fewer would do.")
    else:
        said += _(". That many are enough; fewer might do, but at least %(least)s.")
    said = said % {
        "winners": _listed(removal["winners"]),
        "count": f"{count:,}",
        "total": f"{total:,}",
        "what": one if total == 1 else many,
        "share": f"{count / total:.1%}",
        "least": f"{least:,}",
    }
    if people and removal["removed"]:
        said += " " + _("They are %(names)s.") % {
            "names": _listed(removal["removed"], quoted=False)
        }
    return said


def _listed(names: Sequence[Any], *, quoted: bool = True) -> str:
    said = [f"“{named(name)}”" if quoted else named(name) for name in names[:5]]
    if len(names) > 5:
        return _("%(names)s and %(more)d others") % {
            "names": ", ".join(said), "more": len(names) - 5
        }  # fmt: skip
    if len(said) < 2:
        return "".join(said)
    return _("%(names)s and %(last)s") % {"names": ", ".join(said[:-1]), "last": said[-1]}


def _judges(row: Mapping[str, Any]) -> JudgesRow:
    known = row["recall_lo"] is not None
    return JudgesRow(
        people=row["people"],
        share=f"{row['share']:.0%}",
        kept=f"{row['kept']:.1f} of {row['full']:.0f}",
        recall="" if row["recall"] is None else f"{row['recall']:.0%}",
        interval=f"[{row['recall_lo']:.0%}, {row['recall_hi']:.0%}]" if known else "",
        flipped=f"{row['flipped']:.2f}",
        tau=number(row["tau"]),
    )


def _near(near: Mapping[str, Any] | None) -> list[str]:
    if near is None:
        return []
    said = [
        _(
            "Among Bradley–Terry fits that lose at most %(epsilon)s of log-likelihood per "
            "judgment, the order of %(ambiguous)d of %(pairs)d pairs can be either."
        )
        % {
            "epsilon": f"{near['epsilon']:g}",
            "ambiguous": near["ambiguous_pairs"],
            "pairs": near["pairs"],
        }
    ]
    if len(near["contenders"]) > 1:
        said.append(
            _("%(names)s each come first in one of them.") % {"names": _listed(near["contenders"])}
        )
    else:
        said.append(
            _("%(name)s comes first in all of them.") % {"name": _listed(near["contenders"])}
        )
    return said


# --- Rules against each other -------------------------------------------------------------------


@dataclass(frozen=True)
class HeldOutRow:
    rule: str
    loss: str
    interval: str
    behind: str
    sure: bool
    why: str


@dataclass(frozen=True)
class RulesView:
    """Rules against each other: how much hangs on the rule, and which predicts people best."""

    sentences: tuple[str, ...]
    held_out: tuple[HeldOutRow, ...]
    how: str
    chart: SafeString


def rules_view(report: Report, titles: Mapping[str, str]) -> RulesView:
    across, held = report["across"], report["held_out"]
    rows = [] if held is None else [_held_out(row, titles) for row in held["rules"]]
    return RulesView(
        sentences=tuple(_across(across)),
        held_out=tuple(rows),
        how="" if held is None else _how(held),
        chart=_loss_chart(held, titles),
    )


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
    )


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
        return _safe("")
    svg = forest(
        "held-out",
        estimates,
        title=_("Log loss on annotators that were held out"),
        unit=_("log loss per judgment; the dashed line is a coin"),
        reference=held["coin"],
    )
    return _safe(svg)


def _safe(svg: str) -> SafeString:
    return mark_safe(svg)  # noqa: S308 - made by aggregation.charts, which escapes every text


# --- How many more judgments --------------------------------------------------------------------


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
        return PlanView(why, "", (), _safe(""))
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
    return _safe(svg)
