"""The database and the broker really stop and start again, while models write, measure and judge.

Three jobs run at once, each with its own worker. Whatever is stopped, and however rudely, each job
ends complete: nothing that was committed is lost and nothing is done twice.
"""

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from config.embedded import Cluster
from tests.faults.servers import ABSENT, Broker, broker, find_program
from tests.faults.workers import House, database_url, house, wait_until

pytestmark = pytest.mark.slow

LEASE = 3
EACH = {"writing": 300, "measuring": 300, "judging": 120}
WORLD = """
from django.db import transaction
from annotation.content import add_candidate
from models_runtime import enqueue
from models_runtime.engines import Sampling
from models_runtime.models import GenerationJob, JudgingJob, ScoringJob
from tests.models_runtime.worlds import pair, project_with_prompts, scripted

slow = {"latency_ms": 50, "in_flight": 2}
with transaction.atomic():
    writing = project_with_prompts(20, "writing")
    measuring = project_with_prompts(1, "measuring")
    judging = project_with_prompts(0, "judging")
    prompt = measuring.prompts.get()
    for number in range(300):
        add_candidate(prompt=prompt, text=f"Ask. ⟦u={number / 100}⟧", external_id=str(number))
    for number in range(120):
        pair(judging, number, f"Yes {number}. ⟦u=1⟧", f"No {number}. ⟦u=-1⟧")
    models = [scripted(project, **slow) for project in (writing, measuring, judging)]
with transaction.atomic():
    enqueue.request_generation(
        writing, models[0], per_prompt=15, sampling=Sampling(max_tokens=40)
    )
    enqueue.request_scoring(measuring, models[1], scorer="reward")
    enqueue.request_judging(judging, models[2])
    for job in (GenerationJob, ScoringJob, JudgingJob):
        job.objects.update(lease_seconds=3)
"""

# Of each job: its state, its rows that are done, its effects, and effects on different subjects.
LOOK = {
    "writing": """
        SELECT state, (SELECT count(*) FROM models_runtime_generationitem WHERE state = 'done'),
          (SELECT count(*) FROM models_runtime_generation g
             JOIN annotation_candidate c ON c.id = g.candidate_id),
          (SELECT count(DISTINCT (prompt_id, index)) FROM models_runtime_generation)
        FROM models_runtime_generationjob""",
    "measuring": """
        SELECT state, (SELECT count(*) FROM models_runtime_scoringitem WHERE state = 'done'),
          (SELECT count(*) FROM annotation_measurement m
             JOIN models_runtime_scoring s ON s.measurement_id = m.id),
          (SELECT count(DISTINCT candidate_id) FROM annotation_measurement)
        FROM models_runtime_scoringjob""",
    "judging": """
        SELECT state, (SELECT count(*) FROM models_runtime_judgingitem WHERE state = 'done'),
          (SELECT count(*) FROM annotation_judgment),
          (SELECT count(DISTINCT question_id) FROM annotation_judgment)
        FROM models_runtime_judgingjob""",
}
CALLS = """
    SELECT count(*), count(DISTINCT (item_id, "order", kind, sample))
    FROM models_runtime_judgecall"""


@dataclass(frozen=True)
class Seen:
    """How a job stands: its rows done, what came of them, and on how many different subjects."""

    state: str
    done: int
    effects: int
    subjects: int


def look(url: str) -> dict[str, Seen]:
    with psycopg.connect(url) as connection:
        return {
            name: Seen(*(connection.execute(query).fetchone() or ("", 0, 0, 0)))
            for name, query in LOOK.items()
        }


def all_reached(url: str, share: float) -> Callable[[], bool]:
    def reached() -> bool:
        seen = look(url)
        return all(seen[name].effects >= share * total for name, total in EACH.items())

    return reached


def assert_in_the_middle(url: str) -> None:
    assert any(seen.state != "done" for seen in look(url).values()), "the restart came too late"


def start_workers(home: House) -> None:
    for queues in ("default,generate", "reward", "judge"):
        home.start("worker", "-Q", queues, "-c", "1", "-l", "INFO", "-n", f"{queues[-5:]}@%h")
    home.beat()


def assert_whole(url: str) -> None:
    """Every row done, one effect for each, none twice."""
    for name, seen in look(url).items():
        total = EACH[name]
        assert seen == Seen("done", total, total, total), name
    with psycopg.connect(url) as connection:
        calls, different = connection.execute(CALLS).fetchone() or (0, 0)
    assert calls == different == 2 * EACH["judging"]


def wait_for_all(home: House, url: str) -> None:
    wait_until(
        lambda: all(seen.state == "done" for seen in look(url).values()),
        "all three jobs to end",
        patience=240,
        every=0.2,
    )
    assert_whole(url)


# --- The database ---------------------------------------------------------------------------------


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """An embedded PostgreSQL as installations have it: on disk for good, with all its care."""
    home = Path(tempfile.mkdtemp(prefix="polyphony-restart-"))
    home.chmod(0o755)  # PostgreSQL may run as another user
    made = Cluster(home / "postgres")
    made.start()
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(home, ignore_errors=True)
        shutil.rmtree(made.socket_dir, ignore_errors=True)


def stop_fast(cluster: Cluster) -> None:
    """PostgreSQL's fast shutdown: transactions roll back, everything is written out."""
    cluster.stop()


def stop_at_once(cluster: Cluster) -> None:
    """PostgreSQL's immediate shutdown: nothing is finished, it recovers at the next start."""
    pid = cluster.pid()
    assert pid is not None
    os.kill(pid, signal.SIGQUIT)
    wait_until(lambda: cluster.pid() is None, "PostgreSQL to be gone", patience=20, every=0.01)


def test_a_database_that_restarts_twice_loses_nothing_committed_and_doubles_nothing(
    cluster: Cluster, tmp_path: Path
) -> None:
    url = cluster.url()
    with house(tmp_path) as home:
        home.told["DATABASE_URL"] = url
        home.migrate()
        home.run(WORLD)
        start_workers(home)
        for share, stop in ((0.1, stop_fast), (0.45, stop_at_once)):
            wait_until(all_reached(url, share), f"{share:.0%} of each job")
            before = look(url)
            assert_in_the_middle(url)
            stop(cluster)
            with pytest.raises(psycopg.OperationalError):
                look(url)
            time.sleep(LEASE + 1)  # long enough for every lease to run out
            cluster.start()
            after = look(url)
            for name, seen in after.items():
                assert seen.effects >= before[name].effects, f"{name}: what was committed is lost"
                assert seen.effects == seen.subjects == seen.done
        wait_for_all(home, url)


# --- The broker -----------------------------------------------------------------------------------


@contextlib.contextmanager
def jobs_on(broker_: Broker, folder: Path) -> Iterator[House]:
    with house(folder) as home:
        home.told["CELERY_BROKER_URL"] = broker_.url
        home.run(WORLD)
        start_workers(home)
        yield home


needs_broker = pytest.mark.skipif(find_program() is None, reason=ABSENT)


@needs_broker
@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_killed_twice_and_forgets_all_its_messages_loses_no_work(
    tmp_path: Path,
) -> None:
    url = database_url()
    (tmp_path / "house").mkdir()
    with (
        broker(tmp_path / "broker", keeps=False) as server,
        jobs_on(server, tmp_path / "house") as home,
    ):
        for share in (0.1, 0.45):
            wait_until(all_reached(url, share), f"{share:.0%} of each job")
            assert_in_the_middle(url)
            server.kill()
            time.sleep(2)
            server.start()
        wait_for_all(home, url)


@needs_broker
@pytest.mark.django_db(transaction=True)
def test_a_broker_that_restarts_with_its_messages_hands_them_out_again_without_harm(
    tmp_path: Path,
) -> None:
    """What waited is handed out again though its rows may be in hand; what a killed worker had
    taken stays with it for hours, so the sweeper must bring that job on."""
    url = database_url()
    (tmp_path / "house").mkdir()
    with (
        broker(tmp_path / "broker", keeps=True) as server,
        jobs_on(server, tmp_path / "house") as home,
    ):
        wait_until(all_reached(url, 0.1), "a tenth of each job")
        server.stop()
        server.start()
        worker = home.running[1]
        wait_until(all_reached(url, 0.3), "a third of each job")
        home.kill(worker)  # its message was never acknowledged
        home.start("worker", "-Q", "reward", "-c", "1", "-l", "INFO", "-n", "again@%h")
        wait_for_all(home, url)
