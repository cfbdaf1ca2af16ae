"""What a selector reads of candidates: which measurements are meant, and their numbers."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.models import Candidate, Measurement, Project, Prompt
from models_runtime.catalogue import SCORERS
from models_runtime.errors import NotPossible
from models_runtime.models import Generation, GenerationJob
from models_runtime.selection import Need, Sample, Selector, extract_answer

EMBEDDING = "embedding"
MOST_CANDIDATES = 20_000  # some seconds; more belong into a job
MOST_ITERATED = 400  # of selectors that iterate thousands of times per prompt
ITERATED = frozenset({Need.LIKELIHOODS})
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


def inputs_of(selector: Selector) -> tuple[str, ...]:
    """The inputs a selector needs of every candidate beside its text."""
    return tuple(field for need in sorted(selector.needs) for field in FIELDS[need])


Groups = dict[str, list[Candidate]]


def find_inputs(
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


def languages_of(groups: Groups) -> dict[int, str]:
    """The language a candidate was asked for in, by its id, where one was."""
    ids = [each.pk for group in groups.values() for each in group]
    rows = Generation.objects.filter(candidate__in=ids).exclude(job__languages=[])
    return {
        each.candidate_id: each.job.language_of(each.index) for each in rows.select_related("job")
    }


def vectors_of(groups: Groups) -> dict[int, list[float]]:
    """The newest embedding of each candidate that has one."""
    ids = [each.pk for group in groups.values() for each in group]
    rows = Measurement.objects.filter(candidate__in=ids, name=EMBEDDING, vector__isnull=False)
    return {
        pk: vector or [] for pk, vector in rows.order_by("pk").values_list("candidate", "vector")
    }


def candidates_by_prompt(
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


def values_of(read: Input, groups: Groups) -> dict[int, float]:
    rows = Measurement.objects.filter(
        candidate_id__in=[each.pk for group in groups.values() for each in group],
        name=read.name,
        source=read.source,
        number__isnull=False,
    )
    found = rows.values_list("candidate_id", "number")
    return {pk: number for pk, number in found if number is not None and math.isfinite(number)}


def sample_of(
    candidate: Candidate, values: Mapping[str, Mapping[int, float]], language: str
) -> Sample:
    known: dict[str, Any] = {}
    for field, by_candidate in values.items():
        number = by_candidate.get(candidate.pk)
        if number is not None and field not in OF_THE_SET:
            known[field] = (number,) if field in PER_TOKEN else number
    answer = extract_answer(candidate.text)
    return Sample(candidate.pk, candidate.text, answer, language=language, **known)


def refuse_gaps(
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
