"""How people come into a project, what they say of themselves, and how they leave it."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from annotation.models.people import Annotator, Profile, User
from annotation.models.project import Project


class Invitation(models.Model):
    """A link by which people join a project as annotators. Only its secret's digest is kept.

    It works for `most_uses` people until `expires_at`, or until it is withdrawn. `attributes` are
    declared for everybody who comes by it, such as the group they were invited as.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="invitations")
    digest = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=100)
    attributes = models.JSONField(default=dict, blank=True)
    most_uses = models.PositiveIntegerField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="invitations")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(most_uses__gte=1), name="invitation_for_at_least_one"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Joining(models.Model):
    """One person who came by an invitation."""

    invitation = models.ForeignKey(Invitation, on_delete=models.CASCADE, related_name="joinings")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="joinings")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["invitation", "user"], name="one_joining_per_invitation_and_user"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} by {self.invitation}"


class Survey(models.Model):
    """One version of what annotators are asked about themselves. Append-only; the newest is asked.

    `items` is a list of questions as `annotation.surveys.questions` reads them; empty asks nothing.
    With `required`, nobody judges before they have answered or skipped it.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="surveys")
    version = models.PositiveIntegerField()
    introduction = models.TextField(blank=True)
    items = models.JSONField(default=list)
    required = models.BooleanField(default=False)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="surveys")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "version"], name="one_survey_per_project_and_version"
            )
        ]

    def __str__(self) -> str:
        return f"{self.project} survey v{self.version}"


class SurveyReply(models.Model):
    """That an annotator has answered a survey, as `profile` keeps it, or skipped it (null)."""

    survey = models.ForeignKey(Survey, on_delete=models.CASCADE, related_name="replies")
    annotator = models.ForeignKey(
        Annotator, on_delete=models.CASCADE, related_name="survey_replies"
    )
    profile = models.ForeignKey(
        Profile, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.annotator} on {self.survey}"


class Withdrawal(models.Model):
    """An annotator who no longer lets their judgments be released. Append-only, and final.

    `number` counts the withdrawals of a project from 1, given while the project's row is locked, so
    that the first n of them never change: a release keeps how many it knew of and can be built
    again.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="withdrawals")
    annotator = models.OneToOneField(Annotator, on_delete=models.CASCADE, related_name="withdrawal")
    number = models.PositiveIntegerField()
    judgments = models.PositiveIntegerField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "number"], name="one_withdrawal_per_project_and_number"
            )
        ]

    def __str__(self) -> str:
        return f"{self.annotator} withdrew"
