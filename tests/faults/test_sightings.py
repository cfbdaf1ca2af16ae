"""Workers say that they are there, and stop saying so when they end or are killed."""

import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from models_runtime.models import WorkerSeen
from models_runtime.operations import processes
from models_runtime.sightings import SILENT_AFTER
from tests.faults.workers import House, house, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as made:
        yield made


def test_an_idle_worker_is_seen_and_one_that_ends_takes_its_leave(home: House) -> None:
    worker = home.start("worker", "-Q", "reward,generate", "-P", "solo", "-n", "gpu0@here")
    wait_until(WorkerSeen.objects.exists, "the worker to say that it is there")
    (seen,) = processes(timezone.now())
    assert (seen.name, seen.pid, seen.queues) == ("gpu0@here", worker.pid, "generate,reward")
    assert seen.lives
    assert (seen.device, seen.used, seen.total, seen.held) == ("", None, None, [])
    worker.send_signal(signal.SIGTERM)
    wait_until(lambda: not WorkerSeen.objects.exists(), "the worker to take its leave")


def test_a_killed_worker_is_said_to_be_silent_and_forgotten_after_a_day(home: House) -> None:
    worker = home.start("worker", "-Q", "default", "-c", "1", "-n", "cpu@here")
    wait_until(WorkerSeen.objects.exists, "the worker to say that it is there")
    home.kill(worker)
    (seen,) = processes(timezone.now() + SILENT_AFTER + timedelta(seconds=1))
    assert (seen.name, seen.lives) == ("cpu@here", False)
    assert processes(timezone.now() + timedelta(hours=25)) == []
