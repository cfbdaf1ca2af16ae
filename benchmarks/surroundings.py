"""What a benchmark starts around itself: gone when it ends, whether by itself, by an error or by a
signal.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from config.embedded import Cluster

ROOT = Path(__file__).resolve().parent.parent
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Inside the block a signal ends the program as an error does, so that all blocks are left.

    Only the first one: a second would interrupt what stops the servers. What the program was
    started to ignore (as under nohup), it goes on to ignore.
    """
    heard = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _end) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, _frame: FrameType | None) -> None:
    _hear_no_more()
    sys.exit(128 + number)


def _hear_no_more() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def own_folder() -> Iterator[Path]:
    """A folder for everything that the benchmark and its servers write, deleted at the end.

    What is started in it ends before. The server of PostgreSQL may run as another user, who has to
    pass through.
    """
    with ended_by_signals():
        home = Path(tempfile.mkdtemp(prefix="polyphony-benchmark-"))
        try:
            home.chmod(0o755)
            yield home
        finally:
            _hear_no_more()
            shutil.rmtree(home, ignore_errors=True)


@contextmanager
def postgres(home: Path, *, durable: bool = False) -> Iterator[Cluster]:
    """A PostgreSQL in this folder; a durable one syncs to disk, as an installation's does."""
    made = Cluster(home / "cluster") if durable else Cluster.throwaway(home / "cluster")
    with made.serving():
        try:
            yield made
        finally:
            _hear_no_more()


@contextmanager
def gunicorn(home: Path, *, workers: int, threads: int) -> Iterator[tuple[int, int]]:
    """The pages as in production, with the settings of our environment: the process and its port.

    What it says is in `gunicorn.log`.
    """
    port = _free_port()
    with (home / "gunicorn.log").open("w") as log:
        web = subprocess.Popen(
            [
                *(sys.executable, "-m", "gunicorn", "config.wsgi", "--no-control-socket"),
                *("-w", str(workers), "--threads", str(threads), "-b", f"127.0.0.1:{port}"),
                *("--config", "python:config.gunicorn_conf"),
            ],
            cwd=ROOT,
            env=os.environ | {"POLYPHONY_DATABASE_POOL": str(threads)},
            stdout=log,
            stderr=log,
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}/healthz")
            yield web.pid, port
        finally:
            _hear_no_more()
            web.terminate()
            try:
                web.wait(timeout=40)  # it gives requests 30 seconds
            except subprocess.TimeoutExpired:
                web.kill()
                raise


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_for(url: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(url, timeout=5)
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"{url} doesn't answer")


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser without a window, as playwright's `Browser`; its driver ends it when we end."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("POLYPHONY_CHROMIUM") or shutil.which("chromium"),
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
        )
        yield browser
        browser.close()
