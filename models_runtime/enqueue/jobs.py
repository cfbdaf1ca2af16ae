"""What asking for work has in common: a job's fields, waking workers, cancelling, reopening."""

import secrets
from collections.abc import Collection
from typing import Any

from django.db import transaction

from annotation.models import (
    Project,
    User,
    WorkState,
)
from annotation.models.work import FINAL_STATES
from annotation.phrases import say
from models_runtime import probing, tasks
from models_runtime.checkpoints import require
from models_runtime.engines import Capability, EngineError
from models_runtime.errors import NotPossible
from models_runtime.models import (
    Checkpoint,
    ItemState,
    Job,
    Probe,
)
from models_runtime.shifts import SLICE

MOST_ITEMS = 1_000_000
MOST_WAKE_UPS = 4


def request_probe(checkpoint: Checkpoint, *, user: User | None = None) -> Probe:
    """Have workers find out what a checkpoint really does. One that is still under way is enough.
    Raises NotPossible."""
    if checkpoint.retired_at is not None:
        raise NotPossible(
            say("%(label)s was retired, so it isn't asked any more.", label=checkpoint.label)
        )
    with transaction.atomic():
        made = probing.make(checkpoint, user)
        transaction.on_commit(lambda: tasks.send(tasks.run_probe, made.pk))
    return made


def cancel(job: Job) -> None:
    """Stop a job: at once if no worker is at it, else within seconds. What it wrote stays."""
    with transaction.atomic():
        job.request_cancel()
        if job.state == WorkState.CANCELLED:
            items_of(job).cancel_open()


def reopen(job: Job) -> None:
    """Let a job that ended go on: rows that were set aside or never begun are tried again.

    What it wrote stays, and is not written twice. Raises NotPossible if nothing is left to do.
    """
    with transaction.atomic():
        left = items_of(job).filter(
            state__in=[ItemState.FAILED, ItemState.CANCELLED, ItemState.READY]
        )
        if not left.exists():
            raise NotPossible(say("Nothing of this job is left to do."))
        reopened = (
            type(job)
            ._default_manager.filter(pk=job.pk, state__in=FINAL_STATES)
            .update(
                state=WorkState.QUEUED,
                error="",
                notice="",
                troubles=0,
                finished_at=None,
                cancel_requested_at=None,
                not_before=None,
            )
        )
        if not reopened:
            raise NotPossible(say("This job is still at work. Wait until it ends, or cancel it."))
        count = left.update(state=ItemState.READY, attempt=0, cause="", error="", not_before=None)
        job.refresh_from_db()
        wake(job, count)


def items_of(job: Job) -> Any:
    """The job's rows, as a queryset of items."""
    return job.items.all()  # type: ignore[attr-defined]


def wake(job: Job, count: int) -> None:
    """Tell workers about a job once it is committed; more than one where there is enough to do."""
    task = tasks.TASKS[type(job)]
    copies = min(MOST_WAKE_UPS, max(1, count // (4 * SLICE)))
    for _ in range(copies):
        transaction.on_commit(lambda: tasks.send(task, job.pk))


def check_checkpoint(project: Project, checkpoint: Checkpoint) -> None:
    """Raise NotPossible for a checkpoint of another project or one that was retired."""
    if checkpoint.project_id != project.pk:
        raise NotPossible(say("This checkpoint belongs to another project."))
    if checkpoint.retired_at is not None:
        raise NotPossible(
            say("%(label)s was retired. Choose another checkpoint.", label=checkpoint.label)
        )


def check_can(checkpoint: Checkpoint, needs: Collection[Capability]) -> None:
    """Raise NotPossible where a checkpoint can't do what a job needs."""
    try:
        require(checkpoint, needs)
    except EngineError as error:
        raise NotPossible(str(error)) from error


def job_fields(seed: int | None, max_cost: float | None, user: User | None) -> dict[str, Any]:
    """Fields every job has. Without a seed one is drawn: fences must not be guessable."""
    if seed is not None and not 0 <= seed < 2**63:
        raise NotPossible(say("A seed is a whole number from 0."))
    if max_cost is not None and max_cost <= 0:
        raise NotPossible(say("A budget is a number above 0."))
    drawn = secrets.randbits(62) if seed is None else seed
    return {"seed": drawn, "max_cost": max_cost, "requested_by": user}
