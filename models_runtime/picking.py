"""Picking the best of a prompt's candidates with a selector, kept as measurements with provenance.

A selector needs to know something of every candidate; all of it comes from measurements that are
there. What takes further calls to a model (backward questions, the choice of the most consistent, a
tournament, likelihoods) is measured by a job before, as rewards are. A candidate without the number
is refused: nothing is made up, and nothing that was kept before is changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from annotation.models import Measurement, Project, User
from models_runtime.catalogue import SELECTORS
from models_runtime.engines import EngineError
from models_runtime.engines._options import read_options
from models_runtime.errors import NotPossible
from models_runtime.models import Combination, GenerationJob, Scoring
from models_runtime.picking_inputs import (
    Groups,
    Input,
    candidates_by_prompt,
    find_inputs,
    inputs_of,
    languages_of,
    refuse_gaps,
    sample_of,
    values_of,
    vectors_of,
)
from models_runtime.selection import Choice, Extra, Need, NotEnough, Sample, Selector

PICKED, SCORE = "picked", "picked/score"
AT_ONCE = 5_000


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
    read = find_inputs(project, needed, inputs or {})
    groups = candidates_by_prompt(project, job, prompt, chosen)
    values = {field: values_of(each, groups) for field, each in read.items()}
    spoken = languages_of(groups)
    samples = {
        key: [sample_of(each, values, spoken.get(each.pk, "")) for each in group]
        for key, group in groups.items()
    }
    refuse_gaps(groups, values, needed, read)
    vectors = vectors_of(groups) if Need.PICK in chosen.needs else {}
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
