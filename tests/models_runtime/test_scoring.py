from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from annotation.content import add_candidate, add_prompt
from annotation.models import Candidate, Measurement, Project, Role, WorkState
from models_runtime import enqueue, tasks
from models_runtime.checkpoints import register
from models_runtime.embedders import identity_of
from models_runtime.embedding_cache import EmbeddingCache
from models_runtime.errors import NotPossible
from models_runtime.models import ItemState, Scoring, ScoringItem, ScoringJob
from models_runtime.presenting import measured_by
from models_runtime.scoring import run_scoring
from tests.cast import member
from tests.models_runtime.local_models import tiny_encoder, tiny_llama, tiny_reward
from tests.models_runtime.worlds import ask, project_with_prompts, scripted

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def home(settings: Any, tmp_path: Path) -> Path:
    settings.VAR_DIR = tmp_path
    return tmp_path


def project_with_candidates(prompts: int = 3, each: int = 2) -> Project:
    project = project_with_prompts(0)
    for number in range(prompts):
        prompt = add_prompt(project=project, messages=ask(number), external_id=f"p{number}")
        for place in range(each):
            add_candidate(
                prompt=prompt,
                text=f"Ask in house {number}, way {place}. ⟦u={number + place / 10}⟧",
                external_id=f"{number}-{place}",
            )
    return project


def start(project: Project, scorer: str = "reward", **options: Any) -> ScoringJob:
    return enqueue.request_scoring(project, scripted(project, **options), scorer=scorer, seed=5)


def carry_out(job: ScoringJob) -> ScoringJob:
    while not job.is_final:
        ScoringItem.objects.update(not_before=None)
        ScoringJob.objects.update(not_before=None)
        run_scoring(job.pk)
        job.refresh_from_db()
    return job


def test_every_candidate_is_measured_with_its_provenance() -> None:
    project = project_with_candidates()
    job = carry_out(start(project))
    assert (job.state, job.progress_done, job.notice) == (WorkState.DONE, 6, "")
    assert Measurement.objects.count() == Scoring.objects.count() == 6
    measurement = Measurement.objects.get(candidate__external_id="2-1")
    assert (measurement.name, measurement.source) == ("reward", job.source)
    assert measurement.number == pytest.approx(2.1)
    origin = Scoring.objects.get(measurement=measurement)
    assert (origin.job, origin.checkpoint) == (job, job.checkpoint)
    assert origin.model_revision == "scripted"
    assert job.spent().tokens_in > 0
    (summary,) = measured_by(job)
    assert (summary.name, summary.count) == ("reward", 6)
    assert summary.most == pytest.approx(2.1)


def test_a_second_delivery_changes_nothing() -> None:
    job = carry_out(start(project_with_candidates()))
    before = list(Measurement.objects.values_list("pk", "number"))
    for _ in range(3):
        tasks.run_scoring(job.pk)
    assert list(Measurement.objects.values_list("pk", "number")) == before


def test_what_was_measured_in_this_way_is_not_measured_again_unless_asked_for() -> None:
    project = project_with_candidates()
    job = carry_out(start(project))
    with pytest.raises(NotPossible, match="measured every candidate in this way"):
        enqueue.request_scoring(project, job.checkpoint, scorer="reward")
    prompt = project.prompts.first()
    assert prompt is not None
    add_candidate(prompt=prompt, text="A fresh one.", external_id="fresh")
    assert enqueue.request_scoring(project, job.checkpoint, scorer="reward").progress_total == 1
    again = enqueue.request_scoring(project, job.checkpoint, scorer="reward", again=True)
    assert again.progress_total == 7


def test_poison_rows_are_set_aside_with_their_cause_and_the_rest_goes_on() -> None:
    job = carry_out(start(project_with_candidates(10, 6), poison_rate=0.2))
    assert job.state == WorkState.DONE
    failed = ScoringItem.objects.filter(state=ItemState.FAILED)
    assert 0 < failed.count() < 40
    assert Measurement.objects.count() == 60 - failed.count()
    assert {item.cause for item in failed} == {"bad_request"}
    assert f"{failed.count()} of 60 candidates could not be measured" in job.notice


def test_cancelling_keeps_what_was_written_and_reopening_measures_the_rest() -> None:
    job = start(project_with_candidates())
    enqueue.cancel(job)
    assert job.state == WorkState.CANCELLED
    assert carry_out(job).state == WorkState.CANCELLED
    assert not Measurement.objects.exists()
    enqueue.reopen(job)
    assert carry_out(job).state == WorkState.DONE
    assert Measurement.objects.count() == 6


def test_a_worker_that_lost_its_rows_writes_nothing() -> None:
    job = start(project_with_candidates())
    mine = ScoringItem.objects.claim(job.pk, worker="me", count=6, lease=timedelta(seconds=-1))
    assert ScoringItem.objects.reap() == 6
    carry_out(job)
    assert ScoringItem.objects.lock_held(mine, "me") == set()
    assert Measurement.objects.count() == 6


def test_embeddings_are_vectors_and_are_remembered(home: Path) -> None:
    project = project_with_candidates()
    job = carry_out(start(project, "embedding"))
    assert {len(each.vector) for each in Measurement.objects.all()} == {64}
    (summary,) = measured_by(job)
    assert (summary.count, summary.mean) == (6, None)
    identity = identity_of(job.checkpoint)
    assert identity is not None
    texts = list(Candidate.objects.values_list("text", flat=True))
    assert len(EmbeddingCache(home / "embeddings", identity).read(texts)) == 6


def test_two_models_are_compared() -> None:
    project = project_with_candidates()
    strong, weak = scripted(project, "strong"), scripted(project, "weak")
    with pytest.raises(NotPossible, match="Choose the weaker model too"):
        enqueue.request_scoring(project, strong, scorer="log_ratio")
    with pytest.raises(NotPossible, match="compared with itself"):
        enqueue.request_scoring(project, strong, scorer="log_ratio", partner=strong)
    job = enqueue.request_scoring(project, strong, scorer="log_ratio", partner=weak)
    carry_out(job)
    assert Measurement.objects.filter(name="log_ratio").count() == 6


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"scorer": "charm"}, "Choose one of these"),
        ({"scorer": "reward", "settings": {"draws": 3}}, "Unknown option"),
        ({"scorer": "reward_spread", "settings": {"rate": 2.0}}, "between 0 and 1"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(
    fields: dict[str, Any], sentence: str
) -> None:
    project = project_with_candidates(1, 1)
    with pytest.raises(NotPossible, match=sentence):
        enqueue.request_scoring(project, scripted(project), **fields)


def test_a_server_that_only_writes_is_refused_before_anything_is_queued() -> None:
    project = project_with_candidates(1, 1)
    writer = register(project=project, name="w", engine="transformers_local", model="some/model")
    with pytest.raises(NotPossible, match="can't score"):
        enqueue.request_scoring(project, writer, scorer="reward")


def test_provenance_cannot_be_changed() -> None:
    carry_out(start(project_with_candidates(1, 1)))
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Scoring.objects.update(attempt=7)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scorer", "kind", "names"),
    [
        ("reward", "reward", {"reward"}),
        ("reward_spread", "reward", {"reward", "reward_spread"}),
        ("self_certainty", "causal", {"self_certainty", "mean_logprob"}),
        ("embedding", "encoder", {"embedding"}),
    ],
)
def test_local_models_measure(scorer: str, kind: str, names: set[str]) -> None:
    project = project_with_candidates()
    model = {"reward": tiny_reward, "causal": tiny_llama, "encoder": tiny_encoder}[kind]()
    options = {"device": "cpu", "dtype": "float32", "kind": kind}
    checkpoint = register(
        project=project, name="tiny", engine="transformers_local", model=model, options=options
    )
    job = carry_out(enqueue.request_scoring(project, checkpoint, scorer=scorer))
    assert (job.state, job.error, job.notice) == (WorkState.DONE, "", "")
    assert set(Measurement.objects.values_list("name", flat=True)) == names
    assert Measurement.objects.count() == 6 * len(names)


def test_the_page_starts_a_job_and_shows_what_was_measured(client: Client) -> None:
    project = project_with_candidates()
    checkpoint = scripted(project)
    client.force_login(member(project, "mia", Role.MANAGER))
    address = reverse("models_runtime:new-scoring", args=[project.slug])
    assert b"Start measuring" in client.get(address).content
    wrong = client.post(
        address, {"scorer": "reward", "checkpoint": checkpoint.public_id, "settings": "{"}
    )
    assert wrong.status_code == 422
    assert "valid JSON" in wrong.content.decode()
    sent = {"scorer": "reward", "checkpoint": str(checkpoint.public_id)}
    reply = client.post(address, sent)
    assert reply.status_code == 302
    carry_out(ScoringJob.objects.get())
    shown = client.get(reply["Location"]).content.decode()
    assert "Reward by amber (scripted)" in shown
    assert "Measured" in shown
    assert "6 of 6" in shown or ">6<" in shown
