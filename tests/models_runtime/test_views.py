from typing import Any

import pytest
from django.test import Client

from annotation.models import Role, User, WorkState
from models_runtime import enqueue
from models_runtime.generating import run_generation
from models_runtime.judging_questions import run_judging
from models_runtime.models import Checkpoint, GenerationJob, JudgingJob
from tests.cast import World, make_project, member
from tests.models_runtime.worlds import scripted

JOBS = "/projects/advice/jobs/"
HTMX = {"HX-Request": "true"}


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(client: Client, address: str, **extra: Any) -> str:
    response = client.get(address, **extra)
    assert response.status_code == 200, response.status_code
    return response.content.decode()


@pytest.fixture
def job(world: World) -> GenerationJob:
    return enqueue.request_generation(world.project, scripted(world.project), per_prompt=2)


def test_an_owner_registers_a_model_and_starts_a_job(world: World) -> None:
    olga = browser(world.olga)
    assert "Register a model" in page(olga, JOBS)
    form = {"name": "amber", "engine": "scripted", "model": "amber", "options": '{"tau": 0.4}'}
    assert olga.post("/projects/advice/checkpoints/new/", form).status_code == 302
    checkpoint = Checkpoint.objects.get()
    assert checkpoint.options == {"tau": 0.4}
    asked = {
        "checkpoint": str(checkpoint.public_id),
        "per_prompt": "2",
        "max_tokens": "50",
        "temperature": "0.7",
    }
    response = olga.post(f"{JOBS}new/candidates/", asked)
    made = GenerationJob.objects.get()
    assert response["Location"] == f"{JOBS}{made.public_id}/"
    assert made.requested_by == world.olga
    assert made.read_sampling().temperature == 0.7
    assert made.progress_total == 6
    assert "amber (scripted)" in page(olga, JOBS)


def test_a_manager_lets_a_model_judge(world: World) -> None:
    checkpoint = scripted(world.project)
    mona = browser(member(world.project, "mona", Role.MANAGER))
    asked = {
        "checkpoint": str(checkpoint.public_id),
        "option_template": "labelled@1",
        "option_reducer": "logit_mean",
        "option_both_orders": "on",
    }
    assert mona.post(f"{JOBS}new/judgments/", asked).status_code == 302
    made = JudgingJob.objects.get()
    run_judging(made.pk)
    shown = page(mona, f"{JOBS}{made.public_id}/")
    assert "Verdicts" in shown
    assert "6 replies, of which 0 could not be read" in shown
    assert "Scripted.</strong> No model runs" in shown


def test_a_live_job_polls_and_an_ended_one_stops(world: World, job: GenerationJob) -> None:
    olga = browser(world.olga)
    address = f"{JOBS}{job.public_id}/"
    assert 'hx-trigger="every 2s"' in page(olga, address, headers=HTMX)
    run_generation(job.pk)
    ended = page(olga, address, headers=HTMX)
    assert "hx-trigger" not in ended
    assert "6 of 6" in ended
    assert "<html" not in ended


def test_failures_are_listed_by_cause(world: World) -> None:
    checkpoint = scripted(world.project, poison_rate=1.0)
    job = enqueue.request_generation(world.project, checkpoint)
    run_generation(job.pk)
    shown = page(browser(world.olga), f"{JOBS}{job.public_id}/")
    assert "The request was refused" in shown
    assert "It failed" in shown
    assert "Go on with the 3 that are left" in shown


def test_cancelling_and_going_on(world: World, job: GenerationJob) -> None:
    olga = browser(world.olga)
    address = f"{JOBS}{job.public_id}/"
    olga.post(f"{address}cancel/")
    job.refresh_from_db()
    assert job.state == WorkState.CANCELLED
    assert "Go on with the 6 that are left" in page(olga, address)
    olga.post(f"{address}reopen/")
    job.refresh_from_db()
    assert job.state == WorkState.QUEUED
    assert "still at work" in olga.post(f"{address}reopen/", follow=True).content.decode()


def test_an_unfit_form_says_what_is_wrong_and_starts_nothing(world: World) -> None:
    checkpoint = scripted(world.project)
    olga = browser(world.olga)
    response = olga.post(
        f"{JOBS}new/judgments/",
        {
            "checkpoint": str(checkpoint.public_id),
            "option_template": "reasoned@1",
            "option_reducer": "logit_mean",
        },
    )
    assert response.status_code == 422
    assert "needs label probabilities" in response.content.decode()
    assert olga.post(f"{JOBS}new/candidates/", {}).status_code == 422
    bad = {"name": "x", "engine": "scripted", "model": "x", "options": "{"}
    assert "valid JSON" in olga.post("/projects/advice/checkpoints/new/", bad).content.decode()
    assert not GenerationJob.objects.exists()
    assert not JudgingJob.objects.exists()


def test_the_panel_of_the_project_page(world: World, job: GenerationJob) -> None:
    olga = browser(world.olga)
    assert "queued" in page(olga, f"{JOBS}panel/", headers=HTMX)
    run_generation(job.pk)
    assert "6 of 6" in page(olga, f"{JOBS}panel/", headers=HTMX)
    assert "All jobs" in page(olga, f"{JOBS}panel/")


@pytest.mark.parametrize(
    ("address", "method", "roles"),
    [
        ("", "get", {"owner", "manager", "reviewer"}),
        ("panel/", "get", {"owner", "manager", "reviewer"}),
        ("new/candidates/", "get", {"owner", "manager"}),
        ("new/judgments/", "get", {"owner", "manager"}),
        ("{job}/", "get", {"owner", "manager", "reviewer"}),
        ("{job}/cancel/", "post", {"owner", "manager"}),
        ("{job}/reopen/", "post", {"owner", "manager"}),
        ("../checkpoints/new/", "get", {"owner"}),
        ("../checkpoints/{checkpoint}/retire/", "post", {"owner"}),
    ],
)
def test_doors_open_only_to_the_roles_they_are_for(
    world: World, job: GenerationJob, address: str, method: str, roles: set[str]
) -> None:
    address = address.format(job=job.public_id, checkpoint=job.checkpoint.public_id)
    address = (JOBS + address).replace("jobs/../", "")
    people = {role.value: member(world.project, f"the-{role.value}", role) for role in Role}
    for role, user in people.items():
        status = getattr(browser(user), method)(address).status_code
        assert (status in (200, 302)) is (role in roles), (role, status)
    assert getattr(browser(world.sam), method)(address).status_code == 404
    assert getattr(Client(), method)(address).status_code == 302


def test_a_job_of_another_project_is_not_found(world: World, job: GenerationJob) -> None:
    other = make_project("other")
    owner = member(other, "otto", Role.OWNER)
    assert browser(owner).get(f"/projects/other/jobs/{job.public_id}/").status_code == 404
