"""Workers say every so often that they are there, idle or busy, and what their device holds.

A thread of the worker's main process does so: the solo pool works in the main thread for as long
as a shift lasts. A worker that is killed is simply not heard of any more.
"""

import logging
import os
import threading
import uuid
from datetime import timedelta
from typing import Any

from celery.signals import task_unknown, worker_ready, worker_shutting_down
from django.db import Error, connection
from django.utils import timezone

from models_runtime.engines.transformers_local import RESIDENT
from models_runtime.hardware import own_gpu
from models_runtime.models import WorkerSeen

logger = logging.getLogger(__name__)

EVERY = 15.0  # seconds
SILENT_AFTER = timedelta(seconds=4 * EVERY)
FORGOTTEN_AFTER = timedelta(days=7)
MOST_UNKNOWN = 20


class Sightings:
    """What one worker process says of itself, until it is told to stop."""

    def __init__(self, name: str, queues: str) -> None:
        self._about = {"name": name[:200], "queues": queues[:300], "pid": os.getpid()}
        self._key = uuid.uuid4()
        self._started_at = timezone.now()
        self._unknown: set[str] = set()
        self._changed = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="sightings", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Say no more, and that it is gone."""
        self._stopped = True
        self._changed.set()

    def note_unknown(self, task: str) -> None:
        """Say at once that a task came which this worker doesn't know."""
        self._unknown.add(task[:200])
        self._changed.set()

    def say(self) -> None:
        """Write down how this process stands now, and forget those long gone."""
        now = timezone.now()
        gpu = own_gpu()
        WorkerSeen.objects.update_or_create(
            key=self._key,
            defaults={
                **self._about,
                "started_at": self._started_at,
                "seen_at": now,
                "device": gpu.name if gpu else "",
                "used_bytes": gpu.used if gpu else None,
                "total_bytes": gpu.total if gpu else None,
                "unknown": sorted(self._unknown)[:MOST_UNKNOWN],
                "held": sorted(str(key[0]) for key in RESIDENT.keys()),  # type: ignore[index]  # noqa: SIM118
            },
        )
        WorkerSeen.objects.filter(seen_at__lt=now - FORGOTTEN_AFTER).delete()

    def _run(self) -> None:
        while True:
            self._tell(self.say)
            self._changed.wait(EVERY)
            self._changed.clear()
            if self._stopped:
                self._tell(lambda: WorkerSeen.objects.filter(key=self._key).delete())
                return

    def _tell(self, what: Any) -> None:
        try:
            what()
        except Error:
            logger.warning("This worker could not say that it is there.", exc_info=True)
        finally:
            connection.close()


_mine: list[Sightings] = []


@worker_ready.connect
def _begin(sender: Any = None, **_: Any) -> None:
    queues = ",".join(sorted(sender.app.amqp.queues.consume_from))
    sightings = Sightings(str(sender.hostname), queues)
    _mine.append(sightings)
    sightings.start()


@task_unknown.connect
def _note(name: str = "", **_: Any) -> None:
    for sightings in _mine:
        sightings.note_unknown(name)


@worker_shutting_down.connect
def _end(**_: Any) -> None:
    for sightings in _mine:
        sightings.stop()
