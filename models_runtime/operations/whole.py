"""Everything the operations page tells, as of one moment."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone

from models_runtime.operations.history import FailureCount, Trace, failures, traces
from models_runtime.operations.queues import Standing, standing
from models_runtime.operations.spending import (
    UNRECORDED,
    DeviceUse,
    Room,
    Spending,
    devices_used,
    room,
    spendings,
)


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything the operations page tells."""

    standing: Standing
    traces: Sequence[Trace]
    failures: Sequence[FailureCount]
    spendings: Sequence[Spending]
    devices: Sequence[DeviceUse]
    room: Room
    unrecorded: Sequence[str]


def overview() -> Overview:
    """All of it, as of one moment."""
    now = timezone.now()
    return Overview(
        standing=standing(now),
        traces=traces(now),
        failures=failures(now),
        spendings=spendings(now),
        devices=devices_used(now),
        room=room(),
        unrecorded=[str(each) for each in UNRECORDED],
    )
