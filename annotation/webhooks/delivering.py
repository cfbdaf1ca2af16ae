"""Sending letters: signed, behind the guard of outgoing addresses, tried again for three days."""

import logging
from datetime import datetime, timedelta

import httpx
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.models import Delivery, LeaseLost, Webhook, WorkState
from annotation.webhooks.signing import secret_of, signed_headers
from config import outbound

logger = logging.getLogger(__name__)

LETTERS_PER_SHIFT = 100
SECONDS_PER_LETTER = 10.0
ANSWER_BYTES = 64 * 1024
ANSWER_KEPT = 500  # characters
LEASE = timedelta(seconds=60)
WAITS = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 30, 120, 600, 1800, 3600, 6 * 3600, 12 * 3600, 24 * 3600)
)
GIVE_UP_AFTER = timedelta(days=3)
GONE = 410


def deliver(webhook: Webhook) -> int:
    """Send what is due, oldest first, and return how many letters arrived.

    The first failure ends the shift: the receiver is down, and later letters would only queue up in
    front of it. A 410 answer, or three days without one arrival, pauses the webhook with a
    sentence for its owners; letters not yet sent then wait until it is resumed.
    """
    arrived = 0
    for _turn in range(LETTERS_PER_SHIFT):
        webhook.refresh_from_db()
        if webhook.is_paused:
            break
        due = webhook.deliveries.claimable(timezone.now()).order_by("pk").first()
        delivery = Delivery.objects.claim(due.pk, lease=LEASE) if due else None
        if delivery is None:
            break
        try:
            if not _send(webhook, delivery):
                break
        except LeaseLost:
            logger.warning("Delivery %s was taken over by another worker.", delivery.public_id)
            break
        arrived += 1
    return arrived


def _send(webhook: Webhook, delivery: Delivery) -> bool:
    body = delivery.body.encode()
    secret = secret_of(settings.SECRET_KEY, webhook.public_id, webhook.secret_version)
    stamp = int(timezone.now().timestamp())
    headers = signed_headers(secret, str(delivery.public_id), stamp, body)
    headers |= {"content-type": "application/json", "user-agent": "Polyphony-Webhooks/1"}
    try:
        with outbound.client(timeout=SECONDS_PER_LETTER, max_bytes=ANSWER_BYTES) as client:
            answer = client.post(webhook.url, content=body, headers=headers)
    except (outbound.OutboundRefused, httpx.HTTPError) as error:
        said = str(error) or type(error).__name__
        _failed(webhook, delivery, None, said)
        return False
    if answer.is_success:
        _note(delivery, answer.status_code, answer.text)
        delivery.finish()
        Webhook.objects.filter(pk=webhook.pk).update(failing_since=None)
        return True
    _failed(webhook, delivery, answer.status_code, answer.text)
    return False


def _failed(webhook: Webhook, delivery: Delivery, status: int | None, said: str) -> None:
    now = timezone.now()
    _note(delivery, status, said)
    Webhook.objects.filter(pk=webhook.pk, failing_since__isnull=True).update(failing_since=now)
    webhook.refresh_from_db()
    told = _("it answered {status}").format(status=status) if status else said
    if delivery.attempt > len(WAITS):
        delivery.fail(
            _("Tried {times} times without success; the last time: {told}").format(
                times=delivery.attempt, told=told
            )
        )
    else:
        delivery.postpone(until=now + WAITS[delivery.attempt - 1])
    _pause_if_hopeless(webhook, status, told, now)


def _pause_if_hopeless(webhook: Webhook, status: int | None, told: str, now: datetime) -> None:
    since = webhook.failing_since or now
    if status == GONE:
        because = _("The receiver said that it is gone for good (410).")
    elif now - since >= GIVE_UP_AFTER:
        because = _(
            "Nothing has arrived since {since:%d %B %Y, %H:%M} UTC; the last time: {told}"
        ).format(since=since, told=told)
    else:
        return
    Webhook.objects.filter(pk=webhook.pk, paused_because="").update(paused_because=because)


def _note(delivery: Delivery, status: int | None, said: str) -> None:
    kept = said.replace("\x00", "\N{REPLACEMENT CHARACTER}")[:ANSWER_KEPT]
    held = Delivery.objects.filter(
        pk=delivery.pk, state=WorkState.RUNNING, attempt=delivery.attempt
    )
    held.update(status=status, answer=kept)
