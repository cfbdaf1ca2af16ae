"""Selectors that need further calls: a job asks the model, then the pick follows from its words."""

from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

import pytest

from annotation.content import add_candidate, add_prompt
from annotation.models import Candidate, Measurement, Project, Role
from models_runtime import enqueue
from models_runtime.engines import (
    GenerationReply,
    GenerationRequest,
    Message,
    ModelReference,
)
from models_runtime.engines._wrapped import Wrapped
from models_runtime.engines.scripted import ScriptedEngine, ScriptedOptions
from models_runtime.errors import NotPossible
from models_runtime.generating import run_generation
from models_runtime.judging.requests import REASK_TEMPERATURE, REPAIR_TOKENS
from models_runtime.languages import LANGUAGES
from models_runtime.models import GenerationJob, ScoringJob
from models_runtime.picking import pick_best
from models_runtime.picking_inputs import Input
from models_runtime.prompting.languages import in_language
from models_runtime.rewards import STOPPED, Bench, Measured, Rival, Subject
from models_runtime.rewards.match_wins import SCORER as MATCH_WINS
from models_runtime.rewards.most_consistent import SCORER as MOST_CONSISTENT
from models_runtime.rewards.recovered import SCORER as RECOVERED
from models_runtime.rewards.recovered import BackwardOptions, hidden
from models_runtime.rewards.reward import NoOptions
from models_runtime.scoring_estimates import estimate_scoring
from tests.annotation.calling import as_
from tests.cast import make_project, member
from tests.models_runtime.test_scoring import carry_out
from tests.models_runtime.worlds import scripted

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def home(settings: Any, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path


def prompt_with(project: Project, asked: str, *texts: str, name: str = "p") -> None:
    prompt = add_prompt(project=project, messages=asked, external_id=name)
    for place, text in enumerate(texts):
        add_candidate(prompt=prompt, text=text, external_id=f"{name}-{place}")


def measured(project: Project, scorer: str, **settings: Any) -> ScoringJob:
    job = enqueue.request_scoring(
        project, scripted(project, scorer), scorer=scorer, settings=settings, seed=4
    )
    return carry_out(job)


def picked(project: Project, selector: str, **more: Any) -> str:
    (pick,) = pick_best(project, selector, **more).picks
    return Candidate.objects.get(external_id=pick.candidate).text


# --- Backward questions ---------------------------------------------------------------------------


def test_each_number_of_a_question_is_hidden_in_turn() -> None:
    assert hidden("What is 12 + 34.5, and not A4?", 4) == [
        ("What is X + 34.5, and not A4?", "12"),
        ("What is 12 + X, and not A4?", "34.5"),
    ]
    assert hidden("Why?", 4) == []
    assert len(hidden("1 2 3 4 5", 3)) == 3


def test_backward_questions_overrule_a_wrong_majority() -> None:
    project = make_project()
    wrong, right = "The answer is 47.", "I add. The answer is 46."
    prompt_with(project, "What is 12 + 34?", wrong, wrong, right, "Who knows")
    assert picked(project, "self_consistency") == wrong
    job = measured(project, "recovered")
    told = dict(
        Measurement.objects.filter(name="recovered").values_list("candidate__external_id", "number")
    )
    assert told == {"p-0": 0, "p-1": 0, "p-2": 2, "p-3": 0}
    asked = Measurement.objects.filter(name="hidden").values_list("number", flat=True)
    assert sorted(map(str, asked)) == ["0.0", "2.0", "2.0", "2.0"]
    assert job.spent().tokens_out > 0
    assert picked(project, "fobar") == right


def test_without_numbers_the_votes_decide() -> None:
    project = make_project()
    prompt_with(
        project, "Which colour?", "The answer is red.", "The answer is red.", "Answer: blue"
    )
    measured(project, "recovered")
    assert picked(project, "fobar") == "The answer is red."


def test_a_stopped_engine_leaves_candidates_to_whoever_comes_next() -> None:
    engine = ScriptedEngine(ModelReference("amber"), ScriptedOptions())
    engine.close()
    subject = Subject("a", (Message("user", "What is 1 + 2?"),), "The answer is 3.")
    (found,) = RECOVERED.measure([subject], Bench(engine), BackwardOptions())
    assert found.failure == STOPPED
    both = Subject("a", subject.messages, "A", rivals=(Rival("1", "A"), Rival("2", "B")))
    (found,) = MATCH_WINS.measure([both], Bench(engine), NoOptions())
    assert found.failure == STOPPED


class Listening(Wrapped):
    """Keeps what it is asked."""

    def generate(
        self, requests: Iterable[GenerationRequest]
    ) -> Generator[GenerationReply, None, None]:
        self.asked = [*getattr(self, "asked", []), *requests]
        return super().generate(self.asked[-1:])


def test_a_choice_that_cannot_be_read_is_restated_in_a_line_as_a_judge_would() -> None:
    options = ScriptedOptions(garbage_rate=1.0)
    engine = Listening(ScriptedEngine(ModelReference("amber"), options))
    both = Subject(
        "a", (Message("user", "What now?"),), "A", 7, rivals=(Rival("1", "A"), Rival("2", "B"))
    )
    (found,) = MOST_CONSISTENT.measure([both], Bench(engine), NoOptions())
    assert found.of_rivals == {"1": {"consistent": 0.0}, "2": {"consistent": 0.0}}
    asked = [(each.sampling.temperature, each.sampling.max_tokens) for each in engine.asked]
    long = asked[0][1]
    assert long > REPAIR_TOKENS
    assert asked[:4] == [
        (0.0, long),
        (0.0, REPAIR_TOKENS),
        (REASK_TEMPERATURE, long),
        (0.0, REPAIR_TOKENS),
    ]
    assert [each.seed for each in engine.asked[:4]] == [7, 7, 8, 8]


# --- Choices among all candidates of a prompt -----------------------------------------------------


def test_a_model_names_the_most_consistent_and_the_pick_follows() -> None:
    project = make_project()
    agree = ("Ask the landlord in writing today.", "Ask the landlord in writing, kindly, today.")
    prompt_with(project, "What now?", "Bananas are yellow fruit.", *agree, name="p")
    prompt_with(project, "And then?", "Alone.", name="lone")
    job = measured(project, "most_consistent")
    assert (job.progress_total, job.progress_done) == (2, 2)
    lone = Measurement.objects.get(candidate__external_id="lone-0")
    assert (lone.name, lone.number) == ("consistent", 1)  # without a question
    told = Measurement.objects.filter(name="consistent", candidate__prompt__external_id="p")
    numbers = told.order_by("candidate_id")
    assert sorted(each.number or 0 for each in numbers) == [0, 0, 1]
    assert {each.source for each in numbers} == {job.source}
    named = numbers.get(number=1).candidate.text
    assert named in agree
    assert picked(project, "universal_self_consistency", prompt="p") == named
    assert len(pick_best(project, "universal_self_consistency").picks) == 2
    with pytest.raises(NotPossible, match="measured every candidate"):
        enqueue.request_scoring(project, job.checkpoint, scorer="most_consistent")


def test_an_unreadable_choice_falls_back_on_the_medoid_of_the_embeddings() -> None:
    project = make_project()
    middle = "Ask the landlord in writing."
    prompt_with(project, "What now?", "Bananas.", middle, f"{middle} Today.", f"{middle} Kindly.")
    for each in Candidate.objects.all():
        Measurement.objects.create(candidate=each, name="consistent", number=0, source="x")
    measured(project, "embedding")
    assert picked(project, "universal_self_consistency") == middle


def test_the_winner_of_a_tournament_is_picked_whatever_the_bracket() -> None:
    project = make_project()
    texts = [f"Way {place}. ⟦u={place}⟧" for place in range(5)]
    prompt_with(project, "What now?", *texts)
    measured(project, "match_wins")
    wins = [
        each.number
        for each in Measurement.objects.filter(name="match_wins").order_by("candidate_id")
    ]
    assert max(wins) == wins[4] >= 5  # type: ignore[type-var, operator]
    for seed in range(5):
        assert picked(project, "tournament", options={"seed": seed}) == texts[4]


def test_generator_and_discriminator_are_measured_for_the_consensus_game() -> None:
    project = make_project()
    good = "The answer is 4. ⟦u=3⟧"
    prompt_with(project, "What is 2 + 2?", "The answer is 5. ⟦u=-3⟧", good)
    measured(project, "correctness")
    for name in ("p_correct", "p_incorrect", "p_yes"):
        numbers = Measurement.objects.filter(name=name).values_list("number", flat=True)
        assert len(numbers) == 2
        assert all(0 <= (each or 0) <= 1 for each in numbers)
    assert picked(project, "equilibrium_ranking") == good
    weighed = {"weight": Input("p_yes")}
    assert picked(project, "weighted_self_consistency", inputs=weighed) == good


def test_sets_are_estimated_with_what_is_written() -> None:
    project = make_project()
    prompt_with(project, "What now?", "One.", "Two.", "Three.")
    found = estimate_scoring(project, scripted(project), scorer="match_wins")
    assert found.candidates == 3
    assert found.tokens_out == 2 * 3 * 200
    slow, quick = found.tokens_out / 50, found.tokens_in / 1000
    assert found.time.total_seconds() == pytest.approx(slow + quick)


def answered(subject: Subject, **options: Any) -> Measured:
    engine = ScriptedEngine(ModelReference("amber"), ScriptedOptions(**options))
    (found,) = MOST_CONSISTENT.measure([subject], Bench(engine), NoOptions())
    return found


def test_garbage_names_nobody_and_crowds_and_failures_are_said() -> None:
    messages = (Message("user", "What now?"),)
    rivals = tuple(Rival(str(place), f"Text {place}") for place in range(3))
    subject = Subject("a", messages, "Text 0", rivals=rivals)
    garbage = answered(subject, garbage_rate=1.0)
    assert [each["consistent"] for each in garbage.of_rivals.values()] == [0, 0, 0]
    poisoned = answered(subject, poison_rate=1.0)
    assert poisoned.failure is not None
    crowd = Subject("a", messages, "x", rivals=rivals * 30)
    assert answered(crowd).failure is not None


# --- Languages ------------------------------------------------------------------------------------


def test_a_demand_for_a_language_keeps_the_system_message() -> None:
    asked = (Message("system", "Be brief."), Message("user", "How many?"))
    first, second = in_language(asked, LANGUAGES["de"])
    assert first.content.startswith("Be brief.")
    assert "answer in German" in first.content
    assert second == asked[1]
    assert in_language(asked[1:], "French")[0].role == "system"


def test_candidates_take_turns_in_languages_and_the_votes_are_held_across_them() -> None:
    project = make_project()
    owner = as_(member(project, "mara", Role.OWNER))
    add_prompt(project=project, messages="How many?", external_id="p")
    asked = {
        "checkpoint": str(scripted(project).public_id),
        "per_prompt": 6,
        "languages": ["en", "de", "ar"],
    }
    made = owner.post(f"/projects/{project.slug}/generation-jobs/", asked)
    assert made.status_code == 201, made.content
    assert made.json()["languages"] == ["en", "de", "ar"]
    job = GenerationJob.objects.get()
    run_generation(job.pk)
    assert [job.language_of(index) for index in range(4)] == ["en", "de", "ar", "en"]
    said = {"en": r"So \\boxed{1,000.5}", "de": r"Also \\boxed{1.000,5}", "ar": r"\\boxed{١٢}"}
    for each in Candidate.objects.select_related("generation"):
        text = said[job.language_of(each.generation.index)]
        Candidate.objects.filter(pk=each.pk).update(text=text)
    (pick,) = pick_best(project, "cross_lingual", job=job).picks
    assert "1,000.5" in pick.reason or "1.000,5" in pick.reason
    assert pick.score == pytest.approx(2)  # two of three languages
    wrong = owner.post(f"/projects/{project.slug}/generation-jobs/", asked | {"languages": ["xx"]})
    assert wrong.status_code == 400
