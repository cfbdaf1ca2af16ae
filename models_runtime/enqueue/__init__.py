"""Asking for work on models: rows first, then a wake-up after the commit.

A lost wake-up changes nothing: the sweeper finds the rows. So an unreachable broker is logged and
the person's request still succeeds.
"""

from models_runtime.enqueue.generation import check_writer, needs_of, request_generation
from models_runtime.enqueue.jobs import (
    MOST_ITEMS,
    cancel,
    check_can,
    check_checkpoint,
    items_of,
    job_fields,
    reopen,
    request_probe,
    wake,
)
from models_runtime.enqueue.judging import (
    DEFAULT_PROTOCOL,
    TRIAL,
    answered_first,
    check_way,
    items_to_judge,
    let_all_through,
    nothing_to_judge,
    request_judging,
)
from models_runtime.enqueue.scoring import request_scoring, to_measure

__all__ = [
    "DEFAULT_PROTOCOL",
    "MOST_ITEMS",
    "TRIAL",
    "answered_first",
    "cancel",
    "check_can",
    "check_checkpoint",
    "check_way",
    "check_writer",
    "items_of",
    "items_to_judge",
    "job_fields",
    "let_all_through",
    "needs_of",
    "nothing_to_judge",
    "reopen",
    "request_generation",
    "request_judging",
    "request_probe",
    "request_scoring",
    "to_measure",
    "wake",
]
