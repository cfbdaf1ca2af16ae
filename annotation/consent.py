"""Leaving a project with one's judgments: what was released stays, later releases go without."""

from datetime import datetime

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from annotation.models import (
    Annotator,
    Assignment,
    AssignmentState,
    Judgment,
    Project,
    Withdrawal,
)


def withdraw(annotator: Annotator, *, now: datetime | None = None) -> Withdrawal:
    """Leave this annotator's judgments out of every later release; for good. Again changes nothing.

    They get no further questions, and questions in hand go back. Judgments stay in the log, so that
    what was made of them before can still be checked.
    """
    now = now or timezone.now()
    with transaction.atomic():
        project = Project.objects.select_for_update().get(pk=annotator.project_id)
        earlier = Withdrawal.objects.filter(annotator=annotator).first()
        if earlier is not None:
            return earlier
        Annotator.objects.filter(pk=annotator.pk).update(paused_at=now, paused_because="")
        Assignment.objects.filter(annotator=annotator, state=AssignmentState.LIVE).update(
            state=AssignmentState.RELEASED, ended_at=now, release_reason="withdrawn"
        )
        return Withdrawal.objects.create(
            project=project,
            annotator=annotator,
            number=withdrawals(project) + 1,
            judgments=Judgment.objects.filter(
                annotator=annotator, superseded_by__isnull=True
            ).count(),
            created_at=now,
        )


def withdrawals(project: Project) -> int:
    """How many people have withdrawn so far: the number of the newest withdrawal."""
    newest = Withdrawal.objects.filter(project=project).aggregate(n=Max("number"))["n"]
    return int(newest or 0)


def withdrawn(project: Project, *, first: int) -> list[int]:
    """The annotators of the first `first` withdrawals, which never change once given."""
    found = Withdrawal.objects.filter(project=project, number__lte=first)
    return list(found.order_by("number").values_list("annotator", flat=True))
