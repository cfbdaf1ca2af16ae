"""The parts of the demo's supervisor that can be tried alone; journeys/ tries the whole."""

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from config import demo
from tests.signals import hear_ctrl_c

ROOT = Path(__file__).resolve().parents[2]


def test_the_workers_of_the_demo_serve_every_queue_once() -> None:
    served = [queue for queues, _, _ in demo.WORKERS.values() for queue in queues]
    assert sorted(served) == sorted(settings.TASK_QUEUES)


def test_a_taken_port_is_replaced_aloud(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind((demo.HOST, 0))
        other.listen()
        taken = other.getsockname()[1]
        assert demo._free_port(taken) != taken
    assert f"Port {taken} is taken" in capsys.readouterr().out


def test_a_free_port_is_taken_silently(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as probe:
        probe.bind((demo.HOST, 0))
        free = probe.getsockname()[1]
    assert demo._free_port(free) == free
    assert capsys.readouterr().out == ""


def test_the_secret_is_made_once_and_private(tmp_path: Path) -> None:
    demo._make_folders(tmp_path / "var")
    secret = tmp_path / "var" / "secret"
    first = secret.read_text()
    assert len(first) > 50
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    demo._make_folders(tmp_path / "var")
    assert secret.read_text() == first


def test_a_second_demo_on_the_same_folder_is_refused_with_the_first_ones_process(
    tmp_path: Path,
) -> None:
    import fcntl

    with (tmp_path / "demo.lock").open("w") as lock:
        lock.write("process 4711")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        answer = subprocess.run(
            [sys.executable, "-m", "config.demo"],
            cwd=ROOT,
            env={**os.environ, "POLYPHONY_VAR_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert answer.returncode == 1
    assert "process 4711" in answer.stdout.replace("\n", " ")


# --- The whole --------------------------------------------------------------------------------


class Running:
    """A demo on a folder of its own, and what it has printed so far."""

    def __init__(self, var_dir: Path, *options: str) -> None:
        self.var_dir = var_dir
        environment = {**os.environ, "POLYPHONY_VAR_DIR": str(var_dir)}
        for name in ("DATABASE_URL", "CELERY_BROKER_URL"):
            environment.pop(name, None)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "config.demo", "--port", "8765", *options],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=hear_ctrl_c,
        )
        self.said = ""

    def read_until(self, pattern: str) -> re.Match[str]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if match := re.search(pattern, line):
                return match
        raise AssertionError(f"ended without saying {pattern!r}:\n{self.said}")

    def survivors(self) -> list[str]:
        """The command lines of all processes that carry this demo's folder in their environment."""
        mark = f"POLYPHONY_VAR_DIR={self.var_dir}".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
        return found


@pytest.fixture
def demo_here(enterable_path: Path) -> Iterator[Running]:
    running = Running(enterable_path / "var")
    yield running
    if running.process.poll() is None:
        running.process.send_signal(signal.SIGINT)
    running.process.communicate(timeout=60)


needs_proc = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks into /proc")


@pytest.mark.slow
@needs_proc
def test_the_demo_answers_survives_a_killed_worker_and_leaves_nothing_after_ctrl_c(
    demo_here: Running,
) -> None:
    demo_here.read_until(r"No real model is on this machine|Real models on this machine: ")
    base = demo_here.read_until(r"runs at (http://\S+)").group(1)
    with urllib.request.urlopen(f"{base}/healthz", timeout=10) as answer:
        assert answer.status == 200
    link = demo_here.read_until(r"Log in once as demo: (http://\S+)").group(1)
    with urllib.request.urlopen(link, timeout=10) as answer:
        assert answer.status == 200

    _kill_worker(demo_here.var_dir)
    demo_here.read_until(r"starting it again")

    demo_here.process.send_signal(signal.SIGINT)
    rest, _ = demo_here.process.communicate(timeout=60)
    assert demo_here.process.returncode == 0, demo_here.said + rest
    assert demo_here.survivors() == []


def _kill_worker(var_dir: Path) -> None:
    """kill -9 the main process of the worker, found as a child of its keeper."""
    mark = f"POLYPHONY_VAR_DIR={var_dir}".encode()
    for _ in range(100):
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
                ours = mark in (folder / "environ").read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            if ours and b"worker@%h" in words and b"config.keeper" not in words:
                os.kill(int(folder.name), signal.SIGKILL)
                return
        time.sleep(0.1)
    raise AssertionError("no worker found")


@pytest.mark.slow
@needs_proc
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_demo_that_is_stopped_while_it_prepares_leaves_nothing(
    demo_here: Running, number: signal.Signals
) -> None:
    demo_here.read_until(r"Starting PostgreSQL")
    os.killpg(demo_here.process.pid, number)  # as a terminal does: to the whole foreground group
    demo_here.process.communicate(timeout=60)
    assert demo_here.process.returncode != 0
    assert demo_here.survivors() == []


@pytest.mark.slow
@needs_proc
def test_the_whole_loop_runs_unattended_and_ends(enterable_path: Path) -> None:
    running = Running(enterable_path / "var", "--once")
    said, _ = running.process.communicate(timeout=240)
    assert running.process.returncode == 0, said
    release = re.search(r"5/5 publish .* in (\S+)", said)
    assert release is not None, said
    assert (Path(release.group(1)) / "manifest.json").exists()
    assert running.survivors() == []
