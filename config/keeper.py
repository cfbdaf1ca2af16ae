"""Keeps one long-running program alive: `python -m config.keeper COMMAND…`.

honcho ends everything when one process dies, and signals whole process groups. A worker killed by
the kernel for its memory must not take the pages down, and a Celery worker must hear SIGTERM only
in its main process, or its running tasks die instead of finishing. So the program runs in a session
of its own, is told to end by itself, by force after a patience, and is started again if it dies.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType

PATIENCE = 10  # seconds between the request to end and force
PAUSE = 1.0  # seconds before a new start
HASTY = 3  # so many ends in a row within HASTE seconds each mean that it cannot run at all
HASTE = 5.0


class Keeper:
    """Runs `command` until it is told to stop, or until it cannot be kept alive."""

    def __init__(self, command: Sequence[str]) -> None:
        self.command = list(command)
        self.stopping = False
        self.program: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """The status to exit with: 0 after a stop, the program's own if it fails at once thrice."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        hasty = 0
        while True:
            begun = time.monotonic()
            status = self._run_once()
            if self.stopping:
                return 0
            hasty = hasty + 1 if time.monotonic() - begun < HASTE else 0
            if hasty >= HASTY:
                print(f"ended {HASTY} times at once (status {status}); giving up", flush=True)
                return status if status > 0 else 1
            print(f"ended unexpectedly (status {status}); starting it again", flush=True)
            time.sleep(PAUSE)

    def _run_once(self) -> int:
        self.program = subprocess.Popen(self.command, start_new_session=True)
        if self.stopping:  # the signal came between two starts
            self._ask_to_end()
        status = self.program.wait()
        signal.alarm(0)
        self._end_by_force()  # children of a killed main process would live on
        return status

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = True
        if self.program is not None:
            self._ask_to_end()

    def _ask_to_end(self) -> None:
        assert self.program is not None
        self.program.terminate()
        signal.signal(signal.SIGALRM, lambda *_: self._end_by_force())
        signal.alarm(PATIENCE)

    def _end_by_force(self) -> None:
        assert self.program is not None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.program.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(Keeper(sys.argv[1:]).run())
