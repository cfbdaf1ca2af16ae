"""Every kind of background work there is, of this app or another, and its queue."""

from collections.abc import Mapping
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any

from django.apps import apps
from django.conf import settings

from annotation.models import Work
from annotation.telling import told
from models_runtime.models import (
    Item,
)

LOOK_BACK = timedelta(hours=24)
# Which task carries out a kind of work, by the model's label: its route says the queue.
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


def kind_of(model: type[Any]) -> str:
    """What people call a kind of work: the model's name in words."""
    return told(str(model._meta.verbose_name)).capitalize()


def item_models() -> list[type[Item]]:
    """The rows that jobs on models consist of, one model per kind of job."""
    return [model for model in apps.get_models() if issubclass(model, Item)]


def rows_of(model: type[Any]) -> Any:
    """The rows of a kind of job; which fields `job` has, only the model at hand knows."""
    return model._default_manager.order_by()
