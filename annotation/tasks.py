"""Celery's doors. A message carries an id only; lost or doubled messages change nothing."""

import logging

from kombu.exceptions import OperationalError

from annotation.errors import LogBusy
from annotation.models import Webhook
from annotation.webhooks import delivering, following
from config.celery import app

logger = logging.getLogger(__name__)


@app.task(name="annotation.tell_webhook")
def tell_webhook(pk: int) -> None:
    """Write what is due for one webhook and send it."""
    webhook = Webhook.objects.select_related("project").filter(pk=pk, paused_because="").first()
    if webhook is None:
        return
    more = False
    try:
        more = following.follow(webhook)
    except LogBusy:
        logger.info("An import is writing; webhook %s follows the log later.", pk)
    arrived = delivering.deliver(webhook)
    if more or arrived == delivering.LETTERS_PER_SHIFT:
        wake(pk)


@app.task(name="annotation.sweep")
def sweep() -> None:
    """Look at every webhook that isn't paused, each in a message of its own: a slow receiver keeps
    nobody else waiting.
    """
    for pk in Webhook.objects.filter(paused_because="").values_list("pk", flat=True):
        wake(pk)


def wake(pk: int) -> None:
    """Wake a worker. Without a broker the sweeper comes round, and the log says so."""
    try:
        tell_webhook.apply_async(args=(pk,), retry=False)
    except (OperationalError, OSError):
        logger.warning("No broker: webhook %s waits for the sweeper.", pk, exc_info=True)
