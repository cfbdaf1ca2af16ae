"""Faults of models, their servers, brokers and databases, and what comes of each.

- A worker is killed, a broker restarts, loses or repeats messages: no row is lost, none is done
  twice (`test_worker_kill.py`, `test_restarts.py`, `test_real_restarts.py`).
- A task, protocol, scorer or engine that this version doesn't know: said where people look (here).
- GPU memory runs out, a model's files are gone: the row or job fails with its cause and the others
  go on (here).
- Empty texts, control signs only: set aside. Endless repetition: cut off and counted (here).
- Two candidates are identical: no forced choice (`test_collection_faults.py`).
- A judge writes prose or broken JSON, refuses, or invents an option: named, and never a tie
  (`models_runtime/test_parsing.py`, `test_replies.py`, `contracts/test_protocols.py`).
- Its server limits, hangs, or raises its price: it is waited for or given up, and the budget holds
  (here, `models_runtime/test_openai_compatible.py`).
- The database fails, or a lock is held, while somebody submits: an error, and after it one judgment
  (here, `test_collection_faults.py`).
"""

import json
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from annotation.models import Candidate, Judgment, Role, WorkState
from models_runtime import enqueue
from models_runtime.checkpoints import open_engine, register
from models_runtime.engines import Sampling
from models_runtime.engines.transformers_local import LocalEngine
from models_runtime.generating import run_generation
from models_runtime.judging_questions import run_judging
from models_runtime.keeping_candidates import says_something
from models_runtime.models import (
    Checkpoint,
    Generation,
    GenerationItem,
    GenerationJob,
    JudgeCall,
    JudgingItem,
    JudgingJob,
    WorkerSeen,
)
from models_runtime.operations import processes
from models_runtime.scoring import run_scoring
from tests.annotation.calling import as_
from tests.annotation.test_views_judging import JUDGE, answer, browser_of
from tests.cast import World, account, member
from tests.faults.workers import House, database_url, house, wait_until
from tests.models_runtime.local_models import tiny_llama
from tests.models_runtime.loopback import Fault, model_server
from tests.models_runtime.worlds import pair, project_with_prompts, scripted, served

needs_torch = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("torch", "transformers", "safetensors")),
    reason="torch and transformers are absent",
)


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    (tmp_path / "house").mkdir()
    with house(tmp_path / "house") as made:
        yield made


def carry_out(job: Any, run: Any = run_generation) -> Any:
    """Shift after shift, without the waits between them, as workers would."""
    while not job.is_final:
        job.items.update(not_before=None)
        type(job).objects.update(not_before=None)
        run(job.pk)
        job.refresh_from_db()
    return job


# --- What this version doesn't know ---------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_task_that_a_worker_does_not_know_is_said_on_the_operations_page(
    home: House, client: Client
) -> None:
    home.start("worker", "-Q", "generate", "-P", "solo", "-n", "old@here")
    wait_until(WorkerSeen.objects.exists, "the worker to say that it is there")
    home.run(
        "from config.celery import app\n"
        "app.send_task('models_runtime.run_magic', args=(1,), queue='generate')\n"
    )
    wait_until(lambda: bool(WorkerSeen.objects.get().unknown), "the worker to say so", patience=20)
    sam = account("sam")
    sam.is_staff = True
    sam.save()
    client.force_login(sam)
    shown = client.get("/operations/").content.decode()
    assert "It doesn't know the task models_runtime.run_magic" in shown
    (told,) = as_(sam).get("/operations/").json()["processes"]
    assert told["unknown"] == ["models_runtime.run_magic"]
    assert processes(WorkerSeen.objects.get().seen_at)[0].lives, "and it lives on"


@pytest.mark.django_db
def test_jobs_of_another_version_fail_with_a_sentence_and_their_pages_still_open(
    client: Client,
) -> None:
    project = project_with_prompts(1)
    client.force_login(member(project, "olga", Role.OWNER))
    pair(project, 0, "Yes. ⟦u=1⟧", "No. ⟦u=-1⟧")
    model = scripted(project)
    judging = enqueue.request_judging(project, model)
    scoring = enqueue.request_scoring(project, model, scorer="reward")
    writing = enqueue.request_generation(project, scripted(project, "later"))
    type(judging).objects.update(protocol="telepathy", options={})
    type(scoring).objects.update(scorer="weather")
    Checkpoint.objects.filter(name="later").update(engine="quantum")
    for job, run, words in (
        (judging, run_judging, "can no longer judge by “telepathy”"),
        (scoring, run_scoring, "can no longer measure “weather”"),
        (writing, run_generation, "has no engine “quantum”"),
    ):
        run(job.pk)
        job.refresh_from_db()
        assert job.state == WorkState.FAILED
        assert words in job.error
        page = reverse("models_runtime:job", args=[project.slug, job.public_id])
        assert words in client.get(page).content.decode()
    assert client.get(reverse("models_runtime:jobs", args=[project.slug])).status_code == 200


# --- Memory and files (14) ------------------------------------------------------------------------


@needs_torch
@pytest.mark.slow
@pytest.mark.django_db
def test_a_row_that_does_not_fit_into_memory_is_set_aside_and_the_rest_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The device is the fake: it runs out of memory on every batch with a long prompt in it."""
    import torch

    from annotation.content import add_prompt

    project = project_with_prompts(5)
    add_prompt(project=project, messages="Why? " * 300, external_id="long")
    options = {"device": "cpu", "dtype": "float32", "batching": "padded"}
    model = register(
        project=project, name="tiny", engine="transformers_local", model=tiny_llama(),
        options=options,
    )  # fmt: skip
    with open_engine(model) as engine:
        assert isinstance(engine, LocalEngine)
        held = engine._loaded()
    whole = held.model.generate

    def small(**told: Any) -> Any:
        if told["input_ids"].shape[1] > 500:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return whole(**told)

    monkeypatch.setattr(held.model, "generate", small)
    job = enqueue.request_generation(project, model, sampling=Sampling(max_tokens=8))
    carry_out(job)
    assert (job.state, job.error) == (WorkState.DONE, "")
    assert "1 of 6 candidates could not be written" in job.notice
    assert Candidate.objects.count() == 5
    (aside,) = GenerationItem.objects.filter(state="failed").select_related("prompt")
    assert (aside.prompt.external_id, aside.cause) == ("long", "out_of_memory")
    assert "runs out of memory on this text alone" in aside.error
    after = enqueue.request_generation(project, scripted(project))
    assert carry_out(after).state == WorkState.DONE


@needs_torch
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_model_whose_files_are_gone_fails_its_job_and_the_queue_goes_on(
    home: House, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_llama(), folder)
    project = project_with_prompts(2)
    options = {"device": "cpu", "dtype": "float32"}
    local = register(
        project=project, name="tiny", engine="transformers_local", model=str(folder),
        options=options,
    )  # fmt: skip
    lost = enqueue.request_generation(project, local)
    shutil.rmtree(folder)
    fine = enqueue.request_generation(project, scripted(project))
    home.start("worker", "-Q", "default,generate", "-P", "solo")
    home.beat()
    GenerationJob.objects.update(created_at="2026-01-01T00:00Z")  # for the sweeper to find at once
    wait_until(lambda: not GenerationJob.objects.filter(finished_at=None), "both jobs to end")
    lost.refresh_from_db()
    fine.refresh_from_db()
    assert lost.state == WorkState.FAILED
    assert str(folder) in lost.error
    assert fine.state == WorkState.DONE
    assert Generation.objects.filter(job=fine).count() == 2


# --- Texts that say nothing (15) ------------------------------------------------------------------


def said(text: str, *, finish: str = "stop", cost: float | None = None) -> bytes:
    usage = {"prompt_tokens": 9, "completion_tokens": 9}
    choice = {"message": {"content": text}, "finish_reason": finish}
    told = {"choices": [choice], "usage": usage | ({} if cost is None else {"cost": cost})}
    return json.dumps(told).encode()


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["", " \n\t", "\0\7\x1b", "\u200b\u2060\ufeff\u202e", "\u00ad"])
def test_texts_of_nothing_but_blanks_and_control_signs_are_set_aside(text: str) -> None:
    assert not says_something(text)
    project = project_with_prompts(2)
    with model_server() as server:
        job = enqueue.request_generation(project, served(project, server.url))
        server.faults.append(Fault(404))  # the list of models
        server.fault_for_all = Fault(200, said(text))
        carry_out(job)
    assert job.state == WorkState.FAILED
    assert "empty text" in job.error
    assert {item.cause for item in GenerationItem.objects.all()} == {"empty_reply"}
    assert not Candidate.objects.exists()


@pytest.mark.django_db
def test_signs_between_words_and_lone_pictures_do_say_something() -> None:
    assert says_something("a\0b")
    assert says_something("🙂")
    assert says_something("\u202eabc")


@pytest.mark.django_db
def test_endless_repetition_is_cut_off_kept_and_counted(client: Client) -> None:
    project = project_with_prompts(2)
    olga = member(project, "olga", Role.OWNER)
    with model_server() as server:
        job = enqueue.request_generation(project, served(project, server.url))
        server.faults.append(Fault(404))
        server.fault_for_all = Fault(200, said("and so on " * 4000, finish="length"))
        carry_out(job)
    assert (job.state, Candidate.objects.count()) == (WorkState.DONE, 2)
    assert set(Generation.objects.values_list("finish", flat=True)) == {"length"}
    client.force_login(olga)
    page = reverse("models_runtime:job", args=[project.slug, job.public_id])
    assert "Cut off at the limit" in client.get(page).content.decode()
    told = as_(olga).get(f"/projects/advice/generation-jobs/{job.public_id}/").json()
    assert told["cut_off"] == 2


# --- Limits, hangs, prices (18) -------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("in_flight", [1, 4])
def test_a_price_that_is_raised_in_the_middle_does_not_break_the_budget(in_flight: int) -> None:
    """The checkpoint says 1 a call; the server, which tells its price, suddenly takes 10."""
    project = project_with_prompts(30)
    with model_server() as server:
        server.models = None
        model = served(project, server.url, price_out=1e6 / 9, in_flight=in_flight)
        job = enqueue.request_generation(project, model, per_prompt=10, max_cost=60.0)
        server.faults.extend([Fault(404), Fault(200, said("Hello."))])  # what is asked first
        server.faults.extend(Fault(200, said(f"Yes {n}.", cost=0.5)) for n in range(10))
        server.fault_for_all = Fault(200, said("Ask.", cost=10.0))
        carry_out(job)
    assert job.state == WorkState.FAILED
    assert "spent its budget of 60" in job.error
    spent = job.spent().cost
    assert 60 <= spent < 60 + 10 * in_flight
    assert Candidate.objects.count() == 10 + (spent - 10) / 10


@pytest.mark.django_db
def test_a_judge_that_limits_hangs_and_grows_dear_keeps_within_its_budget() -> None:
    project = project_with_prompts(0)
    for number in range(20):
        pair(project, number, f"Yes {number}. ⟦u=1⟧", f"No {number}. ⟦u=-1⟧")
    verdict = "It is clearer.\nVerdict: [[A>B]]"
    with model_server() as server:
        server.models = None
        dear = served(project, server.url, in_flight=2, timeout=0.3, retries=2)
        job = enqueue.request_judging(project, dear, max_cost=30.0)
        server.faults.extend([Fault(404), Fault(200, said("Hello."))])
        server.faults.append(Fault(429, headers={"Retry-After": "0.2"}))
        server.faults.append(Fault(200, said(verdict), delay=1.0))  # longer than the patience
        server.faults.extend(Fault(200, said(verdict, cost=1.0)) for _ in range(6))
        server.fault_for_all = Fault(200, said(verdict, cost=4.0))
        carry_out(job, run_judging)
    assert job.state == WorkState.FAILED
    assert "spent its budget of 30" in job.error
    assert 30 <= job.spent().cost < 30 + 2 * 4.0
    assert not JudgeCall.objects.exclude(failure="").exists(), "waiting was enough"
    assert JudgingItem.objects.filter(state="running").count() == 0
    judged = Judgment.objects.count()
    assert 0 < judged < 20
    assert JudgingJob.objects.count() == 1


# --- A lock that is held while somebody submits (37) ----------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_lock_that_is_not_given_back_in_time_is_an_error_and_the_answer_is_kept_once_free(
    transactional_db: None, request: pytest.FixtureRequest
) -> None:
    world: World = request.getfixturevalue("world")
    ada = browser_of(world.ada)
    html = ada.get(JUDGE).content.decode()
    ada.raise_request_exception = False
    with psycopg.connect(database_url()) as other, connection.cursor() as cursor:
        other.execute("SELECT 1 FROM annotation_question FOR UPDATE")
        cursor.execute("SET lock_timeout = '300ms'")
        refused = answer(ada, html, {"choice": "2"})
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) > 0
        assert "nothing was changed" in refused.content.decode()
        assert not Judgment.objects.exists()
        other.rollback()
        cursor.execute("SET lock_timeout = 0")
    kept = answer(ada, html, {"choice": "2"})
    assert kept.status_code == 200
    assert answer(ada, html, {"choice": "2"}).status_code < 500
    assert Judgment.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_api_answers_503_while_the_lock_is_held_and_says_when_to_try_again(
    transactional_db: None, request: pytest.FixtureRequest
) -> None:
    world: World = request.getfixturevalue("world")
    ada = as_(world.ada)
    ada.client.raise_request_exception = False
    leased = ada.post("/projects/advice/assignments/").json()["id"]
    body = {"assignment": leased, "submission_key": "12345678", "answer": {"choice": "1"}}
    with psycopg.connect(database_url()) as other, connection.cursor() as cursor:
        other.execute("SELECT 1 FROM annotation_question FOR UPDATE")
        cursor.execute("SET lock_timeout = '300ms'")
        refused = ada.post("/projects/advice/judgments/", body)
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) > 0
        other.rollback()
        cursor.execute("SET lock_timeout = 0")
    answers = [ada.post("/projects/advice/judgments/", body).status_code for _ in range(2)]
    assert answers == [201, 200]
    assert Judgment.objects.count() == 1
