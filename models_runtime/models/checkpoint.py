"""A model that a project may use: which one, through which engine, from where."""

import uuid
from typing import Any

from django.db import models
from django.db.models import Q

from annotation.models import Project, User, WorkState
from models_runtime.catalogue import ENGINES
from models_runtime.engines import VERBS, Capability
from models_runtime.engines._probing import withheld_by

SECRET_PREFIX = "POLYPHONY_KEY_"  # noqa: S105 - the name of a variable, not a secret


class Checkpoint(models.Model):
    """A model as a project's owners registered it. Never changed, only retired: what it made
    refers to it.

    The key of a model server is not here: `secret_variable` names an environment variable, which
    must begin with POLYPHONY_KEY_ so that no other secret of the deployment can be named.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="checkpoints")
    name = models.CharField(max_length=150)
    engine = models.CharField(max_length=40)
    model = models.CharField(max_length=300)
    base_url = models.CharField(max_length=500, blank=True)
    revision = models.CharField(max_length=200, blank=True)
    licence = models.CharField(max_length=200, blank=True)
    options = models.JSONField(default=dict, blank=True)
    secret_variable = models.CharField(max_length=100, blank=True)
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "name"], name="one_checkpoint_per_project_and_name"
            ),
            models.CheckConstraint(
                condition=Q(secret_variable="")
                | Q(secret_variable__regex=rf"^{SECRET_PREFIX}[A-Z0-9_]+$"),
                name="checkpoint_secret_is_a_polyphony_key",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_scripted(self) -> bool:
        """Whether its answers are invented by rule; said wherever they show."""
        plugin: Any = ENGINES.get(self.engine)
        return plugin is not None and bool(plugin.is_scripted)

    @property
    def family(self) -> str:
        """Whose model it is, as systems made from it are said to be: the part before the slash.
        Scripted ones are called so whatever they are called."""
        owner, slash, _ = self.model.partition("/")
        if self.is_scripted:
            return f"{owner} (scripted)"[:200] if slash else "scripted"
        return owner[:200]

    @property
    def label(self) -> str:
        """Its name as owners read it; scripted ones are always called so."""
        if self.is_scripted and "scripted" not in self.name.lower():
            return f"{self.name} (scripted)"
        return self.name

    @property
    def probe(self) -> Any:
        """The newest probe, None if it was never asked."""
        return next(iter(self.probes.all()), None)

    @property
    def withheld(self) -> dict[Capability, str]:
        """What the newest probe that ended saw it not do, with the sentences that say so. Nothing
        is asked of it that needs these, whatever its options promise."""
        if self.pk is None:
            return {}
        seen = next((each for each in self.probes.all() if each.state == WorkState.DONE), None)
        return withheld_by(seen.findings) if seen is not None else {}

    @property
    def withheld_words(self) -> list[str]:
        """The same as people say it: what it isn't asked for."""
        return [VERBS[capability] for capability in sorted(self.withheld)]
