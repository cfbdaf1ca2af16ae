"""Keeping calls as they land: what is paid for is written down before anything else is asked."""

import time
from typing import Any, Generic, TypeVar

from models_runtime.models.calls import Call
from models_runtime.shifts import Shift

BATCH_SECONDS = 1.0

C = TypeVar("C", bound=Call)


class Ledger(Generic[C]):
    """A shift's calls of one kind that aren't written yet, at most `most`."""

    def __init__(self, model: type[C], shift: "Shift[Any, Any]", *, most: int) -> None:
        self._model = model
        self._shift = shift
        self._most = most
        self._unkept: list[C] = []
        self._kept_at = time.monotonic()

    def add(self, row: C) -> None:
        """Take a call. Where it is time, write and look up; see `Shift.look_up` for what it
        raises."""
        self._unkept.append(row)
        waited = time.monotonic() - self._kept_at > BATCH_SECONDS
        if waited or len(self._unkept) >= self._most:
            self.keep_and_look_up()

    def keep_and_look_up(self) -> None:
        self.keep()
        self._shift.look_up()

    def keep(self) -> None:
        """Write what isn't written."""
        self._model._default_manager.bulk_create(self._unkept)
        self._unkept = []
        self._kept_at = time.monotonic()
