"""What is judged: prompts, candidate responses, and the numbers measured on them."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from annotation.models.project import Project


class System(models.Model):
    """Who wrote candidates — a model, a person, a rival — as the project's owners know it.

    The judging page never selects this table: annotators stay blind to it. `family` groups systems
    of one maker, for audits of self-preference.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="systems")
    name = models.CharField(max_length=200)
    family = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="one_system_per_name")
        ]

    def __str__(self) -> str:
        return self.name


class Prompt(models.Model):
    """What was asked: one message, or a conversation whose last message awaits an answer.

    `messages` is a list of {"role": …, "content": …}; `html` is rendered once, at intake.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="prompts")
    external_id = models.CharField(max_length=200)
    messages = models.JSONField()
    content_hash = models.CharField(max_length=64)
    html = models.TextField(editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "external_id"], name="one_prompt_per_external_id"
            )
        ]
        indexes = [models.Index(fields=["project", "content_hash"])]

    def __str__(self) -> str:
        return self.external_id

    def last_text(self) -> str:
        return str(self.messages[-1]["content"])


class Candidate(models.Model):
    """One response to a prompt. Its text never changes; a rewrite is a new candidate."""

    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE, related_name="candidates")
    external_id = models.CharField(max_length=200)
    system = models.ForeignKey(
        System, on_delete=models.RESTRICT, null=True, blank=True, related_name="candidates"
    )
    text = models.TextField()
    content_hash = models.CharField(max_length=64)
    html = models.TextField(editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["prompt", "external_id"], name="one_candidate_per_external_id"
            )
        ]
        indexes = [models.Index(fields=["prompt", "content_hash"])]

    def __str__(self) -> str:
        return self.external_id


class Measurement(models.Model):
    """A number or a vector that a model computed about a candidate: exactly one of the two."""

    candidate = models.ForeignKey(Candidate, on_delete=models.CASCADE, related_name="measurements")
    name = models.CharField(max_length=100)
    source = models.CharField(max_length=200, blank=True)
    number = models.FloatField(null=True, blank=True)
    vector: "models.Field[Any, Any]" = ArrayField(models.FloatField(), null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(number__isnull=False, vector__isnull=True)
                    | Q(number__isnull=True, vector__isnull=False)
                ),
                name="measurement_is_a_number_or_a_vector",
            ),
            models.UniqueConstraint(
                fields=["candidate", "name", "source"], name="one_measurement_per_name_and_source"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.candidate}"
