"""Seats: how many people a question asks for, and how many of them have come.

A seat is taken by a counted judgment or by a lease that hasn't expired. A model takes no seat.
"""

from dataclasses import dataclass
from datetime import datetime

from annotation.errors import NotYourAssignment
from annotation.models import (
    Annotator,
    AnnotatorKind,
    Assignment,
    AssignmentPurpose,
    AssignmentState,
    Guideline,
    Judgment,
    Profile,
    Project,
    Question,
    Standing,
)
from annotation.project_rules import rules_of
from annotation.settling import rules_for, settle
from annotation.statements import Columns, fetch, relate

ASSIGNMENT = Columns(Assignment, "a")
QUESTION = Columns(Question, "q")
PROJECT = Columns(Project, "p")
PROFILE = Columns(Profile, "f", "id", "annotator_id", "version")
GUIDELINE = Columns(Guideline, "g", "id", "project_id", "version")

LOCK_SEAT = f"""
SELECT {ASSIGNMENT.sql}, {QUESTION.sql}, {PROJECT.sql}, {PROFILE.sql}, e.shown_at, {GUIDELINE.sql}
FROM annotation_assignment a
JOIN annotation_question q ON q.id = a.question_id
JOIN annotation_project p ON p.id = q.project_id
LEFT JOIN LATERAL (
  SELECT * FROM annotation_exposure WHERE assignment_id = a.id ORDER BY sequence DESC LIMIT 1
) e ON true
LEFT JOIN annotation_guideline g ON g.id = e.guideline_id
LEFT JOIN LATERAL (
  SELECT * FROM annotation_profile WHERE annotator_id = a.annotator_id
  ORDER BY version DESC LIMIT 1
) f ON true
WHERE a.public_id = %s AND a.annotator_id = %s
FOR NO KEY UPDATE OF a, q
"""  # noqa: S608 - built of names of columns

# Done beside the judgment that is kept (`statements.insert`), whose row isn't seen by them yet.
LEAVE = """, left_by_its_annotator AS (
  UPDATE annotation_assignment SET state = 'submitted', ended_at = %(created_at)s
  WHERE id = %(assignment_id)s
)"""
LEAVE_SEAT = """, answered AS (
  UPDATE annotation_question q SET state = 'answered'
  WHERE q.id = %(question_id)s AND q.state = 'open' AND q.overlap <= {gives} + (
    SELECT count(*) FROM annotation_judgment j JOIN annotation_annotator w ON w.id = j.annotator_id
    WHERE j.question_id = q.id AND j.standing = 'counted' AND w.kind <> 'model'
      AND NOT EXISTS (SELECT FROM annotation_judgment later WHERE later.supersedes_id = j.id)
  )
)"""
LEAVE_GIVING = LEAVE + LEAVE_SEAT.format(gives=1)
LEAVE_GIVING_NOTHING = LEAVE + LEAVE_SEAT.format(gives=0)


@dataclass(frozen=True, slots=True)
class Seat:
    """An assignment and its question, both locked until the transaction ends.

    With it come the annotator's present profile, and when and under which guidelines the question
    was last shown. `assignment.question` and `question.project` are as they are now.
    """

    assignment: Assignment
    question: Question
    profile: Profile | None
    guideline: Guideline | None
    shown_at: datetime | None


def lock_seat(annotator: Annotator, assignment_id: str) -> Seat:
    """Lock one's own assignment, then its question. Raises NotYourAssignment."""
    rows = fetch(LOCK_SEAT, [assignment_id, annotator.pk])
    if not rows:
        raise NotYourAssignment
    row = iter(rows[0])
    assignment, question = ASSIGNMENT.need(row), QUESTION.need(row)
    relate(question, project=PROJECT.need(row))
    relate(assignment, question=question, annotator=annotator)
    profile, shown_at, guideline = PROFILE.take(row), next(row), GUIDELINE.take(row)
    return Seat(assignment, question, profile, guideline, shown_at)


def leaving(seat: Seat, standing: Standing) -> str:
    """What is done beside the judgment that answers: its assignment ends as submitted.

    The question turns answered if it has the judgments it asks for now, unless the rules decide
    that; then `settle_seat` does.
    """
    rules = rules_for(seat.question, rules_of(seat.question.project))
    if seat.assignment.purpose != AssignmentPurpose.ORDINARY or rules.adapts_overlap:
        return LEAVE
    counts = standing == Standing.COUNTED and seat.assignment.annotator.kind != AnnotatorKind.MODEL
    return LEAVE_GIVING if counts else LEAVE_GIVING_NOTHING


def settle_seat(seat: Seat, now: datetime) -> None:
    """Decide by the rules whether the question has answers enough, once an answer is kept."""
    seat.assignment.state = AssignmentState.SUBMITTED
    seat.assignment.ended_at = now
    rules = rules_for(seat.question, rules_of(seat.question.project))
    if seat.assignment.purpose == AssignmentPurpose.ORDINARY and rules.adapts_overlap:
        settle(seat.question, rules, now)


def lock_question(pk: int) -> Question:
    """The question, locked until the transaction ends, so that its seats can be counted."""
    return (
        Question.objects.select_for_update(no_key=True, of=("self",))
        .select_related("project")
        .get(pk=pk)
    )


def counted_judgments(question: Question) -> int:
    return (
        Judgment.objects.counted()
        .filter(question=question)
        .exclude(annotator__kind=AnnotatorKind.MODEL)
        .count()
    )


def taken_by_others(question: Question, annotator: Annotator, now: datetime) -> int:
    """Seats of a locked question held by anyone but `annotator`."""
    leases = (
        Assignment.objects.holding(now)
        .filter(question=question)
        .exclude(annotator=annotator)
        .exclude(annotator__kind=AnnotatorKind.MODEL)
        .count()
    )
    return leases + counted_judgments(question)


def has_room_for(question: Question, annotator: Annotator, now: datetime) -> bool:
    if annotator.kind == AnnotatorKind.MODEL:
        return True
    return taken_by_others(question, annotator, now) < question.overlap
