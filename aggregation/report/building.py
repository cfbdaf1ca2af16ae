"""A report from its material: every section computed, then one plain form of it for storing."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from aggregation.report.deciding import Decisions, decisions
from aggregation.report.deciding_words import told
from aggregation.report.disagreement import Disagreement, disagreement
from aggregation.report.figures import many, people, percent
from aggregation.report.groups import Groups, groups
from aggregation.report.judges import Judges, judges
from aggregation.report.map import Map, map_of_people
from aggregation.report.material import Material
from aggregation.report.minority import Minority, minority
from aggregation.report.study import SMALLEST_CELL, ReportOptions, Study, Watch, study
from aggregation.report.sufficiency import Sufficiency, sufficiency
from annotation.phrases import say

FORMAT = 3  # 2: model judges beside the groups; 3: no bare number

VALUES = (
    say(
        "Which rule to use is a choice about values, not a finding: no number in "
        "this report can make it. Pooling serves the larger group when groups "
        "disagree; MaxMin serves the worst-off group, however small, and the "
        "others pay for it."
    ),
    say(
        "No single model can serve groups that want opposite things: what one "
        "gains, the other loses."
    ),
    say(
        "Welfare is the chance that a group prefers what is chosen to another "
        "item drawn evenly. It depends on which items are offered: near-copies "
        "of an item shift it."
    ),
)
NO_CHOICE = say(
    "So this report chooses none: pooling and MaxMin stand side by side, and "
    "what somebody decides after reading it is recorded beside it."
)


@dataclass(frozen=True)
class About:
    """What was read, and how."""

    level: str
    judgments: int | None
    people: int
    items: int
    contexts: int
    attribute: str
    conversions: tuple[str, ...]
    exclusions: Mapping[str, int]
    replicates: int
    interval: float
    seed: int
    digest: str
    why_no_interval: str = say("counts and settings, not estimates")


@dataclass(frozen=True)
class Report:
    """A pluralistic report. `withheld` says why there is nothing but counts."""

    format: int
    about: About
    withheld: str
    summary: tuple[str, ...]
    sufficiency: Sufficiency | None
    disagreement: Disagreement | None
    groups: Groups | None
    map: Map | None
    judges: Judges | None
    decisions: Decisions | None
    minority: Minority | None
    values: tuple[str, ...]
    privacy: tuple[str, ...]


def build(material: Material, options: ReportOptions, watch: Watch | None = None) -> Report:
    """The report on this material. The same material, options and seed give the same report.

    `watch` hears how many of how many resamples are done and may raise to stop. Raises TableError
    where nothing was compared.
    """
    case = study(material, options, watch)
    about = _about(case)
    if case.found.n_people < SMALLEST_CELL:
        return _withheld(about)
    enough = sufficiency(case)
    noise, who = disagreement(case), groups(case)
    chosen, outvoted = told(case, decisions(case)), minority(case)
    drawn, axes = map_of_people(case)
    return Report(
        FORMAT,
        about,
        "",
        _summary(enough, noise, who, chosen, outvoted),
        enough,
        noise,
        who,
        drawn,
        judges(case, axes),
        chosen,
        outvoted,
        (*VALUES, NO_CHOICE),
        _privacy(),
    )


def plain(report: Report) -> dict[str, Any]:
    """The report as JSON's own types; what isn't a number is None."""
    found = _plain(report)
    assert isinstance(found, dict)
    return found


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def _about(case: Study) -> About:
    material, options = case.material, case.options
    return About(
        level=material.level,
        judgments=material.judgments,
        people=case.found.n_people,
        items=len(np.unique(np.concatenate([case.table.a, case.table.b]))),
        contexts=len(case.table.group_ids),
        attribute=material.attribute if case.is_declared else "",
        conversions=material.conversions,
        exclusions=dict(sorted(material.exclusions.items())),
        replicates=0 if case.draws is None else len(case.draws),
        interval=options.level,
        seed=options.seed,
        digest=case.table.digest(),
    )


def _withheld(about: About) -> Report:
    why = say(
        "Fewer than %(smallest_cell)s people have judged. A report would be "
        "about single persons, so nothing more is shown.",
        smallest_cell=SMALLEST_CELL,
    )
    hidden = About(**{**asdict(about), "people": 0})
    return Report(
        FORMAT, hidden, why, (why,), None, None, None, None, None, None, None, (), _privacy()
    )


def _privacy() -> tuple[str, ...]:
    return (
        say(
            "Nothing is shown about fewer than %(smallest_cell)s people: such groups "
            "are merged or left out, and such cells are empty, here and in every "
            "download.",
            smallest_cell=SMALLEST_CELL,
        ),
        say("Nobody is named. Reasons are quoted as they were written, without who wrote them."),
    )


def _summary(
    enough: Sufficiency,
    noise: Disagreement,
    who: Groups,
    chosen: Decisions | None,
    outvoted: Minority,
) -> tuple[str, ...]:
    n, votes = enough.people.value or 0, enough.votes.value or 0
    said = [say("%(people)s cast %(votes)s.", people=people(n), votes=many(votes, "vote"))]
    if enough.verdict == "groups":
        kind = say("declared") if who.declared else say("found in the votes")
        shares = ", ".join(percent(card.share) for card in who.cards)
        said.append(
            say(
                "%(cards)s groups, %(kind)s: %(shares)s of the people.",
                cards=len(who.cards),
                kind=kind,
                shares=shares,
            )
        )
    elif enough.verdict == "one group":
        said.append(say("We see one group."))
    else:
        said.append(
            say(
                "Groups can't be told apart: %(value)s.",
                value="; ".join(enough.gate) or say("too little data"),
            )
        )
    if noise.pluralism.known and noise.pluralism.value is not None:
        said.append(
            say("Part of the disagreement is pluralism: groups want different things.")
            if noise.pluralism.above_zero
            else say("How much groups add to the disagreement can't be told from zero.")
        )
    if chosen is not None:
        said += [s for s in chosen.sentences if s.startswith(("Pooling", "Price", "Choosing"))]
    if outvoted.dissents:
        pairs = many(len(outvoted.dissents), say("listed pair"))
        said.append(
            say(
                "On %(pairs)s a smaller group takes another side than everybody together.",
                pairs=pairs,
            )
        )
    return tuple(said)
