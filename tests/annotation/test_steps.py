"""What is asked beside the answer: a reason, confidence, a guess at the others, hindsight."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from aggregation.catalogue import EXPORTS
from aggregation.curation import Curation
from aggregation.snapshot import FrozenLog
from annotation import queue
from annotation.amendment import amend
from annotation.errors import InvalidAnswer
from annotation.hindsight import IN_HINDSIGHT
from annotation.intake.importing import import_rows
from annotation.models import Candidate, Judgment, Placement, Project, Rubric
from annotation.steps import InvalidSteps, Steps
from annotation.submission import Submission, submit
from tests.cast import World, make_annotator, make_project, make_question

pytestmark = pytest.mark.django_db


def answer(world: World, key: str = "a-key-of-ada", **data: Any) -> Submission:
    assignment = queue.lease_next(world.annotator_ada)
    assert assignment is not None
    return submit(
        annotator=world.annotator_ada,
        assignment_id=str(assignment.public_id),
        data={"choice": "2"} | data,
        submission_key=key,
    )


def ask_for(world: World, **options: Any) -> None:
    world.project.options = options
    world.project.save()


def test_steps_say_what_they_may_be() -> None:
    assert Steps.of({}) == Steps()
    assert Steps.of(Steps(confidence="required", hindsight=True).options()).hindsight
    for wrong in ({"reason": "please"}, {"hindsight": "yes"}, {"reason_words": -1}):
        with pytest.raises(InvalidSteps):
            Steps.of(wrong)


def test_a_prediction_and_a_confidence_are_kept_with_the_judgment(world: World) -> None:
    ask_for(world, confidence="required", prediction="required")
    with pytest.raises(InvalidAnswer) as refused:
        answer(world)
    assert set(refused.value.errors) == {"confidence", "others"}
    kept = answer(world, confidence="0.75", others="60").judgment
    kept.refresh_from_db()
    assert (kept.confidence, kept.prediction, kept.phase) == (0.75, {"same": 0.6}, 1)


def test_a_reason_may_have_to_say_something(world: World) -> None:
    ask_for(world, reason="required", reason_words=4)
    for reason in ("", "Kinder."):
        with pytest.raises(InvalidAnswer):
            answer(world, reason=reason)
    assert answer(world, reason="It names the neighbour's side.").judgment.reason


def test_a_step_that_is_off_is_not_kept(world: World) -> None:
    ask_for(world, reason="off")
    assert answer(world, reason="Sent anyway", others="70").judgment.reason == ""
    assert Judgment.objects.get().prediction is None


@pytest.fixture
def looking_back(world: World) -> World:
    ask_for(world, hindsight=True)
    Placement.objects.filter(position=0).update(consequence="The dog *slept*.")
    return world


def test_hindsight_asks_again_and_keeps_both(looking_back: World, client: Client) -> None:
    client.force_login(looking_back.ada)
    judge = reverse("annotation:judge", args=["advice"])
    page = client.get(judge)
    assert b"slept" not in page.content
    showing = page.context["showing"]
    envelope = {"handle": showing.handle, "submission_key": showing.submission_key}
    page = client.post(judge, envelope | {"choice": "3"}, headers={"HX-Request": "true"})
    again = page.context["showing"]
    assert again.in_hindsight
    assert b"The dog <em>slept</em>." in page.content
    assert b"data-chosen" not in page.content
    assert client.get(judge).context["showing"].in_hindsight  # also after coming back later
    page = client.post(
        reverse("annotation:hindsight", args=["advice"]),
        {"handle": again.handle, "submission_key": again.submission_key, "choice": "-1"},
        headers={"HX-Request": "true"},
    )
    assert not page.context["showing"].in_hindsight
    first, second = Judgment.objects.order_by("position")
    assert (first.phase, second.phase) == (1, 2)
    assert second.supersedes == first
    assert [each.pk for each in Judgment.objects.counted()] == [second.pk]


def test_a_program_looks_back_too(looking_back: World, client: Client) -> None:
    judgment = answer(looking_back).judgment
    client.force_login(looking_back.ada)
    path = f"/api/v1/projects/advice/judgments/{judgment.public_id}/hindsight/"
    told = client.get(path).json()
    assert told["due"]
    assert [each["text"] for each in told["consequences"]] == ["The dog *slept*."]
    body = {"submission_key": "seen-it-all", "answer": {"choice": "-3"}}
    kept = client.post(path, body, content_type="application/json")
    assert (kept.status_code, kept.json()["judgment"]["phase"]) == (201, 2)
    assert not client.get(path).json()["due"]
    client.force_login(looking_back.olga)
    assert client.get(path).status_code == 404


def test_an_empty_second_answer_is_asked_for_again(looking_back: World, client: Client) -> None:
    answer(looking_back)
    client.force_login(looking_back.ada)
    showing = client.get(reverse("annotation:judge", args=["advice"])).context["showing"]
    page = client.post(
        reverse("annotation:hindsight", args=["advice"]),
        {"handle": showing.handle, "submission_key": showing.submission_key},
        headers={"HX-Request": "true"},
    )
    assert page.status_code == 422
    assert page.context["showing"].form.errors["choice"]
    assert Judgment.objects.count() == 1


def test_consequences_come_with_the_pairs_and_stay_with_their_responses(world: World) -> None:
    row = {"prompt_text": "Soup?", "response_a": "Zebra soup.", "response_b": "Apple soup."}
    rows = [row | {"consequence_a": "Nobody came.", "consequence_b": "All came."}]
    project = make_project("soup")
    import_rows(project, "pairs", rows)
    placed = Placement.objects.filter(question__project=project)
    told = set(placed.values_list("candidate__text", "consequence"))
    assert told == {("Zebra soup.", "Nobody came."), ("Apple soup.", "All came.")}
    assert not any(import_rows(project, "pairs", rows).created.values())


# --- Rewrites and critiques -----------------------------------------------------------------------


def written_by(world: World, project: Project, **data: str) -> Judgment:
    annotator = make_annotator(project, world.ada)
    annotator.project = project
    assignment = queue.lease_next(annotator)
    assert assignment is not None
    return submit(
        annotator=annotator,
        assignment_id=str(assignment.public_id),
        data=data,
        submission_key="written-by-ada",
    ).judgment


def test_a_rewrite_becomes_a_candidate_that_others_are_not_shown(world: World) -> None:
    project = make_project("rewriting", judgment_type="rewrite")
    question = make_question(project, "dog", candidates=1)
    judgment = written_by(world, project, text="Knock, and **ask** kindly.")
    assert judgment.payload == {"text": "Knock, and **ask** kindly.", "of": 0, "written": 1}
    placed = question.placements.get(position=1)
    assert placed.candidate.html == "<p>Knock, and <strong>ask</strong> kindly.</p>\n".replace(
        "<p>", '<p dir="auto">'
    )
    assert (placed.candidate.system, placed.written_in) == (None, judgment)
    bob = make_annotator(project, world.bob)
    assignment = queue.lease_next(bob)
    assert assignment is not None
    assert assignment.shown_order == [0]
    again = submit(
        annotator=bob,
        assignment_id=str(assignment.public_id),
        data={"text": "Knock, and **ask** kindly."},
        submission_key="the-same-by-bob",
    ).judgment
    assert again.payload["written"] == 1  # the same words are one candidate
    assert Candidate.objects.filter(prompt=question.prompt).count() == 2


@pytest.mark.parametrize("text", ["", "  ", "Answer 0 to dog.", "Answer  0 to dog.\r\n"])
def test_an_empty_or_unchanged_rewrite_is_refused(world: World, text: str) -> None:
    project = make_project("rewriting", judgment_type="rewrite")
    make_question(project, "dog", candidates=1)
    with pytest.raises(InvalidAnswer, match=r"Your version is .*\."):
        written_by(world, project, text=text)
    assert not Judgment.objects.exists()


def test_a_critique_keeps_offsets_and_words(world: World) -> None:
    project = make_project("critiques", judgment_type="critique")
    rubric = Rubric.objects.create(project=project, name="Problems")
    rubric.criteria.create(position=0, text="Factual error")
    make_question(project, "dog", candidates=1, rubric=rubric)
    marks = [
        {"place": 0, "start": 0, "end": 6, "category": 0, "severity": 1},
        {"place": 0, "start": 0, "end": 8, "category": 0, "severity": 3},
    ]
    judgment = written_by(world, project, problems=json.dumps(marks))
    assert [each["quote"] for each in judgment.payload["problems"]] == ["Answer", "Answer 0"]


# --- In exports -----------------------------------------------------------------------------------


def test_an_export_tells_prediction_phase_and_what_was_said_first(looking_back: World) -> None:
    ask_for(looking_back, hindsight=True, prediction="optional")
    first = answer(looking_back, others="60").judgment
    amend(
        annotator=looking_back.annotator_ada,
        judgment_id=str(first.public_id),
        data={"choice": "-3", "others": "80"},
        submission_key="in-hindsight",
        phase=IN_HINDSIGHT,
    )
    answer(looking_back, key="another-key")
    frozen = FrozenLog(
        looking_back.project, Judgment.objects.latest("position").position, Curation()
    )
    rows = list(EXPORTS["raw_judgments"].rows(frozen))
    assert [(row["prediction"], row["phase"], row["foresight"]) for row in rows] == [
        ({"same": 0.8}, 2, first.payload),
        (None, 1, None),
    ]


def test_an_export_of_rewrites_names_what_was_written_up_to_its_mark(world: World) -> None:
    project = make_project("rewriting", judgment_type="rewrite")
    make_question(project, "dog", candidates=1)
    mark = written_by(world, project, text="Knock, and ask.").position
    bob = make_annotator(project, world.bob)
    assignment = queue.lease_next(bob)
    assert assignment is not None
    submit(
        annotator=bob,
        assignment_id=str(assignment.public_id),
        data={"text": "Write a note."},
        submission_key="later-by-bob",
    )
    (row,) = EXPORTS["raw_judgments"].rows(FrozenLog(project, mark, Curation()))
    assert len(row["candidate_ids"]) == 2
    assert row["evidence"] == [{"says": "comparison", "a": 1, "b": 0, "strength": 2, "tie_kind": 0}]
    pairs = list(EXPORTS["trl_preference"].rows(FrozenLog(project, mark, Curation())))
    assert pairs[0]["chosen"][0]["content"] == "Knock, and ask."
