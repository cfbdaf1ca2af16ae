"""The queue of human work: who gets which question, for how long, and in which order shown."""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from annotation.constraints import violated
from annotation.errors import JudgingStopped, NotYourAssignment
from annotation.models import (
    Annotator,
    Assignment,
    AssignmentState,
    Exposure,
    Guideline,
    ProjectState,
    QuestionState,
)
from annotation.seats import has_room_for, lock_question
from annotation.serving import take_seat
from annotation.statements import one_statement

SEAT_CONSTRAINTS = (
    "never_more_seats_than_overlap",
    "one_live_assignment_per_question_and_annotator",
)
TRIES = 20

STOPPED = {
    ProjectState.DRAFT: "This project hasn't opened yet. Its owner will say when judging starts.",
    ProjectState.PAUSED: (
        "This project is paused. Everything you submitted is safe; come back later."
    ),
    ProjectState.CLOSED: (
        "This project is closed and asks no more questions. "
        "Everything you submitted is safe. Thank you."
    ),
}
PAUSED_ANNOTATOR = (
    "The project's owner has paused your judging. "
    "Everything you submitted is safe; please write to them to go on."
)


def refuse_if_stopped(annotator: Annotator) -> None:
    """Raise JudgingStopped, with a sentence, unless this annotator may get questions now."""
    sentence = STOPPED.get(ProjectState(annotator.project.state))
    if sentence:
        raise JudgingStopped(sentence)
    if annotator.paused_at is not None:
        raise JudgingStopped(PAUSED_ANNOTATOR)


def lease_next(annotator: Annotator, *, now: datetime | None = None) -> Assignment | None:
    """The question this annotator should judge now, leased to them; None when none is left.

    An unfinished question of theirs comes first, with its lease renewed if its seat is still free.
    Otherwise the open question of highest priority that has a free seat and that they have neither
    judged nor been given before. Its shown order is stored and an exposure recorded. Raises
    JudgingStopped.
    """
    now = now or timezone.now()
    refuse_if_stopped(annotator)
    return (
        _lease_new(annotator, now)
        or _resume(annotator, now)
        or _lease_new(annotator, now, wait=True)
    )


def renew(annotator: Annotator, public_id: str, *, now: datetime | None = None) -> Assignment:
    """Keep a lease alive (a heartbeat). Raises NotYourAssignment.

    An expired lease is renewed if its seat is still free; otherwise it comes back unchanged, and a
    late answer will still be kept.
    """
    now = now or timezone.now()
    with transaction.atomic():
        assignment = lock_assignment(annotator, public_id)
        if assignment.state == AssignmentState.LIVE:
            _extend(assignment, now)
    return assignment


def release(
    annotator: Annotator, public_id: str, *, reason: str = "", now: datetime | None = None
) -> Assignment:
    """Give a question back unanswered (a skip); it goes to others. Raises NotYourAssignment."""
    with transaction.atomic():
        assignment = lock_assignment(annotator, public_id)
        if assignment.state == AssignmentState.LIVE:
            _end(assignment, now or timezone.now(), reason=reason[:200])
    return assignment


def lock_assignment(annotator: Annotator, public_id: str) -> Assignment:
    try:
        return (
            Assignment.objects.select_for_update(of=("self",))
            .select_related("question__project")
            .get(public_id=public_id, annotator=annotator)
        )
    except Assignment.DoesNotExist as error:
        raise NotYourAssignment from error


def _resume(annotator: Annotator, now: datetime) -> Assignment | None:
    with transaction.atomic():
        unfinished = (
            Assignment.objects.select_for_update(of=("self",))
            .select_related("question__project")
            .filter(annotator=annotator, state=AssignmentState.LIVE)
            .order_by("id")
        )
        for assignment in unfinished:
            withdrawn = assignment.question.state == QuestionState.WITHDRAWN
            if not withdrawn and _extend(assignment, now):
                record_exposure(assignment, now)
                return assignment
            _end(assignment, now, reason="the lease expired and the seat was taken")
    return None


def _extend(assignment: Assignment, now: datetime) -> bool:
    """Extend the lease if it holds or its seat is free; say whether it was."""
    if assignment.lease_until <= now:
        question = lock_question(assignment.question_id)
        if not has_room_for(question, assignment.annotator, now):
            return False
    lease = timedelta(seconds=assignment.question.project.lease_seconds)
    assignment.lease_until = max(now + lease, assignment.lease_until)
    assignment.save(update_fields=["lease_until"])
    return True


def _end(assignment: Assignment, now: datetime, *, reason: str) -> None:
    assignment.state = AssignmentState.RELEASED
    assignment.ended_at = now
    assignment.release_reason = reason
    assignment.save(update_fields=["state", "ended_at", "release_reason"])


def _lease_new(annotator: Annotator, now: datetime, *, wait: bool = False) -> Assignment | None:
    """A question new to the annotator; with `wait` also one that somebody is just now answering."""
    for _ in range(TRIES):
        try:
            with one_statement():
                return take_seat(annotator, now, wait=wait)
        except IntegrityError as error:
            if violated(error) not in SEAT_CONSTRAINTS:
                raise
    return None


def record_exposure(assignment: Assignment, now: datetime, *, first: bool = False) -> Exposure:
    """Log that the assignment is being shown. The caller holds the assignment's row."""
    project = assignment.question.project
    guideline = Guideline.objects.filter(project=project).only("pk").order_by("-version").first()
    return Exposure.objects.create(
        assignment=assignment,
        sequence=1 if first else assignment.exposures.count() + 1,
        shown_order=assignment.shown_order,
        guideline=guideline,
        shown_at=now,
    )
