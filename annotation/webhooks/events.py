"""What can be told, and what a letter about it holds."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from django.apps import apps
from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.models import Judgment, Project, Webhook, Work


class Event(models.TextChoices):
    JUDGMENT_RECORDED = "judgment.recorded", _("Judgments were recorded")
    RUN_FINISHED = "run.finished", _("An aggregation run ended")
    RELEASE_FINISHED = "release.finished", _("A release ended, published or not")
    JOB_FINISHED = "job.finished", _("A job on a model ended")


PING = "ping"


def kinds_of_work(event: str) -> list[type[Work]]:
    """The models whose ends this event tells of: those that name it in `told_as`."""
    return [
        model
        for model in apps.get_models()
        if issubclass(model, Work) and getattr(model, "told_as", None) == event
    ]


def letter(project: Project, event: str, at: datetime, data: Mapping[str, Any]) -> str:
    """The body: type, time and project, then what the event is about."""
    whole = {"type": event, "timestamp": at, "project": project.slug, "data": data}
    return orjson.dumps(whole, option=orjson.OPT_UTC_Z).decode()


def about_judgments(judgments: Sequence[Judgment]) -> dict[str, Any]:
    """Judgments in the order of the log, under the ids that imports and exports use."""
    return {
        "judgments": [_judgment(each) for each in judgments],
        "up_to": judgments[-1].position,
    }


def _judgment(judgment: Judgment) -> dict[str, Any]:
    replaced = judgment.supersedes
    return {
        "id": judgment.public_id,
        "position": judgment.position,
        "question": judgment.question.external_id,
        "prompt": judgment.question.prompt.external_id,
        "annotator": judgment.annotator.external_id,
        "annotator_kind": judgment.annotator.kind,
        "judgment_type": judgment.judgment_type,
        "payload": judgment.payload,
        "reason": judgment.reason,
        "confidence": judgment.confidence,
        "standing": judgment.standing,
        "supersedes": replaced.public_id if replaced else None,
        "created_at": judgment.created_at,
    }


def about_work(work: Work) -> dict[str, Any]:
    return {
        "id": work.public_id,
        "kind": type(work).__name__,
        "state": work.state,
        "error": work.error,
        "created_at": work.created_at,
        "finished_at": work.finished_at,
    }


def about_ping(webhook: Webhook) -> dict[str, Any]:
    return {"webhook": webhook.public_id, "events": webhook.events}
