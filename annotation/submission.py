"""Taking a judgment: validated, kept exactly once, and never dropped for being late."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from annotation.authored import place_written, with_place
from annotation.catalogue import JUDGMENT_TYPES
from annotation.checking import feedback
from annotation.constraints import violated
from annotation.errors import AlreadyAnswered, InvalidAnswer, KeyReused
from annotation.judgment_types import Asked, AskedCriterion, JudgmentForm, Payload
from annotation.models import (
    Annotator,
    Assignment,
    AssignmentPurpose,
    AssignmentState,
    Judgment,
    Placement,
    ProjectState,
    Question,
    QuestionPurpose,
    QuestionState,
    Standing,
)
from annotation.models.question import PlacementQuerySet
from annotation.pausing import review
from annotation.project_rules import rules_of
from annotation.seats import (
    Seat,
    counted_judgments,
    has_room_for,
    leaving,
    lock_question,
    lock_seat,
    settle_seat,
)
from annotation.settling import rules_for, settle
from annotation.statements import insert
from annotation.steps import prediction_of

PARKED_CLOSED = _(
    "The project stopped while you were judging. Your answer is kept, but not counted "
    "unless the project's owner decides to."
)
PARKED_SEAT_TAKEN = _(
    "Your time for this question ran out and somebody else has answered it meanwhile. "
    "Your answer is kept, but not counted unless the project's owner decides to."
)
PARKED_WITHDRAWN = _(
    "This question was withdrawn while you were judging. Your answer is kept, but not counted."
)


MOST_FORMS_KEPT = 100
# Questions that ask the same have the same form; making one costs more than checking an answer.
_empty: dict[tuple[str, str | None, str, tuple[int, ...]], JudgmentForm] = {}


@dataclass(frozen=True, slots=True)
class Submission:
    """A kept judgment, `repeated` if it was there already, with a sentence if one is due."""

    judgment: Judgment
    repeated: bool = False
    notice: str = ""


def asked_by(question: Question, *, candidates: int | None = None) -> Asked:
    """What a question asks, for its judgment type; `candidates` spares counting its placements."""
    criteria = question.rubric.criteria.all() if question.rubric is not None else ()
    texts: tuple[str, ...] = ()
    if JUDGMENT_TYPES[question.judgment_type].reads_texts:
        placed = _placed(question).order_by("position")
        texts = tuple(placed.values_list("candidate__text", flat=True))
    return Asked(
        candidates=_placed(question).count() if candidates is None else candidates,
        texts=texts,
        criteria=tuple(
            AskedCriterion(c.position, c.text, c.explanation, c.kind, c.anchors) for c in criteria
        ),
        options=question.project.options,
    )


def _placed(question: Question) -> PlacementQuerySet:
    return Placement.objects.asked().filter(question=question)


def form_for(assignment: Assignment, data: Mapping[str, Any] | None = None) -> JudgmentForm:
    """The form of an assignment's question, in the order in which it was shown."""
    return form_of(assignment.question, assignment.shown_order, data)


def form_of(
    question: Question, shown: Sequence[int], data: Mapping[str, Any] | None = None
) -> JudgmentForm:
    """The form of a question whose candidates stand on the screen in the order `shown`."""
    asked = asked_by(question, candidates=len(shown))
    form_class = JUDGMENT_TYPES[question.judgment_type].form_class
    if data is None or asked.texts:  # a question's own texts make a form that serves nobody else
        return form_class(data, asked=asked, shown=shown)
    key = question.judgment_type, get_language(), repr(asked), tuple(shown)
    empty = _empty.get(key)
    if empty is None:
        if len(_empty) >= MOST_FORMS_KEPT:
            _empty.clear()
        empty = _empty[key] = form_class(None, asked=asked, shown=shown)
    return empty.answered(data)


def read_answer(form: JudgmentForm, question: Question) -> dict[str, Any]:
    """Payload, reason, confidence and prediction of a submitted form. Raises InvalidAnswer."""
    if not form.is_valid():
        raise InvalidAnswer({name: list(map(str, texts)) for name, texts in form.errors.items()})
    judgment_type = JUDGMENT_TYPES[question.judgment_type]
    return {
        "payload": judgment_type.payload(form.cleaned_data, form.shown),
        "reason": form.cleaned_data.get("reason") or "",
        "confidence": form.cleaned_data.get("confidence"),
        "prediction": prediction_of(form.cleaned_data.get("others")),
    }


def submit(
    *,
    annotator: Annotator,
    assignment_id: str,
    data: Mapping[str, Any],
    submission_key: str,
    source: str = "browser",
    now: datetime | None = None,
    then: Callable[[], None] | None = None,
) -> Submission:
    """Keep what this annotator answered to an assignment, in one transaction.

    The same `submission_key` again returns the judgment already kept. A late answer counts if its
    seat is still free and is parked otherwise. `then` is done in the same transaction. Raises
    NotYourAssignment, AlreadyAnswered, KeyReused, InvalidAnswer, and what `then` raises; then
    nothing was saved.
    """
    now = now or timezone.now()
    try:
        with transaction.atomic():
            kept = _submit(annotator, assignment_id, data, submission_key, source, now)
            if then is not None:
                then()
            return kept
    except IntegrityError as error:
        if "submission_key" in violated(error):
            raise KeyReused from error
        raise


def _submit(
    annotator: Annotator,
    assignment_id: str,
    data: Mapping[str, Any],
    submission_key: str,
    source: str,
    now: datetime,
) -> Submission:
    seat = lock_seat(annotator, assignment_id)
    assignment, question = seat.assignment, seat.question
    if assignment.state == AssignmentState.SUBMITTED:
        return _repeated(assignment, submission_key)
    answer = read_answer(form_for(assignment, data), question)
    standing, notice = _standing(question, assignment, now)
    judgment = keep(
        question=question,
        annotator=annotator,
        profile=seat.profile,
        assignment=assignment,
        guideline=seat.guideline,
        shown_order=assignment.shown_order,
        elapsed_ms=_elapsed_ms(seat, now),
        submission_key=submission_key,
        source=source,
        standing=standing,
        now=now,
        beside=leaving(seat, standing),
        **answer,
    )
    settle_seat(seat, now)
    return Submission(judgment, notice=notice or _told(judgment, annotator, now))


def _told(judgment: Judgment, annotator: Annotator, now: datetime) -> str:
    """What the project's rules say to an answer: feedback on a check, a warning, a pause."""
    rules = rules_of(judgment.question.project)
    if not (rules.has_checks or rules.watches):
        return ""
    judged = review(annotator, judgment, rules, now)
    is_gold = judgment.question.purpose != QuestionPurpose.ORDINARY
    shown = feedback(judgment.question, judgment.payload, rules) if is_gold else ""
    return f"{shown} {judged}".strip()


def _repeated(assignment: Assignment, submission_key: str) -> Submission:
    judgment = assignment.judgment
    if judgment.submission_key != submission_key:
        raise AlreadyAnswered
    return Submission(judgment, repeated=True)


def _standing(question: Question, assignment: Assignment, now: datetime) -> tuple[Standing, str]:
    """Whether an answer arriving now counts, and the sentence if it doesn't."""
    if assignment.purpose != AssignmentPurpose.ORDINARY:
        return Standing.CHECK, ""
    if question.project.state != ProjectState.OPEN:
        return Standing.PARKED, str(PARKED_CLOSED)
    if question.state == QuestionState.WITHDRAWN:
        return Standing.PARKED, str(PARKED_WITHDRAWN)
    holds = assignment.state == AssignmentState.LIVE and assignment.lease_until > now
    if holds or has_room_for(question, assignment.annotator, now):
        return Standing.COUNTED, ""
    return Standing.PARKED, str(PARKED_SEAT_TAKEN)


def _elapsed_ms(seat: Seat, now: datetime) -> int | None:
    """Milliseconds since the question was last shown, never negative."""
    if seat.shown_at is None:
        return None
    return max(0, round((now - seat.shown_at).total_seconds() * 1000))


def _mark_answered(question: Question, now: datetime) -> None:
    rules = rules_for(question, rules_of(question.project))
    if rules.adapts_overlap:
        settle(question, rules, now)
    elif question.state == QuestionState.OPEN and counted_judgments(question) >= question.overlap:
        Question.objects.filter(pk=question.pk).update(state=QuestionState.ANSWERED)


def keep(
    *, now: datetime, annotator: Annotator, question: Question, payload: Payload, **fields: Any
) -> Judgment:
    """Append one judgment under the annotator's present profile; the caller decided the rest.

    A text that it writes becomes a candidate. `beside` is what else the statement does.
    """
    if "profile" not in fields:
        fields["profile"] = annotator.current_profile()
    judgment = insert(
        Judgment,
        annotator=annotator,
        question=question,
        judgment_type=question.judgment_type,
        payload=with_place(question, payload),
        created_at=now,
        **fields,
    )
    place_written(judgment)
    return judgment


def record(
    *,
    question: Question,
    annotator: Annotator,
    payload: Payload,
    submission_key: str,
    source: str,
    shown_order: list[int] | None = None,
    reason: str = "",
    confidence: float | None = None,
    elapsed_ms: int | None = None,
    supersedes: Judgment | None = None,
    phase: int = 1,
    now: datetime | None = None,
) -> Submission:
    """Keep a judgment that came without a lease: a model's, or a simulated annotator's.

    `payload` is canonical (placement positions). `supersedes` is the same annotator's earlier
    judgment of the question, `phase` 2 what it says in hindsight. The same key again returns the
    judgment already kept. A model takes no seat; anyone else is parked when all seats are taken.
    Raises InvalidPayload, and KeyReused when the key belongs to another question or annotator.
    """
    now = now or timezone.now()
    JUDGMENT_TYPES[question.judgment_type].check(payload, asked_by(question))
    with transaction.atomic():
        locked = lock_question(question.pk)
        kept = Judgment.objects.filter(submission_key=submission_key).first()
        if kept is not None:
            if (kept.question_id, kept.annotator_id) != (question.pk, annotator.pk):
                raise KeyReused
            return Submission(kept, repeated=True)
        room = has_room_for(locked, annotator, now)
        judgment = keep(
            question=locked,
            annotator=annotator,
            payload=payload,
            shown_order=shown_order,
            reason=reason,
            confidence=confidence,
            elapsed_ms=elapsed_ms,
            submission_key=submission_key,
            source=source,
            standing=Standing.COUNTED if room else Standing.PARKED,
            supersedes=supersedes,
            phase=phase,
            now=now,
        )
        _mark_answered(locked, now)
    return Submission(judgment, notice="" if room else str(PARKED_SEAT_TAKEN))
