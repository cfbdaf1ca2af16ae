"""Asking round after round and keeping calls as they land: what is paid for is written down before
anything else is asked.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from models_runtime.engines import Failure
from models_runtime.models.calls import Call
from models_runtime.shifts import Hopeless, Shift

BATCH_SECONDS = 1.0

A = TypeVar("A")
C = TypeVar("C", bound=Call)


def in_rounds(
    next_round: Callable[[], Sequence[A]],
    ask: Callable[[Sequence[A]], Failure | None],
    heard: Callable[[], int],
) -> Failure | None:
    """Ask round after round until none is left; the failure that concerns everything, if `ask` came
    upon one, by what it returns or as Hopeless (the budget, say).

    A round without any reply, by the number `heard`, means that the engine was stopped from
    outside: what is open then goes back to whoever comes next.
    """
    while asked := next_round():
        before = heard()
        try:
            failure = ask(asked)
        except Hopeless as end:
            return end.failure
        if failure is not None or heard() == before:
            return failure
    return None


class Ledger(Generic[C]):
    """A shift's calls of one kind that aren't written yet, at most `most`."""

    def __init__(self, model: type[C], shift: "Shift[Any, Any]", *, most: int) -> None:
        self._model = model
        self._shift = shift
        self._most = most
        self._unkept: list[C] = []
        self._kept_at = time.monotonic()

    def add(self, row: C) -> None:
        """Take a call, while others are on their way. Where it is time, write and look up; see
        `Shift.look_up` for what it raises."""
        self._unkept.append(row)
        waited = time.monotonic() - self._kept_at > BATCH_SECONDS
        if waited or len(self._unkept) >= self._most:
            self.keep()
            self._shift.look_up(awaiting=True)

    def keep_and_look_up(self) -> None:
        """Now that nothing is on its way."""
        self.keep()
        self._shift.look_up()

    def keep_with_last(self, row: C) -> None:
        """Write what isn't written, and a call after which none can follow, if it took anything."""
        if row.tokens_in or row.tokens_out or row.cost:
            self._unkept.append(row)
        self.keep()

    def keep(self) -> None:
        """Write what isn't written."""
        self._model._default_manager.bulk_create(self._unkept)
        self._unkept = []
        self._kept_at = time.monotonic()
