"""Time on our own devices is added up; models elsewhere take none of it."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from annotation.models import User
from models_runtime import device_time, enqueue
from models_runtime.checkpoints import register
from models_runtime.device_time import on_device
from models_runtime.engines import Engine, Sampling
from models_runtime.generating import run_generation
from models_runtime.models import DeviceTime, WorkerSeen
from models_runtime.operations import devices_used
from models_runtime.scoring import run_scoring
from tests.annotation.calling import as_
from tests.cast import account, make_project
from tests.models_runtime.local_models import tiny_llama, tiny_reward
from tests.models_runtime.worlds import project_with_prompts, scripted

pytestmark = pytest.mark.django_db


class OnCpu(Engine):
    device = "cpu"


class Elsewhere(Engine):
    pass


def staff() -> User:
    found = account("sam")
    found.is_staff = True
    found.save()
    return found


def test_shifts_of_a_day_add_up_once_per_device_however_many_engines_were_on_it() -> None:
    project = make_project()
    for _ in range(3):
        with on_device(project, [OnCpu(), OnCpu(), Elsewhere()]):
            pass
    (only,) = devices_used(timezone.now())
    assert (only.device, only.shifts, only.slug) == ("CPU", 3, "advice")
    assert 0 < only.minutes < 1
    assert 10 * 2**20 < only.peak < only.total


def test_a_shift_that_fails_still_took_its_time_and_the_sum_never_hides_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = make_project()
    with pytest.raises(ZeroDivisionError), on_device(project, [OnCpu()]):
        _ = 1 / 0
    assert DeviceTime.objects.get().shifts == 1

    class Away:
        def cursor(self) -> Any:
            raise DatabaseError

    monkeypatch.setattr(device_time, "connection", Away())
    with pytest.raises(ZeroDivisionError), on_device(project, [OnCpu()]):
        _ = 1 / 0


def test_a_scripted_job_takes_no_device() -> None:
    project = project_with_prompts(1)
    job = enqueue.request_generation(project, scripted(project))
    run_generation(job.pk)
    assert not DeviceTime.objects.exists()


@pytest.mark.slow
def test_local_models_that_write_and_score_are_counted_for_their_project() -> None:
    project = project_with_prompts(2)
    options = {"device": "cpu", "dtype": "float32"}
    about: dict[str, Any] = {"project": project, "engine": "transformers_local"}
    writer = register(name="writer", model=tiny_llama(), options=options, **about)
    rater = register(
        name="rater", model=tiny_reward(), options=options | {"kind": "reward"}, **about
    )
    run_generation(enqueue.request_generation(project, writer, sampling=Sampling(max_tokens=8)).pk)
    run_scoring(enqueue.request_scoring(project, rater, scorer="reward").pk)
    found = DeviceTime.objects.get()
    assert (found.project, found.device, found.shifts) == (project, "CPU", 2)


def test_page_and_api_tell_workers_memory_and_minutes(client: Client) -> None:
    project = make_project()
    now = timezone.now()
    DeviceTime.objects.create(
        project=project,
        day=timezone.localdate(now),
        device="NVIDIA H200",
        seconds=90,
        shifts=4,
        peak_bytes=60 * 2**30,
        total_bytes=140 * 2**30,
    )
    for name, ago in (("gpu0@here", 1), ("gpu1@here", 600)):
        WorkerSeen.objects.create(
            name=name,
            pid=11,
            queues="generate,reward",
            started_at=now - timedelta(hours=1),
            seen_at=now - timedelta(seconds=ago),
            device="NVIDIA H200",
            used_bytes=20 * 2**30,
            total_bytes=140 * 2**30,
            held=["lab/writer"],
        )
    sam = staff()
    client.force_login(sam)
    page = client.get("/operations/").content.decode().replace("\xa0", " ")
    for words in ("gpu0@here", "20.0 GB of 140.0 GB", "lab/writer", "60.0 GB of 140.0 GB", "1.5"):
        assert words in page, words
    assert page.count("silent since") == 1
    told = as_(sam).get("/operations/").json()
    assert [(each["name"], each["lives"]) for each in told["processes"]] == [
        ("gpu0@here", True),
        ("gpu1@here", False),
    ]
    assert told["processes"][0]["used"] == 20 * 2**30
    (used,) = told["devices"]
    assert (used["project"], used["minutes"], used["peak"]) == ("advice", 1.5, 60 * 2**30)
