"""Decoders and estimates of generation jobs, on the page and through the API."""

from datetime import timedelta
from importlib.util import find_spec
from typing import Any

import pytest
from django.test import Client

from annotation.models import Candidate, Project, Role, WorkState
from models_runtime import enqueue
from models_runtime.checkpoints import register
from models_runtime.decoding import Cautious, Deepening
from models_runtime.engines import Sampling
from models_runtime.generation_estimates import estimate_generation
from models_runtime.models import GenerationJob
from tests.annotation.calling import as_
from tests.cast import member
from tests.models_runtime.local_models import tiny_llama
from tests.models_runtime.test_generating import carry_out
from tests.models_runtime.worlds import project_with_prompts, scripted, served

pytestmark = pytest.mark.django_db


def local(project: Project) -> Any:
    options = {"device": "cpu", "dtype": "float32"}
    return register(
        project=project, name="tiny", engine="transformers_local", model=tiny_llama(),
        options=options,
    )  # fmt: skip


with_model = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("torch", "transformers", "safetensors")),
    reason="torch and transformers are absent",
)


@pytest.fixture
def manager(client: Client) -> Client:
    project = project_with_prompts(3)
    client.force_login(member(project, "mara", Role.OWNER))
    return client


@with_model
@pytest.mark.parametrize("decoder", [Cautious(most=3, longest=4), Deepening(first=4, growth=2)])
def test_a_job_writes_with_its_decoder(decoder: Any) -> None:
    project = project_with_prompts(2)
    job = enqueue.request_generation(
        project, local(project), sampling=Sampling(max_tokens=12, decoder=decoder), seed=4
    )
    job.refresh_from_db()
    assert job.read_sampling().decoder == decoder
    assert carry_out(job).state == WorkState.DONE
    assert Candidate.objects.count() == 2


def test_a_decoder_is_refused_where_the_engine_has_none(manager: Client) -> None:
    project = Project.objects.get()
    given = {
        "checkpoint": str(scripted(project).public_id), "per_prompt": 1, "max_tokens": 9,
        "temperature": 1, "decoder": "cautious",
    }  # fmt: skip
    page = manager.post(f"/projects/{project.slug}/jobs/new/candidates/", given)
    assert "can&#x27;t decode cautiously" in page.content.decode()
    assert not GenerationJob.objects.exists()


def test_settings_of_a_decoder_are_checked_with_a_sentence(manager: Client) -> None:
    project = Project.objects.get()
    given = {
        "checkpoint": str(scripted(project).public_id), "per_prompt": 1, "max_tokens": 9,
        "temperature": 1,
    }  # fmt: skip
    url = f"/projects/{project.slug}/jobs/new/candidates/"
    for decoder, settings, words in (
        ("cautious", '{"most": 99}', "trials"),
        ("cautious", '{"moss": 9}', "Unknown option"),
        ("deepening", "[1]", "Write an object"),
        ("deepening", "{", "valid JSON"),
        ("", '{"most": 9}', "Choose the decoder"),
    ):
        told = given | {"decoder": decoder, "decoder_settings": settings}
        assert words in manager.post(url, told).content.decode()


def test_an_estimate_starts_nothing_and_says_what_it_rests_on(manager: Client) -> None:
    project = Project.objects.get()
    given = {
        "checkpoint": str(scripted(project).public_id), "per_prompt": 5, "max_tokens": 100,
        "temperature": 1, "estimate": "1",
    }  # fmt: skip
    page = manager.post(f"/projects/{project.slug}/jobs/new/candidates/", given).content.decode()
    assert "at most 1,500" in page
    assert "the model has no prices" in page
    assert "assumed 50 tokens a second: this model has written nothing here yet" in page
    assert not GenerationJob.objects.exists()


def test_an_estimate_has_the_price_of_seeing_how_alike_candidates_are(settings: Any) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    project = project_with_prompts(4)
    url = "http://127.0.0.1:9/v1"
    encoder = served(project, url, name="encoder", kind="embeddings", price_in=3e6)
    asked: dict[str, Any] = {"per_prompt": 2, "sampling": Sampling(max_tokens=10), "retries": 1}
    found = estimate_generation(project, scripted(project), **asked, embedder=encoder)
    assert (found.cost, found.most_cost) == (3.0 * 80, 3.0 * 160)
    assert estimate_generation(project, scripted(project, "b"), **asked).cost is None


def test_estimates_learn_from_what_a_model_has_written() -> None:
    project = project_with_prompts(4)
    checkpoint = scripted(project)
    sampling = Sampling(max_tokens=500)
    before = estimate_generation(project, checkpoint, per_prompt=2, sampling=sampling)
    assert (before.candidates, before.tokens_out, before.pace.is_measured) == (8, 4000, False)
    assert before.time == timedelta(seconds=4000 / 50)
    job = carry_out(enqueue.request_generation(project, checkpoint, per_prompt=2))
    after = estimate_generation(project, checkpoint, per_prompt=2, sampling=sampling)
    assert after.tokens_out == pytest.approx(job.spent().tokens_out, abs=8)
    assert after.pace.jobs == 1
    assert after.time == pytest.approx(job.elapsed(), abs=timedelta(seconds=1))
    assert after.most_tokens_out == 4000


def test_prices_make_a_cost_and_trials_its_upper_bound(settings: Any) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    project = project_with_prompts(2)
    checkpoint = served(project, "http://127.0.0.1:9/v1", price_out=2.0)
    plain = Sampling(max_tokens=1000)
    found = estimate_generation(project, checkpoint, per_prompt=1, sampling=plain)
    assert found.cost == pytest.approx(0.004)
    careful = Sampling(max_tokens=1000, decoder=Cautious(most=4))
    found = estimate_generation(project, checkpoint, per_prompt=1, sampling=careful)
    assert found.most_cost == pytest.approx(0.004 * 5)


@with_model
def test_the_api_takes_a_decoder_and_gives_an_estimate() -> None:
    project = project_with_prompts(2)
    owner = as_(member(project, "mara", Role.OWNER))
    url = f"/projects/{project.slug}/generation-jobs/"
    given = {
        "checkpoint": str(local(project).public_id), "per_prompt": 2, "max_tokens": 50,
        "decoder": "deepening", "decoder_settings": {"first": 10},
    }  # fmt: skip
    found = owner.post(f"{url}estimate/", given)
    assert found.status_code == 200
    assert found.json()["most_tokens_out"] == 200
    assert found.json()["pace"] == {"per_second": 50, "jobs": 0}
    assert found.json()["seconds"] == found.json()["tokens_out"] / 50
    made = owner.post(url, given)
    assert made.status_code == 201
    assert made.json()["sampling"]["decoder"]["first"] == 10
    refused = owner.post(url, given | {"decoder_settings": {"growth": 0.5}})
    assert refused.status_code == 400
