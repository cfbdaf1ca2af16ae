"""What reviewers leave beside the log: verdicts, remarks, and questions opened anew. Appended to.

None of it changes a judgment. A later adjudication of the same question stands in place of the
earlier ones, and all are kept.
"""

import uuid
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotation.models.judgment import Judgment
from annotation.models.people import User
from annotation.models.question import Question


class ErrorCategory(models.TextChoices):
    """Why answers to a question differ, in a reviewer's eyes."""

    MISREAD = "misread", _("An answer misread the texts")
    AGAINST_GUIDELINES = "against_guidelines", _("An answer went against the guidelines")
    UNCLEAR_GUIDELINES = "unclear_guidelines", _("The guidelines don't decide this")
    BROKEN_QUESTION = "broken_question", _("The question itself is broken")
    SLIP = "slip", _("A slip of the hand")
    TASTE = "taste", _("A matter of taste: no answer is wrong")


class Adjudication(models.Model):
    """A reviewer's verdict on one question: the answer that is right, or that none of them is.

    `winner` is one of the question's own judgments, null where none is right. Append-only; the
    newest one of a question stands.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    question = models.ForeignKey(Question, on_delete=models.PROTECT, related_name="adjudications")
    winner = models.ForeignKey(
        Judgment, on_delete=models.PROTECT, null=True, blank=True, related_name="adjudications"
    )
    reviewer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="adjudications")
    categories: "models.Field[Any, Any]" = ArrayField(
        models.CharField(max_length=30, choices=ErrorCategory.choices), default=list, blank=True
    )
    explanation = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(categories__contained_by=[each.value for each in ErrorCategory]),
                name="adjudication_categories_are_known",
            )
        ]

    def __str__(self) -> str:
        return f"{self.question}, adjudicated {self.created_at:%Y-%m-%d %H:%M}"


class Comment(models.Model):
    """A remark of a reviewer about a question; `mentioned` are members it calls. Append-only."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    question = models.ForeignKey(Question, on_delete=models.PROTECT, related_name="comments")
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="comments")
    text = models.TextField()
    mentioned = models.ManyToManyField(User, related_name="mentions", blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.author} on {self.question}"


class Requeue(models.Model):
    """One time that a question was opened again, for how many more people, and why. Append-only."""

    question = models.ForeignKey(Question, on_delete=models.PROTECT, related_name="requeues")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="requeues")
    reason = models.TextField()
    overlap_before = models.PositiveIntegerField()
    overlap_after = models.PositiveIntegerField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(overlap_after__gte=F("overlap_before")),
                name="requeue_never_lowers_the_overlap",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="requeue_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.question} again, for {self.overlap_after}"
