"""How much of the disagreement is noise? Three sources, never added up into one error rate."""

from dataclasses import dataclass

import numpy as np

from aggregation.pluralism.noise import Rate, flip_rate, noise_budget
from aggregation.report.figures import Figure, percent, points, tidy, unknown
from aggregation.report.material import Checks
from aggregation.report.study import SMALLEST_CELL, Study
from aggregation.uncertainty import expanded_level
from annotation.phrases import capital, say

ONE_GROUP = say("only one group is seen")
NOBODY_TWICE = say("nobody judged the same pair twice")
TOO_MANY_RANDOM = 0.3  # share of people above which "random" is no longer believed
NO_GOLD = say("no question with a known answer was asked")
WHAT_IT_IS = say("read from the rate above; its interval is the rate's")


@dataclass(frozen=True)
class Disagreement:
    """Chances that two votes on the same pair differ, what each level adds, and flip rates.

    within_people   the same person asked again;  within_groups  two people of one group
    between_groups  people of different groups;  ambiguity, pluralism: what the last two add
    flips_*         chance that a vote is turned over by mistake, from each source that allows it
    """

    within_people: Figure
    within_groups: Figure
    between_groups: Figure
    ambiguity: Figure
    pluralism: Figure
    flips_gold: Figure
    flips_repeats: Figure
    flips_groups: Figure
    looks_random: Figure
    sentences: tuple[str, ...]


def disagreement(study: Study) -> Disagreement:
    found = study.found
    budget = noise_budget(
        study.table,
        found.votes.people,
        study.mixture.gamma,
        replicates=study.options.replicates if study.draws is not None else 0,
        seed=study.options.seed,
        level=expanded_level(study.options.level, found.n_people),
        voice=found.voice,
    )
    own = _figure(budget.within_annotators, NOBODY_TWICE, study, say("pairs of votes"))
    if not own.known:
        own = _differing(study.material.repeats, study, NOBODY_TWICE)
    same = _figure(
        budget.within_groups,
        say("no two people of a group judged the same pair"),
        study,
        say("pairs of people"),
    )
    other = _figure(
        budget.between_groups,
        say("no two people of different groups judged the same pair")
        if study.several
        else ONE_GROUP,
        study,
        say("pairs of people"),
    )
    ambiguity = _figure(budget.ambiguity, NOBODY_TWICE, study, say("pairs of people"))
    if own.known and not ambiguity.known and same.value is not None and own.value is not None:
        gap = say("a difference of two samples; see their intervals")
        ambiguity = Figure(tidy(same.value - own.value), same.n, same.of, why=gap)
    pluralism = _figure(
        budget.pluralism,
        ONE_GROUP if not study.several else other.why,
        study,
        say("pairs of people"),
    )
    made = Disagreement(
        own,
        same,
        other,
        ambiguity,
        pluralism,
        _differing(study.material.gold, study, NO_GOLD),
        _flips(own, flip_rate(own.value) if own.value is not None else np.nan),
        _flips(same, budget.flips_within_groups),
        _random(study),
        (),
    )
    return Disagreement(**{**vars(made), "sentences": _sentences(study, made)})


def _figure(rate: Rate, why: str, study: Study, of: str) -> Figure:
    if not np.isfinite(rate.value):
        return unknown(why or say("nothing was observed"))
    if not np.isfinite(rate.lo):
        return Figure(tidy(rate.value), rate.pairs, of, why=study.why_no_interval or why)
    return Figure(tidy(rate.value), rate.pairs, of, tidy(rate.lo), tidy(rate.hi))


def _flips(rate: Figure, value: float) -> Figure:
    if rate.value is None:
        return unknown(rate.why)
    if not np.isfinite(value):
        return unknown(say("people disagree more often than not: there is no signal"))
    if rate.lo is None or rate.hi is None:
        return Figure(tidy(value), rate.n, rate.of, why=rate.why)
    lo, hi = flip_rate(rate.lo), flip_rate(min(rate.hi, 0.5))
    if rate.hi > 0.5:
        return Figure(tidy(value), rate.n, rate.of, why=say("its upper bound is beyond any signal"))
    return Figure(tidy(value), rate.n, rate.of, tidy(lo), tidy(hi))


def _differing(checks: Checks | None, study: Study, why: str) -> Figure:
    """Share of answers that differ; annotators, not answers, are resampled."""
    if checks is None or not sum(checks.answers):
        return unknown(why)
    answers, wrong = np.array(checks.answers, dtype=float), np.array(checks.wrong, dtype=float)
    value = float(wrong.sum() / answers.sum())
    if len(answers) < SMALLEST_CELL:
        return unknown(say("fewer than five people answered such a question"))
    rng = np.random.default_rng([study.options.seed, 0x601D])
    weight = rng.standard_exponential((max(study.options.replicates, 0), len(answers)))
    draws = (weight @ wrong) / (weight @ answers) if len(weight) else None
    return study.figure(value, draws, float(answers.sum()), "answers", len(answers))


def _random(study: Study) -> Figure:
    if study.is_declared:
        return unknown(say("declared groups have no component of random votes"))
    choice = study.found.choice
    if choice is not None and choice.gate and len(choice.tried) == 1:
        return unknown(say("too few votes to tell random votes from a minority"))
    if not (study.side == study.G).any():
        return unknown(say("fewer than five people, or none: not shown"))
    draws = None
    if study.draws is not None:
        omega = study.draws.omega
        draws = (omega * (study.draws.side == study.G)).sum(axis=1) / omega.sum(axis=1)
    value = float((study.side == study.G).mean())
    if value > TOO_MANY_RANDOM:
        return unknown(
            say(
                "so many people would look random that they rather differ in ways these "
                "judgments can't show; ask more of each person, or compare fewer things"
            )
        )
    return study.figure(value, draws, study.found.n_people, "people")


def _sentences(study: Study, made: Disagreement) -> tuple[str, ...]:
    said = []
    if made.within_people.known:
        said.append(
            say(
                "The same person, asked again, gives another answer in %(within_people)s "
                "of cases: that much is noise, or a changed mind.",
                within_people=percent(made.within_people),
            )
        )
    else:
        said.append(
            say(
                "How often people contradict themselves isn't known: "
                "%(within_people_why)s. Ask some questions twice to learn it.",
                within_people_why=made.within_people.why,
            )
        )
    if made.within_groups.known:
        who = say("Two people of one group") if study.several else say("Two people")
        said.append(
            say(
                "%(who)s disagree on the same pair in %(within_groups)s of cases.",
                who=who,
                within_groups=percent(made.within_groups),
            )
        )
    if made.between_groups.known:
        said.append(_between(made))
    elif not study.several:
        said.append(
            say(
                "No disagreement is attributed to groups, as only one is seen; what "
                "people disagree on may still be matters of taste."
            )
        )
    for source, figure in (
        (say("questions with a known answer"), made.flips_gold),
        (say("repeated questions"), made.flips_repeats),
    ):
        if figure.known:
            said.append(
                say(
                    "By %(source)s, %(figure)s of votes are turned over by mistake.",
                    source=source,
                    figure=percent(figure),
                )
            )
    if made.looks_random.why.startswith("so many"):
        said.append(f"{capital(made.looks_random.why)}.")
    if made.looks_random.known and (made.looks_random.value or 0) > 0:
        said.append(
            say(
                "%(looks_random)s of people vote in a way that looks random. They are in "
                "no group, count in no share, and nobody is removed.",
                looks_random=percent(made.looks_random),
            )
        )
    return tuple(said)


def _between(made: Disagreement) -> str:
    values = {"share": percent(made.between_groups), "added": points(made.pluralism)}
    if made.pluralism.above_zero:
        return say(
            "People of different groups disagree in %(share)s of cases; groups add %(added)s of "
            "disagreement, which is pluralism and not noise.",
            **values,
        )
    return say(
        "People of different groups disagree in %(share)s of cases; groups add %(added)s, an "
        "amount that could be zero: by disagreement, we see one group.",
        **values,
    )
