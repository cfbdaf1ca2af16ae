"""The log of judgments: appended to, never changed."""

import uuid
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from annotation.models.people import Annotator, Profile
from annotation.models.project import Guideline
from annotation.models.question import Assignment, Question


class Standing(models.TextChoices):
    COUNTED = "counted", _("Counted")
    PARKED = "parked", _("Parked")
    CHECK = "check", _("Check")


class JudgmentQuerySet(models.QuerySet["Judgment"]):
    def counted(self) -> "JudgmentQuerySet":
        """Judgments that count: not parked, and not replaced by a later one."""
        return self.filter(standing=Standing.COUNTED, superseded_by__isnull=True)

    def up_to(self, position: int) -> "JudgmentQuerySet":
        """The counted judgments as the log stood at `position`.

        A judgment replaced only later than `position` still counts there, so the same mark always
        selects the same rows.
        """
        # NOT EXISTS, for the planner takes "joined to nothing" for a handful of rows and then
        # loops over whole tables.
        replaced = Judgment.objects.filter(supersedes=OuterRef("pk"), position__lte=position)
        return self.filter(standing=Standing.COUNTED, position__lte=position).exclude(
            Exists(replaced)
        )


class Judgment(models.Model):
    """What one annotator said of one question.

    Append-only: a trigger refuses every update and delete, and an amendment is a new judgment that
    supersedes the old one (at most once). `position` is the place in the log; a trigger gives it
    under a lock that a reader of the log also takes, so all positions up to a mark are visible
    before the mark is used. `payload` speaks of placement positions, never of screen sides;
    `shown_order` keeps what the person saw. `submission_key` makes a repeated click the same
    judgment. A `parked` judgment came after its seat was taken: kept, shown to owners, not counted.
    A `check` answers a known question or one's own again: kept to know its author, not counted.
    `phase` is 1, or 2 for an answer given in hindsight, which supersedes the first one.
    `prediction` maps answers to the share of others who the annotator expects to give them.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    position = models.BigIntegerField(unique=True, editable=False, db_default=0)
    # Without indexes of their own: they come first in those below.
    question = models.ForeignKey(
        Question, on_delete=models.PROTECT, related_name="judgments", db_index=False
    )
    annotator = models.ForeignKey(
        Annotator, on_delete=models.PROTECT, related_name="judgments", db_index=False
    )
    profile = models.ForeignKey(Profile, on_delete=models.PROTECT, null=True, blank=True)
    assignment = models.OneToOneField(
        Assignment, on_delete=models.PROTECT, null=True, blank=True, related_name="judgment"
    )
    guideline = models.ForeignKey(Guideline, on_delete=models.PROTECT, null=True, blank=True)
    judgment_type = models.CharField(max_length=40)
    payload = models.JSONField()
    shown_order: "models.Field[Any, Any]" = ArrayField(
        models.PositiveSmallIntegerField(), null=True, blank=True
    )
    reason = models.TextField(blank=True)
    confidence = models.FloatField(null=True, blank=True)
    prediction = models.JSONField(null=True, blank=True)
    phase = models.PositiveSmallIntegerField(default=1, db_default=1)
    elapsed_ms = models.BigIntegerField(null=True, blank=True)
    submission_key = models.CharField(max_length=200, unique=True)
    supersedes = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="superseded_by"
    )
    standing = models.CharField(max_length=10, choices=Standing.choices, default=Standing.COUNTED)
    source = models.CharField(max_length=20)
    created_at = models.DateTimeField()

    objects = JudgmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(confidence__isnull=True) | Q(confidence__gte=0, confidence__lte=1),
                name="judgment_confidence_between_zero_and_one",
            ),
            models.CheckConstraint(
                condition=Q(elapsed_ms__isnull=True) | Q(elapsed_ms__gte=0),
                name="judgment_elapsed_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(standing__in=[standing.value for standing in Standing]),
                name="judgment_standing_is_known",
            ),
            models.CheckConstraint(
                condition=Q(phase=1) | Q(phase=2, supersedes__isnull=False),
                name="judgment_in_hindsight_supersedes_another",
            ),
        ]
        indexes = [
            models.Index(fields=["question", "standing"], name="judgments_of_question"),
            models.Index(fields=["annotator", "position"], name="judgments_of_annotator"),
        ]

    def __str__(self) -> str:
        return f"judgment {self.position}"
