"""Who takes part: accounts, their roles, and the annotators whose judgments are kept."""

import uuid
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class User(AbstractUser):
    """An account that can log in. What it may do in a project is its `Membership`."""


class Role(models.TextChoices):
    OWNER = "owner", _("Owner")
    MANAGER = "manager", _("Manager")
    REVIEWER = "reviewer", _("Reviewer")
    ANNOTATOR = "annotator", _("Annotator")


class Membership(models.Model):
    """One account's role in one project; at most one per pair."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    project = models.ForeignKey(
        "annotation.Project", on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=20, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "project"], name="one_membership_per_user_and_project"
            ),
            models.CheckConstraint(
                condition=Q(role__in=[role.value for role in Role]),
                name="membership_role_is_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} as {self.role} of {self.project}"


class AnnotatorKind(models.TextChoices):
    PERSON = "person", _("Person")
    MODEL = "model", _("Model")
    SIMULATED = "simulated", _("Simulated")


class Annotator(models.Model):
    """Whoever judges in one project: a person, a model, or a simulation said to be one.

    A person who joins through the browser is linked to their account; an imported one is known by
    `external_id` alone. `paused_because` is a rule's sentence to them, blank when a person paused
    them. Declared attributes live in `Profile`, a version each, so that a later
    change doesn't rewrite the group of earlier votes.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(
        "annotation.Project", on_delete=models.CASCADE, related_name="annotators"
    )
    kind = models.CharField(max_length=20, choices=AnnotatorKind.choices)
    user = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="annotators"
    )
    external_id = models.CharField(max_length=200)
    display_name = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_because = models.TextField(blank=True, default="", db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "external_id"], name="one_annotator_per_external_id"
            ),
            models.UniqueConstraint(
                fields=["project", "user"],
                condition=Q(user__isnull=False),
                name="one_annotator_per_user_and_project",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=[kind.value for kind in AnnotatorKind]),
                name="annotator_kind_is_known",
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=True) | Q(kind="person"),
                name="only_a_person_has_an_account",
            ),
        ]

    def __str__(self) -> str:
        return self.display_name or self.external_id

    def current_profile(self) -> "Profile | None":
        return self.profiles.order_by("-version").first()


class Skill(models.Model):
    """Something an annotator can do that some questions ask for: a language, a field."""

    annotator = models.ForeignKey(
        Annotator, on_delete=models.CASCADE, related_name="skills", db_index=False
    )
    name = models.CharField(max_length=100)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["annotator", "name"], name="one_skill_per_annotator_and_name"
            )
        ]

    def __str__(self) -> str:
        return f"{self.annotator}: {self.name}"


class Profile(models.Model):
    """What an annotator declared about themselves at one time. Append-only."""

    annotator = models.ForeignKey(Annotator, on_delete=models.CASCADE, related_name="profiles")
    version = models.PositiveIntegerField()
    attributes = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["annotator", "version"], name="one_profile_per_annotator_and_version"
            )
        ]

    def __str__(self) -> str:
        return f"{self.annotator} v{self.version}"


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def usable(self, now: datetime | None = None) -> "ApiTokenQuerySet":
        now = now or timezone.now()
        return self.filter(revoked_at__isnull=True, expires_at__gt=now, user__is_active=True)


class ApiToken(models.Model):
    """A key for the API. Only the SHA-256 digest of its secret is kept.

    `project` narrows it to one project; null means every project its user belongs to. `prefix` is
    the first characters of the secret, shown so that a person can tell tokens apart.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    project = models.ForeignKey(
        "annotation.Project",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="api_tokens",
    )
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16)
    digest = models.CharField(max_length=64, unique=True)
    scopes: "models.Field[Any, Any]" = ArrayField(models.CharField(max_length=40), default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    objects = ApiTokenQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class LoginLink(models.Model):
    """A link that logs one account in once. Only the digest of its secret is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="login_links")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"login link for {self.user}"
