"""What befalls questions, leases and answers: people leave, owners change their minds, clocks lie,
and the database goes away in the middle. Nothing that was acknowledged is lost, nothing is doubled.
"""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.utils import timezone

from annotation import queue
from annotation.assigning import set_rules
from annotation.errors import InvalidQuestion
from annotation.models import (
    Annotator,
    Assignment,
    AssignmentState,
    Candidate,
    Judgment,
    Profile,
    Question,
    QuestionState,
    Standing,
)
from annotation.questions import ask, ask_pairs
from annotation.submission import Submission, submit
from config.embedded import Cluster
from tests.annotation.calling import as_
from tests.cast import World, make_question
from tests.ports import free_port

PROJECT = "/projects/advice"
HOUR = timedelta(hours=1)


def fresh(annotator: Annotator) -> Annotator:
    return Annotator.objects.select_related("project").get(pk=annotator.pk)


def lease(annotator: Annotator, **kwargs: Any) -> Assignment:
    assignment = queue.lease_next(fresh(annotator), **kwargs)
    assert assignment is not None
    return assignment


def answer(annotator: Annotator, assignment: Assignment, **kwargs: Any) -> Submission:
    return submit(
        annotator=fresh(annotator),
        assignment_id=str(assignment.public_id),
        data={"choice": "2"},
        submission_key=f"key-{assignment.public_id}",
        **kwargs,
    )


# --- People who leave (7) -----------------------------------------------------------------------


def test_a_deactivated_account_frees_its_seat_when_the_lease_ends(world: World) -> None:
    world.project.questions.exclude(pk=world.questions[0].pk).update(state="withdrawn")
    world.project.questions.update(overlap=1)
    now = timezone.now()
    held = lease(world.annotator_ada, now=now)
    ada = as_(world.ada)
    world.ada.is_active = False
    world.ada.save()
    body = {"assignment": str(held.public_id), "submission_key": "12345678", "answer": {}}
    assert ada.post(f"{PROJECT}/judgments/", body).status_code == 401
    assert queue.lease_next(fresh(world.annotator_bob), now=now) is None
    assert lease(world.annotator_bob, now=now + HOUR).question == held.question


def test_who_is_no_member_any_more_neither_answers_nor_blocks(world: World) -> None:
    held = lease(world.annotator_ada)
    ada = as_(world.ada)
    world.project.memberships.filter(user=world.ada).delete()
    body = {"assignment": str(held.public_id), "submission_key": "12345678", "answer": {}}
    assert ada.post(f"{PROJECT}/judgments/", body).status_code == 404
    assert not Judgment.objects.exists()
    assert lease(world.annotator_bob)


# --- Questions that change (8, 9, 10, 16) -------------------------------------------------------


def test_votes_stay_with_a_question_that_is_withdrawn_and_with_what_was_shown(
    world: World,
) -> None:
    kept = answer(world.annotator_ada, lease(world.annotator_ada)).judgment
    held = lease(world.annotator_bob)
    Question.objects.filter(pk=world.questions[0].pk).update(state=QuestionState.WITHDRAWN)
    late = answer(world.annotator_bob, held)
    assert late.judgment.standing == Standing.PARKED
    assert "withdrawn" in late.notice
    assert Judgment.objects.counted().get() == kept
    edited = make_question(world.project, "noise, in other words")
    assert edited.pk not in Judgment.objects.values_list("question", flat=True)


def test_overlap_raised_in_the_middle_asks_more_and_keeps_what_there_is(world: World) -> None:
    world.project.questions.exclude(pk=world.questions[0].pk).update(state="withdrawn")
    world.project.questions.update(overlap=1)
    answer(world.annotator_ada, lease(world.annotator_ada))
    assert queue.lease_next(fresh(world.annotator_bob)) is None
    world.project.questions.filter(pk=world.questions[0].pk).update(overlap=2, state="open")
    answer(world.annotator_bob, lease(world.annotator_bob))
    assert Judgment.objects.counted().count() == 2
    world.questions[0].refresh_from_db()
    assert world.questions[0].state == QuestionState.ANSWERED


def test_overlap_lowered_in_the_middle_loses_no_answer_in_hand(world: World) -> None:
    ada, bob = lease(world.annotator_ada), lease(world.annotator_bob)
    assert ada.question == bob.question
    world.project.questions.update(overlap=1)
    for annotator, held in ((world.annotator_ada, ada), (world.annotator_bob, bob)):
        assert answer(annotator, held).judgment.standing == Standing.COUNTED
    assert Judgment.objects.counted().count() == 2


def test_a_vote_keeps_the_group_of_its_time(world: World) -> None:
    set_rules(project=world.project, settings={"group_by": "side"})
    Profile.objects.create(annotator=world.annotator_ada, version=1, attributes={"side": "left"})
    kept = answer(world.annotator_ada, lease(world.annotator_ada)).judgment
    Profile.objects.create(annotator=world.annotator_ada, version=2, attributes={"side": "right"})
    kept.refresh_from_db()
    assert kept.profile is not None
    assert kept.profile.attributes == {"side": "left"}


def test_identical_responses_are_no_choice(world: World) -> None:
    prompt = world.questions[0].prompt
    Candidate.objects.filter(prompt=prompt).update(text="The same.", content_hash="same")
    world.project.questions.filter(prompt=prompt).delete()
    asked = ask_pairs(project=world.project, prompts=[prompt])
    assert (asked.questions, asked.identical) == ((), 1)
    one, other = Candidate.objects.filter(prompt=prompt)
    with pytest.raises(InvalidQuestion):
        ask(project=world.project, candidates=[one, one])
    assert one.content_hash == other.content_hash


# --- Clocks (5, 38) -----------------------------------------------------------------------------


def test_a_lease_that_ends_while_typing_drops_nothing(world: World) -> None:
    world.project.questions.update(overlap=1)
    now = timezone.now()
    held = lease(world.annotator_ada, now=now)
    taken = lease(world.annotator_bob, now=now + HOUR)
    assert taken.question == held.question
    late = answer(world.annotator_ada, held, now=now + HOUR)
    assert late.judgment.standing == Standing.PARKED
    assert late.judgment.payload
    assert "Your answer is kept" in late.notice


@pytest.mark.parametrize("drift", [timedelta(hours=-26), timedelta(seconds=-1), timedelta(0)])
def test_a_clock_that_is_set_back_gives_no_negative_time_and_no_wrong_order(
    world: World, drift: timedelta
) -> None:
    now = timezone.now()
    first = answer(world.annotator_ada, lease(world.annotator_ada, now=now), now=now).judgment
    held = lease(world.annotator_ada, now=now)
    second = answer(world.annotator_ada, held, now=now + drift).judgment
    assert second.elapsed_ms == 0
    assert second.position > first.position
    held.refresh_from_db()
    assert held.state == AssignmentState.SUBMITTED


# --- A database that goes away (37) -------------------------------------------------------------


@dataclass
class Server:
    """Gunicorn on a lasting PostgreSQL of its own, as a small installation runs it."""

    cluster: Cluster
    port: int
    acknowledged: set[str] = field(default_factory=set)
    refused: int = 0

    def judge(self, secret: str, stop: threading.Event) -> None:
        """Judge as a program does that repeats what wasn't acknowledged, with the same key."""
        following: str | None = None
        pending: dict[str, Any] | None = None
        while not stop.is_set() or pending is not None:
            if pending is None and following is not None:
                key = uuid.uuid4().hex
                pending = {
                    "assignment": following,
                    "submission_key": key,
                    "answer": {"choice": "1"},
                }
            address = "judgments" if pending else "assignments"
            status, body = self._post(secret, address, pending or {})
            if status >= 500:
                self.refused += 1
                time.sleep(0.1)
                continue
            assert status in (200, 201, 204), (status, body)
            if pending is None:
                if status == 204:
                    return
                following = body["id"]
            else:
                self.acknowledged.add(body["judgment"]["id"])
                pending = following = None

    def _post(self, secret: str, noun: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
        try:
            connection.request(
                "POST", f"/api/v1/projects/judged/{noun}/", json.dumps(body), headers
            )
            response = connection.getresponse()
            content = response.read()
        except OSError:
            return 503, {}
        finally:
            connection.close()
        return response.status, json.loads(content) if content else {}


MAKE = """
import django, json
django.setup()
from annotation import tokens
from annotation.models import *
from annotation.tokens import Scope
from tests.cast import make_question
project = Project.objects.create(slug="judged", name="Judged", state="open", overlap=1)
for number in range(300):
    make_question(project, f"q{number}")
secrets = []
for number in range(6):
    user = User.objects.create(username=f"judge-{number}", password="!")
    Membership.objects.create(user=user, project=project, role="annotator")
    secrets.append(tokens.issue(user=user, name="t", scopes=[Scope.JUDGE]).secret)
print(json.dumps(secrets))
"""


@contextmanager
def installation() -> Iterator[tuple[Server, list[str]]]:
    home = Path(tempfile.mkdtemp(prefix="polyphony-restart-"))
    home.chmod(0o755)
    (home / "var").mkdir()
    cluster = Cluster(home / "cluster")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("POLYPHONY_")} | {
        "DATABASE_URL": cluster.url(),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "POLYPHONY_VAR_DIR": str(home / "var"),
        "POLYPHONY_LOG_LEVEL": "CRITICAL",
        "POLYPHONY_DATABASE_POOL": "8",
        "POLYPHONY_API_RATE": "1000000",
        "SECRET_KEY": "test",
        "PYTHONPATH": str(settings.BASE_DIR),
    }
    options: dict[str, Any] = {"cwd": settings.BASE_DIR, "env": environment}
    web = None
    try:
        cluster.start()
        subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], check=True, **options)
        made = subprocess.run(
            [sys.executable, "-c", MAKE], check=True, capture_output=True, text=True, **options
        )
        port = free_port()
        web = subprocess.Popen(
            [
                *(sys.executable, "-m", "gunicorn", "config.wsgi", "--no-control-socket"),
                *("-w", "2", "--threads", "8", "-b", f"127.0.0.1:{port}"),
                *("--config", "python:config.gunicorn_conf", "--log-level", "critical"),
            ],
            **options,
        )
        await_port(port)
        yield Server(cluster, port), json.loads(made.stdout.splitlines()[-1])
    finally:
        if web is not None:
            web.terminate()
            web.wait(timeout=60)
        cluster.stop()
        shutil.rmtree(home, ignore_errors=True)


def await_port(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("gunicorn doesn't answer")


@pytest.mark.slow
def test_a_database_that_restarts_and_one_that_crashes_lose_and_double_no_judgment() -> None:
    with installation() as (server, secrets):
        stop = threading.Event()
        judges = [threading.Thread(target=server.judge, args=(secret, stop)) for secret in secrets]
        for judge in judges:
            judge.start()
        until(lambda: len(server.acknowledged) >= 25)
        server.cluster.stop()  # an orderly restart
        server.cluster.start()
        before = len(server.acknowledged)
        until(lambda: len(server.acknowledged) >= before + 25)
        crashed = server.cluster.pid()
        assert crashed is not None
        os.kill(crashed, signal.SIGKILL)  # and one without a goodbye
        time.sleep(0.5)
        server.cluster.start()
        before = len(server.acknowledged)
        until(lambda: len(server.acknowledged) >= before + 25)
        stop.set()
        for judge in judges:
            judge.join(60)
        assert not any(judge.is_alive() for judge in judges)
        with psycopg.connect(server.cluster.url()) as connection:
            kept = [str(row[0]) for row in connection.execute(KEPT)]
            doubled = connection.execute(DOUBLED).fetchall()
    assert server.refused > 0, "the database was away and nobody noticed"
    assert len(kept) == len(set(kept))
    assert set(kept) == server.acknowledged
    assert doubled == []


def until(reached: Any, *, patience: float = 60) -> None:
    deadline = time.monotonic() + patience
    while not reached():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


KEPT = "SELECT public_id FROM annotation_judgment"
DOUBLED = """
SELECT question_id FROM annotation_judgment WHERE standing = 'counted'
GROUP BY question_id HAVING count(*) > 1
"""
