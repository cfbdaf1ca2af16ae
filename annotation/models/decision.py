"""What the rules of assignment decided, and why: appended to, never changed."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotation.models.people import Annotator
from annotation.models.project import Project
from annotation.models.question import Question


class DecisionKind(models.TextChoices):
    ASKED_MORE = "asked_more", _("Asked one more person")
    STOPPED_EARLY = "stopped_early", _("Enough answers early")
    QUALIFIED = "qualified", _("Qualified")
    FAILED_QUALIFICATION = "failed_qualification", _("Didn't qualify")
    WARNED = "warned", _("Warned")
    PAUSED = "paused", _("Paused")
    RESUMED = "resumed", _("Resumed")


class Decision(models.Model):
    """One decision about a question or an annotator, exactly one of the two.

    `sentence` is what the annotator reads, blank where nobody is told; `measured` holds the numbers
    that decided, under the names of the rules. Append-only by trigger.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="decisions")
    kind = models.CharField(max_length=25, choices=DecisionKind.choices)
    question = models.ForeignKey(
        Question, on_delete=models.CASCADE, null=True, blank=True, related_name="decisions"
    )
    annotator = models.ForeignKey(
        Annotator, on_delete=models.CASCADE, null=True, blank=True, related_name="decisions"
    )
    measured = models.JSONField(default=dict)
    sentence = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(question__isnull=True) ^ Q(annotator__isnull=True),
                name="decision_about_a_question_or_an_annotator",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=[kind.value for kind in DecisionKind]),
                name="decision_kind_is_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.created_at:%Y-%m-%d %H:%M}"
