"""Jobs that measure candidates with a model, and where each measurement came from."""

from typing import Any

from django.db import models
from django.db.models import Q

from annotation.models import Candidate, Measurement, Project, User, WorkQuerySet
from models_runtime.models.checkpoint import Checkpoint
from models_runtime.models.items import ItemQuerySet, PaidItem
from models_runtime.models.jobs import Job, Spent


class ScoringJob(Job):
    """A scorer measures candidates with a checkpoint, and a `partner` where it compares two.

    `scorer` is the slug of a file in models_runtime/rewards; `settings` are its options.
    """

    scorer = models.CharField(max_length=40)
    settings = models.JSONField(default=dict, blank=True)
    partner = models.ForeignKey(
        Checkpoint, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = WorkQuerySet["ScoringJob"].as_manager()

    class Meta(Job.Meta):
        constraints = [*Job.Meta.constraints]
        indexes = [models.Index(fields=["project", "-id"], name="scoring_jobs_of_project")]

    def __str__(self) -> str:
        return f"{self.scorer} by {self.checkpoint}"

    @property
    def source(self) -> str:
        """What this job's measurements name as their source: the model, and the job."""
        return f"{self.checkpoint.label[:150]}, job {self.public_id.hex[:12]}"

    def spent(self) -> Spent:
        return Spent(self.items.all()).plus(Spent(self.embedding_calls.all()))


class ScoringItem(PaidItem):
    """One candidate to be measured by a job, and what that took, embeddings aside."""

    job = models.ForeignKey(ScoringJob, on_delete=models.CASCADE, related_name="items")
    candidate = models.ForeignKey(Candidate, on_delete=models.CASCADE, related_name="+")

    objects = ItemQuerySet["ScoringItem"].as_manager()

    class Meta(PaidItem.Meta):
        constraints = [
            *PaidItem.Meta.constraints,
            models.UniqueConstraint(
                fields=["job", "candidate"], name="one_scoring_item_per_job_and_candidate"
            ),
        ]

    def __str__(self) -> str:
        return f"candidate {self.candidate_id} for {self.job}"


class Combination(models.Model):
    """Several measurements of a project's candidates made into one, and how. Never changed.

    `parts` lists what went in: name, source, weight, and the reference values that were found.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="combinations")
    method = models.CharField(max_length=40)
    name = models.CharField(max_length=100)
    parts = models.JSONField()
    settings = models.JSONField(default=dict, blank=True)
    candidates = models.PositiveIntegerField(default=0)
    left_out = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.name}, combination {self.pk}"


class Scoring(models.Model):
    """Where a measurement came from: a job's model, or a combination. Append-only."""

    measurement = models.OneToOneField(
        Measurement, on_delete=models.CASCADE, related_name="scoring", primary_key=True
    )
    job = models.ForeignKey(
        ScoringJob, on_delete=models.CASCADE, null=True, blank=True, related_name="scorings"
    )
    checkpoint = models.ForeignKey(
        Checkpoint, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    combination = models.ForeignKey(
        Combination, on_delete=models.CASCADE, null=True, blank=True, related_name="scorings"
    )
    model_revision = models.CharField(max_length=200, blank=True)
    attempt = models.PositiveSmallIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: "models.Manager[Any]" = models.Manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(job__isnull=False, checkpoint__isnull=False, combination__isnull=True)
                | Q(job__isnull=True, checkpoint__isnull=True, combination__isnull=False),
                name="scoring_is_of_a_job_or_a_combination",
            )
        ]

    def __str__(self) -> str:
        return f"origin of {self.measurement_id}"
