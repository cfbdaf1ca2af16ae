"""Celery's doors: each task looks at one row and calls one act. A message carries an id only."""

import logging
from datetime import timedelta
from typing import Any

from celery import Task
from django.utils import timezone
from kombu.exceptions import OperationalError

from aggregation import examining, priorities, publishing, reporting, runs
from aggregation.models import Check, Examination, PriorityRound, Release, Report, Run
from config.celery import app

logger = logging.getLogger(__name__)

WAKE_AGAIN_AFTER = timedelta(seconds=30)


@app.task(name="aggregation.execute_run")
def execute_run(pk: int) -> None:
    runs.execute_run(pk)


@app.task(name="aggregation.execute_examination")
def execute_examination(pk: int) -> None:
    examining.execute_examination(pk)


@app.task(name="aggregation.execute_report")
def execute_report(pk: int) -> None:
    reporting.execute_report(pk)


@app.task(name="aggregation.order_questions")
def order_questions(pk: int) -> None:
    priorities.execute_round(pk)


@app.task(name="aggregation.publish_release")
def publish_release(pk: int) -> None:
    publishing.publish(pk)


@app.task(name="aggregation.check_release")
def check_release(pk: int) -> None:
    publishing.check(pk)


@app.task(name="aggregation.sweep")
def sweep() -> None:
    """Announce work again whose wake-up or worker was lost, and clear what dead workers left."""
    now = timezone.now()
    for model, task in (
        (Run, execute_run),
        (Examination, execute_examination),
        (PriorityRound, order_questions),
        (Report, execute_report),
        (Release, publish_release),
        (Check, check_release),
    ):
        stalled = model.objects.stalled(now=now, queued_for=WAKE_AGAIN_AFTER)
        for pk in stalled.values_list("pk", flat=True):
            send(task, pk)
    for opened in priorities.open_due_rounds():
        send(order_questions, opened.pk)
    publishing.clear_leftovers()


def send(task: "Task[Any, Any]", pk: int) -> None:
    """Wake a worker. Without a broker the row waits for the sweeper, and the log says so."""
    try:
        task.apply_async(args=(pk,), retry=False)
    except (OperationalError, OSError):
        logger.warning("No broker: %s(%s) waits for the sweeper.", task.name, pk, exc_info=True)
