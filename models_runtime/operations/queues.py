"""What is queued and running at this moment, and who works on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min, Q
from django.utils import timezone

from annotation.models import Work, WorkState
from models_runtime.models import (
    ItemState,
    Job,
    WorkerSeen,
)
from models_runtime.operations.kinds import (
    LOOK_BACK,
    item_models,
    kind_of,
    kinds_of_work,
    queue_of,
    rows_of,
)
from models_runtime.presenting import in_words
from models_runtime.sightings import SILENT_AFTER


@dataclass(frozen=True, slots=True)
class Depth:
    """How much of one kind of work is open. `later` are queued rows that aren't due yet; the
    oldest wait is of those that are due, the oldest lease the one that runs out first. `expired`
    are running rows whose lease ran out: their worker died or lost the database."""

    queue: str
    kind: str
    queued: int
    later: int
    running: int
    expired: int
    oldest_wait: timedelta | None
    oldest_lease: datetime | None

    @property
    def waited(self) -> str:
        """The oldest wait as people say it; empty where nothing that is due waits."""
        return "" if self.oldest_wait is None else in_words(self.oldest_wait)

    @property
    def oldest_wait_seconds(self) -> float | None:
        return None if self.oldest_wait is None else self.oldest_wait.total_seconds()


@dataclass(frozen=True, slots=True)
class Shift:
    """A worker that holds rows of a job. It renews its leases every few seconds, so
    `heard` is when it last did, and `lives` whether its leases still run."""

    worker: str
    kind: str
    job: str
    project: str
    rows: int
    heard: datetime
    lives: bool


@dataclass(frozen=True, slots=True)
class Process:
    """A worker process, idle or busy, by what it last said of itself. Bytes are the GPU's."""

    name: str
    pid: int
    queues: str
    started: datetime
    seen: datetime
    lives: bool
    device: str
    used: int | None
    total: int | None
    held: Sequence[str]
    unknown: Sequence[str]


@dataclass(frozen=True, slots=True)
class Standing:
    """What changes while one looks: queues and those who work on them."""

    looked_at: datetime
    depths: Sequence[Depth]
    shifts: Sequence[Shift]
    processes: Sequence[Process]

    @property
    def expired(self) -> int:
        return sum(depth.expired for depth in self.depths)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is queued or running, so that looking again tells nothing."""
        return not any(depth.queued or depth.running for depth in self.depths)


def standing(now: datetime | None = None) -> Standing:
    """Queues and workers at this moment."""
    now = now or timezone.now()
    depths = sorted(
        (_depth(model, now) for model in kinds_of_work()), key=lambda each: (each.queue, each.kind)
    )
    return Standing(now, depths, shifts_at_work(now), processes(now))


def _depth(model: type[Work], now: datetime) -> Depth:
    due = Q(state=WorkState.QUEUED) & (Q(not_before__isnull=True) | Q(not_before__lte=now))
    found = model._default_manager.order_by().aggregate(
        queued=Count("pk", filter=Q(state=WorkState.QUEUED)),
        later=Count("pk", filter=Q(state=WorkState.QUEUED, not_before__gt=now)),
        running=Count("pk", filter=Q(state=WorkState.RUNNING)),
        expired=Count("pk", filter=Q(state=WorkState.RUNNING, lease_until__lt=now)),
        waiting_since=Min("created_at", filter=due),
        lease=Min("lease_until", filter=Q(state=WorkState.RUNNING)),
    )
    since = found["waiting_since"]
    return Depth(
        queue=queue_of(model),
        kind=kind_of(model),
        queued=found["queued"],
        later=found["later"],
        running=found["running"],
        expired=found["expired"],
        oldest_wait=None if since is None else max(timedelta(), now - since),
        oldest_lease=found["lease"],
    )


def shifts_at_work(now: datetime) -> list[Shift]:
    """Workers that hold rows of jobs on models, those heard of last first."""
    found = []
    for model in item_models():
        rows: Any = (
            rows_of(model)
            .filter(state=ItemState.RUNNING)
            .values("worker", "job_id")
            .annotate(rows=Count("pk"), until=Max("lease_until"))
        )
        jobs = _jobs_of(model, {row["job_id"] for row in rows})
        for row in rows:
            job = jobs[row["job_id"]]
            found.append(
                Shift(
                    worker=row["worker"][:8],
                    kind=kind_of(type(job)),
                    job=str(job),
                    project=job.project.name,
                    rows=row["rows"],
                    heard=row["until"] - job.lease,
                    lives=row["until"] >= now,
                )
            )
    return sorted(found, key=lambda each: each.heard, reverse=True)


def processes(now: datetime) -> list[Process]:
    """Worker processes heard of in the last 24 hours, those that live first."""
    lately = WorkerSeen.objects.filter(seen_at__gte=now - LOOK_BACK)
    found = [
        Process(
            name=each.name,
            pid=each.pid,
            queues=each.queues,
            started=each.started_at,
            seen=each.seen_at,
            lives=each.seen_at >= now - SILENT_AFTER,
            device=each.device,
            used=each.used_bytes,
            total=each.total_bytes,
            held=each.held,
            unknown=each.unknown,
        )
        for each in lately
    ]
    return sorted(found, key=lambda each: (not each.lives, each.name, -each.seen.timestamp()))


def _jobs_of(model: type[Any], pks: set[int]) -> dict[int, Job]:
    kind: type[Job] = model._meta.get_field("job").related_model
    return kind._default_manager.select_related("project", "checkpoint").in_bulk(pks)
