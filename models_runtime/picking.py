"""Picking the best of a prompt's candidates with a selector, kept as measurements with provenance.

A selector needs to know something of every candidate; all of it comes from measurements that are
there. What takes further calls to a model (backward questions, the choice of the most consistent, a
tournament, likelihoods) is measured by a job before, as rewards are. A candidate without the number
is refused: nothing is made up, and nothing that was kept before is changed.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.models import Candidate, Measurement, Project, Prompt, User
from models_runtime.catalogue import SCORERS, SELECTORS
from models_runtime.engines import EngineError
from models_runtime.engines._options import read_options
from models_runtime.errors import NotPossible
from models_runtime.models import Combination, Generation, GenerationJob, Scoring
from models_runtime.selection import (
    Choice,
    Extra,
    Need,
    NotEnough,
    Sample,
    Selector,
    extract_answer,
)

PICKED, SCORE = "picked", "picked/score"
EMBEDDING = "embedding"
MOST_CANDIDATES = 20_000  # some seconds; more belong into a job
MOST_ITERATED = 400  # of selectors that iterate thousands of times per prompt
ITERATED = frozenset({Need.LIKELIHOODS})
AT_ONCE = 5_000
FIELDS = {
    Need.REWARD: ("reward",),
    Need.WEIGHT: ("weight",),
    Need.CERTAINTY: ("certainty",),
    Need.LOGPROBS: ("logprobs",),
    Need.RECOVERED: ("recovered",),
    Need.LIKELIHOODS: ("p_correct", "p_incorrect", "p_yes"),
    Need.ANSWER: (),  # read from the text
    Need.PICK: ("consistent",),
    Need.PREFERENCES: ("match_wins",),
}
OF_THE_SET = frozenset({"consistent", "match_wins"})  # told to selectors beside the samples
USUAL_NAMES = {"certainty": "self_certainty", "logprobs": "mean_logprob", "weight": "reward"}
PER_TOKEN = frozenset({"certainty", "logprobs"})
TIE_BREAKERS = ("reward", "logprobs")


@dataclass(frozen=True, slots=True)
class Input:
    """The measurement a selector's input is read from. An empty `name` is the usual one, an empty
    `source` is fine where the name has only one."""

    name: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Pick:
    """What was picked for a prompt of `n` candidates, and why."""

    prompt: str
    candidate: str
    n: int
    score: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Picked:
    """The act's record, its picks, and why a prompt was left out, by prompt."""

    made: Combination
    picks: Sequence[Pick]
    left_out: Mapping[str, str]


def inputs_of(selector: Selector) -> tuple[str, ...]:
    """The inputs a selector needs of every candidate beside its text."""
    return tuple(field for need in sorted(selector.needs) for field in FIELDS[need])


def pick_best(
    project: Project,
    selector: str,
    *,
    inputs: Mapping[str, Input] | None = None,
    options: Mapping[str, Any] | None = None,
    job: GenerationJob | None = None,
    prompt: str = "",
    user: User | None = None,
) -> Picked:
    """Pick one candidate per prompt: of all its candidates, or of those that `job` wrote; for every
    prompt of the project, or the one called `prompt`.

    Each candidate gets a measurement `picked`, 1 for the pick and 0 for the others, and
    `picked/score` where the selector scored it. A further input `reward` or `logprobs` only breaks
    ties. Raises NotPossible where the selector, an option or an input is missing.
    """
    chosen = SELECTORS.get(selector)
    if chosen is None:
        raise NotPossible(
            _("Choose one of these selectors: %(known)s.") % {"known": ", ".join(sorted(SELECTORS))}
        )
    needed = inputs_of(chosen)
    settings = _settings(chosen, options or {})
    _check_token_means(selector, settings)
    read = _inputs(project, needed, inputs or {})
    groups = _candidates(project, job, prompt, chosen)
    values = {field: _values(each, groups) for field, each in read.items()}
    spoken = _languages(groups)
    samples = {
        key: [_sample(each, values, spoken.get(each.pk, "")) for each in group]
        for key, group in groups.items()
    }
    _refuse_gaps(groups, values, needed, read)
    vectors = _vectors(groups) if Need.PICK in chosen.needs else {}
    chosen_by, left_out = _choose(chosen, settings, samples, values, vectors)
    return _keep(
        project,
        selector,
        groups,
        chosen_by,
        left_out,
        parts=[
            {"input": field, "name": each.name, "source": each.source}
            for field, each in sorted(read.items())
        ],
        settings={
            "options": dict(options or {}),
            "job": None if job is None else str(job.public_id),
            "prompt": prompt,
        },
        user=user,
    )


Groups = dict[str, list[Candidate]]


def _settings(selector: Selector, options: Mapping[str, Any]) -> Any:
    try:
        return read_options(selector.options_class, options)
    except EngineError as refusal:
        raise NotPossible(str(refusal)) from refusal


def _check_token_means(selector: str, settings: Any) -> None:
    """A measurement holds the mean log-probability of a text's tokens, not each token's: of soft
    self-consistency's aggregates only the geometric mean follows from it."""
    aggregate = getattr(settings, "aggregate", None)
    if selector == "soft_self_consistency" and aggregate != "geometric":
        raise NotPossible(
            _(
                "Measurements hold mean log-probabilities, from which only the aggregate "
                "“geometric” follows, not “%(aggregate)s”. Choose that."
            )
            % {"aggregate": aggregate}
        )


def _inputs(
    project: Project, needed: Sequence[str], given: Mapping[str, Input]
) -> dict[str, Input]:
    """Each input with its measurement's name and source found. Raises NotPossible."""
    unknown = sorted(set(given) - set(needed) - set(TIE_BREAKERS))
    if unknown:
        raise NotPossible(
            _("This selector has no input “%(name)s”. It reads: %(known)s.")
            % {"name": unknown[0], "known": ", ".join(dict.fromkeys((*needed, *TIE_BREAKERS)))}
        )
    wanted = {field: given.get(field, Input()) for field in (*needed, *given)}
    return {
        field: _settled(project, field, replace(each, name=each.name or _usual(field)))
        for field, each in wanted.items()
    }


def _usual(field: str) -> str:
    return USUAL_NAMES.get(field, field)


def _settled(project: Project, field: str, wanted: Input) -> Input:
    sources = sorted(
        Measurement.objects.filter(
            candidate__prompt__project=project, name=wanted.name, number__isnull=False
        )
        .order_by()
        .values_list("source", flat=True)
        .distinct()
    )
    if wanted.source in sources:
        return wanted
    words = {"name": wanted.name, "field": field, "sources": "; ".join(sources)}
    if not sources:
        raise NotPossible(
            _(
                "This project has no number called “%(name)s” for the input “%(field)s”. "
                "Measure its candidates first%(how)s, or name another measurement."
            )
            % {**words, "how": _measured_by(wanted.name)}
        )
    if wanted.source or len(sources) > 1:
        raise NotPossible(_("Say which “%(name)s” is meant. There are: %(sources)s.") % words)
    return replace(wanted, source=sources[0])


def _measured_by(name: str) -> str:
    """“ (with …)”, naming the measure that gives such a number; empty where none does."""
    titles = [each.title for each in SCORERS.values() if name in each.names]
    return _(" (“%(measure)s”)") % {"measure": titles[0]} if titles else ""


def _languages(groups: Groups) -> dict[int, str]:
    """The language a candidate was asked for in, by its id, where one was."""
    ids = [each.pk for group in groups.values() for each in group]
    rows = Generation.objects.filter(candidate__in=ids).exclude(job__languages=[])
    return {
        each.candidate_id: each.job.language_of(each.index) for each in rows.select_related("job")
    }


def _vectors(groups: Groups) -> dict[int, list[float]]:
    """The newest embedding of each candidate that has one."""
    ids = [each.pk for group in groups.values() for each in group]
    rows = Measurement.objects.filter(candidate__in=ids, name=EMBEDDING, vector__isnull=False)
    return {
        pk: vector or [] for pk, vector in rows.order_by("pk").values_list("candidate", "vector")
    }


def _candidates(
    project: Project, job: GenerationJob | None, prompt: str, selector: Selector
) -> Groups:
    """Candidates by prompt, in the order of their ids. Raises NotPossible."""
    if prompt and not Prompt.objects.filter(project=project, external_id=prompt).exists():
        raise NotPossible(_("This project has no prompt “%(name)s”.") % {"name": prompt})
    rows = Candidate.objects.filter(prompt__project=project)
    if job is not None:
        rows = rows.filter(generation__job=job)
    if prompt:
        rows = rows.filter(prompt__external_id=prompt)
    most = MOST_ITERATED if selector.needs & ITERATED else MOST_CANDIDATES
    if rows.count() > most:
        raise NotPossible(
            _(
                "“%(selector)s” can go through at most %(most)s candidates at once. Name a "
                "job or a prompt."
            )
            % {"selector": selector.title, "most": f"{most:,}"}
        )
    groups: Groups = defaultdict(list)
    for each in rows.select_related("prompt").defer("html", "prompt__html").order_by("pk"):
        groups[each.prompt.external_id].append(each)
    if not groups:
        raise NotPossible(_("There is no candidate to pick from."))
    return dict(groups)


def _values(read: Input, groups: Groups) -> dict[int, float]:
    rows = Measurement.objects.filter(
        candidate_id__in=[each.pk for group in groups.values() for each in group],
        name=read.name,
        source=read.source,
        number__isnull=False,
    )
    found = rows.values_list("candidate_id", "number")
    return {pk: number for pk, number in found if number is not None and math.isfinite(number)}


def _sample(
    candidate: Candidate, values: Mapping[str, Mapping[int, float]], language: str
) -> Sample:
    known: dict[str, Any] = {}
    for field, by_candidate in values.items():
        number = by_candidate.get(candidate.pk)
        if number is not None and field not in OF_THE_SET:
            known[field] = (number,) if field in PER_TOKEN else number
    answer = extract_answer(candidate.text)
    return Sample(candidate.pk, candidate.text, answer, language=language, **known)


def _refuse_gaps(
    groups: Groups,
    values: Mapping[str, Mapping[int, float]],
    needed: Sequence[str],
    read: Mapping[str, Input],
) -> None:
    for field in needed:
        lacking = [
            (key, each.external_id)
            for key, group in groups.items()
            for each in group
            if each.pk not in values[field]
        ]
        if lacking:
            key, name = lacking[0]
            raise NotPossible(
                ngettext(
                    "%(n)s candidate has no “%(input)s” from %(source)s: “%(candidate)s” of "
                    "“%(prompt)s”. Measure it first, or pick from a job or prompt that is "
                    "measured.",
                    "%(n)s candidates have no “%(input)s” from %(source)s, such as "
                    "“%(candidate)s” of “%(prompt)s”. Measure them first, or pick from a job "
                    "or prompt that is measured.",
                    len(lacking),
                )
                % {
                    "n": f"{len(lacking):,}",
                    "input": read[field].name,
                    "source": read[field].source or _("an unnamed source"),
                    "candidate": name,
                    "prompt": key,
                }
            )


def _extra(
    samples: Sequence[Sample],
    values: Mapping[str, Mapping[int, float]],
    vectors: Mapping[int, Sequence[float]],
) -> Extra:
    """What jobs found out about a prompt's candidates together. Who won more matches of the
    tournament that was held is preferred, so whatever the bracket, its winner wins."""
    wins, named = values.get("match_wins", {}), values.get("consistent", {})

    def prefer(first: Sample, second: Sample) -> float:
        return 0.5 + 0.5 * ((wins[first.id] > wins[second.id]) - (wins[first.id] < wins[second.id]))

    picked = [each.id for each in samples if named.get(each.id, 0) > 0]
    return Extra(
        prefer=prefer if wins else None,
        pick=picked[0] if len(picked) == 1 else None,
        embeddings={each.id: vectors[each.id] for each in samples if each.id in vectors},
    )


def _choose(
    selector: Selector,
    settings: Any,
    samples: Mapping[str, Sequence[Sample]],
    values: Mapping[str, Mapping[int, float]],
    vectors: Mapping[int, Sequence[float]],
) -> tuple[dict[str, Choice], dict[str, str]]:
    """A choice per prompt, and why the others have none. Raises NotPossible if none has one."""
    found: dict[str, Choice] = {}
    left_out: dict[str, str] = {}
    for key, group in samples.items():
        try:
            found[key] = selector.select(group, settings, _extra(group, values, vectors))
        except NotEnough as refusal:
            left_out[key] = str(refusal)
    if not found:
        key, reason = next(iter(left_out.items()))
        raise NotPossible(
            _("Nothing could be picked for any prompt. “%(prompt)s”: %(reason)s")
            % {"prompt": key, "reason": reason}
        )
    return found, left_out


def _keep(
    project: Project,
    selector: str,
    groups: Groups,
    found: Mapping[str, Choice],
    left_out: Mapping[str, str],
    *,
    parts: list[dict[str, str]],
    settings: dict[str, Any],
    user: User | None,
) -> Picked:
    picks = []
    rows: list[tuple[int, str, float]] = []
    for key, choice in found.items():
        names = {each.pk: each.external_id for each in groups[key]}
        score = choice.scores.get(choice.id)
        picks.append(Pick(key, names[choice.id], len(names), score, choice.reason))
        rows += [(pk, PICKED, float(pk == choice.id)) for pk in names]
        rows += [(pk, SCORE, score) for pk, score in choice.scores.items() if score is not None]
    with transaction.atomic():
        made = Combination.objects.create(
            project=project,
            method=f"pick_{selector}",
            name=PICKED,
            parts=parts,
            settings=settings,
            candidates=sum(len(groups[key]) for key in found),
            left_out=sum(len(groups[key]) for key in left_out),
            created_by=user,
        )
        for start in range(0, len(rows), AT_ONCE):
            measurements = Measurement.objects.bulk_create(
                Measurement(candidate_id=pk, name=name, source=str(made)[:200], number=number)
                for pk, name, number in rows[start : start + AT_ONCE]
            )
            Scoring.objects.bulk_create(
                Scoring(measurement=each, combination=made) for each in measurements
            )
    return Picked(made, picks, left_out)
