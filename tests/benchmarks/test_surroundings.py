"""A benchmark that is ended by a signal takes with it what it started."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.signals import hear_ctrl_c

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks into /proc"),
]


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("intake", signal.SIGINT),
        ("jobs", signal.SIGTERM),
        ("judging_page", signal.SIGHUP),
        ("publishing", signal.SIGTERM),
    ],
)
def test_a_benchmark_that_a_signal_ends_leaves_neither_a_server_nor_a_folder(
    enterable_path: Path, name: str, number: signal.Signals
) -> None:
    with started(enterable_path, "-m", f"benchmarks.{name}") as process:
        wait_for(lambda: has_server(enterable_path), process)
        process.send_signal(number)
        process.communicate(timeout=30)
        wait_for(lambda: processes_of(enterable_path) == [])
        assert list(enterable_path.iterdir()) == []
        assert process.returncode == 128 + number


SERVING = """
import os, signal
from benchmarks.surroundings import gunicorn, own_folder, postgres
with own_folder() as home, postgres(home) as cluster:
    os.environ |= {"DATABASE_URL": cluster.url(), "POLYPHONY_VAR_DIR": str(home / "var")}
    with gunicorn(home, workers=1, threads=1):
        print("serving", flush=True)
        signal.pause()
"""


def test_its_web_processes_end_too_and_a_second_signal_does_not_keep_them_alive(
    enterable_path: Path,
) -> None:
    with started(enterable_path, "-c", SERVING) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "serving\n"
        assert len(processes_of(enterable_path)) >= 4, "itself, PostgreSQL, gunicorn, its worker"
        process.terminate()
        process.terminate()
        process.communicate(timeout=60)
        wait_for(lambda: processes_of(enterable_path) == [])
        assert list(enterable_path.iterdir()) == []


def has_server(home: Path) -> bool:
    return any("ready" in each.read_text() for each in home.glob("*/*/data/postmaster.pid"))


@contextmanager
def started(home: Path, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """Python with `home` for its temporary files. What still runs there afterwards is killed."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=hear_ctrl_c,
    )
    try:
        yield process
    finally:
        for pid in processes_of(home):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.communicate()


def processes_of(home: Path) -> list[int]:
    """All that have `home` for their temporary files, which a process inherits from its starter."""
    mark = f"TMPDIR={home}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def wait_for(happened: Callable[[], bool], process: "subprocess.Popen[str] | None" = None) -> None:
    """Wait a minute at most, while the process runs if one is given."""
    deadline = time.monotonic() + 60
    while not happened():
        assert process is None or process.poll() is None, "it ended by itself"
        assert time.monotonic() < deadline
        time.sleep(0.02)
