"""What the decisions say, in sentences."""

from dataclasses import replace

import numpy as np

from aggregation.report.deciding import Decisions
from aggregation.report.figures import listed, many, percent, points
from aggregation.report.rule_table import SHOWN_FIRST, RuleRow, unit_of
from aggregation.report.study import Study


def told(study: Study, made: Decisions | None) -> Decisions | None:
    """The same decisions with their sentences."""
    return None if made is None else replace(made, sentences=_sentences(study, made))


def _sentences(study: Study, made: Decisions) -> tuple[str, ...]:
    by_rule = {row.rule: row for row in made.rules}
    pooled, fair = (by_rule[name] for name in SHOWN_FIRST)
    said = []
    choices = made.choices.value or 0
    if choices > 1:
        said.append(
            f"Every rule chooses on {many(choices, unit_of(study))}; values are averages over them."
        )
        if made.disagreeing.value is not None:
            said.append(
                f"The rules that pick don't all agree on {percent(made.disagreeing)} of the "
                f"{unit_of(study)}s."
            )
        if made.tenth.value is not None:
            said.append(
                f"On a tenth of the {unit_of(study)}s the least-served group gets "
                f"{percent(made.tenth)} or less under MaxMin."
            )
    else:
        picks = f"Pooling everybody picks {_quoted(pooled)}"
        said.append(f"{picks}; MaxMin picks {_quoted(fair)}." if study.several else f"{picks}.")
        by_pick: dict[str, list[str]] = {}
        for row in made.rules:
            by_pick.setdefault(row.said, []).append(row.title)
        said.append(
            "All rules choose alike."
            if len(by_pick) == 1
            else f"The {len(made.rules)} rules give {len(by_pick)} different answers."
        )
    if study.several:
        said.append(
            f"Under the pooled choice {pooled.least_served} is served least: its chance of getting "
            f"the better of two is {percent(pooled.minimum)}; under MaxMin the least-served group "
            f"has {percent(fair.minimum)}."
        )
        said.append(_price_sentence(made))
        if made.cross_fitted:
            said.append(_cross_fit_sentence(made.cross_fitted["maxmin_pick"].value or 0.0, fair))
    else:
        said.append("With one group, MaxMin and the largest mean welfare are the same rule.")
    said += _certainty(made, pooled, fair)
    return (*said, *_copies(study))


def _copies(study: Study) -> list[str]:
    """Near-copies among the items compared, by name where they are few."""
    place = {key: k for k, key in enumerate(study.table.ids)}
    compared = set(np.concatenate([study.table.a, study.table.b]).tolist())
    pairs = [
        (place[one], place[two])
        for one, two in study.material.copies
        if place.get(one) in compared and place.get(two) in compared
    ]
    if not pairs:
        return []
    item = study.names.item
    named = listed([f"“{item(a)}” and “{item(b)}”" for a, b in pairs[:3]])
    more = f", and {len(pairs) - 3} pairs more" if len(pairs) > 3 else ""
    return [
        f"Near-copies of each other: {named}{more}. Welfare is measured against rivals, so copies "
        "shift it: leave all but one of them out before you rely on these numbers."
    ]


def _cross_fit_sentence(value: float, fair: RuleRow) -> str:
    own = fair.minimum.value or 0.0
    said = (
        "Chosen on one half of the people and valued on the other, MaxMin gives the least-served "
        f"group {100 * value:.0f} %"
    )
    if own - value < 0.01:
        return f"{said}: the choice doesn't flatter itself here."
    return f"{said}, not {percent(fair.minimum)}: the data that choose also flatter."


def _price_sentence(made: Decisions) -> str:
    price = made.price.value or 0.0
    if abs(price) < 1e-9 and abs(made.gain.value or 0.0) < 1e-9:
        return "Choosing for the worst-off group costs nothing here: both rules choose alike."
    return (
        f"Price of fairness: choosing by MaxMin instead of pooling costs people "
        f"{points(made.price)} of welfare on average, and the group that pooling serves least "
        f"gains {points(made.gain)}."
    )


def _quoted(row: RuleRow) -> str:
    return f"“{row.said}”" if not row.said.startswith("tied: ") else row.said


def _certainty(made: Decisions, pooled: RuleRow, fair: RuleRow) -> list[str]:
    said = []
    single = made.choices.value == 1
    if single:
        told = ((pooled, "The pooled pick"), (fair, "The MaxMin pick"))
        for row, name in told if len(made.groups) > 1 else told[:1]:
            if row.frequency.value is None:
                said.append(
                    f"How sure {name[0].lower()}{name[1:]} is isn't known: {row.frequency.why}."
                )
            elif row.verdict == "tie":
                said.append(
                    f"{name} wins in {100 * row.frequency.value:.0f} % of resamples, less than "
                    "90 %: call it a tie."
                )
            else:
                said.append(f"{name} wins in {100 * row.frequency.value:.0f} % of resamples.")
    changed = [each for each in made.sensitivity if not each.same]
    if changed and single:
        said += [
            f"{each.group[0].upper()}{each.group[1:]} MaxMin would pick {each.said}."
            for each in changed
        ]
    elif changed:
        said += [f"MaxMin {each.group}: {each.said}." for each in changed]
    if len(made.groups) < 2:
        return said
    if made.robust:
        said.append(
            "The MaxMin pick is robust: neither another number of groups nor another scale of "
            "welfare changes it."
        )
    elif made.robust is False:
        said.append("The MaxMin pick isn't robust: it depends on choices of the analyst.")
    return said
