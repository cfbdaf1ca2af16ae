"""Known answers as an owner handles them: marked on the judging screen, looked at, retired."""

import re
from typing import Any

import pytest
from django.test import Client

from annotation.assigning import set_rules
from annotation.models import (
    Decision,
    GoldAnswer,
    Judgment,
    Question,
    QuestionPurpose,
    Role,
    Standing,
)
from annotation.quality.members import team
from annotation.queue import lease_next
from annotation.submission import Submission, submit
from tests.annotation.calling import as_
from tests.annotation.test_assigning import fresh
from tests.annotation.test_views_projects import page, post
from tests.cast import World, make_question, member

PROJECT = "/projects/advice"
GOLD = f"{PROJECT}/gold/"


@pytest.fixture
def known(world: World) -> Question:
    """Everybody's questions are this check as often as the rules allow."""
    question = make_question(world.project, "known")
    set_rules(project=world.project, settings={"gold_share": 0.9, "gold_feedback": True})
    world.project.refresh_from_db()
    return question


def tries(annotator: Any, question: Question, *, prefers: int) -> Submission:
    """Answer questions until this one comes, and this one so."""
    for _ in range(20):
        assignment = lease_next(fresh(annotator))
        assert assignment is not None
        first = assignment.shown_order[0] == prefers
        kept = submit(
            annotator=fresh(annotator),
            assignment_id=str(assignment.public_id),
            data={"choice": "2" if first else "-2"},
            submission_key=f"key-{assignment.public_id}",
        )
        if assignment.question_id == question.pk:
            return kept
    raise AssertionError("the check never came")


def test_an_owner_marks_a_question_sees_how_people_did_and_retires_it(
    world: World, known: Question
) -> None:
    listed = page(world.olga, GOLD)
    assert "No known answers yet" in listed
    mark = f"{GOLD}{known.public_id}/mark/"
    assert mark in listed
    shown = page(world.olga, mark)
    assert "Answer 0 to known." in shown
    assert "skip-form" not in shown
    data = {"choice": "3", "explanation": "The first says what to do."}
    _, after = post(world.olga, mark, data)
    assert "checks people" in after
    assert "1 is much better than 2" in after
    tell = tries(world.annotator_ada, known, prefers=0).notice
    assert tell == "This question was a check, and you answered it as expected. " + (
        "The first says what to do."
    )
    tries(world.annotator_bob, known, prefers=1)
    item = page(world.olga, f"{GOLD}{known.public_id}/")
    rows = re.findall(r'<tr><th scope="row">(\w+)</th>.*?<td class="number">([\d.]+)</td>', item)
    assert rows == [("Bob", "0.00"), ("Ada", "1.00")]
    _, retired = post(
        world.olga, f"{GOLD}{known.public_id}/", {"form": "retire", "reason": "It was wrong."}
    )
    assert "It was wrong." in retired
    assert "Retired" in page(world.olga, GOLD)
    assert all(each.gold is None for each in team(world.project).members)
    cleo = world.project.annotators.create(kind="person", external_id="cleo")
    served = set()
    for _ in range(3):
        assignment = lease_next(fresh(cleo))
        assert assignment is not None
        served.add(assignment.question_id)
        submit(
            annotator=fresh(cleo),
            assignment_id=str(assignment.public_id),
            data={"choice": "1"},
            submission_key=f"key-{assignment.public_id}",
        )
    assert known.pk not in served
    assert Judgment.objects.filter(question=known, standing=Standing.CHECK).count() == 2


def test_one_can_be_kept_hidden_where_others_are_told(world: World, known: Question) -> None:
    mark = f"{GOLD}{known.public_id}/mark/"
    post(world.olga, mark, {"choice": "1", "explanation": "Never read.", "is_hidden": "on"})
    assert tries(world.annotator_ada, known, prefers=1).notice == ""
    post(world.olga, f"{GOLD}{known.public_id}/", {"form": "feedback", "explanation": "Now read."})
    assert "Now read." in tries(world.annotator_bob, known, prefers=1).notice


def test_an_unfinished_expectation_keeps_nothing(world: World, known: Question) -> None:
    browser = Client()
    browser.force_login(world.olga)
    refused = browser.post(f"{GOLD}{known.public_id}/mark/", {"explanation": "Hm."})
    assert refused.status_code == 422
    assert "Hm." in refused.content.decode()
    assert not GoldAnswer.objects.exists()


def test_a_judged_question_cannot_be_marked_any_more(world: World, known: Question) -> None:
    set_rules(project=world.project, settings={})
    judged = tries(world.annotator_ada, world.questions[0], prefers=0).judgment.question
    browser = Client()
    browser.force_login(world.olga)
    assert browser.get(f"{GOLD}{judged.public_id}/mark/").status_code == 404
    assert str(judged.public_id) not in page(world.olga, GOLD)


def test_questions_to_mark_are_found_by_a_word_of_the_prompt(world: World, known: Question) -> None:
    found = page(world.olga, f"{GOLD}?containing=snow")
    assert str(world.questions[2].public_id) in found
    assert str(known.public_id) not in found


def test_retiring_frees_a_newcomer_from_a_wrong_qualification(world: World) -> None:
    wrong = make_question(world.project, "wrong")
    right = make_question(world.project, "right")
    olga = as_(world.olga)
    for question, strength in ((wrong, -3), (right, 3)):
        body = {
            "question": str(question.public_id),
            "payload": {"strength": strength},
            "qualifies": True,
        }
        assert olga.post(GOLD, body).status_code == 201
    settings = {"qualification_questions": 2, "qualification_pass": 0.9}
    set_rules(project=world.project, settings=settings)
    ada = world.annotator_ada
    first = lease_next(fresh(ada))
    assert first is not None
    said = {wrong.pk: wrong, right.pk: right}[first.question_id]
    prefers = 0
    submit(
        annotator=fresh(ada),
        assignment_id=str(first.public_id),
        data={"choice": "3" if first.shown_order[0] == prefers else "-3"},
        submission_key="first-answer",
    )
    olga.post(f"{GOLD}{wrong.public_id}/retire/", {"reason": "The key was wrong."})
    assert not Decision.objects.exists()
    again = lease_next(fresh(ada))
    assert again is not None
    if said == wrong:
        assert again.question_id == right.pk
    else:
        assert again.question_id != wrong.pk


def test_the_api_marks_counts_tells_and_retires(world: World, known: Question) -> None:
    olga = as_(world.olga)
    body = {
        "question": str(known.public_id),
        "payload": {"strength": 2},
        "explanation": "The first.",
    }
    made = olga.post(GOLD, body)
    assert made.status_code == 201, made.content
    assert (made.json()["said"], made.json()["answers"]) == ("1 is better than 2", 0)
    assert made.json()["agreement"] is None
    tries(world.annotator_ada, known, prefers=0)
    tries(world.annotator_bob, known, prefers=1)
    (item,) = olga.get(GOLD).json()["results"]
    assert (item["answers"], item["wrong"]) == (2, 1)
    assert item["agreement"]["value"] == 0.5
    detail = olga.get(f"{GOLD}{known.public_id}/").json()
    assert [each["agreement"] for each in detail["tried"]] == [0.0, 1.0]
    told = olga.post(f"{GOLD}{known.public_id}/feedback/", {"explanation": "", "is_hidden": True})
    assert told.json()["is_hidden"]
    assert olga.post(f"{GOLD}{known.public_id}/retire/", {"reason": " "}).status_code == 400
    gone = olga.post(f"{GOLD}{known.public_id}/retire/", {"reason": "Wrong."}).json()
    assert gone["retired_because"] == "Wrong."
    assert gone["retired_at"] is not None
    wrong = {"question": str(world.questions[0].public_id), "payload": {"strength": 9}}
    assert olga.post(GOLD, wrong).status_code == 400


def test_only_who_steers_sees_known_answers(world: World, known: Question) -> None:
    post(world.olga, f"{GOLD}{known.public_id}/mark/", {"choice": "1", "explanation": "Secret."})
    known.refresh_from_db()
    assert known.purpose == QuestionPurpose.GOLD
    rita = member(world.project, "rita", Role.REVIEWER)
    for user in (world.ada, rita):
        browser = Client()
        browser.force_login(user)
        for address in (GOLD, f"{GOLD}{known.public_id}/", f"/api/v1{GOLD}"):
            refused = browser.get(address)
            assert refused.status_code == 403
            assert "Secret." not in refused.content.decode()
