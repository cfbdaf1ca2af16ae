"""What the page of a report shows: its stored numbers in words, and charts made from them."""

import json
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from aggregation.chart_markup import chart_markup
from aggregation.charts.interval_bars import Cluster, IntervalBar, interval_bars
from aggregation.charts.people_map import (
    MapCross,
    MapMark,
    MapRegion,
    legend_cross,
    legend_mark,
    people_map,
)
from aggregation.models import Report
from aggregation.report_reasons import Unbounded, figure_of, number, unbounded
from annotation.telling import told as in_words

Plain = dict[str, Any]

MOST_ITEMS = 60
ALIKE = 5e-4  # welfare nearer than this is served alike
OUTDATED = "Nobody has recorded a choice here"  # of older reports; the page knows better
AS_WRITTEN = {  # codes, and what people wrote: names, texts and answers to a survey
    "attribute", "context", "digest", "item", "kind", "level", "quotes", "rule", "text", "values",
    "verdict",
}  # fmt: skip
SECTIONS = ("sufficiency", "disagreement", "groups", "decisions", "minority")


@dataclass(frozen=True)
class Row:
    """A line of a table: its head, then cells."""

    head: str
    cells: tuple[str, ...]
    note: str = ""
    marked: int = -1


@dataclass(frozen=True)
class Key:
    """A mark of the map and what it stands for."""

    mark: SafeString
    label: str


@dataclass(frozen=True)
class ReportView:
    """A finished report as its page shows it. `told` is the stored report itself."""

    report: Report
    told: Plain
    noise_chart: SafeString
    noise_rows: tuple[Row, ...]
    shares_chart: SafeString
    tried: tuple[Row, ...]
    map_chart: SafeString
    map_keys: tuple[Key, ...]
    map_rows: tuple[Row, ...]
    judge_rows: tuple[Row, ...]
    rules_chart: SafeString
    rule_rows: tuple[Row, ...]
    regret_rows: tuple[Row, ...]
    item_rows: tuple[Row, ...]
    items_total: int
    opposed_rows: tuple[Row, ...]
    cards: tuple[Plain, ...]
    dissents: tuple[Plain, ...]
    served_rows: tuple[Row, ...]
    uniting_rows: tuple[Row, ...]
    splitting_rows: tuple[Row, ...]
    enough_rows: tuple[Row, ...]
    apart: tuple[Plain, ...]
    unbounded: tuple[Unbounded, ...]
    values: tuple[str, ...]
    trait_rows: tuple[Row, ...]


def report_view(report: Report) -> ReportView:
    """The page's view of a finished report. Raises ValueError for one without content."""
    if report.content is None:
        raise ValueError(f"Report {report.public_id} has no content.")
    stored: Plain = json.loads(report.content)
    told: Plain = {**_told(stored), "values": stored["values"]}
    groups, decided, noise = told["groups"], told["decisions"], told["disagreement"]
    several = bool(groups) and len(groups["names"]) > 1
    items = decided["items"] if decided else []
    return ReportView(
        report=report,
        told=told,
        noise_chart=_noise_chart(noise),
        noise_rows=_noise_rows(noise),
        shares_chart=_shares_chart(groups) if several else chart_markup(""),
        tried=_tried(told["sufficiency"]),
        map_chart=_map_chart(told["map"], told.get("judges")),
        map_keys=_map_keys(told["map"], groups, told.get("judges")),
        map_rows=_map_rows(told["map"], groups),
        judge_rows=_judge_rows(told.get("judges"), several),
        rules_chart=_rules_chart(decided),
        rule_rows=tuple(_rule_row(rule, several) for rule in decided["rules"]) if decided else (),
        regret_rows=_regret_rows(decided) if several else (),
        item_rows=tuple(_item_row(item) for item in items[:MOST_ITEMS]),
        items_total=len(items),
        opposed_rows=_opposed_rows(groups) if several else (),
        cards=tuple(_card(card) for card in groups["cards"]) if several else (),
        dissents=tuple(_dissent(each) for each in told["minority"]["dissents"])
        if told["minority"]
        else (),
        served_rows=_served_rows(told["minority"]),
        uniting_rows=_statement_rows(groups, "uniting"),
        splitting_rows=_statement_rows(groups, "splitting"),
        enough_rows=_enough_rows(told["sufficiency"]),
        apart=tuple(_apart(each) for each in decided["apart"]) if decided else (),
        unbounded=unbounded(told),
        trait_rows=_trait_rows(groups),
        values=tuple(in_words(said) for said in stored["values"] if not said.startswith(OUTDATED)),
    )


def _told(value: Any) -> Any:
    """A stored report in the reader's language, but for what is `AS_WRITTEN`."""
    if isinstance(value, dict):
        return {key: each if key in AS_WRITTEN else _told(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_told(each) for each in value]
    return in_words(value) if isinstance(value, str) else value


# --- Numbers in words ----------------------------------------------------------------------------


def share(figure: Plain) -> str:
    """ "62 % [55, 69]", or an empty text where it isn't known."""
    if figure["value"] is None:
        return ""
    said = f"{100 * figure['value']:.0f}\N{NO-BREAK SPACE}%"
    if figure["lo"] is not None:
        said += f" [{100 * figure['lo']:.0f}, {100 * figure['hi']:.0f}]"
    return said.replace("-", "−")


def why(figure: Plain) -> str:
    return _("not known: %(why)s") % {"why": figure["why"]}


def _cell(figure: Plain) -> str:
    return share(figure) or why(figure)


def _basis(figure: Plain) -> str:
    """ "31 people", or nothing."""
    return "" if figure["n"] is None else f"{_count(figure['n'])} {figure['of']}"


def _count(value: float) -> str:
    return in_words(f"{value:,.0f}")


def _bar(figure: Plain, kind: int = 0, mark: str = "") -> IntervalBar:
    return IntervalBar(figure["value"], share(figure), figure["lo"], figure["hi"], kind, mark)


# --- Noise ---------------------------------------------------------------------------------------


def _levels() -> tuple[tuple[str, str], ...]:
    return (
        ("within_people", _("One person, asked again")),
        ("within_groups", _("Two people of one group")),
        ("between_groups", _("People of different groups")),
    )


def _noise_chart(noise: Plain | None) -> SafeString:
    if noise is None:
        return chart_markup("")
    clusters = [
        Cluster(label, [_bar(noise[key])])
        for key, label in _levels()
        if noise[key]["value"] is not None
    ]
    title = _("How often two votes on the same pair differ")
    return chart_markup(interval_bars("noise", clusters, title=title, reference=0.5))


def _noise_rows(noise: Plain | None) -> tuple[Row, ...]:
    if noise is None:
        return ()
    labels = {
        **dict(_levels()),
        "ambiguity": _("Added by ambiguity, within groups"),
        "pluralism": _("Added by pluralism, between groups"),
        "flips_gold": _("Flip rate by questions with a known answer"),
        "flips_repeats": _("Flip rate by repeated questions"),
        "flips_groups": _("Flip rate within groups, ambiguity included"),
        "looks_random": _("People whose votes look random"),
    }
    return tuple(
        Row(label, (_cell(noise[key]), _basis(noise[key])), _why_no_interval(noise[key]))
        for key, label in labels.items()
    )


def _why_no_interval(figure: Plain) -> str:
    return str(figure["why"]) if figure["value"] is not None and figure["lo"] is None else ""


# --- Groups --------------------------------------------------------------------------------------


def _tried(sufficiency: Plain | None) -> tuple[Row, ...]:
    if sufficiency is None:
        return ()

    def said(value: Any) -> str:
        figure = figure_of(value)
        if figure["value"] is None:
            return ""
        lo, hi = (None if figure[b] is None else f"{figure[b]:,.1f}" for b in ("lo", "hi"))
        bounds = "" if lo is None else f" [{lo}, {hi}]"
        return in_words(f"{figure['value']:,.1f}{bounds}".replace("-", "−"))

    return tuple(
        Row(
            _count(figure_of(each["groups"])["value"]),
            (said(each["bic"]), said(each["heldout"]), said(each["error"])),
            _("chosen") if each["chosen"] else "",
        )
        for each in sufficiency["tried"]
    )


def _enough_rows(sufficiency: Plain | None) -> tuple[Row, ...]:
    """How many judged, how often, and how far their pairs overlap."""
    if sufficiency is None:
        return ()
    labels = {
        "people": _("People"),
        "votes": _("Votes"),
        "votes_median": _("Votes of the median person"),
        "votes_tenth": _("Votes that nine in ten people reach"),
        "overlap": _("Pairs judged by two people or more"),
        "repeats": _("Pairs asked again of one person"),
    }
    return tuple(
        Row(
            label,
            (number(key, sufficiency[key]), _basis(sufficiency[key])),
            _why_no_interval(sufficiency[key]),
        )
        for key, label in labels.items()
    )


def _shares_chart(groups: Plain) -> SafeString:
    clusters = [
        Cluster(card["name"], [_bar(card["share"], kind)])
        for kind, card in enumerate(groups["cards"])
    ]
    return chart_markup(interval_bars("shares", clusters, title=_("Shares of the groups")))


def _card(card: Plain) -> Plain:
    examples = [
        {
            "preference": each["preference"],
            "here": _cell(each["here"]),
            "elsewhere": _cell(each["elsewhere"]),
            "basis": _("%(here)s here, %(elsewhere)s elsewhere")
            % {"here": _basis(each["here"]), "elsewhere": _basis(each["elsewhere"])},
        }
        for each in card["examples"]
    ]
    return {**card, "examples": examples}


def _opposed_rows(groups: Plain) -> tuple[Row, ...]:
    return tuple(
        Row(name, tuple("" if g == h else _cell(each) for h, each in enumerate(row)))
        for g, (name, row) in enumerate(zip(groups["names"], groups["opposed"], strict=False))
    )


def _trait_rows(groups: Plain | None) -> tuple[Row, ...]:
    """Properties that a group likes more or less than others do; none in an older report."""
    found = (groups or {}).get("traits", {}).get("traits", ())

    def said(figure: Plain) -> str:
        bounds = f" [{figure['lo']:.2f}, {figure['hi']:.2f}]"
        return in_words(f"{figure['value']:+.2f}{bounds}".replace("-", "−"))

    return tuple(
        Row(each["group"], (each["attribute"], each["level"], said(each["effect"])))
        for each in found
    )


def _statement_rows(groups: Plain | None, which: str) -> tuple[Row, ...]:
    if not groups:
        return ()
    return tuple(
        Row(
            each["text"],
            (
                *(_cell(figure) for figure in each["agree"]),
                _cell(figure_of(each["consensus" if which == "uniting" else "gap"])),
            ),
        )
        for each in groups[which]
    )


# --- The map -------------------------------------------------------------------------------------


def _map_chart(told: Plain | None, judges: Plain | None) -> SafeString:
    if told is None:
        return chart_markup("")
    marks = [
        MapMark(point["x"], point["y"], point["group"], point["stable"] is False)
        for point in told["points"]
    ]
    regions = [
        MapRegion(r["group"], r["name"], r["x"], r["y"], r["rx"], r["ry"], r["angle"])
        for r in told["regions"]
    ]
    crosses = [MapCross(each["x"], each["y"], each["name"]) for each in _on_the_map(judges)]
    desc = " ".join([*told["sentences"], *(judges["sentences"] if crosses and judges else ())])
    title = _("Who disagrees with whom")
    return chart_markup(people_map("map", marks, regions, title=title, desc=desc, crosses=crosses))


def _on_the_map(judges: Plain | None) -> list[Plain]:
    return [each for each in judges["places"] if each["x"] is not None] if judges else []


def _judge_rows(judges: Plain | None, several: bool) -> tuple[Row, ...]:
    """Per model judge its votes, then per group its chance and how often the two agree."""
    if judges is None:
        return ()

    def cells(each: Plain) -> tuple[str, ...]:
        if not several:
            return tuple(_cell(figure) for figure in each["agrees"])
        chances = [share(figure) for figure in each["chances"]]
        return (*chances, *(_cell(figure) for figure in each["agrees"]))

    return tuple(
        Row(each["name"], (_count(each["votes"]), *cells(each)), each["beside"])
        for each in judges["places"]
    )


def _map_keys(told: Plain | None, groups: Plain | None, judges: Plain | None) -> tuple[Key, ...]:
    if told is None or not groups:
        return ()
    drawn = {point["group"] for point in told["points"]}
    unsure = any(point["stable"] is False for point in told["points"])
    keys = [
        Key(chart_markup(legend_mark(g)), name)
        for g, name in enumerate(groups["names"])
        if g in drawn and len(groups["names"]) > 1
    ]
    if -1 in drawn:
        keys.append(Key(chart_markup(legend_mark(-1)), _("in no group")))
    if unsure:
        words = _("hollow: elsewhere in more than a fifth of the resamples")
        keys.append(Key(chart_markup(legend_mark(0, hollow=True)), words))
    if _on_the_map(judges):
        keys.append(Key(chart_markup(legend_cross()), _("a model judge, counted in no group")))
    return tuple(keys)


def _map_rows(told: Plain | None, groups: Plain | None) -> tuple[Row, ...]:
    """Where the middle of each group lies: the table behind the map."""
    if told is None or not groups:
        return ()
    return tuple(
        Row(
            region["name"],
            tuple(
                in_words(f"{region[axis]:.2f}".replace("-", "−")) for axis in ("x", "y", "rx", "ry")
            ),
        )
        for region in told["regions"]
    )


# --- Rules ---------------------------------------------------------------------------------------


def _rules_chart(decided: Plain | None) -> SafeString:
    """Welfare by group under every different choice; the least-served group is marked."""
    if decided is None or len(decided["groups"]) < 2:
        return chart_markup("")
    seen: dict[str, list[str]] = {}
    for rule in decided["rules"]:
        seen.setdefault(_values(rule), []).append(rule["title"])
    clusters = []
    for rule in decided["rules"]:
        alike = seen.pop(_values(rule), None)
        if alike is None:
            continue
        more = f" (+{len(alike) - 1})" if len(alike) > 1 else ""
        values = [w["value"] for w in rule["welfare"]]
        least = values.index(min(values)) if max(values) - min(values) > ALIKE else -1
        bars = [
            _bar(w, g, _("◂ least") if g == least else "") for g, w in enumerate(rule["welfare"])
        ]
        clusters.append(Cluster(f"{rule['title']}{more}", bars))
    title = _("What each rule gives each group")
    return chart_markup(interval_bars("rules", clusters, title=title, reference=0.5))


def _values(rule: Plain) -> str:
    return json.dumps([w["value"] for w in rule["welfare"]])


def _rule_row(rule: Plain, several: bool) -> Row:
    least = [w["value"] for w in rule["welfare"]]
    apart = several and max(least) - min(least) > ALIKE
    return Row(
        rule["title"],
        (
            rule["said"],
            *(_cell(w) for w in rule["welfare"]),
            _cell(rule["minimum"]),
            _cell(rule["mean"]),
            share(rule["frequency"]) or in_words(rule["verdict"]),
        ),
        rule["verdict"],
        least.index(min(least)) + 1 if apart else -1,
    )


def _regret_rows(decided: Plain | None) -> tuple[Row, ...]:
    if decided is None:
        return ()
    return tuple(
        Row(
            rule["title"],
            (*(_cell(r) for r in rule["regret"]), _cell(rule["largest_regret"])),
            ", ".join(rule["binding"]),
        )
        for rule in decided["rules"]
    )


def _item_row(item: Plain) -> Row:
    return Row(item["item"], (*(_cell(w) for w in item["welfare"]), _cell(item["minimum"])))


def _apart(each: Plain) -> Plain:
    """A prompt on which pooling and MaxMin differ; an older report has no items there."""
    items = tuple(_item_row(item) for item in each.get("items", ()))
    return {**each, "gain": _cell(figure_of(each["gain"])), "items": items}


# --- The minority --------------------------------------------------------------------------------


def _dissent(each: Plain) -> Plain:
    return {
        **each,
        "here": _cell(each["here"]),
        "everybody": _cell(each["everybody"]),
        "opposite": share(each["opposite"]) or why(each["opposite"]),
        "basis": _basis(each["here"]),
    }


def _served_rows(minority: Plain | None) -> tuple[Row, ...]:
    if minority is None:
        return ()
    columns = ("single_model", "own_model", "filtered_plain", "filtered_aware")
    return tuple(
        Row(
            each["group"],
            (*(_cell(each[name]) for name in columns), _basis(each["single_model"])),
            marked=2 if each["warned"] else -1,
        )
        for each in minority["served"]
    )
