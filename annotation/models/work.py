"""Background work as rows: a state, a lease and an attempt number.

A message on the broker only says "look now". Whoever gets it claims the row by a conditional
update; a worker that loses its lease finds its attempt number outdated and can write nothing more.
"""

import uuid
from datetime import datetime, timedelta
from typing import ClassVar, Self, TypeVar

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class WorkState(models.TextChoices):
    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


FINAL_STATES = (WorkState.DONE, WorkState.FAILED, WorkState.CANCELLED)
OPEN_STATES = (WorkState.QUEUED, WorkState.RUNNING)


class LeaseLost(Exception):
    """Another worker has taken this row over; whatever was being done must not be written."""


W = TypeVar("W", bound="Work")


class WorkQuerySet(models.QuerySet[W]):
    def claimable(self, now: datetime) -> Self:
        """Rows a worker may take: queued and due, or running with a dead lease."""
        return self.filter(
            (Q(state=WorkState.QUEUED) & (Q(not_before__isnull=True) | Q(not_before__lte=now)))
            | Q(state=WorkState.RUNNING, lease_until__lt=now)
        )

    def stalled(self, *, now: datetime, queued_for: timedelta) -> Self:
        """Claimable rows whose wake-up seems lost, for the sweeper to announce again."""
        return self.claimable(now).filter(
            Q(state=WorkState.RUNNING) | Q(created_at__lt=now - queued_for)
        )

    def claim(self, pk: int, *, lease: timedelta) -> W | None:
        """Take row `pk`, or return None if it is taken, not due, or final.

        A conditional update decides, so of two workers that try, one gets it.
        """
        now = timezone.now()
        taken = (
            self.filter(pk=pk)
            .claimable(now)
            .update(
                state=WorkState.RUNNING,
                lease_until=now + lease,
                attempt=F("attempt") + 1,
                started_at=Coalesce("started_at", Value(now)),
            )
        )
        return self.get(pk=pk) if taken else None


class Work(models.Model):
    """A piece of background work. Subclasses add what it is about.

    `finished_at` is set iff the state is final, `error` iff it failed. A subclass whose ends
    webhooks may be told of names the event in `told_as`, and has a `project`.
    """

    told_as: ClassVar[str | None] = None

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    state = models.CharField(
        max_length=10, choices=WorkState.choices, default=WorkState.QUEUED, db_index=True
    )
    lease_until = models.DateTimeField(null=True, blank=True)
    attempt = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField(null=True, blank=True)
    progress_done = models.PositiveBigIntegerField(default=0)
    progress_total = models.PositiveBigIntegerField(null=True, blank=True)
    error = models.TextField(blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in WorkState]),
                name="%(class)s_state_is_known",
            ),
            models.CheckConstraint(
                condition=(
                    Q(state__in=FINAL_STATES, finished_at__isnull=False)
                    | (~Q(state__in=FINAL_STATES) & Q(finished_at__isnull=True))
                ),
                name="%(class)s_finished_at_iff_final",
            ),
            models.CheckConstraint(
                condition=(Q(state="failed") & ~Q(error="")) | (~Q(state="failed") & Q(error="")),
                name="%(class)s_error_iff_failed",
            ),
            models.CheckConstraint(
                condition=~Q(state="running") | Q(lease_until__isnull=False),
                name="%(class)s_running_has_a_lease",
            ),
        ]

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_STATES

    def _mine(self) -> models.QuerySet[Self]:
        """This row, if this worker still holds the attempt it claimed."""
        return type(self)._default_manager.filter(
            pk=self.pk, state=WorkState.RUNNING, attempt=self.attempt
        )

    def renew(self, *, lease: timedelta, done: int | None = None) -> None:
        """Keep the lease and note progress; raises LeaseLost if another worker took over."""
        changes: dict[str, object] = {"lease_until": timezone.now() + lease}
        if done is not None:
            changes["progress_done"] = done
        if not self._mine().update(**changes):
            raise LeaseLost(f"{self} was taken over by another worker")

    def cancel_is_requested(self) -> bool:
        return self._mine().filter(cancel_requested_at__isnull=False).exists()

    def finish(self, state: WorkState = WorkState.DONE, *, error: str = "") -> None:
        """End this attempt in a final state; raises LeaseLost if another worker took over."""
        now = timezone.now()
        if not self._mine().update(state=state, error=error, finished_at=now, lease_until=None):
            raise LeaseLost(f"{self} was taken over by another worker")
        self.state, self.error, self.finished_at, self.lease_until = state, error, now, None

    def fail(self, reason: str) -> None:
        """End as failed with a sentence for a person."""
        self.finish(WorkState.FAILED, error=reason)

    def postpone(self, *, until: datetime) -> None:
        """Give the row back to the queue, due at `until` (for a retry)."""
        if not self._mine().update(state=WorkState.QUEUED, lease_until=None, not_before=until):
            raise LeaseLost(f"{self} was taken over by another worker")

    def request_cancel(self) -> None:
        """Ask for an end: at once if no worker holds it, else at the worker's next look."""
        now = timezone.now()
        manager = type(self)._default_manager
        manager.filter(pk=self.pk, state=WorkState.QUEUED).update(
            state=WorkState.CANCELLED, cancel_requested_at=now, finished_at=now
        )
        manager.filter(pk=self.pk, state=WorkState.RUNNING).update(cancel_requested_at=now)
        self.refresh_from_db()
