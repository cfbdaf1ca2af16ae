"""Showing models' verdicts to people: only where the owner chose so, only after they answered."""

from annotation.models import Annotator, Judgment, Question, User
from models_runtime.models import JudgingJob


def revealed(question: Question, user: User, *, reviews: bool) -> list[Judgment]:
    """What judges said of a question, as far as this account may know it.

    Only judges whose job reveals their verdicts, and only to somebody who has answered the question
    (or reviews the project): a verdict seen beforehand would anchor theirs.
    """
    if not reviews and not _has_answered(question, user):
        return []
    judges = JudgingJob.objects.filter(
        project_id=question.project_id, reveals=True, annotator__isnull=False
    )
    return list(
        Judgment.objects.counted()
        .filter(question=question, annotator__in=judges.values("annotator"))
        .select_related("annotator")
        .order_by("id")
    )


def _has_answered(question: Question, user: User) -> bool:
    mine = Annotator.objects.filter(project_id=question.project_id, user=user)
    return Judgment.objects.filter(question=question, annotator__in=mine).exists()
