"""Adding up how long shifts keep our devices, per project, day and device."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import Error, connection
from django.utils import timezone

from annotation.models import Project
from models_runtime.engines import Engine
from models_runtime.hardware import look_at
from models_runtime.models import DeviceTime

logger = logging.getLogger(__name__)

ADD = """
INSERT INTO {table} AS known
    (project_id, day, device, seconds, shifts, peak_bytes, total_bytes)
VALUES (%s, %s, %s, %s, 1, %s, %s)
ON CONFLICT ON CONSTRAINT one_sum_per_project_day_and_device DO UPDATE
SET seconds = known.seconds + excluded.seconds, shifts = known.shifts + 1,
    peak_bytes = greatest(known.peak_bytes, excluded.peak_bytes),
    total_bytes = excluded.total_bytes
"""


@contextmanager
def on_device(project: Project, engines: Sequence[Engine]) -> Iterator[None]:
    """Count the time inside the block for the devices that these engines had a model on.

    A worker that is killed loses what its shift had counted, some seconds at most.
    """
    began = time.monotonic()
    try:
        yield
    finally:
        seconds = time.monotonic() - began
        for device in {engine.device for engine in engines} - {""}:
            _add(project, device, seconds)


def _add(project: Project, device: str, seconds: float) -> None:
    seen = look_at(device)
    today = timezone.localdate()
    values = (project.pk, today, seen.name, seconds, seen.peak, seen.total)
    try:
        with connection.cursor() as cursor:
            cursor.execute(ADD.format(table=DeviceTime._meta.db_table), values)
    except Error:  # the work itself is kept and matters more than this sum
        logger.warning("%.0f s on %s could not be counted.", seconds, seen.name, exc_info=True)
