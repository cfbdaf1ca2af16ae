"""Background work carried out here and now, as workers would."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from django.db.models import Manager

from aggregation import examining, priorities, publishing, reporting, runs
from aggregation.models import Check, Examination, PriorityRound, Release, Report, Run
from annotation.models import Work
from annotation.models.work import OPEN_STATES
from models_runtime import (
    auditing,
    generating,
    judging_questions,
    probing,
    scoring,
    studying,
    writing_prompts,
)
from models_runtime.models import (
    AuditJob,
    GenerationJob,
    ItemState,
    JudgingJob,
    Probe,
    PromptJob,
    ScoringJob,
    StudyJob,
)

ACTS: dict[type[Work], Callable[[int], object]] = {
    AuditJob: auditing.run_audit,
    GenerationJob: generating.run_generation,
    JudgingJob: judging_questions.run_judging,
    PromptJob: writing_prompts.run_prompts,
    ScoringJob: scoring.run_scoring,
    StudyJob: studying.run_study,
    Probe: probing.run_probe,
    Run: runs.execute_run,
    Examination: examining.execute_examination,
    PriorityRound: priorities.execute_round,
    Report: reporting.execute_report,
    Release: publishing.publish,
    Check: publishing.check,
}


W = TypeVar("W", bound=Work)


def carry_out(work: W) -> W:
    """Shift after shift, without the waits between them, until it has ended."""
    while True:
        work.refresh_from_db()
        if work.is_final:
            return work
        _wake(work)
        ACTS[type(work)](work.pk)


def carry_out_everything() -> None:
    """All that is still to be done, such as examinations that a run asked for by itself."""
    for work in _open():
        carry_out(work)


def _open() -> Iterator[Work]:
    for model in ACTS:
        yield from model._default_manager.filter(state__in=OPEN_STATES).order_by("pk")


def _wake(work: Work) -> None:
    type(work)._default_manager.filter(pk=work.pk).update(not_before=None)
    items: Any = getattr(work, "items", None)
    if isinstance(items, Manager):
        items.filter(state=ItemState.READY).update(not_before=None)
