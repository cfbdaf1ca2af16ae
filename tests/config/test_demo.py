"""The parts of the demo's supervisor that can be tried alone; journeys/ tries the whole."""

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from config import demo

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
