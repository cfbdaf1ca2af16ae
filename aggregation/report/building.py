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

FORMAT = 3  # 2: model judges beside the groups; 3: no bare number

VALUES = (
    "Which rule to use is a choice about values, not a finding: no number in this report can make "
    "it. Pooling serves the larger group when groups disagree; MaxMin serves the worst-off group, "
    "however small, and the others pay for it.",
    "No single model can serve groups that want opposite things: what one gains, the other loses.",
    "Welfare is the chance that a group prefers what is chosen to another item drawn evenly. It "
    "depends on which items are offered: near-copies of an item shift it.",
)
NO_CHOICE = (
    "So this report chooses none: pooling and MaxMin stand side by side, and what somebody decides "
    "after reading it is recorded beside it."
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
    why_no_interval: str = "counts and settings, not estimates"


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
    why = (
        f"Fewer than {SMALLEST_CELL} people have judged. A report would be about single persons, "
        "so nothing more is shown."
    )
    hidden = About(**{**asdict(about), "people": 0})
    return Report(
        FORMAT, hidden, why, (why,), None, None, None, None, None, None, None, (), _privacy()
    )


def _privacy() -> tuple[str, ...]:
    return (
        f"Nothing is shown about fewer than {SMALLEST_CELL} people: such groups are merged or left "
        "out, and such cells are empty, here and in every download.",
        "Nobody is named. Reasons are quoted as they were written, without who wrote them.",
    )


def _summary(
    enough: Sufficiency,
    noise: Disagreement,
    who: Groups,
    chosen: Decisions | None,
    outvoted: Minority,
) -> tuple[str, ...]:
    n, votes = enough.people.value or 0, enough.votes.value or 0
    said = [f"{people(n)} cast {many(votes, 'vote')}."]
    if enough.verdict == "groups":
        kind = "declared" if who.declared else "found in the votes"
        shares = ", ".join(percent(card.share) for card in who.cards)
        said.append(f"{len(who.cards)} groups, {kind}: {shares} of the people.")
    elif enough.verdict == "one group":
        said.append("We see one group.")
    else:
        said.append(f"Groups can't be told apart: {'; '.join(enough.gate) or 'too little data'}.")
    if noise.pluralism.known and noise.pluralism.value is not None:
        said.append(
            "Part of the disagreement is pluralism: groups want different things."
            if noise.pluralism.above_zero
            else "How much groups add to the disagreement can't be told from zero."
        )
    if chosen is not None:
        said += [s for s in chosen.sentences if s.startswith(("Pooling", "Price", "Choosing"))]
    if outvoted.dissents:
        pairs = many(len(outvoted.dissents), "listed pair")
        said.append(f"On {pairs} a smaller group takes another side than everybody together.")
    return tuple(said)
