"""What the decisions say, in sentences."""

from dataclasses import replace

import numpy as np

from aggregation.report.deciding import Decisions
from aggregation.report.figures import listed, many, percent, points
from aggregation.report.rule_table import SHOWN_FIRST, RuleRow, unit_of
from aggregation.report.study import Study
from annotation.phrases import capital, say


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
            say(
                "Every rule chooses on %(choices)s; values are averages over them.",
                choices=many(choices, unit_of(study)),
            )
        )
        if made.disagreeing.value is not None:
            said.append(
                say(
                    "The rules that pick don't all agree on %(disagreeing)s of the %(units)s.",
                    disagreeing=percent(made.disagreeing),
                    units=f"{unit_of(study)}s",
                )
            )
        if made.tenth.value is not None:
            said.append(
                say(
                    "On a tenth of the %(units)s the least-served group gets %(tenth)s or "
                    "less under MaxMin.",
                    units=f"{unit_of(study)}s",
                    tenth=percent(made.tenth),
                )
            )
    else:
        picks = say("Pooling everybody picks %(quoted)s", quoted=_quoted(pooled))
        said.append(
            say("%(picks)s; MaxMin picks %(quoted)s.", picks=picks, quoted=_quoted(fair))
            if study.several
            else f"{picks}."
        )
        by_pick: dict[str, list[str]] = {}
        for row in made.rules:
            by_pick.setdefault(row.said, []).append(row.title)
        said.append(
            say("All rules choose alike.")
            if len(by_pick) == 1
            else say(
                "The %(rules)s rules give %(by_pick)s different answers.",
                rules=len(made.rules),
                by_pick=len(by_pick),
            )
        )
    if study.several:
        said.append(
            say(
                "Under the pooled choice %(least_served)s is served least: its chance of "
                "getting the better of two is %(minimum)s; under MaxMin the least-served "
                "group has %(minimum_2)s.",
                least_served=pooled.least_served,
                minimum=percent(pooled.minimum),
                minimum_2=percent(fair.minimum),
            )
        )
        said.append(_price_sentence(made))
        if made.cross_fitted:
            said.append(_cross_fit_sentence(made.cross_fitted["maxmin_pick"].value or 0.0, fair))
    else:
        said.append(say("With one group, MaxMin and the largest mean welfare are the same rule."))
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
    named = listed(
        [say("“%(one)s” and “%(other)s”", one=item(a), other=item(b)) for a, b in pairs[:3]]
    )
    more = say(", and %(pairs)s pairs more", pairs=len(pairs) - 3) if len(pairs) > 3 else ""
    return [
        say(
            "Near-copies of each other: %(named)s%(more)s. Welfare is measured "
            "against rivals, so copies shift it: leave all but one of them out "
            "before you rely on these numbers.",
            named=named,
            more=more,
        )
    ]


def _cross_fit_sentence(value: float, fair: RuleRow) -> str:
    own = fair.minimum.value or 0.0
    said = say(
        "Chosen on one half of the people and valued on the other, MaxMin gives "
        "the least-served group %(value)s %%",
        value=f"{100 * value:.0f}",
    )
    if own - value < 0.01:
        return say("%(said)s: the choice doesn't flatter itself here.", said=said)
    return say(
        "%(said)s, not %(minimum)s: the data that choose also flatter.",
        said=said,
        minimum=percent(fair.minimum),
    )


def _price_sentence(made: Decisions) -> str:
    price = made.price.value or 0.0
    if abs(price) < 1e-9 and abs(made.gain.value or 0.0) < 1e-9:
        return say("Choosing for the worst-off group costs nothing here: both rules choose alike.")
    return say(
        "Price of fairness: choosing by MaxMin instead of pooling costs people "
        "%(price)s of welfare on average, and the group that pooling serves "
        "least gains %(gain)s.",
        price=points(made.price),
        gain=points(made.gain),
    )


def _quoted(row: RuleRow) -> str:
    return f"“{row.said}”" if not row.said.startswith("tied: ") else row.said


def _certainty(made: Decisions, pooled: RuleRow, fair: RuleRow) -> list[str]:
    said = []
    single = made.choices.value == 1
    if single:
        told = ((pooled, say("The pooled pick")), (fair, say("The MaxMin pick")))
        for row, name in told if len(made.groups) > 1 else told[:1]:
            if row.frequency.value is None:
                said.append(
                    say(
                        "How sure %(name)s is isn't known: %(frequency_why)s.",
                        name=name[0].lower() + name[1:],
                        frequency_why=row.frequency.why,
                    )
                )
            elif row.verdict == "tie":
                said.append(
                    say(
                        "%(name)s wins in %(frequency)s %% of resamples, less than 90 %%: call "
                        "it a tie.",
                        name=name,
                        frequency=f"{100 * row.frequency.value:.0f}",
                    )
                )
            else:
                said.append(
                    say(
                        "%(name)s wins in %(frequency)s %% of resamples.",
                        name=name,
                        frequency=f"{100 * row.frequency.value:.0f}",
                    )
                )
    changed = [each for each in made.sensitivity if not each.same]
    if changed and single:
        said += [
            say(
                "%(capital)s MaxMin would pick %(said)s.",
                capital=capital(each.group),
                said=each.said,
            )
            for each in changed
        ]
    elif changed:
        said += [
            say("MaxMin %(group)s: %(said)s.", group=each.group, said=each.said) for each in changed
        ]
    if len(made.groups) < 2:
        return said
    if made.robust:
        said.append(
            say(
                "The MaxMin pick is robust: neither another number of groups nor another "
                "scale of welfare changes it."
            )
        )
    elif made.robust is False:
        said.append(say("The MaxMin pick isn't robust: it depends on choices of the analyst."))
    return said
