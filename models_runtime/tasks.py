"""Celery's doors: each task looks at one row and calls one act. A message carries an id only."""

import logging
import math
from datetime import timedelta
from typing import Any

from celery import Task
from django.utils import timezone
from kombu.exceptions import OperationalError

from config.celery import app
from models_runtime import (
    auditing,
    generating,
    judging_questions,
    probing,
    scoring,
    sightings,  # noqa: F401 - a worker that loads these tasks also says that it is there
    studying,
    writing_prompts,
)
from models_runtime.models import (
    AuditJob,
    GenerationJob,
    JudgingJob,
    Probe,
    PromptJob,
    ScoringJob,
    StudyJob,
)

logger = logging.getLogger(__name__)

WAKE_AGAIN_AFTER = timedelta(seconds=30)
LONGEST_COUNTDOWN = timedelta(minutes=2)  # longer waits are the sweeper's


@app.task(name="models_runtime.run_generation")
def run_generation(pk: int) -> None:
    _again(run_generation, pk, generating.run_generation(pk))


@app.task(name="models_runtime.run_judging")
def run_judging(pk: int) -> None:
    _again(run_judging, pk, judging_questions.run_judging(pk))


@app.task(name="models_runtime.run_scoring")
def run_scoring(pk: int) -> None:
    _again(run_scoring, pk, scoring.run_scoring(pk))


@app.task(name="models_runtime.run_prompts")
def run_prompts(pk: int) -> None:
    _again(run_prompts, pk, writing_prompts.run_prompts(pk))


@app.task(name="models_runtime.run_probe")
def run_probe(pk: int) -> None:
    probing.run_probe(pk)


@app.task(name="models_runtime.run_audit")
def run_audit(pk: int) -> None:
    _again(run_audit, pk, auditing.run_audit(pk))


@app.task(name="models_runtime.run_study")
def run_study(pk: int) -> None:
    _again(run_study, pk, studying.run_study(pk))


@app.task(name="models_runtime.sweep")
def sweep() -> None:
    """Announce jobs again whose wake-up or worker was lost."""
    now = timezone.now()
    for model, task in TASKS.items():
        stalled = model.objects.stalled(now=now, queued_for=WAKE_AGAIN_AFTER)
        for pk in stalled.values_list("pk", flat=True):
            send(task, pk)


TASKS: dict[type[Any], "Task[Any, Any]"] = {
    AuditJob: run_audit,
    GenerationJob: run_generation,
    JudgingJob: run_judging,
    PromptJob: run_prompts,
    ScoringJob: run_scoring,
    StudyJob: run_study,
    Probe: run_probe,
}


def send(task: "Task[Any, Any]", pk: int, *, after: timedelta = timedelta()) -> None:
    """Wake a worker. Without a broker the row waits for the sweeper, and the log says so."""
    try:
        task.apply_async(args=(pk,), countdown=math.ceil(after.total_seconds()), retry=False)
    except (OperationalError, OSError):
        logger.warning("No broker: %s(%s) waits for the sweeper.", task.name, pk, exc_info=True)


def _again(task: "Task[Any, Any]", pk: int, after: timedelta | None) -> None:
    """Wake the next shift: messages between two shifts let other jobs and commands through."""
    if after is not None and after <= LONGEST_COUNTDOWN:
        send(task, pk, after=after)
