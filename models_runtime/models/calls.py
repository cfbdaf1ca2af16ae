"""What every kept request to a model has, whatever it was made for."""

from django.db import models
from django.db.models import Q

from models_runtime.judging.talk import CallKind, Order
from models_runtime.prompting.parsing import ParseStatus


class Call(models.Model):
    """One request to a model and what came back, kept raw. Append-only.

    Subclasses say whose item it belongs to (`item`) and name the ask within its talk (`step`), the
    model in whose seat it was asked and the words (`template`). A step may have several calls where
    a worker died or an engine failed: each was made and may have cost money. The first that was
    answered counts. `inputs_hash` is the SHA-256 of the rendered messages.
    """

    attempt = models.PositiveSmallIntegerField()
    order = models.CharField(max_length=2)
    kind = models.CharField(max_length=10)
    sample = models.PositiveSmallIntegerField()
    inputs_hash = models.CharField(max_length=64)
    seed = models.BigIntegerField()
    temperature = models.FloatField()
    raw = models.TextField(blank=True)
    finish = models.CharField(max_length=10, blank=True)
    status = models.CharField(max_length=15)
    failure = models.CharField(max_length=30, blank=True)
    tokens_in = models.PositiveIntegerField(default=0)
    tokens_out = models.PositiveIntegerField(default=0)
    cost = models.FloatField(default=0.0)
    wall_ms = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(order__in=[order.value for order in Order])
                & Q(kind__in=[kind.value for kind in CallKind])
                & Q(status__in=[status.value for status in ParseStatus]),
                name="%(class)s_words_are_known",
            ),
            models.CheckConstraint(
                condition=Q(status="engine_error") & ~Q(failure="")
                | ~Q(status="engine_error") & Q(failure=""),
                name="%(class)s_failure_iff_engine_error",
            ),
        ]
