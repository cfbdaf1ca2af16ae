"""A project: what is asked, of whom, and under which guidelines."""

import uuid

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from annotation.models.people import User


class ProjectState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    OPEN = "open", _("Open")
    PAUSED = "paused", _("Paused")
    CLOSED = "closed", _("Closed")


class ProjectQuerySet(models.QuerySet["Project"]):
    def seen_by(self, user: "User | AnonymousUser") -> "ProjectQuerySet":
        """Projects this account may know of: its memberships, or all for a superuser."""
        if not isinstance(user, User) or not user.is_active:
            return self.none()
        if user.is_superuser:
            return self
        return self.filter(memberships__user=user).distinct()


class Project(models.Model):
    """One collection effort with one kind of question, its people and its log of judgments.

    `overlap` is how many counted judgments a new question asks for; `lease_seconds` how long a
    question is reserved for the person who opened it; `seed` fixes every random choice made for
    this project (pairs, sides). `is_simulated` says that its annotators or answers are invented,
    and every page and release repeats it. `options` holds the judgment type's own settings.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    state = models.CharField(
        max_length=10, choices=ProjectState.choices, default=ProjectState.DRAFT
    )
    judgment_type = models.CharField(max_length=40, default="pairwise")
    options = models.JSONField(default=dict, blank=True)
    overlap = models.PositiveIntegerField(default=3)
    lease_seconds = models.PositiveIntegerField(default=1800)
    seed = models.BigIntegerField(default=0)
    is_simulated = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in ProjectState]),
                name="project_state_is_known",
            ),
            models.CheckConstraint(
                condition=Q(overlap__gte=1), name="project_overlap_at_least_one"
            ),
            models.CheckConstraint(
                condition=Q(lease_seconds__gte=10), name="project_lease_at_least_ten_seconds"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def current_guideline(self) -> "Guideline | None":
        return self.guidelines.order_by("-version").first()


class Guideline(models.Model):
    """One version of what annotators are asked to do. A change is a new version."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="guidelines")
    version = models.PositiveIntegerField()
    text = models.TextField()
    html = models.TextField(editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "version"], name="one_guideline_per_project_and_version"
            )
        ]

    def __str__(self) -> str:
        return f"{self.project} guidelines v{self.version}"
