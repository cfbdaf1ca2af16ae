"""The question after the one on the screen, leased quietly so that it can be shown at once.

While somebody reads one question, the page fetches the next and keeps it unseen. Such a lease is an
ordinary one without an exposure: it takes a seat, ends by the clock within two minutes unless the
page asks again, and becomes a showing only when its question stands on the screen. Why and when is
in `docs/decisions/0014-the-next-question-is-leased-ahead.md`.
"""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from annotation.catalogue import JUDGMENT_TYPES
from annotation.constraints import violated
from annotation.errors import JudgingStopped
from annotation.models import (
    Annotator,
    AnnotatorKind,
    Assignment,
    AssignmentState,
    Project,
    QuestionPurpose,
    QuestionState,
)
from annotation.project_rules import rules_of
from annotation.queue import (
    SEAT_CONSTRAINTS,
    extend,
    lock_assignment,
    record_exposure,
    refuse_if_stopped,
)
from annotation.serving import take_seat_ahead
from annotation.statements import one_statement
from annotation.steps import Steps

LONGEST = timedelta(minutes=2)
PLENTY = 20  # free questions; where fewer are left, each goes only to somebody who reads it now


def lease_of(project: Project) -> timedelta:
    """How long a question is kept for somebody who hasn't seen it."""
    return min(timedelta(seconds=project.lease_seconds), LONGEST)


def take_ahead(annotator: Annotator, *, now: datetime | None = None) -> Assignment | None:
    """Lease the question after the one this annotator has, or keep the one already leased ahead.

    None without a question on the screen, or with one whose answer the server compares with the
    texts, so that it may be refused; where few questions are left; and where rules decide from the
    present answer what comes next. Nothing is logged as shown.
    """
    now = now or timezone.now()
    if not _may_look_ahead(annotator, now):
        return None
    with transaction.atomic():
        Annotator.objects.select_for_update(no_key=True).get(pk=annotator.pk)
        waiting = (
            Assignment.objects.unseen()
            .select_for_update(of=("self",))
            .select_related("question__project")
            .filter(annotator=annotator, state=AssignmentState.LIVE)
            .first()
        )
        if waiting is not None:
            return waiting if _kept(waiting, now, lease_of(annotator.project)) else None
        if not _plenty_left(annotator.project, now):
            return None
        try:
            with one_statement():
                return take_seat_ahead(
                    annotator,
                    now,
                    rules_of(annotator.project),
                    until=now + lease_of(annotator.project),
                )
        except IntegrityError as error:
            if violated(error) not in SEAT_CONSTRAINTS:
                raise
    return None


def put_on_screen(
    annotator: Annotator, public_id: str, *, now: datetime | None = None
) -> Assignment | None:
    """Log that the question leased ahead is being shown now, its lease renewed to full length.

    None if it can't be had any more: withdrawn, given back, or its lease over and its seat taken.
    Raises NotYourAssignment, JudgingStopped.
    """
    now = now or timezone.now()
    refuse_if_stopped(annotator, now=now)
    with transaction.atomic():
        assignment = lock_assignment(annotator, public_id)
        if not _kept(assignment, now, timedelta(seconds=annotator.project.lease_seconds)):
            return None
        record_exposure(assignment, now)
    return assignment


def let_go(annotator: Annotator, public_id: str) -> None:
    """Forget a lease whose question was never shown; its person may be given it another time."""
    with transaction.atomic():
        assignment = lock_assignment(annotator, public_id)
        if assignment.state == AssignmentState.LIVE and not assignment.exposures.exists():
            assignment.delete()


def _may_look_ahead(annotator: Annotator, now: datetime) -> bool:
    project = annotator.project
    try:
        refuse_if_stopped(annotator, now=now)
    except JudgingStopped:
        return False
    return (
        annotator.kind == AnnotatorKind.PERSON
        and rules_of(project).is_plain
        and not Steps.of(project.options).hindsight
        and not _may_be_refused(annotator)
    )


def _may_be_refused(annotator: Annotator) -> bool:
    """Whether the question on the screen takes a text or marks, which only the server can check."""
    shown = Assignment.objects.filter(
        annotator=annotator, state=AssignmentState.LIVE, exposures__isnull=False
    )
    kinds = shown.values_list("question__judgment_type", flat=True)
    return any(JUDGMENT_TYPES[kind].reads_texts for kind in kinds)


def _kept(assignment: Assignment, now: datetime, lease: timedelta) -> bool:
    """Whether a locked lease is alive and could be extended by `lease`."""
    usable = (
        assignment.state == AssignmentState.LIVE
        and assignment.question.state != QuestionState.WITHDRAWN
    )
    return usable and extend(assignment, now, lease)


def _plenty_left(project: Project, now: datetime) -> bool:
    in_hand = Assignment.objects.holding(now).filter(question=OuterRef("pk"))
    free = project.questions.filter(
        ~Exists(in_hand), state=QuestionState.OPEN, purpose=QuestionPurpose.ORDINARY
    )
    return free[:PLENTY].count() == PLENTY
