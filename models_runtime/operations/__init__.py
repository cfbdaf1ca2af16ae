"""How the background work of the whole installation stands, told from rows alone.

Nothing is asked of the broker or of a worker: a page must answer while they are down. Every kind of
background work is a `Work`, of this app or another, so it is found by what it is.
"""

from models_runtime.operations.history import failures, traces
from models_runtime.operations.kinds import LOOK_BACK, TASKS, kinds_of_work, queue_of
from models_runtime.operations.queues import Standing, processes, shifts_at_work, standing
from models_runtime.operations.spending import SPENT_DAYS, devices_used, room, spendings
from models_runtime.operations.whole import Overview, overview

__all__ = [
    "LOOK_BACK",
    "SPENT_DAYS",
    "TASKS",
    "Overview",
    "Standing",
    "devices_used",
    "failures",
    "kinds_of_work",
    "overview",
    "processes",
    "queue_of",
    "room",
    "shifts_at_work",
    "spendings",
    "standing",
    "traces",
]
