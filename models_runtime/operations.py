"""How the background work of the whole installation stands, told from rows alone.

Nothing is asked of the broker or of a worker: a page must answer while they are down. Every kind of
background work is a `Work`, of this app or another, so it is found by what it is.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.models import Count, F, Max, Min, Q, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from annotation.models import Project, Work, WorkState
from models_runtime.models import (
    AuditCall,
    DeviceTime,
    Generation,
    Item,
    ItemState,
    Job,
    JudgeCall,
    ScoringItem,
    StudyCall,
    WorkerSeen,
)
from models_runtime.presenting import CAUSE_WORDS, in_words
from models_runtime.sightings import SILENT_AFTER

LOOK_BACK = timedelta(hours=24)
SPENT_DAYS = 14

TASKS = {
    "annotation.Delivery": "annotation.tell_webhook",
    "aggregation.Run": "aggregation.execute_run",
    "aggregation.Examination": "aggregation.execute_examination",
    "aggregation.PriorityRound": "aggregation.order_questions",
    "aggregation.Release": "aggregation.publish_release",
    "aggregation.Check": "aggregation.check_release",
    "aggregation.Report": "aggregation.execute_report",
    "models_runtime.GenerationJob": "models_runtime.run_generation",
    "models_runtime.JudgingJob": "models_runtime.run_judging",
    "models_runtime.ScoringJob": "models_runtime.run_scoring",
    "models_runtime.PromptJob": "models_runtime.run_prompts",
    "models_runtime.AuditJob": "models_runtime.run_audit",
    "models_runtime.StudyJob": "models_runtime.run_study",
    "models_runtime.Probe": "models_runtime.run_probe",
}
"""Which task carries out a kind of work, by the model's label: its route says the queue."""

UNRECORDED = (
    _("Time on GPUs behind a model server's address: that server knows it."),
    _("The last seconds of a worker that was killed in the middle of a shift."),
)


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
class Trace:
    """The newest thing a kind of worker wrote, and how many in the last 24 hours."""

    kind: str
    newest: datetime | None
    lately: int


@dataclass(frozen=True, slots=True)
class FailureCount:
    """What failed for one cause: `what` says whether calls, rows or whole jobs."""

    what: str
    kind: str
    cause: str
    example: str
    count: int

    @property
    def words(self) -> str:
        """The cause as people read it; a whole job has none but its sentence."""
        return CAUSE_WORDS.get(self.cause, self.cause.replace("_", " "))


@dataclass(frozen=True, slots=True)
class Spending:
    """What the calls of a day used in a project. `cost` is in the currency of the prices that its
    checkpoints name; `minutes` is the time that calls took, side by side ones each counted."""

    project: str
    slug: str
    day: date
    calls: int
    tokens_in: int
    tokens_out: int
    cost: float
    minutes: float | None


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes that the database holds, and what is left on the disk of the data folder."""

    database: int
    disk_free: int
    disk_total: int


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
class DeviceUse:
    """How long a day's shifts of a project kept a device of ours, and the most memory they took."""

    project: str
    slug: str
    day: date
    device: str
    minutes: float
    shifts: int
    peak: int
    total: int


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


# --- Queues and workers ---------------------------------------------------------------------------


def standing(now: datetime | None = None) -> Standing:
    """Queues and workers at this moment."""
    now = now or timezone.now()
    depths = sorted(
        (_depth(model, now) for model in kinds_of_work()), key=lambda each: (each.queue, each.kind)
    )
    return Standing(now, depths, shifts_at_work(now), processes(now))


def kinds_of_work() -> list[type[Work]]:
    """Every kind of background work of every app."""
    return [model for model in apps.get_models() if issubclass(model, Work)]


def queue_of(model: type[Work]) -> str:
    """The queue that a kind of work is announced on; empty where nothing says which."""
    task = TASKS.get(model._meta.label)
    if task is None:
        return ""
    routes: Mapping[str, Mapping[str, str]] = settings.CELERY_TASK_ROUTES
    exact = routes.get(task)
    if exact is not None:
        return exact["queue"]
    for pattern, route in routes.items():
        if fnmatchcase(task, pattern):
            return route["queue"]
    return str(settings.CELERY_TASK_DEFAULT_QUEUE)


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


def kind_of(model: type[Any]) -> str:
    """What people call a kind of work: the model's name in words."""
    return str(model._meta.verbose_name).capitalize()


def item_models() -> list[type[Item]]:
    """The rows that jobs on models consist of, one model per kind of job."""
    return [model for model in apps.get_models() if issubclass(model, Item)]


def shifts_at_work(now: datetime) -> list[Shift]:
    """Workers that hold rows of jobs on models, those heard of last first."""
    found = []
    for model in item_models():
        rows: Any = (
            _rows(model)
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


def devices_used(now: datetime, *, days: int = SPENT_DAYS) -> list[DeviceUse]:
    """Time on our own devices on each of the last `days` days, the newest day first."""
    first = timezone.localdate(now) - timedelta(days=days - 1)
    rows = DeviceTime.objects.filter(day__gte=first).select_related("project")
    return [
        DeviceUse(
            project=each.project.name,
            slug=each.project.slug,
            day=each.day,
            device=each.device,
            minutes=each.seconds / 60,
            shifts=each.shifts,
            peak=each.peak_bytes,
            total=each.total_bytes,
        )
        for each in rows
    ]


def _rows(model: type[Any]) -> Any:
    """The rows of a kind of job; which fields `job` has, only the model at hand knows."""
    return model._default_manager.order_by()


def _jobs_of(model: type[Any], pks: set[int]) -> dict[int, Job]:
    kind: type[Job] = model._meta.get_field("job").related_model
    return kind._default_manager.select_related("project", "checkpoint").in_bulk(pks)


def traces(now: datetime) -> list[Trace]:
    """The newest that each kind of worker wrote down, told by what it leaves behind."""
    since = now - LOOK_BACK
    kept: Sequence[tuple[Promise, type[Any]]] = (
        (_("Candidates written"), Generation),
        (_("Calls of judges"), JudgeCall),
        (_("Calls of audits"), AuditCall),
        (_("Calls of studies"), StudyCall),
    )
    found = []
    for words, model in kept:
        rows = model._default_manager.order_by()
        found.append(
            Trace(
                str(words),
                rows.aggregate(newest=Max("created_at"))["newest"],
                rows.filter(created_at__gte=since).count(),
            )
        )
    for kind in kinds_of_work():
        work = kind._default_manager.filter(state=WorkState.DONE).order_by()
        found.append(
            Trace(
                str(_("Done: %(kind)s")) % {"kind": kind_of(kind).lower()},
                work.aggregate(newest=Max("finished_at"))["newest"],
                work.filter(finished_at__gte=since).count(),
            )
        )
    return sorted(found, key=lambda each: (each.newest is None, -_seconds(each.newest)))


def _seconds(moment: datetime | None) -> float:
    return 0.0 if moment is None else moment.timestamp()


# --- Failures -------------------------------------------------------------------------------------


def failures(now: datetime) -> list[FailureCount]:
    """What failed in the last 24 hours by cause, the commonest first.

    Calls and whole jobs are counted by their own time. Rows that were set aside carry none, so they
    count where their job has been open or ended within that time.
    """
    since = now - LOOK_BACK
    found = [*_failed_calls(since), *_set_aside(since), *_failed_work(since)]
    return sorted(found, key=lambda each: (-each.count, each.what, each.kind, each.cause))


def _failed_calls(since: datetime) -> list[FailureCount]:
    kinds: Sequence[tuple[type[Any], str]] = (
        (JudgeCall, str(_("Calls of judges"))),
        (AuditCall, str(_("Calls of audits"))),
        (StudyCall, str(_("Calls of studies"))),
    )
    return [
        FailureCount(str(_("calls")), kind, row["failure"], "", row["n"])
        for model, kind in kinds
        for row in model._default_manager.filter(created_at__gte=since)
        .exclude(failure="")
        .order_by()
        .values("failure")
        .annotate(n=Count("pk"))
    ]


def _set_aside(since: datetime) -> list[FailureCount]:
    lately = Q(job__finished_at__isnull=True) | Q(job__finished_at__gte=since)
    return [
        FailureCount(
            ngettext("row", "rows", row["n"]),
            kind_of(model),
            row["cause"],
            row["example"],
            row["n"],
        )
        for model in item_models()
        for row in _rows(model)
        .filter(lately, state=ItemState.FAILED)
        .values("cause")
        .annotate(n=Count("pk"), example=Min("error"))
    ]


def _failed_work(since: datetime) -> list[FailureCount]:
    return [
        FailureCount(ngettext("job", "jobs", row["n"]), kind_of(model), "", row["error"], row["n"])
        for model in kinds_of_work()
        for row in model._default_manager.filter(state=WorkState.FAILED, finished_at__gte=since)
        .order_by()
        .values("error")
        .annotate(n=Count("pk"))
    ]


# --- Money ----------------------------------------------------------------------------------------


def spendings(now: datetime, *, days: int = SPENT_DAYS) -> list[Spending]:
    """What projects used on each of the last `days` days (UTC), the newest day and the dearest
    project first.

    Calls count on the day they were answered. Measuring keeps no time per call, so it counts on
    the day its job began, and its call time isn't known.
    """
    first = timezone.localdate(now) - timedelta(days=days - 1)
    sums: dict[tuple[int, date], dict[str, float]] = {}
    timed: dict[tuple[int, date], float] = {}
    for model, project, moment, minutes in (
        (Generation, "job__project_id", "created_at", True),
        (JudgeCall, "item__job__project_id", "created_at", True),
        (AuditCall, "item__job__project_id", "created_at", True),
        (StudyCall, "item__job__project_id", "created_at", True),
        (ScoringItem, "job__project_id", "job__started_at", False),
    ):
        for row in _used(model, project, moment, first, timed=minutes):
            key = (row["project"], row["day"])
            into = sums.setdefault(key, dict.fromkeys(_SUMMED, 0.0))
            for name in _SUMMED:
                into[name] += row[name] or 0
            if minutes:
                timed[key] = timed.get(key, 0.0) + (row["wall"] or 0) / 60_000
    projects = Project.objects.in_bulk({project for project, _day in sums})
    found = [
        Spending(
            project=projects[pk].name,
            slug=projects[pk].slug,
            day=day,
            calls=int(row["calls"]),
            tokens_in=int(row["used_in"]),
            tokens_out=int(row["used_out"]),
            cost=row["paid"],
            minutes=timed.get((pk, day)),
        )
        for (pk, day), row in sums.items()
    ]
    return sorted(found, key=lambda each: (-each.day.toordinal(), -each.cost, each.slug))


_SUMMED = ("calls", "used_in", "used_out", "paid")


def _used(model: type[Any], project: str, moment: str, first: date, *, timed: bool) -> Any:
    rows = model._default_manager.order_by()
    if model is ScoringItem:
        rows = rows.filter(state=ItemState.DONE)
    sums: dict[str, Any] = {
        "calls": Count("pk"),
        "used_in": Sum("tokens_in"),
        "used_out": Sum("tokens_out"),
        "paid": Sum("cost"),
    }
    if timed:
        sums["wall"] = Sum("wall_ms")
    return (
        rows.filter(**{f"{moment}__date__gte": first})
        .values(project=F(project), day=TruncDate(moment))
        .annotate(**sums)
    )


# --- Room -----------------------------------------------------------------------------------------


def room() -> Room:
    """How large the database is, and how much disk the data folder has left."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        size = int(cursor.fetchone()[0])
    disk = shutil.disk_usage(settings.VAR_DIR)
    return Room(size, disk.free, disk.total)


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything the operations page tells."""

    standing: Standing
    traces: Sequence[Trace]
    failures: Sequence[FailureCount]
    spendings: Sequence[Spending]
    devices: Sequence[DeviceUse]
    room: Room
    unrecorded: Sequence[str]


def overview() -> Overview:
    """All of it, as of one moment."""
    now = timezone.now()
    return Overview(
        standing=standing(now),
        traces=traces(now),
        failures=failures(now),
        spendings=spendings(now),
        devices=devices_used(now),
        room=room(),
        unrecorded=[str(each) for each in UNRECORDED],
    )
