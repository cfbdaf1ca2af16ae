"""What a checkpoint really does is found out by asking it, and shown."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from annotation.content import add_candidate
from annotation.models import Role, WorkState
from models_runtime import enqueue
from models_runtime.checkpoints import open_engine, register, retire
from models_runtime.engines import Capability, EngineError, GenerationRequest, Message
from models_runtime.errors import NotPossible
from models_runtime.models import Checkpoint, JudgingJob, Probe
from models_runtime.probing import run_probe
from tests.annotation.calling import as_
from tests.cast import member
from tests.models_runtime.local_models import LONGEST, tiny_llama, tiny_reward
from tests.models_runtime.loopback import model_server
from tests.models_runtime.worlds import pair, project_with_prompts, scripted, served

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]


def probed(checkpoint: Checkpoint) -> Probe:
    made = enqueue.request_probe(checkpoint)
    run_probe(made.pk)
    made.refresh_from_db()
    return made


def holds(made: Probe) -> dict[str, Any]:
    return {each["name"]: each["holds"] for each in made.findings["checks"]}


def test_an_honest_server_holds_what_it_promises() -> None:
    with model_server() as server:
        made = probed(served(project_with_prompts(0), server.url))
    assert (made.state, made.error) == (WorkState.DONE, "")
    expected = ("writes", "seed", "varies", "samples", "logprobs")
    assert {name: holds(made)[name] for name in expected} == dict.fromkeys(expected, True)
    assert made.findings["latency_ms"] >= 0


def test_a_server_that_accepts_and_ignores_is_marked_so() -> None:
    with model_server(settings={"honours_n": False, "honours_logprobs": False}) as server:
        made = probed(served(project_with_prompts(0), server.url))
    assert made.state == WorkState.DONE
    found = holds(made)
    assert (found["writes"], found["samples"], found["logprobs"]) == (True, False, False)
    sentences = {each["name"]: each["sentence"] for each in made.findings["checks"]}
    assert sentences["logprobs"] == "It accepts a request for log-probabilities and sends none."
    assert "ignores it" in sentences["samples"]


def test_what_a_server_was_seen_not_to_do_is_not_asked_of_it_until_it_is_mended() -> None:
    """It promises log-probabilities and samples; its replies have none, and one."""
    project = project_with_prompts(1)
    pair(project, 0, "Yes. ⟦u=1⟧", "No. ⟦u=-1⟧")
    labelled = {"template": "labelled@1", "reducer": "logit_mean"}
    with model_server(settings={"honours_n": False, "honours_logprobs": False}) as server:
        checkpoint = served(project, server.url)
        promised = open_engine(checkpoint).info.can
        assert {Capability.DECIDE, Capability.LOGPROBS, Capability.SAMPLES} <= promised
        probed(checkpoint)
        with open_engine(checkpoint) as engine:
            assert promised - engine.info.can == set(checkpoint.withheld)
            assert {Capability.DECIDE, Capability.LOGPROBS, Capability.SAMPLES} == set(
                checkpoint.withheld
            )
            with pytest.raises(EngineError, match=r"It was tried: .*sent none"):
                engine.decide([])
            before = len(server.asked)
            (reply,) = engine.generate([GenerationRequest("k", (Message("user", "Hm?"),), n=3)])
            assert len(reply.samples) == 3
            sent = server.asked[before:]
            assert len(sent) == 3
            assert not any("n" in each or "logprobs" in each for each in sent)
        with pytest.raises(NotPossible, match=r"can't give probabilities of labels. It was tried"):
            enqueue.request_judging(project, checkpoint, options=labelled)
        assert not JudgingJob.objects.exists()
        assert enqueue.request_judging(project, checkpoint).state == WorkState.QUEUED
    with model_server() as mended:
        again = served(project, mended.url, name="mended")
        probed(again)
        assert again.withheld == {}
        assert enqueue.request_judging(project, again, options=labelled)


def test_a_scripted_model_is_seen_to_give_label_probabilities_and_may_judge_by_them() -> None:
    project = project_with_prompts(1)
    pair(project, 0, "Yes. ⟦u=1⟧", "No. ⟦u=-1⟧")
    checkpoint = scripted(project)
    assert holds(probed(checkpoint))["labels"] is True
    assert checkpoint.withheld == {}
    labelled = {"template": "labelled@1", "reducer": "logit_mean"}
    job = enqueue.request_judging(project, checkpoint, options=labelled)
    assert job.state == WorkState.QUEUED


def test_page_and_api_say_what_is_not_asked_of_a_model(client: Client) -> None:
    project = project_with_prompts(1)
    olga = member(project, "olga", Role.OWNER)
    client.force_login(olga)
    with model_server(settings={"honours_logprobs": False}) as server:
        checkpoint = served(project, server.url)
        probed(checkpoint)
    shown = client.get(reverse("models_runtime:jobs", args=[project.slug])).content.decode()
    assert "Jobs don't ask it to give probabilities of labels" in shown
    told = as_(olga).get(f"/projects/advice/checkpoints/{checkpoint.public_id}/").json()
    assert set(told["withheld"]) == {"decide", "logprobs"}
    assert "sends none" in told["withheld"]["logprobs"]


def test_a_measure_that_no_model_here_can_take_is_not_offered(client: Client) -> None:
    project = project_with_prompts(1)
    add_candidate(prompt=project.prompts.get(), text="Ask.", external_id="1")
    olga = member(project, "olga", Role.OWNER)
    client.force_login(olga)
    with model_server() as server:
        checkpoint = served(project, server.url)
        page = reverse("models_runtime:new-scoring", args=[project.slug])
        assert 'value="self_certainty"' not in client.get(page).content.decode()
        asked = {"scorer": "self_certainty", "checkpoint": str(checkpoint.public_id)}
        refused = client.post(page, asked)
        assert refused.status_code == 422
        words = "amber can&#x27;t give log-probabilities of a text"
        assert words in refused.content.decode()
        answer = as_(olga).post("/projects/advice/scoring-jobs/", asked)
        assert answer.status_code == 400
        assert "log-probabilities of a text" in answer.json()["detail"]
    scripted(project)
    offered = client.get(page).content.decode()
    able = open_engine(project.checkpoints.get(engine="scripted")).info.can
    assert ('value="self_certainty"' in offered) == (Capability.LOGLIK in able)
    assert 'value="reward"' in offered


def test_a_dead_server_fails_with_a_sentence() -> None:
    with model_server() as server:
        checkpoint = served(project_with_prompts(0), server.url, retries=0)
    made = probed(checkpoint)
    assert made.state == WorkState.FAILED
    assert "can't be reached" in made.error


def test_a_second_probe_waits_for_the_first_and_a_retired_model_is_left_alone() -> None:
    checkpoint = scripted(project_with_prompts(0))
    first = enqueue.request_probe(checkpoint)
    assert enqueue.request_probe(checkpoint) == first
    run_probe(first.pk)
    second = enqueue.request_probe(checkpoint)
    assert second != first
    run_probe(second.pk)
    assert checkpoint.probe == second
    retire(checkpoint)
    with pytest.raises(NotPossible, match="was retired"):
        enqueue.request_probe(checkpoint)


def test_a_probe_can_be_cancelled_while_it_runs() -> None:
    checkpoint = scripted(project_with_prompts(0))
    made = enqueue.request_probe(checkpoint)
    made.request_cancel()
    run_probe(made.pk)
    made.refresh_from_db()
    assert made.state == WorkState.CANCELLED


@pytest.mark.slow
def test_local_models_tell_their_length() -> None:
    project = project_with_prompts(0)
    options = {"device": "cpu", "dtype": "float32"}
    writer = register(
        project=project,
        name="writer",
        engine="transformers_local",
        model=tiny_llama(),
        options=options,
    )
    made = probed(writer)
    assert made.state == WorkState.DONE
    assert made.findings["longest"] == LONGEST
    assert holds(made)["seed"] is True
    assert holds(made)["logprobs"] is True
    rater = register(
        project=project,
        name="rater",
        engine="transformers_local",
        model=tiny_reward(),
        options=options | {"kind": "reward"},
    )
    assert holds(probed(rater)) == {"scores": True}


def test_the_page_shows_what_was_found_and_asks_again(client: Client) -> None:
    project = project_with_prompts(1)
    checkpoint = scripted(project)
    client.force_login(member(project, "olga", Role.OWNER))
    address = reverse("models_runtime:jobs", args=[project.slug])
    assert "not asked yet" in client.get(address).content.decode()
    again = reverse("models_runtime:probe-checkpoint", args=[project.slug, checkpoint.public_id])
    assert client.post(again).status_code == 302
    assert "being asked" in client.get(address).content.decode()
    run_probe(Probe.objects.get().pk)
    shown = client.get(address).content.decode()
    assert "The same seed gave the same text." in shown
    assert "A short request took" in shown
