"""What each choice costs whom, in sentences and a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from aggregation.findings.words import listed
from aggregation.reports import Report
from aggregation.wording import number

SURE = 0.005  # a cost whose interval starts above this isn't only noise


@dataclass(frozen=True)
class GroupHead:
    name: str
    people: int
    judgments: int
    favourite: str


@dataclass(frozen=True)
class GroupCell:
    """`worst`: this group gives up most under the choice, by more than noise explains."""

    worth: str
    worth_interval: str
    cost: str
    cost_interval: str
    worst: bool


@dataclass(frozen=True)
class ChoiceRow:
    choice: str
    rules: str
    is_maxmin: bool
    cells: tuple[GroupCell, ...]


@dataclass(frozen=True)
class GroupsView:
    attribute: str
    sentences: tuple[str, ...]
    groups: tuple[GroupHead, ...]
    rows: tuple[ChoiceRow, ...]
    unheard: int


def groups_view(report: Report, titles: Mapping[str, str]) -> GroupsView:
    groups = [
        GroupHead(each["name"], each["people"], each["judgments"], each["favourite"])
        for each in report["groups"]
    ]
    return GroupsView(
        attribute=report["attribute"],
        sentences=tuple(_sentences(report, titles)),
        groups=tuple(groups),
        rows=tuple(_row(each, titles) for each in report["choices"]),
        unheard=report["unheard"],
    )


def choice_sentence(report: Report, titles: Mapping[str, str]) -> str:
    """Why MaxMin would choose otherwise, for the top of a comparison; blank where it wouldn't."""
    first, maxmin = report["choices"][0], _maxmin(report)
    if first is maxmin or not first["rules"]:
        return ""
    group = report["groups"][first["worst"]]
    share = first["shares"][first["worst"]]
    return _(
        "Over the groups of “%(attribute)s”, MaxMin picks %(maxmin)s, because “%(group)s” would "
        "lose most under %(choice)s: %(cost)s against its favourite %(favourite)s."
    ) % {
        "attribute": report["attribute"],
        "maxmin": _items(maxmin),
        "group": group["name"],
        "choice": _items(first),
        "cost": _cost(share),
        "favourite": f"“{group['favourite']}”",
    }


def _maxmin(report: Report) -> Mapping[str, Any]:
    return next(each for each in report["choices"] if each["is_maxmin"])


def _sentences(report: Report, titles: Mapping[str, str]) -> list[str]:
    favourites: dict[str, list[str]] = {}
    for group in report["groups"]:
        favourites.setdefault(group["favourite"], []).append(f"“{group['name']}”")
    if len(favourites) == 1:
        said = [_("All groups like “%(item)s” best.") % {"item": next(iter(favourites))}]
    else:
        said = [
            _("“%(item)s” is liked best by %(groups)s.")
            % {"item": item, "groups": listed(names, quoted=False)}
            for item, names in favourites.items()
        ]
    for each in report["choices"]:
        said.append(_of_choice(each, report, titles))
    return said


def _of_choice(each: Mapping[str, Any], report: Report, titles: Mapping[str, str]) -> str:
    group, share = report["groups"][each["worst"]], each["shares"][each["worst"]]
    named = {
        "choice": _items(each),
        "who": _who(each, titles),
        "group": group["name"],
        "cost": _cost(share),
    }
    if share["cost"] < SURE:
        return (
            _("%(choice)s (%(who)s) is every group’s favourite and costs nobody anything.") % named
        )
    if not _sure(share):
        return (
            _(
                "%(choice)s (%(who)s) costs “%(group)s” most, %(cost)s: no more than chance could "
                "bring."
            )
            % named
        )
    return _("%(choice)s (%(who)s) costs “%(group)s” most: %(cost)s.") % named


def _who(each: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    rules: Sequence[str] = [titles.get(slug, slug) for slug in each["rules"]]
    if len(rules) > 3:
        rules = [_("%(count)d of %(total)d rules") % {"count": len(rules), "total": len(titles)}]
    if each["is_maxmin"]:
        rules = [*rules, _("MaxMin over these groups")]
    return listed(rules, quoted=False)


def _items(each: Mapping[str, Any]) -> str:
    if len(each["items"]) == 1:
        return f"“{each['items'][0][0]}”"
    return ", ".join(f"“{name}” {chance:.0%}" for name, chance in each["items"][:5])


def _cost(share: Mapping[str, Any]) -> str:
    """A cost in points of chance, with its interval."""
    said = _("%(cost)s points of chance") % {"cost": _points(share["cost"])}
    if share["cost_lo"] is not None:
        said += f" [{_points(share['cost_lo'])}, {_points(share['cost_hi'])}]"
    return said


def _points(value: float) -> str:
    return f"{100 * value:.0f}"


def _sure(share: Mapping[str, Any]) -> bool:
    return share["cost_lo"] is not None and share["cost_lo"] > SURE


def _row(each: Mapping[str, Any], titles: Mapping[str, str]) -> ChoiceRow:
    return ChoiceRow(
        choice=", ".join(
            name if chance > 1 - 1e-9 else f"{name} {chance:.0%}" for name, chance in each["items"]
        ),
        rules=_who(each, titles),
        is_maxmin=each["is_maxmin"],
        cells=tuple(
            GroupCell(
                worth=number(share["worth"]),
                worth_interval=_interval(share["worth_lo"], share["worth_hi"]),
                cost=number(share["cost"]),
                cost_interval=_interval(share["cost_lo"], share["cost_hi"]),
                worst=g == each["worst"] and _sure(share),
            )
            for g, share in enumerate(each["shares"])
        ),
    )


def _interval(lo: float | None, hi: float | None) -> str:
    return "" if lo is None or hi is None else f"[{number(lo)}, {number(hi)}]"
