"""What a checkpoint was seen to do, as against what its description promises."""

from typing import Any

from django.db import models

from annotation.models import User, Work, WorkQuerySet
from models_runtime.models.checkpoint import Checkpoint


class Probe(Work):
    """Some small requests to a checkpoint, once. The newest that is done is believed.

    `findings` are those of `models_runtime.engines.probing.Findings`.
    """

    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.CASCADE, related_name="probes")
    findings = models.JSONField(default=dict, blank=True)
    requested_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    objects = WorkQuerySet["Probe"].as_manager()

    class Meta(Work.Meta):
        ordering = ["-id"]
        constraints = [*Work.Meta.constraints]
        indexes = [models.Index(fields=["checkpoint", "-id"], name="probes_of_checkpoint")]

    def __str__(self) -> str:
        return f"probe of {self.checkpoint}"

    def found(self, name: str) -> Any:
        """A finding, None if it isn't known."""
        return self.findings.get(name)
