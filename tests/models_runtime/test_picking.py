import itertools
from dataclasses import fields
from typing import Any

import pytest

from annotation.content import add_candidate, add_prompt
from annotation.models import Candidate, Measurement, Project, Prompt, Role
from models_runtime.catalogue import SELECTORS
from models_runtime.errors import NotPossible
from models_runtime.generating import run_generation
from models_runtime.models import Combination, GenerationJob
from models_runtime.picking import PICKED, SCORE, pick_best
from models_runtime.picking_inputs import OF_THE_SET, Input, inputs_of
from models_runtime.selection import Sample
from tests.annotation.calling import as_
from tests.cast import World, make_project, member
from tests.models_runtime.worlds import scripted

pytestmark = pytest.mark.django_db

# Judging specification §1.9: five X of reward 0.4, four Y of 0.6, one W of 0.99.
VOTES = [("X", 0.4)] * 5 + [("Y", 0.6)] * 4 + [("W", 0.99)]


def prompt_with(
    project: Project, answers: Any, name: str = "p", source: str = "amber"
) -> list[Candidate]:
    prompt = add_prompt(project=project, messages=f"What is {name}?", external_id=name)
    made = []
    for place, (answer, reward) in enumerate(answers):
        text = f"By way {place}, the answer is {answer}."
        candidate = add_candidate(prompt=prompt, text=text, external_id=f"{name}-{place}")
        Measurement.objects.create(candidate=candidate, name="reward", number=reward, source=source)
        made.append(candidate)
    return made


@pytest.fixture
def project() -> Project:
    return make_project()


def picked_texts(project: Project) -> list[str]:
    rows = Measurement.objects.filter(name=PICKED, number=1, candidate__prompt__project=project)
    return [each.candidate.text.split("is ")[1] for each in rows.order_by("pk")]


@pytest.mark.parametrize(
    ("selector", "options", "answer"),
    [
        ("best_of_n", {}, "W."),
        ("self_consistency", {}, "X."),
        ("best_of_majority", {"share": 0.2}, "Y."),
        ("weighted_self_consistency", {}, "Y."),
    ],
)
def test_each_selector_picks_as_the_specification_says(
    project: Project, selector: str, options: dict[str, Any], answer: str
) -> None:
    prompt_with(project, VOTES)
    (pick,) = pick_best(project, selector, options=options).picks
    assert picked_texts(project) == [answer]
    assert (pick.prompt, pick.n) == ("p", 10)
    assert pick.reason


def test_a_pick_is_kept_for_every_candidate_with_its_provenance(world: World) -> None:
    few = prompt_with(project=world.project, answers=VOTES[4:6])
    picked = pick_best(world.project, "best_of_n", prompt="p", user=world.olga)
    kept = Measurement.objects.filter(name=PICKED).order_by("candidate_id")
    assert [(each.candidate_id, each.number) for each in kept] == [(few[0].pk, 0), (few[1].pk, 1)]
    scores = Measurement.objects.filter(name=SCORE).order_by("candidate_id")
    assert [each.number for each in scores] == [0.4, 0.6]
    made = Combination.objects.get()
    assert {each.source for each in kept} == {str(made)}
    assert all(each.scoring.combination == made for each in kept)
    assert made.parts == [{"input": "reward", "name": "reward", "source": "amber"}]
    assert (made.method, made.candidates, made.left_out) == ("pick_best_of_n", 2, 0)
    assert (made.created_by, picked.made) == (world.olga, made)


def test_the_order_in_which_candidates_came_changes_nothing(project: Project) -> None:
    found = set()
    for number, order in enumerate(itertools.permutations([("X", 0.5), ("Y", 0.7), ("Z", 0.6)])):
        prompt_with(project, order, name=f"p{number}")
        for slug in ("best_of_n", "best_of_majority", "weighted_self_consistency"):
            (pick,) = pick_best(project, slug, prompt=f"p{number}").picks
            text = Candidate.objects.get(external_id=pick.candidate).text
            found.add(text.split("is ")[1])
    assert found == {"Y."}


def test_picking_again_adds_and_changes_nothing(project: Project) -> None:
    prompt_with(project, VOTES)
    pick_best(project, "best_of_n")
    pick_best(project, "self_consistency")
    assert picked_texts(project) == ["W.", "X."]
    assert Combination.objects.count() == 2


def test_a_candidate_without_the_number_is_named(project: Project) -> None:
    prompt_with(project, VOTES)
    prompt = Prompt.objects.get(external_id="p")
    add_candidate(prompt=prompt, text="Unmeasured.", external_id="late")
    with pytest.raises(NotPossible, match="1 candidate has no “reward” from amber: “late” of “p”"):
        pick_best(project, "best_of_n")
    assert not Combination.objects.exists()


@pytest.mark.parametrize(
    ("selector", "more", "sentence"),
    [
        ("luck", {}, "Choose one of these selectors"),
        ("tournament", {}, "no number called “match_wins”"),
        ("universal_self_consistency", {}, "(“The candidate most agree with”)"),
        ("self_certainty", {}, "no number called “self_certainty”"),
        ("fobar", {}, "no number called “recovered”"),
        ("equilibrium_ranking", {}, "no number called “p_correct”"),
        ("soft_self_consistency", {}, "Choose that"),
        ("best_of_n", {"inputs": {"colour": Input("reward")}}, "no input “colour”"),
        ("best_of_n", {"inputs": {"reward": Input("reward", "x")}}, "There are: amber"),
        ("best_of_n", {"options": {"alpha": 1}}, "Unknown option 'alpha'"),
        ("best_of_n", {"prompt": "q"}, "no prompt “q”"),
    ],
)
def test_what_is_missing_is_said(
    project: Project, selector: str, more: dict[str, Any], sentence: str
) -> None:
    prompt_with(project, VOTES)
    with pytest.raises(NotPossible, match=sentence):
        pick_best(project, selector, **more)
    assert not Measurement.objects.filter(name=PICKED).exists()


def test_a_prompt_without_answers_is_left_out_with_the_reason(project: Project) -> None:
    prompt_with(project, VOTES)
    bare = add_prompt(project=project, messages="And?", external_id="bare")
    add_candidate(prompt=bare, text="Who knows", external_id="bare-0")
    picked = pick_best(project, "self_consistency")
    assert [each.prompt for each in picked.picks] == ["p"]
    assert "No sample has an answer" in picked.left_out["bare"]
    assert picked.made.left_out == 1
    with pytest.raises(NotPossible, match="Nothing could be picked"):
        pick_best(project, "self_consistency", prompt="bare")


@pytest.mark.parametrize("slug", sorted(SELECTORS))
def test_a_selector_reads_fields_that_samples_have(slug: str) -> None:
    assert set(inputs_of(SELECTORS[slug])) - OF_THE_SET <= {field.name for field in fields(Sample)}


def test_through_the_api_for_a_jobs_own_candidates(world: World) -> None:
    olga = as_(world.olga)
    checkpoint = scripted(world.project)
    asked = olga.post(
        "/projects/advice/generation-jobs/",
        {"checkpoint": str(checkpoint.public_id), "per_prompt": 2},
    ).json()
    run_generation(GenerationJob.objects.get().pk)
    for candidate in Candidate.objects.filter(generation__isnull=False):
        Measurement.objects.create(
            candidate=candidate, name="reward", number=candidate.pk, source="amber"
        )
    body = {"selector": "best_of_n", "generation_job": asked["id"]}
    made = olga.post("/projects/advice/picks/", body)
    assert made.status_code == 201, made.json()
    told = made.json()
    assert (told["prompts"], told["candidates"], told["left_out"]) == (3, 6, {})
    assert {pick["n"] for pick in told["picks"]} == {2}
    source = Measurement.objects.filter(name=PICKED).values_list("source", flat=True)
    assert set(source) == {told["source"]}
    refused = olga.post("/projects/advice/picks/", {"selector": "tournament"})
    assert refused.status_code == 400
    assert "Measure its candidates first (“Matches won in" in refused.json()["detail"]
    rita = as_(member(world.project, "rita", Role.REVIEWER))
    assert rita.post("/projects/advice/picks/", body).status_code == 403
    told_apart = {each["slug"]: each for each in rita.get("/selectors/").json()}
    assert told_apart["best_of_n"]["measured_by"]["reward"] == "reward"
    assert told_apart["tournament"]["measured_by"] == {"match_wins": "match_wins"}
    assert set(told_apart["equilibrium_ranking"]["measured_by"].values()) == {"correctness"}
