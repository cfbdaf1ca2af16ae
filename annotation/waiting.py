"""Waiting for background work, for commands that a person or a script has to wait for."""

import time
from collections.abc import Callable
from typing import TypeVar

from annotation.models import Work, WorkState

POLL_SECONDS = 0.2

W = TypeVar("W", bound=Work)


class WorkNotDone(Exception):
    """The work failed, was cancelled, or wasn't finished in time; the text is for a person."""


def wait_until_done(work: W, *, timeout: float, watch: Callable[[W], None] | None = None) -> W:
    """The row once it is done. `watch` is told of the row at every look; `timeout` is in seconds.

    Raises WorkNotDone, with a sentence, when the row ends otherwise or isn't final in time. Then
    the row itself is left alone: the work goes on if it can.
    """
    deadline = time.monotonic() + timeout
    while True:
        work.refresh_from_db()
        if watch is not None:
            watch(work)
        if work.is_final:
            return _done(work)
        if time.monotonic() >= deadline:
            raise WorkNotDone(_overdue(work, timeout))
        time.sleep(POLL_SECONDS)


def _done(work: W) -> W:
    if work.state == WorkState.DONE:
        return work
    if work.state == WorkState.CANCELLED:
        raise WorkNotDone(f"“{work}” was cancelled.")
    raise WorkNotDone(f"“{work}” failed: {work.error}")


def _overdue(work: Work, timeout: float) -> str:
    if work.attempt == 0:
        return (
            f"“{work}” has been waiting for {timeout:.0f} seconds and no worker has taken it. "
            "Is a worker running? `./polyphony demo` starts them, or see docs/operations.md."
        )
    total = "" if work.progress_total is None else f" of {work.progress_total:,}"
    return (
        f"“{work}” isn't finished after {timeout:.0f} seconds ({work.progress_done:,}{total} done, "
        f"attempt {work.attempt}). It goes on in the background; nothing is lost."
    )
