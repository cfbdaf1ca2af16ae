"""Rubrics: versioned lists of criteria. A checklist is a rubric of yes/no criteria."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from annotation.models.project import Project
from annotation.models.prompt import Prompt


class Rubric(models.Model):
    """One version of a list of criteria, for a whole project or for one prompt.

    It is frozen when a question first uses it: from then on the database refuses any change to its
    criteria, and an edit is a new version.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="rubrics")
    prompt = models.ForeignKey(
        Prompt, on_delete=models.CASCADE, null=True, blank=True, related_name="rubrics"
    )
    name = models.CharField(max_length=200)
    version = models.PositiveIntegerField(default=1)
    written_by = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    frozen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "name", "version"], name="one_rubric_per_name_and_version"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


class CriterionKind(models.TextChoices):
    YES_NO = "yes_no", _("Yes or no")
    SCALE = "scale", _("Scale")


class Criterion(models.Model):
    """One line of a rubric: a question answered yes or no, or a scale with anchors.

    `external_id` is the id by which imported answers name it, blank where there is none.
    """

    rubric = models.ForeignKey(Rubric, on_delete=models.CASCADE, related_name="criteria")
    external_id = models.CharField(max_length=200, blank=True)
    position = models.PositiveSmallIntegerField()
    text = models.TextField()
    explanation = models.TextField(blank=True)
    kind = models.CharField(
        max_length=10, choices=CriterionKind.choices, default=CriterionKind.YES_NO
    )
    weight = models.FloatField(default=1.0)
    anchors = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["position"]
        verbose_name_plural = "criteria"
        constraints = [
            models.UniqueConstraint(
                fields=["rubric", "position"], name="one_criterion_per_rubric_and_position"
            ),
            models.UniqueConstraint(
                fields=["rubric", "external_id"],
                condition=~Q(external_id=""),
                name="one_criterion_per_rubric_and_external_id",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=[kind.value for kind in CriterionKind]),
                name="criterion_kind_is_known",
            ),
            models.CheckConstraint(
                condition=Q(weight__gte=0), name="criterion_weight_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return self.text[:60]
