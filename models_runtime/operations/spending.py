"""What calls cost and how long our own devices worked, by project and day; room on the disk."""

import shutil
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotation.models import Project
from models_runtime.models import (
    AuditCall,
    DeviceTime,
    EmbeddingCall,
    Generation,
    GenerationItem,
    ItemState,
    JudgeCall,
    PromptItem,
    ScoringItem,
    StudyCall,
)

SPENT_DAYS = 14
UNRECORDED = (
    _("Time on GPUs behind a model server's address: that server knows it."),
    _("The last seconds of a worker that was killed in the middle of a shift."),
)


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


def spendings(now: datetime, *, days: int = SPENT_DAYS) -> list[Spending]:
    """What projects used on each of the last `days` days (UTC), the newest day and the dearest
    project first.

    Calls count on the day they were answered. Measuring, writing prompts and candidates that never
    came to be keep no time per call: they count on the day their job began, without call time.
    """
    first = timezone.localdate(now) - timedelta(days=days - 1)
    sums: dict[tuple[int, date], dict[str, float]] = {}
    timed: dict[tuple[int, date], float] = {}
    for rows, project, moment, minutes in _paid_for():
        for row in _used(rows, project, moment, first, timed=minutes):
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


def _paid_for() -> list[tuple[QuerySet[Any], str, str, bool]]:
    """Rows that say what calls took, none of it twice; the paths to their project and to when that
    was; and whether they tell how long."""
    of_item, of_job = "item__job__project_id", "job__project_id"
    computed = EmbeddingCall.objects.filter(Q(computed__gt=0) | Q(cost__gt=0))
    took = Q(tokens_in__gt=0) | Q(tokens_out__gt=0) | Q(cost__gt=0)
    by_embedding = Exists(EmbeddingCall.objects.filter(scoring_job=OuterRef("job")))
    measured = ScoringItem.objects.filter(Q(state=ItemState.DONE) | took).exclude(by_embedding)
    lost = GenerationItem.objects.exclude(state=ItemState.DONE).filter(took)
    of_writing = computed.filter(generation_job__isnull=False)
    of_measuring = computed.filter(scoring_job__isnull=False)
    return [
        (Generation.objects.all(), of_job, "created_at", True),
        (JudgeCall.objects.all(), of_item, "created_at", True),
        (AuditCall.objects.all(), of_item, "created_at", True),
        (StudyCall.objects.all(), of_item, "created_at", True),
        (of_writing, "generation_job__project_id", "created_at", True),
        (of_measuring, "scoring_job__project_id", "created_at", True),
        (measured, of_job, "job__started_at", False),
        (lost, of_job, "job__started_at", False),
        (PromptItem.objects.filter(took), of_job, "job__started_at", False),
    ]


def _used(
    rows: QuerySet[Any], project: str, moment: str, first: date, *, timed: bool
) -> QuerySet[Any, dict[str, Any]]:
    sums: dict[str, Any] = {
        "calls": Count("pk"),
        "used_in": Sum("tokens_in"),
        "used_out": Sum("tokens_out"),
        "paid": Sum("cost"),
    }
    if timed:
        sums["wall"] = Sum("wall_ms")
    used: QuerySet[Any, dict[str, Any]] = (
        rows.order_by()
        .filter(**{f"{moment}__date__gte": first})
        .values(project=F(project), day=TruncDate(moment))
        .annotate(**sums)
    )
    return used


def room() -> Room:
    """How large the database is, and how much disk the data folder has left."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        size = int(cursor.fetchone()[0])
    disk = shutil.disk_usage(settings.VAR_DIR)
    return Room(size, disk.free, disk.total)
