"""Settling what judging jobs came to: a judgment, a checklist to be looked at, or new responses."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from annotation import submission
from annotation.content import add_candidate
from annotation.errors import AnnotationError
from annotation.hindsight import IN_HINDSIGHT
from annotation.models import (
    Criterion,
    CriterionKind,
    Judgment,
    Prompt,
    Question,
    QuestionState,
    Rubric,
)
from models_runtime.engines import Cause, Failure
from models_runtime.judging.verdicts import Criteria, Outcomes, Verdict, Written
from models_runtime.judging_cases import Case, plain
from models_runtime.models import ItemState, JudgingItem, JudgingJob
from models_runtime.outcomes import Outcome
from models_runtime.shifts import Shift

MOST_REASON = 5000
MOST_WHY = 300


def settle(shift: Shift[JudgingJob, JudgingItem], cases: Sequence[Case]) -> None:
    """Turn what is complete into judgments, put back or set aside what failed."""
    complete = [case for case in cases if case.failure is None and case.course.is_over]
    failed = [(case.item, case.failure) for case in cases if case.failure is not None]
    for case in complete:
        _settle_case(shift, case)
    with transaction.atomic():
        held = shift.rows.lock_held([item for item, _ in failed], shift.worker)
        shift.settle_failures([each for each in failed if each[0].pk in held])
    last = failed[-1][1] if failed else None
    shift.count(successes=len(complete), failures=len(failed), last=last)


def _settle_case(shift: Shift[JudgingJob, JudgingItem], case: Case) -> None:
    with transaction.atomic():
        if not shift.rows.lock_held([case.item], shift.worker):
            return
        if case.question is not None and case.question.state == QuestionState.WITHDRAWN:
            _end(case.item, state=ItemState.CANCELLED)
            return
        try:
            with transaction.atomic():
                fields = _keep(shift.job, case)
        except AnnotationError as refusal:
            failure = Failure(Cause.BAD_REQUEST, str(refusal))
            shift.rows.set_aside([case.item.pk], failure)
            return
        _end(case.item, state=ItemState.DONE, **fields)


def _end(item: JudgingItem, **fields: object) -> None:
    JudgingItem.objects.filter(pk=item.pk).update(worker="", lease_until=None, **fields)


def _keep(job: JudgingJob, case: Case) -> dict[str, object]:
    """Keep what the talk came to; the fields of its item."""
    came_to = case.course.result
    if job.trial:
        return _keep_trial(came_to)
    if isinstance(came_to, Verdict):
        assert case.question is not None
        return {
            "outcome": came_to.outcome.value,
            "why": came_to.cause[:MOST_WHY],
            "p_first": came_to.p_first,
            "position_bias": came_to.position_bias,
            "detail": plain(dict(came_to.detail)),
            "judgment": _record(job, case.question, came_to),
        }
    assert case.prompt is not None
    if isinstance(came_to, Criteria):
        return _keep_criteria(job, case.prompt, came_to)
    assert isinstance(came_to, Written)
    return _keep_responses(job, case.prompt, came_to)


def _keep_trial(came_to: Outcomes) -> dict[str, object]:
    """What it would have said, and nothing else."""
    if isinstance(came_to, Verdict):
        detail = {**plain(dict(came_to.detail)), "payload": plain(came_to.payload)}
        return {
            "outcome": came_to.outcome.value,
            "why": came_to.cause[:MOST_WHY],
            "p_first": came_to.p_first,
            "position_bias": came_to.position_bias,
            "detail": detail | {"reason": came_to.reason[:MOST_REASON]},
        }
    outcome = Outcome.GIVEN if came_to.texts else Outcome.INVALID
    detail = {"texts": list(came_to.texts)}
    return {"outcome": outcome.value, "why": came_to.cause[:MOST_WHY], "detail": detail}


def _record(job: JudgingJob, question: Question, verdict: Verdict) -> Judgment | None:
    if verdict.payload is None:
        return None
    assert job.annotator is not None
    key = f"model-{job.annotator.public_id}-{question.public_id}"
    if verdict.first is None or verdict.first.payload is None:
        return _insert(job, question, verdict, key)
    first = _insert(job, question, verdict.first, f"{key}-first")
    return _insert(job, question, verdict, key, supersedes=first, phase=IN_HINDSIGHT)


def _insert(
    job: JudgingJob, question: Question, verdict: Verdict, key: str, **fields: Any
) -> Judgment:
    assert job.annotator is not None
    assert verdict.payload is not None
    kept = submission.record(
        question=question,
        annotator=job.annotator,
        payload=dict(verdict.payload),
        submission_key=key,
        source="model",
        shown_order=None if verdict.shown is None else list(verdict.shown),
        reason=verdict.reason[:MOST_REASON],
        confidence=verdict.confidence,
        **fields,
    )
    return kept.judgment


def _keep_criteria(job: JudgingJob, prompt: Prompt, made: Criteria) -> dict[str, object]:
    """A checklist as a rubric that nobody has frozen: people edit it, then it may be asked."""
    if not made.texts:
        return {"outcome": Outcome.INVALID.value, "why": made.cause[:MOST_WHY]}
    name = f"Checklist of {prompt.external_id}"[:200]
    Prompt.objects.select_for_update(no_key=True).get(pk=prompt.pk)
    version = Rubric.objects.filter(project_id=prompt.project_id, name=name).count() + 1
    rubric = Rubric.objects.create(
        project_id=prompt.project_id,
        prompt=prompt,
        name=name,
        version=version,
        written_by=job.checkpoint.label[:200],
    )
    Criterion.objects.bulk_create(
        Criterion(rubric=rubric, position=place, text=text, kind=CriterionKind.YES_NO)
        for place, text in enumerate(made.texts)
    )
    return {
        "outcome": Outcome.GIVEN.value,
        "rubric": rubric,
        "detail": {"doubts": list(made.doubts)},
    }


def _keep_responses(job: JudgingJob, prompt: Prompt, made: Written) -> dict[str, object]:
    """The best of the responses as a new candidate; the others stay in the calls."""
    if not made.texts:
        return {"outcome": Outcome.INVALID.value, "why": made.cause[:MOST_WHY]}
    candidate = add_candidate(
        prompt=prompt,
        text=made.texts[made.best],
        external_id=f"{job.public_id.hex[:16]}-{job.protocol}"[:200],
        system=f"{job.checkpoint.label} ({job.protocol})"[:200],
        family=job.checkpoint.family,
    )
    return {
        "outcome": Outcome.GIVEN.value,
        "detail": {
            **plain(dict(made.detail)),
            "candidate": candidate.external_id,
            "best": made.best,
            "scores": list(made.scores),
        },
    }
