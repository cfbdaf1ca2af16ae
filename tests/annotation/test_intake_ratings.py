"""Ratings and rankings from files: kept as if they had been given on the page."""

from typing import Any

import pytest

from annotation.catalogue import JUDGMENT_TYPES
from annotation.intake.importing import import_rows
from annotation.intake.refusals import ImportRefused
from annotation.models import Judgment, Project, Question, Rubric
from annotation.questions import ask_each
from annotation.submission import asked_by
from tests.cast import make_project, make_question

pytestmark = pytest.mark.django_db

RESPONSES = [
    {"prompt_id": "p1", "prompt_text": "Soup?", "candidate_id": name, "response": f"Soup {name}."}
    for name in "abc"
]
SCALES = [
    {
        "text": "Helpful",
        "criterion_id": "h",
        "criterion_kind": "scale",
        "anchors": '{"low": 0, "high": 4}',
    },
    {
        "text": "Sure",
        "criterion_id": "s",
        "criterion_kind": "scale",
        "anchors": '{"low": 0, "high": 1, "step": 0.25}',
    },
]


@pytest.fixture
def stocked() -> Project:
    project = make_project("stocked", judgment_type="rating", overlap=1)
    import_rows(project, "candidates", RESPONSES)
    import_rows(project, "criteria", SCALES)
    return project


def rating(criterion: str, value: Any, **more: Any) -> dict[str, Any]:
    named = {"prompt_id": "p1", "candidate_id": "a", "annotator": "w1"}
    return named | {"criterion": criterion, "rating": value} | more


def refused(project: Project, kind: str, rows: list[dict[str, Any]]) -> str:
    with pytest.raises(ImportRefused) as error:
        import_rows(project, kind, rows)
    assert not Judgment.objects.exists()
    return "; ".join(map(str, error.value.report.flaws))


def test_ratings_of_one_person_make_one_judgment_that_passes_its_types_check(
    stocked: Project,
) -> None:
    rows = [rating("h", 4, reason="Warm.", prediction=0.6), rating("Sure", "0.25", confidence=1)]
    report = import_rows(stocked, "ratings", rows)
    assert (report.created["questions"], report.created["judgments"]) == (1, 1)
    judgment = Judgment.objects.get()
    assert judgment.payload == {
        "ratings": {"0": {"0": 4, "1": 0.25}},
        "scales": {"0": [0, 4], "1": [0, 1]},
    }
    JUDGMENT_TYPES["rating"].check(judgment.payload, asked_by(judgment.question))
    assert (judgment.reason, judgment.confidence) == ("Warm.", 1)
    assert judgment.prediction == {"same": 0.6}
    assert not any(import_rows(stocked, "ratings", rows).created.values())
    assert ask_each(project=stocked, judgment_type="rating").already_there == 1


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([rating("h", 5), rating("s", 1)], "“h” is rated from 0 to 4"),
        ([rating("h", 4), rating("s", 0.3)], "in steps of 0.25"),
        ([rating("h", 4)], "gives 1 of the 2 ratings"),
        ([rating("h", 4), rating("h", 4), rating("s", 1)], "has already rated this on line 1"),
        ([rating("h", "much"), rating("s", 1)], "must be a number"),
        ([rating("kind", 4), rating("s", 1)], "have no “kind”"),
        ([rating("h", 4, question_id="q9"), rating("s", 1)], "no question “q9”"),
        ([rating("h", 4, candidate_id="z"), rating("s", 1)], "has no response “z”"),
    ],
)
def test_a_bad_rating_is_told(stocked: Project, rows: list[dict[str, Any]], reason: str) -> None:
    assert reason in refused(stocked, "ratings", rows)


def ranking(order: Any, **more: Any) -> dict[str, Any]:
    return {"prompt_id": "p1", "annotator": "w1", "order": order} | more


@pytest.mark.parametrize(
    "order", ["c > a = b", '[["c"], ["a", "b"]]', [["c"], ["b", "a"]], "c>b=a"]
)
def test_an_order_is_read_as_text_or_as_a_list(stocked: Project, order: Any) -> None:
    report = import_rows(stocked, "rankings", [ranking(order)])
    assert (report.created["questions"], report.created["judgments"]) == (1, 1)
    judgment = Judgment.objects.get()
    assert judgment.payload == {"tiers": [[2], [0, 1]], "of": 3}
    JUDGMENT_TYPES["ranking"].check(judgment.payload, asked_by(judgment.question))
    assert judgment.question.state == "answered"


def test_systems_name_the_responses_of_a_question_that_is_there(stocked: Project) -> None:
    make_question(stocked, "dog", candidates=3, judgment_type="ranking")
    row = {"question_id": "dog", "annotator": "w1", "order": "system-2 > system-0 > system-1"}
    import_rows(stocked, "rankings", [row])
    assert Judgment.objects.get().payload == {"tiers": [[2], [0], [1]], "of": 3}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (ranking("a > b > a"), "names “a” twice"),
        (ranking("a >  > b"), "must name responses"),
        (ranking("[1, "), "is no JSON"),
        (ranking(""), "order"),
        (ranking("a"), "a question shows 2 to 9"),
        (ranking("a > z"), "has no response “z”"),
        (ranking("a > b", question_id="pair"), "asks for a pairwise, not for a ranking"),
        (ranking("system-0 > system-1", question_id="three"), "ranks 2 of the 3 responses"),
        (ranking("system-0 > nobody", question_id="three"), "doesn't show “nobody”"),
    ],
)
def test_a_bad_ranking_is_told(stocked: Project, row: dict[str, Any], reason: str) -> None:
    make_question(stocked, "pair", judgment_type="pairwise")
    make_question(stocked, "three", candidates=3, judgment_type="ranking")
    assert reason in refused(stocked, "rankings", [row])


def test_a_prediction_of_pairs_is_kept(stocked: Project) -> None:
    row = {"annotator": "w1", "winner": "a", "prompt_id": "p1", "prediction": 0.5}
    row |= {"candidate_a_id": "a", "candidate_b_id": "b"}
    import_rows(stocked, "judgments", [row | {"response_a": "Soup a.", "response_b": "Soup b."}])
    assert Judgment.objects.get().prediction == {"same": 0.5}
    assert Question.objects.count() == 1
    assert Rubric.objects.get().frozen_at is None
