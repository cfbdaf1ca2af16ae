"""What embedding texts took, whatever job it was done for."""

from django.db import models
from django.db.models import Q

from models_runtime.models.checkpoint import Checkpoint
from models_runtime.models.generation import GenerationJob
from models_runtime.models.scoring import ScoringJob


class EmbeddingCall(models.Model):
    """Some texts that a job had embedded at once. Append-only.

    `computed` of the `texts` were read by the model; the others were known, and cost nothing. A
    call that failed says why, and what it took all the same.
    """

    generation_job = models.ForeignKey(
        GenerationJob,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="embedding_calls",
    )
    scoring_job = models.ForeignKey(
        ScoringJob, on_delete=models.CASCADE, null=True, blank=True, related_name="embedding_calls"
    )
    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, related_name="+")
    texts = models.PositiveSmallIntegerField()
    computed = models.PositiveSmallIntegerField()
    failure = models.CharField(max_length=30, blank=True)
    tokens_in = models.PositiveIntegerField(default=0)
    tokens_out = models.PositiveIntegerField(default=0)
    cost = models.FloatField(default=0.0)
    wall_ms = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(generation_job__isnull=False, scoring_job__isnull=True)
                | Q(generation_job__isnull=True, scoring_job__isnull=False),
                name="embeddingcall_is_of_one_job",
            ),
            models.CheckConstraint(
                condition=Q(computed__lte=models.F("texts")),
                name="embeddingcall_computed_at_most_its_texts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.texts} texts by {self.checkpoint}"
