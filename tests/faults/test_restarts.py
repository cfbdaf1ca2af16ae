"""Databases and brokers that restart while a job is going on, and workers that die at scoring."""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psycopg
import psycopg.sql
import pytest
from django.db import connection
from django.db.models import Count

from annotation.content import add_candidate
from annotation.models import Measurement, Project, WorkState
from models_runtime.models import (
    Generation,
    GenerationItem,
    ItemState,
    Scoring,
    ScoringItem,
    ScoringJob,
)
from tests.faults.test_worker_kill import ask_for_candidates, slow_model, state_of_job, written
from tests.faults.workers import House, house, wait_until
from tests.models_runtime.worlds import project_with_prompts

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

LEASE = 3
ASK_FOR_REWARDS = """
from django.db import transaction
from annotation.models import Project
from models_runtime import enqueue
from models_runtime.models import ScoringJob
project = Project.objects.get()
with transaction.atomic():
    enqueue.request_scoring(project, project.checkpoints.get(), scorer="reward")
    ScoringJob.objects.update(lease_seconds={lease})
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as made:
        yield made


def at_least(count: int) -> bool:
    return written() >= count


def scoring_worker(home: House) -> "subprocess.Popen[bytes]":
    return home.start("worker", "-Q", "default,reward", "-c", "1", "-l", "INFO")


def project_with_candidates(count: int) -> Project:
    project = project_with_prompts(1)
    prompt = project.prompts.get()
    for number in range(count):
        add_candidate(prompt=prompt, text=f"Ask. ⟦u={number / 100}⟧", external_id=str(number))
    return project


def test_kill_9_while_scoring_measures_every_candidate_once(home: House) -> None:
    slow_model(project_with_candidates(300), latency_ms=20)
    home.run(ASK_FOR_REWARDS.format(lease=LEASE))
    doomed = scoring_worker(home)
    home.beat()
    wait_until(lambda: Measurement.objects.count() >= 64, "the first measurements")
    home.kill(doomed)
    survived = Measurement.objects.count()
    assert 64 <= survived < 300
    assert Scoring.objects.count() == survived
    assert ScoringItem.objects.filter(state=ItemState.RUNNING).exists()
    scoring_worker(home)
    wait_until(
        lambda: ScoringJob.objects.get().state == WorkState.DONE, "the job to end after the restart"
    )
    assert Measurement.objects.count() == Scoring.objects.count() == 300
    each = Measurement.objects.values("candidate").annotate(n=Count("pk"))
    assert (each.count(), set(each.values_list("n", flat=True))) == (300, {1})
    assert ScoringItem.objects.counts()["done"] == 300


@contextlib.contextmanager
def database_down() -> Iterator[None]:
    """To everybody else the database is as if it restarted: connections end, new ones fail."""
    told = connection.settings_dict
    name = psycopg.sql.Identifier(told["NAME"])
    doors = psycopg.sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with psycopg.connect(
        host=told["HOST"],
        port=told["PORT"] or None,
        user=told["USER"],
        password=told["PASSWORD"] or None,
        dbname="postgres",
        autocommit=True,
    ) as other:
        other.execute(doors.format(name, psycopg.sql.SQL("false")))
        try:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                [told["NAME"]],
            )
            yield
        finally:
            other.execute(doors.format(name, psycopg.sql.SQL("true")))
    connection.close()


def test_a_database_that_is_away_for_seconds_loses_no_row_and_doubles_none(home: House) -> None:
    slow_model(project_with_prompts(20), latency_ms=20)
    ask_for_candidates(home, per_prompt=15)
    home.worker(processes=1)
    home.beat()
    wait_until(lambda: written() >= 40, "some candidates")
    with database_down():
        time.sleep(2 * LEASE)
    assert written() < 300
    wait_until(lambda: state_of_job() == WorkState.DONE, "the job to end all the same")
    assert written() == Generation.objects.count() == 300
    assert GenerationItem.objects.counts()["done"] == 300


def connections_were_cut() -> bool:
    """All others' at once; False where there is none just now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return bool(cursor.fetchone()[0])


def test_connections_cut_by_the_database_cost_nothing_but_time(home: House) -> None:
    """What a restart or a failover does to a worker: every connection ends at once."""
    slow_model(project_with_prompts(20))
    ask_for_candidates(home, per_prompt=15)
    home.worker(processes=1)
    home.beat()
    for reached in (40, 120):
        wait_until(partial(at_least, reached), "some candidates")
        wait_until(connections_were_cut, "a connection to cut")
    wait_until(lambda: state_of_job() == WorkState.DONE, "the job to end all the same")
    assert written() == Generation.objects.count() == 300
    each = Generation.objects.values("prompt", "index").annotate(n=Count("pk"))
    assert (each.count(), set(each.values_list("n", flat=True))) == (300, {1})


def test_a_broker_that_forgets_everything_loses_no_row(home: House) -> None:
    """The folder broker is emptied under a running worker, as a restart without disk would."""
    slow_model(project_with_prompts(20))
    ask_for_candidates(home, per_prompt=15)
    home.worker(processes=1)
    home.beat()
    wait_until(lambda: written() >= 40, "the first candidates")
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        for message in home.var_dir.rglob("*.msg"):
            message.unlink(missing_ok=True)
        time.sleep(0.02)
    wait_until(lambda: state_of_job() == WorkState.DONE, "the sweeper to bring the job to its end")
    assert written() == Generation.objects.count() == 300
    assert GenerationItem.objects.counts()["done"] == 300


def test_a_message_for_a_task_nobody_knows_is_said_and_stops_nothing(home: House) -> None:
    slow_model(project_with_prompts(3), latency_ms=0)
    home.run(
        "from config.celery import app\n"
        "app.send_task('models_runtime.run_magic', args=(1,), queue='generate')\n"
    )
    home.worker(processes=1)
    home.beat()
    ask_for_candidates(home, per_prompt=2)
    wait_until(lambda: state_of_job() == WorkState.DONE, "the job behind the unknown message")
    assert written() == 6
    assert "models_runtime.run_magic" in home.logs()
