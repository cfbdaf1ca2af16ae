"""From what happened to letters: the log of judgments and the ends of background work are read on
from where each webhook stopped.
"""

from datetime import timedelta
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from annotation import log
from annotation.models import Delivery, Judgment, Webhook, Work
from annotation.webhooks.events import Event, about_judgments, about_work, kinds_of_work, letter

JUDGMENTS_PER_LETTER = 100
LETTERS_AT_A_TIME = 50
# An end is written with its time before its transaction commits; looking back this far finds the
# slowest of them, and a letter's key keeps it from being written twice.
LOOK_BACK = timedelta(minutes=10)


def follow(webhook: Webhook) -> bool:
    """Write the letters that are due; True if more judgments wait than were read now.

    Letters and the place reached are written together, so a kill in between loses and doubles
    nothing. Of two workers that try, one follows. Raises LogBusy while a large import is writing.
    """
    up_to = log.settled(webhook.project)
    with transaction.atomic():
        held = Webhook.objects.select_for_update(skip_locked=True).select_related("project")
        mine = held.filter(pk=webhook.pk, paused_because="").first()
        if mine is None:
            return False
        more = Event.JUDGMENT_RECORDED in mine.events and _follow_judgments(mine, up_to)
        _follow_work(mine)
        return more


def _follow_judgments(webhook: Webhook, up_to: int) -> bool:
    most = JUDGMENTS_PER_LETTER * LETTERS_AT_A_TIME
    found = list(
        Judgment.objects.filter(
            question__project=webhook.project, position__gt=webhook.followed, position__lte=up_to
        )
        .select_related("question__prompt", "annotator", "supersedes")
        .defer("question__prompt__html", "question__prompt__messages")
        .order_by("position")[:most]
    )
    letters = []
    for start in range(0, len(found), JUDGMENTS_PER_LETTER):
        told = found[start : start + JUDGMENTS_PER_LETTER]
        body = letter(
            webhook.project,
            Event.JUDGMENT_RECORDED,
            told[-1].created_at,
            about_judgments(told),
        )
        key = f"judgments {told[0].position}-{told[-1].position}"
        letters.append(Delivery(webhook=webhook, event=Event.JUDGMENT_RECORDED, key=key, body=body))
    Delivery.objects.bulk_create(letters)
    whole = len(found) < most
    webhook.followed = up_to if whole else found[-1].position
    webhook.save(update_fields=["followed"])
    return not whole


def _follow_work(webhook: Webhook) -> None:
    since = max(webhook.looked_at - LOOK_BACK, webhook.created_at)
    now = timezone.now()
    letters = [
        Delivery(
            webhook=webhook,
            event=event,
            key=f"{type(work).__name__} {work.public_id}",
            body=letter(webhook.project, event, work.finished_at or now, about_work(work)),
        )
        for event in webhook.events
        for model in kinds_of_work(event)
        for work in _ended(model, webhook, since)
    ]
    Delivery.objects.bulk_create(letters, ignore_conflicts=True)
    webhook.looked_at = now
    webhook.save(update_fields=["looked_at"])


def _ended(model: type[Work], webhook: Webhook, since: object) -> list[Work]:
    ended: models.QuerySet[Any] = model._default_manager.all()
    ended = ended.filter(project=webhook.project, finished_at__gt=since)
    return list(ended.order_by("finished_at", "pk"))
