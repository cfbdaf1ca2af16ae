"""Money caps: no more than the calls in flight may pass one, and whatever was paid for is counted
and kept. The servers here are real, on loopback, and count what they were asked."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from annotation.content import add_candidate, add_prompt
from annotation.models import Candidate, Measurement, Project, Role, WorkState
from models_runtime import enqueue
from models_runtime.embedders import embedded_by
from models_runtime.engines import Sampling
from models_runtime.generating import run_generation
from models_runtime.judging_questions import run_judging
from models_runtime.models import (
    Checkpoint,
    EmbeddingCall,
    Generation,
    GenerationItem,
    ItemState,
    JudgeCall,
    ScoringItem,
)
from models_runtime.novelty import Rule
from models_runtime.operations.spending import spendings
from models_runtime.prompt_requests import request_prompts
from models_runtime.scoring import run_scoring
from models_runtime.writing_prompts import run_prompts
from tests.annotation.calling import as_
from tests.cast import member
from tests.models_runtime.loopback import Fault, ModelServer, model_server
from tests.models_runtime.worlds import ask, pair, project_with_prompts, served

pytestmark = pytest.mark.django_db

SHORT = Sampling(max_tokens=20)
TWO_IDEAS = "1. What should I do about the rent?\n2. Who pays for snow?"


@pytest.fixture(autouse=True)
def home(settings: Any, tmp_path: Path) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    settings.VAR_DIR = tmp_path


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """A server whose every reply costs 1 at `price`. `waits` are the delays of the next ones."""
    with model_server() as made:
        told: Any = made
        told.waits = []
        told.says = lambda _body: "Ask your landlord. The answer is 4.\nVerdict: [[A>B]]"

        def answer(body: dict[str, Any]) -> dict[str, Any]:
            with made.lock:
                wait = told.waits.pop(0) if told.waits else 0.0
            time.sleep(wait)
            usage = {"prompt_tokens": 3, "completion_tokens": 2, "cost": 1.0}
            if "input" in body:
                vectors = [vector_of(text) for text in body["input"]]
                data = [{"index": i, "embedding": vector} for i, vector in enumerate(vectors)]
                return {"data": data, "usage": usage}
            if "text_1" in body:
                return {"data": [{"score": 0.5}], "usage": usage}
            message = {"role": "assistant", "content": told.says(body)}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            return {"choices": [choice], "usage": usage}

        made.answer = answer  # type: ignore[method-assign]
        yield made


def vector_of(text: str) -> list[float]:
    return [float(len(text)), float(len(text.split())), 1.0]


def carry_out(job: Any, run: Any) -> Any:
    while not job.is_final:
        job.items.update(not_before=None)
        type(job).objects.update(not_before=None)
        run(job.pk)
        job.refresh_from_db()
    return job


def with_candidates(count: int, each: int = 1) -> Project:
    project = project_with_prompts(0)
    for number in range(count):
        prompt = add_prompt(project=project, messages=ask(number), external_id=f"p{number}")
        for place in range(each):
            text = f"Ask in house {number}, way {place}. The answer is {number}."
            add_candidate(prompt=prompt, text=text, external_id=f"{number}-{place}")
    return project


def assert_stopped(job: Any, server: ModelServer, *, cap: int, in_flight: int) -> None:
    """The job ended by its budget; the server was asked a bounded number of times, and each of
    these calls is in what the job says it spent."""
    assert job.state == WorkState.FAILED
    assert f"spent its budget of {cap} and was stopped" in job.error
    assert cap <= len(server.asked) < cap + in_flight
    assert job.spent().cost == pytest.approx(len(server.asked))
    assert job.spent().tokens_in == 3 * len(server.asked)
    assert not job.items.filter(state=ItemState.RUNNING).exists()


# --- Writing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("in_flight", [1, 4, 20])
def test_writing_passes_its_cap_by_no_more_than_what_is_in_flight(
    server: ModelServer, in_flight: int
) -> None:
    project = project_with_prompts(30)
    model = served(project, server.url, in_flight=in_flight)
    job = enqueue.request_generation(project, model, per_prompt=4, sampling=SHORT, max_cost=10)
    carry_out(job, run_generation)
    assert_stopped(job, server, cap=10, in_flight=in_flight)
    assert Generation.objects.count() == Candidate.objects.count() == len(server.asked)


def test_what_is_slow_to_land_when_the_cap_is_reached_is_kept_all_the_same(
    server: ModelServer,
) -> None:
    project = project_with_prompts(8)
    model = served(project, server.url, in_flight=4)
    server.waits = [1.1, 1.4, 1.4, 1.4]  # type: ignore[attr-defined]  # the first is written alone
    job = enqueue.request_generation(project, model, per_prompt=1, sampling=SHORT, max_cost=1)
    carry_out(job, run_generation)
    assert_stopped(job, server, cap=1, in_flight=4)
    assert Generation.objects.count() == 4


def test_a_reply_that_comes_to_nothing_is_paid_for(server: ModelServer) -> None:
    server.says = lambda _body: " "  # type: ignore[attr-defined]
    project = project_with_prompts(12)
    model = served(project, server.url, in_flight=2)
    job = enqueue.request_generation(project, model, per_prompt=4, sampling=SHORT, max_cost=6)
    carry_out(job, run_generation)
    assert_stopped(job, server, cap=6, in_flight=2)
    assert not Candidate.objects.exists()
    (spent,) = spendings(job.created_at)
    assert (spent.cost, spent.calls) == (6.0, 6)


def test_a_job_without_a_cap_is_not_held_up_for_the_slowest(server: ModelServer) -> None:
    """The first call lands when all others were asked: under a cap they would wait for it."""
    project = project_with_prompts(1)
    model = served(project, server.url, in_flight=2)
    answer, seen = server.answer, []

    def patient(body: dict[str, Any]) -> dict[str, Any]:
        began, is_first = time.monotonic(), len(server.asked) == 1
        while is_first and len(server.asked) < 8 and time.monotonic() - began < 4:
            time.sleep(0.01)
        seen.append(len(server.asked) if is_first else 0)
        return answer(body)

    server.answer = patient  # type: ignore[method-assign]
    job = enqueue.request_generation(project, model, per_prompt=8, sampling=SHORT)
    carry_out(job, run_generation)
    assert job.state == WorkState.DONE
    assert max(seen) == 8


# --- Measuring ------------------------------------------------------------------------------------


def capped(project: Project, model: Checkpoint, scorer: str, cap: float, **settings: Any) -> Any:
    job = enqueue.request_scoring(
        project, model, scorer=scorer, settings=settings, seed=4, max_cost=cap
    )
    return carry_out(job, run_scoring)


@pytest.mark.parametrize("in_flight", [1, 4])
def test_measuring_passes_its_cap_by_no_more_than_what_is_in_flight(
    server: ModelServer, in_flight: int
) -> None:
    project = with_candidates(30)
    model = served(project, server.url, in_flight=in_flight, kind="score")
    job = capped(project, model, "reward", 10)
    assert_stopped(job, server, cap=10, in_flight=in_flight)
    assert Measurement.objects.count() == len(server.asked)
    assert job.items.filter(state=ItemState.DONE).count() == len(server.asked)


@pytest.mark.parametrize("scorer", ["recovered", "match_wins"])
def test_a_measure_of_many_calls_stops_in_its_midst_and_counts_what_it_asked(
    server: ModelServer, scorer: str
) -> None:
    project = with_candidates(6, each=3)
    model = served(project, server.url, in_flight=4)
    settings = {"draws": 5} if scorer == "recovered" else {}
    job = capped(project, model, scorer, 10, **settings)
    assert_stopped(job, server, cap=10, in_flight=4)
    assert job.items.filter(state=ItemState.READY).exists()
    assert set(ScoringItem.objects.filter(state=ItemState.READY).values_list("attempt")) == {(0,)}


def test_embedding_passes_its_cap_by_no_more_than_what_is_in_flight(server: ModelServer) -> None:
    project = with_candidates(200)
    model = served(project, server.url, in_flight=1, kind="embeddings")
    job = capped(project, model, "embedding", 2)
    assert_stopped(job, server, cap=2, in_flight=1)
    assert Measurement.objects.count() == 128
    assert EmbeddingCall.objects.count() == 2
    (spent,) = spendings(job.created_at)
    assert (spent.cost, spent.calls, spent.tokens_in) == (2.0, 2, 6)


def test_what_was_embedded_before_costs_nothing_and_is_counted_so(server: ModelServer) -> None:
    project = with_candidates(70)
    model = served(project, server.url, kind="embeddings", in_flight=1)
    Checkpoint.objects.filter(pk=model.pk).update(revision="pinned")
    model.refresh_from_db()
    first = capped(project, model, "embedding", 100)
    assert (first.state, first.spent().cost) == (WorkState.DONE, 2.0)
    again = enqueue.request_scoring(project, model, scorer="embedding", again=True, max_cost=1.0)
    carry_out(again, run_scoring)
    assert (again.state, again.spent().cost) == (WorkState.DONE, 0.0)
    found = embedded_by(again)
    assert found is not None
    assert (found.texts, found.known, found.cost) == (70, 70, 0.0)
    assert len(server.asked) == 2


def test_page_and_api_say_what_was_embedded_and_what_was_known(
    server: ModelServer, client: Client
) -> None:
    project = with_candidates(3)
    olga = member(project, "olga", Role.OWNER)
    model = served(project, server.url, kind="embeddings")
    job = capped(project, model, "embedding", 100)
    client.force_login(olga)
    page = client.get(reverse("models_runtime:job", args=[project.slug, job.public_id]))
    assert "Texts embedded: 3. Of these, 0 were known already" in page.content.decode()
    told = as_(olga).get(f"/projects/{project.slug}/scoring-jobs/{job.public_id}/").json()
    assert told["embedded"] == {"texts": 3, "known": 0, "tokens_in": 3, "cost": 1.0}
    assert told["spent"] == {"tokens_in": 3, "tokens_out": 2, "cost": 1.0}


def test_calls_for_vectors_that_fail_set_their_texts_aside_and_the_rest_is_kept(
    server: ModelServer,
) -> None:
    project = with_candidates(66)
    model = served(project, server.url, kind="embeddings", in_flight=1, retries=0)
    job = enqueue.request_scoring(project, model, scorer="embedding")
    answer = server.answer

    def refuse_what_follows(body: dict[str, Any]) -> dict[str, Any]:
        server.fault_for_all = Fault(400)
        return answer(body)

    server.answer = refuse_what_follows  # type: ignore[method-assign]
    carry_out(job, run_scoring)
    assert job.state == WorkState.DONE
    assert job.items.filter(state=ItemState.FAILED).count() == 2
    assert Measurement.objects.count() == 64
    first, *refused = EmbeddingCall.objects.values_list("failure", "computed")
    assert first == ("", 64)
    assert refused == [("bad_request", 0)] * 3  # two texts together, then each alone


# --- Candidates that must differ ------------------------------------------------------------------


def test_seeing_how_alike_candidates_are_is_counted_with_them(server: ModelServer) -> None:
    project = project_with_prompts(2)
    writer = served(project, server.url)
    embedder = served(project, server.url, name="encoder", kind="embeddings")
    rule = Rule(tries=1)
    job = enqueue.request_generation(
        project, writer, per_prompt=3, sampling=SHORT, novelty=rule, embedder=embedder
    )
    carry_out(job, run_generation)
    embeddings = [body for body in server.asked if "input" in body]
    assert job.state == WorkState.DONE
    assert embeddings
    assert job.embedding_calls.count() == len(embeddings)
    assert job.spent().cost == pytest.approx(len(server.asked))
    texts = [text for body in embeddings for text in body["input"]]
    assert len(texts) == len(set(texts)), "a shift asks for each text once"


def test_a_cap_counts_what_embedding_took(server: ModelServer) -> None:
    server.says = lambda body: f"{body['seed']} ways"  # type: ignore[attr-defined]
    project = project_with_prompts(20)
    writer = served(project, server.url, in_flight=1)
    embedder = served(project, server.url, name="encoder", kind="embeddings", in_flight=1)
    job = enqueue.request_generation(
        project,
        writer,
        per_prompt=1,
        sampling=SHORT,
        novelty=Rule(tries=0),
        embedder=embedder,
        max_cost=10,
    )
    carry_out(job, run_generation)
    assert_stopped(job, server, cap=10, in_flight=2)
    assert Candidate.objects.count() == 5


def test_candidates_that_nobody_could_compare_are_lost_but_counted(server: ModelServer) -> None:
    project = project_with_prompts(1)
    writer = served(project, server.url, in_flight=1)
    embedder = served(project, server.url, name="encoder", kind="embeddings", retries=0)
    job = enqueue.request_generation(
        project,
        writer,
        per_prompt=1,
        sampling=SHORT,
        novelty=Rule(tries=0),
        embedder=embedder,
    )
    answer = server.answer

    def spoiled(body: dict[str, Any]) -> dict[str, Any]:
        told = answer(body)
        return told if "input" not in body else {"data": []}

    server.answer = spoiled  # type: ignore[method-assign]
    run_generation(job.pk)
    job.refresh_from_db()
    assert job.state == WorkState.QUEUED, "it may pass"
    assert not Candidate.objects.exists()
    assert job.spent().cost == 1.0
    server.answer = answer  # type: ignore[method-assign]
    carry_out(job, run_generation)
    assert job.state == WorkState.DONE
    assert GenerationItem.objects.get().attempt == 1
    assert job.spent().cost == 3.0, "two texts and one vector; the failed vector told no price"


# --- Judging and writing prompts ------------------------------------------------------------------


def test_a_verdict_that_is_slow_to_land_when_the_cap_is_reached_is_kept(
    server: ModelServer,
) -> None:
    project = project_with_prompts(0)
    for number in range(8):
        pair(project, number, f"Yes {number}.", f"No {number}.")
    model = served(project, server.url, in_flight=4)
    server.waits = [1.1, 1.4, 1.4, 1.4]  # type: ignore[attr-defined]
    job = enqueue.request_judging(project, model, max_cost=1)
    carry_out(job, run_judging)
    assert_stopped(job, server, cap=1, in_flight=4)
    assert JudgeCall.objects.count() == 4


def test_writing_prompts_passes_its_cap_by_no_more_than_what_is_in_flight(
    server: ModelServer,
) -> None:
    server.says = lambda _body: TWO_IDEAS  # type: ignore[attr-defined]
    project = project_with_prompts(12)
    model = served(project, server.url, in_flight=3)
    job = request_prompts(project, model, calls=20, max_cost=7)
    carry_out(job, run_prompts)
    assert_stopped(job, server, cap=7, in_flight=3)
    (spent,) = spendings(job.created_at)
    assert spent.cost == len(server.asked)
