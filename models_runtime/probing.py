"""Probing checkpoints in the background: what a model really does, kept with the date."""

import logging
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from annotation.models import LeaseLost, User, WorkState
from models_runtime.checkpoints import open_as_described
from models_runtime.engines import EngineError
from models_runtime.engines._probing import probe
from models_runtime.models import Checkpoint, Probe

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=10)  # a large model has to be loaded first


class Cancelled(Exception):
    """The probe was cancelled between two requests."""


def run_probe(pk: int) -> None:
    """Carry out probe `pk`; do nothing if it is final or another worker has it."""
    claimed = Probe.objects.claim(pk, lease=LEASE)
    if claimed is None:
        return

    def go_on() -> None:
        claimed.renew(lease=LEASE)
        if claimed.cancel_is_requested():
            raise Cancelled

    try:
        with open_as_described(claimed.checkpoint) as engine:
            found = probe(engine, go_on).as_json()
            found["revision"] = engine.info.revision
        with transaction.atomic():
            claimed.finish()
            Probe.objects.filter(pk=claimed.pk).update(findings=found)
    except EngineError as error:
        claimed.fail(str(error))
    except Cancelled:
        claimed.finish(WorkState.CANCELLED)
    except LeaseLost:
        logger.info("Probe %s was taken over by another worker.", pk)


def latest_of(checkpoint: Checkpoint) -> Probe | None:
    """The newest probe, whatever became of it."""
    return Probe.objects.filter(checkpoint=checkpoint).first()


def make(checkpoint: Checkpoint, user: User | None) -> Probe:
    """A new probe, or the one that is still waiting or at work."""
    open_ = Probe.objects.filter(
        checkpoint=checkpoint, state__in=[WorkState.QUEUED, WorkState.RUNNING]
    ).first()
    if open_ is not None and timezone.now() - open_.created_at < timedelta(hours=1):
        return open_
    return Probe.objects.create(checkpoint=checkpoint, requested_by=user)
