"""A gunicorn worker that leaves a new connection to the process that has fewer of them.

Clients keep their connections, and whichever process takes one answers on it to its end. Left to
chance, one of two processes had seven of eight busy connections, and those waited twice as long as
the eighth. Each process notes in memory that all share how many it has; one that has more than
another lets a new connection lie for a moment, so that the other takes it. If none does, because it
hangs or ends, the connection is taken after TRIES × PAUSE all the same.
"""

import mmap
import time
from typing import Any

from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

SLOTS = 64
TRIES, PAUSE = 20, 0.0005  # seconds
# A number per process: one more than its connections, 0 where there is no process that takes any.
_told = memoryview(mmap.mmap(-1, 4 * SLOTS)).cast("i")


def forget(worker: Any) -> None:
    """A process has ended."""
    _told[worker.age % SLOTS] = 0


class EvenWorker(ThreadWorker):  # type: ignore[misc]
    """gthread, with connections spread evenly."""

    _left_lying = 0

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled)
        self._tell()

    def notify(self) -> None:
        """Called whenever something happened, and once a second."""
        super().notify()
        self._tell()

    def accept(self, listener: Any) -> None:
        if self._left_lying < TRIES and self._another_has_fewer():
            self._left_lying += 1
            time.sleep(PAUSE)
            return
        self._left_lying = 0
        super().accept(listener)
        self._tell()

    def _tell(self) -> None:
        _told[self.age % SLOTS] = 1 + self.nr_conns if self._accepting else 0

    def _another_has_fewer(self) -> bool:
        return any(0 < told <= self.nr_conns for told in _told)
