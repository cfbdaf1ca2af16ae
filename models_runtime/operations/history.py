"""What was done lately, and what failed by cause."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min, Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from annotation.models import WorkState
from models_runtime.models import (
    AuditCall,
    Generation,
    ItemState,
    JudgeCall,
    StudyCall,
)
from models_runtime.operations.kinds import LOOK_BACK, item_models, kind_of, kinds_of_work, rows_of
from models_runtime.presenting import CAUSE_WORDS


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
        return str(CAUSE_WORDS.get(self.cause, self.cause.replace("_", " ")))


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
        for row in rows_of(model)
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
