"""Asking: what is checked, what a sentence says, and that asking twice asks once."""

import pytest
from django.db import transaction

from annotation.content import add_candidate, add_prompt
from annotation.errors import InvalidQuestion
from annotation.models import (
    Candidate,
    Criterion,
    Placement,
    Project,
    Prompt,
    Question,
    Rubric,
)
from annotation.pairing import Design
from annotation.questions import ask, ask_each, ask_pairs
from tests.cast import make_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(db: None) -> Project:
    return make_project("asking", overlap=3)


def answers(project: Project, name: str, *texts: str) -> tuple[Prompt, list[Candidate]]:
    prompt = add_prompt(project=project, messages=f"What about {name}?", external_id=name)
    candidates = [
        add_candidate(prompt=prompt, text=text, external_id=f"{name}-{place}")
        for place, text in enumerate(texts)
    ]
    return prompt, candidates


def rubric(project: Project, *criteria: str, prompt: Prompt | None = None, **fields: str) -> Rubric:
    made = Rubric.objects.create(project=project, prompt=prompt, name=f"for {prompt}")
    for position, text in enumerate(criteria):
        Criterion.objects.create(rubric=made, position=position, text=text, **fields)
    return made


def placed(question: Question) -> list[str]:
    places = Placement.objects.filter(question=question).order_by("position")
    return list(places.values_list("candidate__external_id", flat=True))


def test_a_question_places_its_candidates_in_the_order_given(project: Project) -> None:
    _, (one, two) = answers(project, "rain", "Take an umbrella.", "Stay in.")
    question = ask(project=project, candidates=[two, one], priority=2.5)
    assert placed(question) == ["rain-1", "rain-0"]
    assert (question.judgment_type, question.overlap, question.priority) == ("pairwise", 3, 2.5)


def test_asking_the_same_again_is_the_same_question(project: Project) -> None:
    _, pair = answers(project, "rain", "Take an umbrella.", "Stay in.")
    assert ask(project=project, candidates=pair) == ask(project=project, candidates=pair)
    assert Question.objects.count() == 1


def test_an_id_is_never_given_to_another_question(project: Project) -> None:
    _, (one, two, three) = answers(project, "rain", "Umbrella.", "Stay in.", "Run.")
    ask(project=project, candidates=[one, two], external_id="q1")
    with pytest.raises(InvalidQuestion, match="already the id of another question"):
        ask(project=project, candidates=[one, three], external_id="q1")


def test_candidates_of_two_prompts_are_not_compared(project: Project) -> None:
    _, (one, _) = answers(project, "rain", "Umbrella.", "Stay in.")
    _, (other, _) = answers(project, "snow", "Boots.", "Stay in.")
    with pytest.raises(InvalidQuestion, match="answer different prompts"):
        ask(project=project, candidates=[one, other])


def test_candidates_of_another_project_are_refused(project: Project) -> None:
    _, pair = answers(make_project("elsewhere"), "rain", "Umbrella.", "Stay in.")
    with pytest.raises(InvalidQuestion, match="another project"):
        ask(project=project, candidates=pair)


def test_the_number_of_candidates_must_fit(project: Project) -> None:
    _, three = answers(project, "rain", "Umbrella.", "Stay in.", "Run.")
    with pytest.raises(InvalidQuestion, match="shows 2 responses, not 3"):
        ask(project=project, candidates=three)
    with pytest.raises(InvalidQuestion, match="shows 2 responses, not 0"):
        ask(project=project, candidates=[])
    with pytest.raises(InvalidQuestion, match="shows each response once"):
        ask(project=project, candidates=[three[0], three[0]])


def test_unknown_types_and_overlaps_are_refused(project: Project) -> None:
    _, pair = answers(project, "rain", "Umbrella.", "Stay in.")
    with pytest.raises(InvalidQuestion, match="no judgment type “oracle”"):
        ask(project=project, candidates=pair, judgment_type="oracle")
    with pytest.raises(InvalidQuestion, match="at least one person"):
        ask(project=project, candidates=pair, overlap=0)


def test_a_checklist_needs_yes_no_criteria_for_its_own_prompt(project: Project) -> None:
    prompt, (one,) = answers(project, "rain", "Umbrella.")
    other, _ = answers(project, "snow", "Boots.")

    def asked_with(criteria: Rubric | None) -> Question:
        return ask(project=project, candidates=[one], judgment_type="checklist", rubric=criteria)

    with pytest.raises(InvalidQuestion, match="needs a list of criteria"):
        asked_with(None)
    with pytest.raises(InvalidQuestion, match="has no criteria yet"):
        asked_with(rubric(project))
    with pytest.raises(InvalidQuestion, match="another prompt than “rain”"):
        asked_with(rubric(project, "Warm?", prompt=other))
    with pytest.raises(InvalidQuestion, match="on a scale"):
        asked_with(rubric(project, "How dry?", prompt=prompt, kind="scale"))
    with pytest.raises(InvalidQuestion, match="belongs to another project"):
        asked_with(rubric(make_project("elsewhere"), "Dry?"))
    assert not Question.objects.exists()


def test_a_used_rubric_is_frozen(project: Project) -> None:
    _, (one,) = answers(project, "rain", "Umbrella.")
    criteria = rubric(project, "Dry?")
    ask(project=project, candidates=[one], judgment_type="checklist", rubric=criteria)
    criteria.refresh_from_db()
    assert criteria.frozen_at is not None


def test_every_pair_of_every_prompt_is_asked_once(project: Project) -> None:
    answers(project, "rain", "Umbrella.", "Stay in.", "Run.")
    answers(project, "snow", "Boots.", "Skis.")
    answers(project, "hail", "Helmet.")
    first = ask_pairs(project=project)
    assert (len(first.questions), first.already_there, first.too_few) == (4, 0, 1)
    again = ask_pairs(project=project)
    assert (len(again.questions), again.already_there) == (0, 4)
    assert Placement.objects.count() == 8


def test_a_pair_asked_under_another_id_is_not_asked_again(project: Project) -> None:
    _, (one, two) = answers(project, "rain", "Umbrella.", "Stay in.")
    ask(project=project, candidates=[two, one], external_id="mine")
    assert ask_pairs(project=project).questions == ()


def test_identical_responses_are_not_put_to_anybody(project: Project) -> None:
    answers(project, "rain", "Umbrella.", "Umbrella.", "Run.")
    asked = ask_pairs(project=project)
    assert (len(asked.questions), asked.identical) == (2, 1)


def test_one_seed_asks_the_same_pairs(project: Project) -> None:
    prompt, _ = answers(project, "rain", "a", "b", "c", "d", "e")
    asked = ask_pairs(project=project, prompts=[prompt], design=Design("random", 3), seed=5)
    chosen = [placed(question) for question in asked.questions]
    twin = make_project("twin")
    prompt, _ = answers(twin, "rain", "a", "b", "c", "d", "e")
    asked = ask_pairs(project=twin, prompts=[prompt], design=Design("random", 3), seed=5)
    assert [placed(question) for question in asked.questions] == chosen


def test_each_candidate_is_asked_about_with_its_prompt_s_checklist(project: Project) -> None:
    rain, _ = answers(project, "rain", "Umbrella.", "Stay in.")
    answers(project, "snow", "Boots.")
    general = rubric(project, "Helpful?")
    own = rubric(project, "Dry?", prompt=rain)
    asked = ask_each(project=project, judgment_type="checklist")
    by_prompt = {(q.prompt.external_id, q.rubric_id) for q in asked.questions}
    assert by_prompt == {("rain", own.pk), ("snow", general.pk)}
    assert len(asked.questions) == 3
    assert ask_each(project=project, judgment_type="checklist").already_there == 3


def test_one_candidate_that_cannot_be_asked_about_stops_them_all(project: Project) -> None:
    rain, _ = answers(project, "rain", "Umbrella.")
    answers(project, "snow", "Boots.")
    rubric(project, "Dry?", prompt=rain)
    with pytest.raises(InvalidQuestion, match="prompt “snow”"):
        ask_each(project=project, judgment_type="checklist")
    assert not Question.objects.exists()


def test_asking_inside_a_transaction_survives_a_question_already_there(project: Project) -> None:
    _, pair = answers(project, "rain", "Umbrella.", "Stay in.")
    with transaction.atomic():
        ask(project=project, candidates=pair)
        assert ask(project=project, candidates=pair).external_id == "rain/rain-0~rain-1"
