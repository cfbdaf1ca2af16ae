"""The rows a job consists of. Workers claim slices of them and no two workers hold the same row.

A claim skips rows that another transaction is looking at, counts an attempt and sets a lease. A
worker's results are written only for rows it still holds, so one that was given up for dead, and
comes back late, writes nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Self, TypeVar

from django.db import connections, models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from annotation.phrases import say
from models_runtime.engines import Failure, Usage

MOST_ATTEMPTS = 3
WORKER_LOST = "worker_lost"
LOST_SENTENCE = say(
    "The worker died %(most_attempts)s times while this row was with it, so it was set aside.",
    most_attempts=MOST_ATTEMPTS,
)


class ItemState(models.TextChoices):
    READY = "ready", _("Waiting")
    RUNNING = "running", _("In work")
    DONE = "done", _("Done")
    FAILED = "failed", _("Set aside")
    CANCELLED = "cancelled", _("Cancelled")


OPEN_ITEM_STATES = (ItemState.READY, ItemState.RUNNING)

I = TypeVar("I", bound="Item")  # noqa: E741 - the item

# Defined in migration 0014: in the order of ids, skipping rows that somebody else is looking at.
CLAIM = "SELECT * FROM models_runtime_claim(NULL::{table}, %s, %s, %s, %s)"


class ItemQuerySet(models.QuerySet[I]):
    def open(self) -> Self:
        return self.filter(state__in=OPEN_ITEM_STATES)

    def claim(self, job_id: int, *, worker: str, count: int, lease: timedelta) -> list[I]:
        """Up to `count` ready rows of a job, now held by `worker`, in the order of their ids."""
        statement = CLAIM.format(table=self.model._meta.db_table)
        values = [job_id, count, worker, lease.total_seconds()]
        return sorted(self.raw(statement, values), key=lambda item: item.pk)

    def held_by(self, worker: str) -> Self:
        return self.filter(state=ItemState.RUNNING, worker=worker)

    def renew(self, worker: str, *, lease: timedelta) -> int:
        """Extend the leases of all rows this worker holds; their number."""
        return self.held_by(worker).update(lease_until=Now() + lease)

    def lock_held(self, items: Iterable[I], worker: str) -> set[int]:
        """Ids of those `items` that `worker` still holds in the same attempt, locked."""
        claimed = {item.pk: item.attempt for item in items}
        held = (
            self.held_by(worker)
            .filter(pk__in=claimed)
            .select_for_update()
            .order_by("pk")
            .values_list("pk", "attempt")
        )
        return {pk for pk, attempt in held if claimed[pk] == attempt}

    def release(self, worker: str) -> int:
        """Give back untouched what this worker still holds; the attempt doesn't count."""
        return self.held_by(worker).update(
            state=ItemState.READY, worker="", lease_until=None, attempt=F("attempt") - 1
        )

    def complete(self, pks: Iterable[int]) -> None:
        """End rows as done."""
        self.filter(pk__in=list(pks)).update(state=ItemState.DONE, worker="", lease_until=None)

    def set_aside(self, pks: Iterable[int], failure: Failure) -> None:
        """End rows as failed with their cause."""
        self.filter(pk__in=list(pks)).update(
            state=ItemState.FAILED,
            worker="",
            lease_until=None,
            cause=failure.cause.value,
            error=failure.sentence,
        )

    def put_back(self, pks: Iterable[int], *, wait: timedelta) -> None:
        """Give rows back to be tried again in a while."""
        self.filter(pk__in=list(pks)).update(
            state=ItemState.READY, worker="", lease_until=None, not_before=Now() + wait
        )

    def pay(self, taken: Iterable[tuple[int, Usage]]) -> None:
        """Add to rows of a kind that counts it what calls for them took and nothing else tells."""
        for pk, usage in taken:
            if usage == Usage():
                continue
            self.filter(pk=pk).update(
                tokens_in=F("tokens_in") + usage.tokens_in,
                tokens_out=F("tokens_out") + usage.tokens_out,
                cost=F("cost") + usage.cost,
            )

    def reap(self) -> int:
        """Free rows whose worker let the lease run out; set aside those that killed it too often.

        Returns how many were freed.
        """
        dead = self.filter(state=ItemState.RUNNING, lease_until__lt=Now())
        dead.filter(attempt__gte=MOST_ATTEMPTS).update(
            state=ItemState.FAILED,
            worker="",
            lease_until=None,
            cause=WORKER_LOST,
            error=LOST_SENTENCE,
        )
        return dead.update(state=ItemState.READY, worker="", lease_until=None)

    def cancel_open(self) -> int:
        return self.open().update(state=ItemState.CANCELLED, worker="", lease_until=None)

    def counts(self) -> dict[str, int]:
        """Rows by state; states without rows are 0."""
        found = dict.fromkeys(ItemState.values, 0)
        found.update(self.values_list("state").annotate(n=models.Count("pk")).order_by())
        return found

    def causes(self) -> list[tuple[str, str, int]]:
        """(cause, an example sentence, rows) of what was set aside, the commonest first."""
        rows = (
            self.filter(state=ItemState.FAILED)
            .values_list("cause")
            .annotate(example=models.Min("error"), n=models.Count("pk"))
            .order_by("-n", "cause")
        )
        return [(cause, example, n) for cause, example, n in rows]


class Item(models.Model):
    """One row of a job. Subclasses add `job` and what it is about.

    `cause` and `error` say why it was set aside, and are empty otherwise.
    """

    state = models.CharField(
        max_length=10, choices=ItemState.choices, default=ItemState.READY, db_default="ready"
    )
    worker = models.CharField(max_length=40, blank=True, default="", db_default="")
    attempt = models.PositiveSmallIntegerField(default=0, db_default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True)
    cause = models.CharField(max_length=30, blank=True, default="", db_default="")
    error = models.TextField(blank=True, default="", db_default="")

    class Meta:
        abstract = True
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=ItemState.values), name="%(class)s_state_is_known"
            ),
            models.CheckConstraint(
                condition=(
                    Q(state="running", lease_until__isnull=False) & ~Q(worker="")
                    | ~Q(state="running") & Q(lease_until__isnull=True, worker="")
                ),
                name="%(class)s_is_held_iff_running",
            ),
            models.CheckConstraint(
                condition=Q(state="failed") & ~Q(cause="") & ~Q(error="")
                | ~Q(state="failed") & Q(cause="", error=""),
                name="%(class)s_cause_iff_failed",
            ),
        ]
        indexes = [
            models.Index(fields=["job", "id"], condition=Q(state="ready"), name="%(class)s_ready"),
            models.Index(
                fields=["lease_until"], condition=Q(state="running"), name="%(class)s_leases"
            ),
        ]


class PaidItem(Item):
    """A row that counts itself what its calls took, as far as nothing that came of them does."""

    tokens_in = models.PositiveIntegerField(default=0, db_default=0)
    tokens_out = models.PositiveIntegerField(default=0, db_default=0)
    cost = models.FloatField(default=0.0, db_default=0.0)

    class Meta(Item.Meta):
        abstract = True


def insert_ids(model: type[Item], column: str, job: int, ids: Sequence[int]) -> int:
    """Make a job's rows, one for each id of what `column` refers to, in their order; how many."""
    select = "SELECT %s, p FROM unnest(%s::bigint[]) WITH ORDINALITY AS r(p, place) ORDER BY place"
    return insert_items(model, ["job_id", column], select, [job, ids])


def insert_items(
    model: type[Item], columns: Sequence[str], select: str, values: Sequence[Any]
) -> int:
    """Make a job's rows from a SELECT in one statement; how many."""
    table = model._meta.db_table
    with connections["default"].cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({', '.join(columns)}) {select}", values)
        return int(cursor.rowcount)
