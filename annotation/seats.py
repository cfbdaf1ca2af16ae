"""Seats: how many people a question asks for, and how many of them have come.

A seat is taken by a counted judgment or by a lease that hasn't expired. A model takes no seat.
"""

from datetime import datetime

from annotation.models import Annotator, AnnotatorKind, Assignment, Judgment, Question


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
