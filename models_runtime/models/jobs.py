"""What jobs on models have in common."""

from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Q, Sum
from django.utils import timezone

from annotation.models import Project, User, Work
from annotation.models.work import OPEN_STATES
from models_runtime.models.checkpoint import Checkpoint


class Job(Work):
    """Work that consists of items. Several workers may be at it at once, each with its own items;
    the job's own lease says that at least one of them lives.

    `troubles` counts failed starts in a row (a server that can't be reached); `notice` says what
    is being waited for, or what to know of a finished job. `max_cost` stops the job when its calls
    have cost so much, in the currency of the checkpoint's prices.
    """

    told_as = "job.finished"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, related_name="+")
    requested_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    seed = models.BigIntegerField(default=0)
    lease_seconds = models.PositiveIntegerField(default=60)
    troubles = models.PositiveSmallIntegerField(default=0)
    notice = models.TextField(blank=True)
    max_cost = models.FloatField(null=True, blank=True)

    class Meta:
        abstract = True
        ordering = ["-id"]
        constraints = [
            *Work.Meta.constraints,
            models.CheckConstraint(
                condition=Q(lease_seconds__gte=1), name="%(class)s_lease_at_least_one_second"
            ),
            models.CheckConstraint(
                condition=Q(max_cost__isnull=True) | Q(max_cost__gt=0),
                name="%(class)s_max_cost_above_zero",
            ),
        ]

    @property
    def lease(self) -> timedelta:
        return timedelta(seconds=self.lease_seconds)

    def is_open_now(self) -> bool:
        """Whether the row still says that there is something to do; asks the database."""
        return type(self)._default_manager.filter(pk=self.pk, state__in=OPEN_STATES).exists()

    def note(self, **fields: Any) -> None:
        """Write fields of this row that no other worker's attempt depends on."""
        type(self)._default_manager.filter(pk=self.pk).update(**fields)
        for name, value in fields.items():
            setattr(self, name, value)

    def elapsed(self, now: datetime | None = None) -> timedelta | None:
        """From the first start to the end, or to now."""
        if self.started_at is None:
            return None
        return (self.finished_at or now or timezone.now()) - self.started_at

    def spent(self) -> "Spent":
        raise NotImplementedError


class Spent:
    """What a job's calls have used so far."""

    def __init__(self, rows: models.QuerySet[Any]) -> None:
        sums = rows.aggregate(
            tokens_in=Sum("tokens_in"), tokens_out=Sum("tokens_out"), cost=Sum("cost")
        )
        self.tokens_in = int(sums["tokens_in"] or 0)
        self.tokens_out = int(sums["tokens_out"] or 0)
        self.cost = float(sums["cost"] or 0.0)

    def plus(self, other: "Spent") -> "Spent":
        """This, with what `other` used added to it."""
        self.tokens_in += other.tokens_in
        self.tokens_out += other.tokens_out
        self.cost += other.cost
        return self
