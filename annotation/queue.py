"""The queue of human work: who gets which question, for how long, and in which order shown."""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotation.assignment.rules import AssignmentRules
from annotation.assignment.turns import Turn, next_turn
from annotation.checking import must_qualify
from annotation.constraints import violated
from annotation.errors import JudgingStopped, NotYourAssignment
from annotation.models import (
    Annotator,
    AnnotatorKind,
    Assignment,
    AssignmentPurpose,
    AssignmentState,
    Exposure,
    Guideline,
    ProjectState,
    QuestionPurpose,
    QuestionState,
)
from annotation.pausing import may_go_on, refuse_beyond_caps
from annotation.project_rules import group_of, rules_of
from annotation.quotas import refuse_beyond_quota
from annotation.seats import has_room_for, lock_question
from annotation.serving import take_check, take_repeat, take_seat, take_seat_of_group
from annotation.statements import one_statement

SEAT_CONSTRAINTS = (
    "never_more_seats_than_overlap",
    "one_live_assignment_per_question_and_annotator",
)
TRIES = 20

STOPPED = {
    ProjectState.DRAFT: _(
        "This project hasn't opened yet. Its owner will say when judging starts."
    ),
    ProjectState.PAUSED: _(
        "This project is paused. Everything you submitted is safe; come back later."
    ),
    ProjectState.CLOSED: _(
        "This project is closed and asks no more questions. "
        "Everything you submitted is safe. Thank you."
    ),
}
PAUSED_ANNOTATOR = _(
    "The project's owner has paused your judging. "
    "Everything you submitted is safe; please write to them to go on."
)


def refuse_if_stopped(annotator: Annotator, *, now: datetime | None = None) -> None:
    """Raise JudgingStopped, with a sentence, unless this annotator may get questions now."""
    sentence = STOPPED.get(ProjectState(annotator.project.state))
    if sentence:
        raise JudgingStopped(sentence)
    if annotator.paused_at is None:
        return
    if not may_go_on(annotator, rules_of(annotator.project), now or timezone.now()):
        raise JudgingStopped(annotator.paused_because or PAUSED_ANNOTATOR)


def lease_next(annotator: Annotator, *, now: datetime | None = None) -> Assignment | None:
    """The question this annotator should judge now, leased to them; None when none is left.

    An unfinished question of theirs comes first, with its lease renewed if its seat is still free.
    Otherwise, in the project's order, an open question that is meant for them, has a free seat, and
    that they have neither judged nor been given before; or, by the project's rules, one that checks
    them. Its shown order is stored and an exposure recorded. Raises JudgingStopped.
    """
    now = now or timezone.now()
    refuse_if_stopped(annotator, now=now)
    rules = rules_of(annotator.project)
    if rules.is_plain or annotator.kind == AnnotatorKind.MODEL:
        return (
            _lease_new(annotator, now, rules)
            or _resume(annotator, now)
            or _lease_new(annotator, now, rules, wait=True)
        )
    return _lease_by_rules(annotator, now, rules)


def lease_at_once(annotator: Annotator, *, now: datetime | None = None) -> Assignment | None:
    """The next question if it is there for the taking, for a transaction that holds other locks.

    It waits for nobody, so it can't be waited for in turn. None where `lease_next` has to look more
    closely, or refuses. A seat taken at the same instant is an IntegrityError naming one of
    SEAT_CONSTRAINTS, which spoils the transaction.
    """
    now = now or timezone.now()
    rules = rules_of(annotator.project)
    if not rules.is_plain:
        return None
    try:
        refuse_if_stopped(annotator, now=now)
    except JudgingStopped:
        return None  # its sentence is told by `lease_next`
    return take_seat(annotator, now, rules, wait=False)


def renew(annotator: Annotator, public_id: str, *, now: datetime | None = None) -> Assignment:
    """Keep a lease alive (a heartbeat). Raises NotYourAssignment.

    An expired lease is renewed if its seat is still free; otherwise it comes back unchanged, and a
    late answer will still be kept.
    """
    now = now or timezone.now()
    with transaction.atomic():
        assignment = lock_assignment(annotator, public_id)
        if assignment.state == AssignmentState.LIVE:
            extend(assignment, now)
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
            if not withdrawn and extend(assignment, now):
                record_exposure(assignment, now)
                return assignment
            if assignment.exposures.exists():
                _end(assignment, now, reason="the lease expired and the seat was taken")
            else:
                assignment.delete()  # leased ahead and never seen
    return None


def extend(assignment: Assignment, now: datetime, lease: timedelta | None = None) -> bool:
    """Extend a locked lease, by the project's length unless told otherwise, if it holds or its seat
    is free; say whether it was.
    """
    if assignment.lease_until <= now and assignment.purpose == AssignmentPurpose.ORDINARY:
        question = lock_question(assignment.question_id)
        if not has_room_for(question, assignment.annotator, now):
            return False
    lease = lease or timedelta(seconds=assignment.question.project.lease_seconds)
    assignment.lease_until = max(now + lease, assignment.lease_until)
    assignment.save(update_fields=["lease_until"])
    return True


def _end(assignment: Assignment, now: datetime, *, reason: str) -> None:
    assignment.state = AssignmentState.RELEASED
    assignment.ended_at = now
    assignment.release_reason = reason
    assignment.save(update_fields=["state", "ended_at", "release_reason"])


def _lease_new(
    annotator: Annotator,
    now: datetime,
    rules: AssignmentRules,
    *,
    group: str = "",
    wait: bool = False,
) -> Assignment | None:
    """A question new to the annotator; with `wait` also one that somebody is just now answering."""
    for _try in range(TRIES):
        try:
            with one_statement():
                return take_seat(annotator, now, rules, group=group, wait=wait)
        except IntegrityError as error:
            if violated(error) not in SEAT_CONSTRAINTS:
                raise
    return None


def _lease_by_rules(
    annotator: Annotator, now: datetime, rules: AssignmentRules
) -> Assignment | None:
    """Under rules that count what this annotator has done: their requests come one by one."""
    with transaction.atomic():
        Annotator.objects.select_for_update(no_key=True).get(pk=annotator.pk)
        unfinished = _resume(annotator, now)
        if unfinished is not None:
            return unfinished
        refuse_beyond_caps(annotator, rules, now)
        refuse_beyond_quota(annotator, rules, now)
        return _lease_check(annotator, now, rules) or _lease_ordinary(annotator, now, rules)


def _lease_check(annotator: Annotator, now: datetime, rules: AssignmentRules) -> Assignment | None:
    """A question that checks the annotator, if it is its turn and there is one."""
    if must_qualify(annotator, rules):
        return take_check(annotator, now, QuestionPurpose.QUALIFICATION)
    turn = next_turn(
        rules,
        seed=annotator.project.seed,
        annotator=annotator.pk,
        number=annotator.assignments.count(),
    )
    if turn == Turn.GOLD:
        return take_check(annotator, now, QuestionPurpose.GOLD)
    if turn == Turn.REPEAT:
        return take_repeat(annotator, now, after=rules.repeat_after)
    return None


def _lease_ordinary(
    annotator: Annotator, now: datetime, rules: AssignmentRules
) -> Assignment | None:
    group = group_of(annotator, rules)
    if rules.seats_per_group:
        return take_seat_of_group(annotator, now, rules, group)
    return _lease_new(annotator, now, rules, group=group) or _lease_new(
        annotator, now, rules, group=group, wait=True
    )


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
