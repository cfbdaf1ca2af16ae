"""Candidates that must differ: asked for again when too alike, or asked to be of another kind."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.test import Client

from annotation.models import Candidate, Role, WorkState
from models_runtime import enqueue
from models_runtime.differing import repeats_of, rounds_of
from models_runtime.errors import NotPossible
from models_runtime.models import Generation, GenerationItem, GenerationJob
from models_runtime.novelty import HOTTEST, Rule, fault_of, vectors_of, warmer
from tests.annotation.calling import as_
from tests.cast import member
from tests.models_runtime.loopback import model_server
from tests.models_runtime.test_generating import SHORT, carry_out
from tests.models_runtime.worlds import project_with_prompts, scripted, served

# --- Pure -----------------------------------------------------------------------------------------

LETTER = "Write to your landlord first and keep a copy of the letter."
WALK = "Take a long walk, sleep over it, and talk to a friend tomorrow."


def test_the_first_text_is_never_too_like_others() -> None:
    assert fault_of(LETTER, [], Rule(most_cosine=0.0, least_variety=1.0)) is None


def test_a_near_copy_is_found_by_edits_and_by_words_in_another_order() -> None:
    assert fault_of(LETTER + "!", [WALK, LETTER], Rule()) is not None
    turned = "Keep a copy of the letter and write to your landlord first."
    assert fault_of(turned, [LETTER], Rule(most_cosine=0.75)) is not None
    assert fault_of(WALK, [LETTER], Rule()) is None


def test_too_little_variety_is_told_by_the_vendi_score() -> None:
    three = [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    rule = Rule(most_cosine=1.0, least_edits=0.0)
    texts = ("one thing here", "another there", "third of them")
    near = [[1.0, 0.0], [0.0, 1.0], [0.1, 0.995]]
    assert fault_of(texts[2], texts[:2], rule, near) is None
    careful = Rule(most_cosine=1.0, least_edits=0.0, least_variety=0.9)
    fault = fault_of(texts[2], texts[:2], careful, near)
    assert fault is not None
    assert "as different as 1.89" in fault.sentence
    assert fault_of(texts[2], texts[:2], Rule(most_cosine=1.0), three) is not None


def test_vectors_are_the_same_in_every_process() -> None:
    (vector,) = vectors_of(["rent rent"])
    assert sum(map(abs, vector)) == pytest.approx(1.791759, abs=1e-6)  # log 3 + log 2
    assert vectors_of([""])[0][0] == 1


def test_attempts_grow_warmer_to_a_bound() -> None:
    assert [warmer(0.8, n) for n in range(3)] == pytest.approx([0.8, 1.2, 1.8])
    assert warmer(1.5, 5) == HOTTEST
    assert warmer(3.0, 1) == 3.0
    assert warmer(0.0, 1) == pytest.approx(1.05)


@pytest.mark.parametrize("fields", [{"tries": 11}, {"most_cosine": 2.0}, {"axis": "a\nb"}])
def test_rules_that_make_no_sense_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="tries|most_cosine|axis"):
        Rule(**fields)


# --- Jobs -----------------------------------------------------------------------------------------

pytestmark = pytest.mark.django_db


@pytest.fixture
def parrot(settings: Any) -> Iterator[Any]:
    """A model server that says what `says` returns for the conversation and its temperature."""
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with model_server() as made:
        server: Any = made
        server.says = lambda _body: "Always the same words."

        def answer(body: dict[str, Any]) -> dict[str, Any]:
            message = {"role": "assistant", "content": server.says(body)}
            return {
                "object": "chat.completion",
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 10, "completion_tokens": 5},
            }

        server.answer = answer
        yield server


def start(server: Any, rule: Rule, *, prompts: int = 2, per_prompt: int = 3) -> GenerationJob:
    project = project_with_prompts(prompts)
    return enqueue.request_generation(
        project, served(project, server.url), per_prompt=per_prompt, sampling=SHORT, novelty=rule
    )


def test_a_model_that_repeats_itself_is_asked_a_bounded_number_of_times(parrot: Any) -> None:
    job = carry_out(start(parrot, Rule(tries=2)))
    assert (job.state, Candidate.objects.count()) == (WorkState.DONE, 6)
    assert repeats_of(job) == {"candidates": 4, "times": 8, "repeats": 4}
    assert set(GenerationItem.objects.values_list("attempt", flat=True)) == {1}
    asked = [body for body in parrot.asked if body["max_tokens"] == SHORT.max_tokens]
    assert len(asked) == 6 + 8
    assert sorted({body["temperature"] for body in asked}) == pytest.approx([1.0, 1.5, 2.0])


def test_what_was_thrown_away_is_paid_for_all_the_same(parrot: Any) -> None:
    job = carry_out(start(parrot, Rule(tries=2)))
    assert job.spent().tokens_out == 14 * 5
    assert job.spent().tokens_in == 14 * 10
    again = Generation.objects.filter(asked_again=2)
    assert set(again.values_list("tokens_out", flat=True)) == {15}


def test_another_text_ends_the_asking(parrot: Any) -> None:
    def says(body: dict[str, Any]) -> str:
        return LETTER if body["temperature"] == 1.0 else f"{body['seed']} {WALK} {body['seed'] % 7}"

    parrot.says = says
    job = carry_out(start(parrot, Rule(tries=3), prompts=1, per_prompt=2))
    assert repeats_of(job) == {"candidates": 1, "times": 1, "repeats": 0}


def test_navigation_shows_what_is_there_and_names_the_axis(parrot: Any) -> None:
    def says(body: dict[str, Any]) -> str:
        told = body["messages"][-1]["content"]
        return f"{told.count('<<<ANSWER')} {LETTER if 'ANSWER 1' not in told else WALK}"

    parrot.says = says
    job = carry_out(start(parrot, Rule(tries=0, axis="approach, stance"), per_prompt=3))
    assert job.state == WorkState.DONE
    for prompt in range(2):
        rows = Generation.objects.filter(prompt__external_id=f"p{prompt:04}").order_by("index")
        texts = list(rows.values_list("candidate__text", flat=True))
        assert [text[0] for text in texts] == ["0", "1", "2"]
    told = [body["messages"][-1]["content"] for body in parrot.asked]
    assert sum("differs from those above in its stance" in each for each in told) == 2
    assert sum("differs from those above in its approach" in each for each in told) == 2
    assert not any(LETTER in each.partition("<<<ANSWER")[0] for each in told)


def test_a_model_that_embeds_says_how_alike_they_are(
    parrot: Any, settings: Any, tmp_path: Any
) -> None:
    """The scripted vectors count words whatever their order, so words turned round are a copy."""
    settings.VAR_DIR = tmp_path
    words = LETTER.rstrip(".").split()
    parrot.says = lambda body: " ".join(words if body["seed"] % 2 else words[::-1])
    project = project_with_prompts(1)
    server = served(project, parrot.url)
    asked: dict[str, Any] = {"per_prompt": 8, "novelty": Rule(tries=0), "seed": 1}
    counts = []
    for embedder in (None, scripted(project)):
        job = enqueue.request_generation(project, server, embedder=embedder, **asked)
        counts.append(repeats_of(carry_out(job))["repeats"])
    assert counts == [6, 7]
    with pytest.raises(NotPossible, match="can't embed"):
        enqueue.request_generation(project, server, embedder=server, **asked)
    with pytest.raises(NotPossible, match="Say how first"):
        enqueue.request_generation(project, server, embedder=scripted(project, "b"))


def test_a_round_holds_each_prompt_once() -> None:
    items = [
        GenerationItem(pk=pk, prompt_id=prompt, index=index)
        for pk, (prompt, index) in enumerate([(1, 1), (1, 0), (2, 0), (1, 2), (2, 1)])
    ]
    rounds: Sequence[Sequence[GenerationItem]] = rounds_of(items)
    told = [[(each.prompt_id, each.index) for each in round_] for round_ in rounds]
    assert told == [[(1, 0), (2, 0)], [(1, 1), (2, 1)], [(1, 2)]]


def test_cancelling_ends_the_asking(parrot: Any) -> None:
    job = start(parrot, Rule(tries=5), prompts=1, per_prompt=2)
    enqueue.cancel(job)
    assert carry_out(job).state == WorkState.CANCELLED


def test_from_the_page_and_the_api(client: Client) -> None:
    project = project_with_prompts(2)
    checkpoint = str(scripted(project).public_id)
    owner = member(project, "mara", Role.OWNER)
    client.force_login(owner)
    page = f"/projects/{project.slug}/jobs/new/candidates/"
    given = {"checkpoint": checkpoint, "per_prompt": 3, "max_tokens": 40, "temperature": 1}
    refused = client.post(
        page, given | {"differing": "again", "differing_settings": '{"axis":"x"}'}
    )
    assert "An axis is for asking for another kind" in refused.content.decode()
    told = given | {"differing": "again", "differing_settings": '{"tries": 1}'}
    assert "at most 480" in client.post(page, told | {"estimate": "1"}).content.decode()
    made = client.post(page, told)
    job = carry_out(GenerationJob.objects.get())
    assert job.read_novelty() == Rule(tries=1)
    assert "Too like others" in client.get(made["Location"]).content.decode()
    url = f"/projects/{project.slug}/generation-jobs/"
    made = as_(owner).post(url, given | {"differing": "navigate"})
    assert made.json()["novelty"]["axis"] == "approach"
    carry_out(GenerationJob.objects.latest("pk"))
    found = as_(owner).get(f"{url}{made.json()['id']}/").json()
    assert set(found["repeats"]) == {"candidates", "times", "repeats"}
