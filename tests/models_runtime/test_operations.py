from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from annotation.models import User
from annotation.tokens import Scope
from config.celery import app
from models_runtime import enqueue
from models_runtime.generating import run_generation
from models_runtime.models import GenerationItem, GenerationJob
from models_runtime.operations import (
    TASKS,
    Standing,
    failures,
    kinds_of_work,
    overview,
    queue_of,
    spendings,
    standing,
)
from tests.annotation.calling import as_
from tests.cast import World
from tests.models_runtime.worlds import scripted

HTMX = {"HX-Request": "true"}


@pytest.fixture
def job(world: World) -> GenerationJob:
    return enqueue.request_generation(world.project, scripted(world.project), per_prompt=2)


@pytest.fixture
def staff(world: World) -> User:
    User.objects.filter(pk=world.sam.pk).update(is_staff=True)
    world.sam.refresh_from_db()
    return world.sam


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def candidates_in(found: Standing) -> Any:
    (depth,) = [each for each in found.depths if each.kind == "Generation job"]
    return depth


def test_every_kind_of_work_has_a_queue_and_a_task_that_exists() -> None:
    app.loader.import_default_modules()
    for model in kinds_of_work():
        assert TASKS[model._meta.label] in app.tasks
        assert queue_of(model)
    assert queue_of(GenerationJob) == "generate"


def test_a_queued_job_is_counted_with_its_wait(job: GenerationJob) -> None:
    GenerationJob.objects.update(created_at=timezone.now() - timedelta(minutes=5))
    found = standing()
    depth = candidates_in(found)
    assert (depth.queue, depth.queued, depth.later, depth.running) == ("generate", 1, 0, 0)
    assert timedelta(minutes=5) <= depth.oldest_wait < timedelta(minutes=6)
    assert depth.waited == "5 min"
    assert not found.is_idle


def test_work_that_is_not_due_waits_for_nobody(job: GenerationJob) -> None:
    GenerationJob.objects.update(not_before=timezone.now() + timedelta(hours=1))
    depth = candidates_in(standing())
    assert (depth.queued, depth.later, depth.oldest_wait) == (1, 1, None)


def test_a_worker_that_stopped_answering_is_told_from_one_that_lives(job: GenerationJob) -> None:
    now = timezone.now()
    GenerationJob.objects.update(state="running", lease_until=now - timedelta(seconds=9))
    dead, living = GenerationItem.objects.order_by("pk")[:2]
    hold(dead, "a" * 32, now - timedelta(seconds=9))
    hold(living, "b" * 32, now + timedelta(seconds=50))
    found = standing(now)
    assert found.expired == 1
    newest, oldest = found.shifts
    assert (newest.worker, newest.rows, newest.lives) == ("bbbbbbbb", 1, True)
    assert newest.heard == now - timedelta(seconds=10)
    assert (oldest.worker, oldest.lives) == ("aaaaaaaa", False)


def hold(item: GenerationItem, worker: str, until: Any) -> None:
    GenerationItem.objects.filter(pk=item.pk).update(
        state="running", worker=worker, lease_until=until
    )


def test_what_was_spent_is_what_the_calls_say(job: GenerationJob) -> None:
    run_generation(job.pk)
    (spent,) = spendings(timezone.now())
    told = job.spent()
    assert (spent.slug, spent.calls) == ("advice", 6)
    assert (spent.tokens_in, spent.tokens_out) == (told.tokens_in, told.tokens_out)
    assert spent.tokens_out > 0
    assert spent.cost == pytest.approx(told.cost)
    assert spendings(timezone.now() + timedelta(days=14)) == []
    assert standing().is_idle


def test_rows_set_aside_and_failed_jobs_are_counted_by_cause(job: GenerationJob) -> None:
    now = timezone.now()
    GenerationItem.objects.update(state="failed", cause="timeout", error="No answer in 60 s.")
    GenerationJob.objects.update(state="failed", error="It came to nothing.", finished_at=now)
    rows, jobs = failures(now)
    assert (rows.words, rows.example, rows.count) == (
        "The model server didn't answer in time",
        "No answer in 60 s.",
        6,
    )
    assert (jobs.what, jobs.example, jobs.count) == ("job", "It came to nothing.", 1)
    assert failures(now + timedelta(hours=25)) == []


def test_the_page_refreshes_itself_only_while_there_is_work(
    staff: User, job: GenerationJob
) -> None:
    client = browser(staff)
    page = client.get("/operations/").content.decode()
    assert "every 5s" in page
    assert "Room" in page
    run_generation(job.pk)
    fragment = client.get("/operations/", headers=HTMX).content.decode()
    assert "every 5s" not in fragment
    assert "<html" not in fragment
    assert "Room" not in fragment


def test_only_staff_sees_it(world: World, staff: User) -> None:
    for user in (world.olga, world.ada):
        assert browser(user).get("/operations/").status_code == 404
        assert "/operations/" not in browser(user).get("/").content.decode()
        assert as_(user).get("/operations/").status_code == 403
    assert "/operations/" in browser(staff).get("/").content.decode()


def test_the_api_tells_what_the_page_tells(world: World, staff: User, job: GenerationJob) -> None:
    told = as_(staff, Scope.READ).get("/operations/").json()
    (depth,) = [each for each in told["queues"] if each["kind"] == "Generation job"]
    assert (depth["queue"], depth["queued"], depth["expired"]) == ("generate", 1, 0)
    assert depth["oldest_wait_seconds"] >= 0
    assert told["room"]["database"] == pytest.approx(overview().room.database, rel=0.5)
    assert told["is_idle"] is False
    User.objects.filter(pk=world.olga.pk).update(is_staff=True)
    narrow = as_(world.olga, Scope.READ, project=world.project).get("/operations/")
    assert narrow.status_code == 403


def test_the_page_asks_the_database_a_bounded_number_of_times(
    staff: User, job: GenerationJob, django_assert_max_num_queries: Any
) -> None:
    client = browser(staff)
    with django_assert_max_num_queries(30):
        client.get("/operations/", headers=HTMX)
