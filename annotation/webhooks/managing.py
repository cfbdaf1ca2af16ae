"""Setting up webhooks: adding, changing, pausing, trying out, sending a letter again."""

from collections.abc import Sequence

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation import log
from annotation.errors import AnnotationError
from annotation.models import Delivery, Project, User, Webhook, WorkState
from annotation.webhooks.events import PING, about_ping, letter
from annotation.webhooks.signing import secret_of
from config import outbound

MOST_WEBHOOKS = 20  # per project


class InvalidWebhook(AnnotationError):
    """A webhook that can't be set up as asked; the sentence says why."""


def add_webhook(
    *, project: Project, url: str, events: Sequence[str], created_by: User | None
) -> Webhook:
    """A webhook that is told of what happens from now on. Raises InvalidWebhook."""
    check_url(url)
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        if project.webhooks.count() >= MOST_WEBHOOKS:
            raise InvalidWebhook(
                _("A project may have {most} webhooks. Remove one first.").format(
                    most=MOST_WEBHOOKS
                )
            )
        return Webhook.objects.create(
            project=project,
            url=url,
            events=sorted(set(events)),
            followed=log.newest(project),
            looked_at=timezone.now(),
            created_by=created_by,
        )


def check_url(url: str) -> None:
    """Refuse now what the guard of outgoing addresses would refuse at every delivery."""
    try:
        outbound.check(url)
    except outbound.OutboundRefused as error:
        raise InvalidWebhook(str(error)) from error


def secret(webhook: Webhook) -> str:
    """What the receiver needs to verify signatures."""
    return secret_of(settings.SECRET_KEY, webhook.public_id, webhook.secret_version)


def change_secret(webhook: Webhook) -> None:
    """From now on letters are signed with another secret; the old one verifies none of them."""
    Webhook.objects.filter(pk=webhook.pk).update(secret_version=webhook.secret_version + 1)
    webhook.refresh_from_db()


def pause(webhook: Webhook, because: str) -> None:
    """Send nothing until resumed. What happens meanwhile is told then."""
    Webhook.objects.filter(pk=webhook.pk).update(paused_because=because)


def resume(webhook: Webhook) -> None:
    """Go on: letters that waited are due at once."""
    now = timezone.now()
    Webhook.objects.filter(pk=webhook.pk).update(paused_because="", failing_since=None)
    webhook.deliveries.filter(state=WorkState.QUEUED).update(not_before=now)


def ping(webhook: Webhook) -> Delivery:
    """Write a letter that says nothing but that it arrived."""
    now = timezone.now()
    body = letter(webhook.project, PING, now, about_ping(webhook))
    key = f"{PING} {now.timestamp():.6f}"
    return Delivery.objects.create(webhook=webhook, event=PING, key=key, body=body)


def send_again(delivery: Delivery) -> Delivery:
    """A new letter with the same body, for a receiver that lost or refused the first one.

    Raises InvalidWebhook while the first one is still being tried.
    """
    if not delivery.is_final:
        raise InvalidWebhook(_("This letter is still on its way; wait for its end."))
    now = timezone.now()
    original = delivery.key.partition(" · ")[0]
    return Delivery.objects.create(
        webhook=delivery.webhook,
        event=delivery.event,
        key=f"{original} · again {now.timestamp():.6f}",
        body=delivery.body,
    )
