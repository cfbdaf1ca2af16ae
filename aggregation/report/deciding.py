"""What each rule would choose, what it gives each group, and what it costs them.

With one set of items that were all compared there is one choice. Where every prompt has responses
of its own, each rule chooses per prompt and the values are averages over prompts. A choice made on
the judgments at hand is valued under resampled people, so its interval says how good this very
choice is; how often resamples would choose the same is said beside it.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aggregation.pluralism import rules
from aggregation.pluralism.latent import dealt
from aggregation.pluralism.welfare import welfare
from aggregation.report.figures import Figure, count, many, tidy, unknown
from aggregation.report.picks import worth_of
from aggregation.report.rule_table import (
    FEW_HERE,
    LOTTERIES,
    SHOWN_FIRST,
    TITLES,
    Choices,
    ItemRow,
    RuleRow,
    Valued,
    basis,
    decided,
    heard_on,
    item_rows,
    picks_again,
    rule_row,
    said_choice,
    unit_of,
    values_of,
)
from aggregation.report.study import SMALLEST_CELL, Study
from annotation.phrases import say

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

HALVES = say("people are halved once; the interval of the same choice stands beside its rule")
LISTED = 12  # prompts on which the two rules shown first differ


@dataclass(frozen=True)
class Apart:
    """A prompt where pooling and MaxMin choose differently, with its items.

    gain: of the least-served group's welfare, MaxMin's over the pooled choice's
    """

    context: str
    pooled: str
    fair: str
    gain: Figure
    items: tuple[ItemRow, ...]


@dataclass(frozen=True)
class Without:
    group: str
    said: str
    same: bool


@dataclass(frozen=True)
class Decisions:
    groups: tuple[str, ...]
    choices: Figure
    rules: tuple[RuleRow, ...]
    items: tuple[ItemRow, ...]
    price: Figure
    gain: Figure
    disagreeing: Figure
    tenth: Figure
    cross_fitted: dict[str, Figure]
    why_no_cross_fit: str
    without: tuple[Without, ...]
    sensitivity: tuple[Without, ...]
    robust: bool | None
    apart: tuple[Apart, ...]
    sentences: tuple[str, ...]


def decisions(study: Study) -> Decisions | None:
    """None where nothing offers a choice. Its sentences are written by `deciding_words`."""
    if not study.parts:
        return None
    draws = study.draws
    valued = Valued(
        study.shares,
        [study.utilities[:, part] for part in study.parts],
        None if draws is None else draws.shares,
        None if draws is None else [draws.utilities[:, :, part] for part in study.parts],
    )
    worth = None if valued.drawn is None else [worth_of(u) for u in valued.drawn]
    found = {name: Choices(each) for name, each in decided(valued).items()}
    again = picks_again(valued)
    rows = tuple(rule_row(study, name, found[name], worth, again) for name in TITLES)
    single = len(study.parts) == 1
    pooled, fair = (found[name] for name in SHOWN_FIRST)
    made = Decisions(
        groups=study.found.names,
        choices=count(len(study.parts), f"{unit_of(study)}s"),
        rules=rows,
        items=item_rows(study, worth) if single and study.material.level != "statements" else (),
        price=_price(study, pooled, fair, worth),
        gain=_gain(study, pooled, fair, worth),
        disagreeing=_disagreeing(study, found),
        tenth=_tenth(study, fair),
        cross_fitted=_cross_fitted(study),
        why_no_cross_fit=""
        if _may_cross_fit(study)
        else say("it needs twelve people and two groups"),
        without=_without(study, valued, fair),
        sensitivity=_sensitivity(study, fair),
        robust=None,
        apart=_apart(study, pooled, fair, worth) if not single else (),
        sentences=(),
    )
    return replace(made, robust=_robust(made))


# --- What fairness costs and gains ---------------------------------------------------------------


def _price(study: Study, pooled: Choices, fair: Choices, worth: list[Floats] | None) -> Figure:
    """Mean over people of the welfare given up by MaxMin picks over pooled ones."""
    one, drawn_one = _mean_over_people(study, pooled, worth)
    two, drawn_two = _mean_over_people(study, fair, worth)
    drawn = None if drawn_one is None or drawn_two is None else drawn_one - drawn_two
    return study.figure(one - two, drawn, *basis(study))


def _mean_over_people(
    study: Study, chosen: Choices, worth: list[Floats] | None
) -> tuple[float, Floats | None]:
    value, _, drawn, _ = values_of(study, [d.lottery for d in chosen.decisions], worth)
    if drawn is None or study.draws is None:
        return float(study.shares @ value), None
    return float(study.shares @ value), (drawn * study.draws.shares).sum(axis=1)


def _gain(study: Study, pooled: Choices, fair: Choices, worth: list[Floats] | None) -> Figure:
    """What the group that pooling serves least gains by MaxMin picks."""
    one, _, drawn_one, _ = values_of(study, [d.lottery for d in pooled.decisions], worth)
    two, _, drawn_two, _ = values_of(study, [d.lottery for d in fair.decisions], worth)
    g = int(one.argmin())
    drawn = None if drawn_one is None or drawn_two is None else drawn_two[:, g] - drawn_one[:, g]
    return study.figure(float(two[g] - one[g]), drawn, *basis(study), study.heads[g])


def _disagreeing(study: Study, found: dict[str, Choices]) -> Figure:
    """Share of prompts on which the pick rules don't all agree."""
    picks = np.array([each.picks for name, each in found.items() if name not in LOTTERIES])
    apart = (picks != picks[0]).any(axis=0)
    if len(apart) == 1:
        return unknown(say("there is one choice only; its table shows which rules differ"))
    return Figure(
        tidy(apart.mean()), len(apart), f"{unit_of(study)}s", why=say("counted on this fit")
    )


def _tenth(study: Study, fair: Choices) -> Figure:
    """Tenth percentile over prompts of the least-served group's welfare under MaxMin picks."""
    least = np.array([d.minimum for d in fair.decisions])
    if len(least) < 10:
        return unknown(say("fewer than ten prompts"))
    return Figure(
        tidy(np.quantile(least, 0.1)),
        len(least),
        f"{unit_of(study)}s",
        why=say("counted on this fit"),
    )


def _may_cross_fit(study: Study) -> bool:
    return study.several and not study.why_no_interval.startswith("too few")


def _cross_fitted(study: Study) -> dict[str, Figure]:
    """Least welfare of MaxMin pick and lottery, chosen on one half of people, valued on the other.

    Halves are dealt by how well one group explains people; both directions are averaged.
    """
    if not _may_cross_fit(study):
        return {}
    found = study.found
    order = found.votes.people[dealt(found.votes, study.one)]
    _, first = np.unique(order, return_index=True)
    people = order[np.sort(first)]
    half = np.isin(found.votes.people, people[::2]).astype(np.float64)
    fits = [found.refit(half), found.refit(1.0 - half)]
    values: dict[str, Figure] = {}
    for name, rule in (
        ("maxmin_pick", rules.maxmin_pick),
        ("maxmin_lottery", rules.maxmin_lottery),
    ):
        worst = []
        for h in (0, 1):
            own, other = found.utilities(fits[h]), found.utilities(fits[1 - h])
            by_group = [
                welfare(other[:, part]) @ rule(welfare(own[:, part]), fits[h].shares).lottery
                for part in study.parts
            ]
            worst.append(float(np.mean(by_group, axis=0).min()))
        value = tidy(float(np.mean(worst)))
        values[name] = Figure(value, study.found.n_people, "people", why=HALVES)
    return values


# --- What the choice hangs on --------------------------------------------------------------------


def _without(study: Study, valued: Valued, fair: Choices) -> tuple[Without, ...]:
    """The MaxMin pick when a group isn't asked."""
    if not study.several:
        return ()
    left: list[Without] = []
    for g, name in enumerate(study.found.names):
        kept = np.arange(study.G) != g
        picks = [rules.maxmin_pick(welfare(u)[kept], study.shares[kept]) for u in valued.parts]
        left.append(_compared(study, say("without %(name)s", name=name), picks, fair))
    return tuple(left)


def _sensitivity(study: Study, fair: Choices) -> tuple[Without, ...]:
    """The MaxMin pick with one group fewer or more, and under range-normalised welfare."""
    rows = []
    choice = study.found.choice
    if choice is not None and study.found.base is None:
        for mixture in choice.mixtures:
            whole = mixture.sizes.min() >= SMALLEST_CELL
            if abs(mixture.n_groups - study.G) == 1 and whole:
                u = study.found.utilities(mixture)
                picks = [rules.maxmin_pick(welfare(u[:, p]), mixture.shares) for p in study.parts]
                n = mixture.n_groups
                what = say("with %(n)s group", n=n) if n == 1 else say("with %(n)s groups", n=n)
                rows.append(_compared(study, what, picks, fair))
    ranged = [
        rules.maxmin_pick(welfare(study.utilities[:, p], "range"), study.shares)
        for p in study.parts
    ]
    rows.append(_compared(study, say("with welfare scaled to each group's range"), ranged, fair))
    return tuple(rows)


def _compared(study: Study, what: str, picks: list[rules.Decision], fair: Choices) -> Without:
    same = [set(a.picks) == set(b.picks) for a, b in zip(picks, fair.decisions, strict=True)]
    if len(picks) == 1:
        return Without(what, said_choice(study, picks[0]), same[0])
    changed = len(same) - sum(same)
    unit = unit_of(study)
    said = (
        say("another pick on %(changed)s of %(many)s", changed=changed, many=many(len(same), unit))
        if changed
        else say("the same picks")
    )
    return Without(what, said, not changed)


def _robust(made: Decisions) -> bool | None:
    """Whether one pick survives resamples, other numbers of groups and the other normalisation."""
    fair = next(row for row in made.rules if row.rule == "maxmin_pick")
    if fair.frequency.value is None or made.choices.value != 1:
        return None
    return fair.verdict == "clear" and all(each.same for each in made.sensitivity)


def _apart(
    study: Study, pooled: Choices, fair: Choices, worth: list[Floats] | None
) -> tuple[Apart, ...]:
    """Prompts on which pooling and MaxMin differ, largest gain of the least-served group first."""
    found = []
    for p, (one, two) in enumerate(zip(pooled.decisions, fair.decisions, strict=True)):
        gain = two.minimum - one.minimum
        if one.picks[:1] != two.picks[:1] and gain > 1e-9:
            found.append((-gain, p, one, two))
    found.sort(key=lambda each: each[:2])
    fewest = float(study.heads.min())
    said = []
    for lost, p, one, two in found[:LISTED]:
        part, W = study.parts[p], None if worth is None else worth[p]
        drawn = None
        if W is not None:
            drawn = (W @ two.lottery).min(axis=1) - (W @ one.lottery).min(axis=1)
        a, b = (study.names.item(int(part[d.picks[0]])) for d in (one, two))
        gain_told = unknown(FEW_HERE)
        if heard_on(study, p).min() >= SMALLEST_CELL:
            gain_told = study.figure(-lost, drawn, *basis(study), fewest)
        items = item_rows(study, worth, p) if study.material.level != "statements" else ()
        said.append(Apart(_context_of(study, part), a, b, gain_told, items))
    return tuple(said)


def _context_of(study: Study, part: Longs) -> str:
    key = study.table.ids[int(part[0])]
    return study.names.context(key[0]) if isinstance(key, tuple) else ""
