"""A kept program comes back when it dies, ends when it is asked, and leaves no child behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SLEEP = "import time; print('up', flush=True); time.sleep(60)"


def keep(*command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "config.keeper", *command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def line(keeper: subprocess.Popen[str]) -> str:
    assert keeper.stdout is not None
    return keeper.stdout.readline()


def child_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def gone(pid: int) -> bool:
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


needs_proc = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks into /proc")


def test_a_program_asked_to_end_ends_with_status_0() -> None:
    keeper = keep(sys.executable, "-c", SLEEP)
    assert line(keeper) == "up\n"
    keeper.terminate()
    assert keeper.wait(timeout=10) == 0


@needs_proc
def test_a_killed_program_is_started_again() -> None:
    keeper = keep(sys.executable, "-c", SLEEP)
    assert line(keeper) == "up\n"
    os.kill(child_of(keeper.pid), signal.SIGKILL)
    assert "starting it again" in line(keeper)
    assert line(keeper) == "up\n"
    keeper.terminate()
    assert keeper.wait(timeout=10) == 0


def test_a_program_that_cannot_run_is_given_up_with_its_status() -> None:
    keeper = keep(sys.executable, "-c", "raise SystemExit(7)")
    assert keeper.wait(timeout=30) == 7


def test_children_of_a_dead_program_are_ended_too() -> None:
    keeper = keep("/bin/sh", "-c", "sleep 300 & echo $!; exit 0")
    orphan = int(line(keeper))
    assert gone(orphan)
    keeper.terminate()
    keeper.wait(timeout=30)


def test_the_signal_goes_to_the_program_alone_so_that_its_children_can_finish() -> None:
    """Celery's children must not be interrupted: their parent waits for them."""
    parent = "trap 'wait; echo parent ended; exit 0' TERM; (trap 'echo interrupted' TERM; sleep 1; "
    keeper = keep("/bin/sh", "-c", parent + "echo finished) & echo up; wait")
    assert line(keeper) == "up\n"
    keeper.terminate()
    output, _ = keeper.communicate(timeout=20)
    assert output == "finished\nparent ended\n"
