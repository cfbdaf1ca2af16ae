"""Steering assignment over the API, and by the form of the settings page."""

from typing import Any

import pytest

from annotation.assignment.rules import AssignmentRules
from annotation.assignment_form import AssignmentForm
from annotation.models import Decision, DecisionKind, Project, QuestionPurpose, Role
from annotation.tokens import Scope
from tests.annotation.calling import as_
from tests.cast import World, make_question, member

PROJECT = "/projects/advice"


def patch(caller: Any, body: dict[str, Any]) -> Any:
    return caller.client.patch(
        f"/api/v1{PROJECT}/", body, content_type="application/json", headers=caller._headers()
    )


def test_an_owner_sets_the_rules_and_reads_them_back(world: World) -> None:
    olga = as_(world.olga)
    response = patch(olga, {"assignment": {"order": "random", "most_per_day": 20}})
    assert response.status_code == 200, response.content
    assert response.json()["options"] == {"assignment": {"order": "random", "most_per_day": 20}}
    assert olga.get(f"{PROJECT}/").json()["options"] == response.json()["options"]
    assert patch(olga, {"assignment": {}}).json()["options"] == {"assignment": {}}


@pytest.mark.parametrize(
    "wrong",
    [
        {"order": "sideways"},
        {"most_per_day": "many"},
        {"speed": 3},
        {"overlap_least": 3, "overlap_most": 2},
        {"seats_per_group": {"a": -1}, "group_by": "b"},
        {"gold_share": None},
    ],
)
def test_wrong_rules_are_refused_by_name_and_change_nothing(
    world: World, wrong: dict[str, Any]
) -> None:
    response = patch(as_(world.olga), {"assignment": wrong})
    assert response.status_code == 400
    assert set(response.json()["errors"]) <= set(wrong)
    assert Project.objects.get(slug="advice").options == {}


def test_annotators_change_no_rules_and_neither_does_a_token_without_the_scope(
    world: World,
) -> None:
    assert patch(as_(world.ada), {"assignment": {}}).status_code == 403
    assert patch(as_(world.olga, Scope.READ), {"assignment": {}}).status_code == 403
    assert patch(as_(world.sam), {"assignment": {}}).status_code == 404


def test_a_manager_says_whom_a_question_is_for(world: World) -> None:
    manager = as_(member(world.project, "mara", Role.MANAGER))
    question = world.questions[0]
    address = f"{PROJECT}/questions/{question.public_id}/audience/"
    body = {"skill": "law", "annotators": [str(world.annotator_bob.public_id)]}
    assert manager.post(address, body).status_code == 200
    skills = f"{PROJECT}/annotators/{world.annotator_bob.public_id}/skills/"
    assert manager.post(skills, {"skills": ["law", "law"]}).json() == {"skills": ["law"]}
    first = {
        name: as_(user).post(f"{PROJECT}/assignments/").json()["question"]
        for name, user in (("ada", world.ada), ("bob", world.bob))
    }
    assert first["bob"] == str(question.public_id)
    assert first["ada"] == str(world.questions[1].public_id)
    guess = {"annotators": ["00000000-0000-4000-8000-000000000000"]}
    assert manager.post(address, guess).status_code == 400
    assert as_(world.ada).post(address, body).status_code == 403


def test_a_check_is_made_answered_and_never_told_apart(world: World) -> None:
    olga, ada = as_(world.olga), as_(world.ada)
    known = make_question(world.project, "known")
    address = f"{PROJECT}/questions/{known.public_id}/check/"
    assert olga.post(address, {"payload": {"strength": 9}}).status_code == 400
    assert olga.post(address, {"payload": {"strength": 2}}).status_code == 200
    known.refresh_from_db()
    assert known.purpose == QuestionPurpose.GOLD
    patch(olga, {"assignment": {"gold_share": 0.9}})
    ordinary = set(as_(world.bob).post(f"{PROJECT}/assignments/").json())
    got = ada.post(f"{PROJECT}/assignments/").json()
    assert set(got) == ordinary
    assert "gold" not in str(got)
    answered = ada.post(
        f"{PROJECT}/judgments/",
        {"assignment": got["id"], "submission_key": "12345678", "answer": {"choice": "1"}},
    )
    assert answered.status_code == 201
    assert answered.json()["notice"] == ""


def test_decisions_are_read_by_reviewers(world: World) -> None:
    Decision.objects.create(
        project=world.project,
        annotator=world.annotator_ada,
        kind=DecisionKind.WARNED,
        measured={"cause": "gold", "measured": 0.5},
        sentence="Please take your time.",
    )
    (row,) = as_(world.olga).get(f"{PROJECT}/decisions/", kind="warned").json()["results"]
    assert row["annotator"] == str(world.annotator_ada.public_id)
    assert row["measured"] == {"cause": "gold", "measured": 0.5}
    assert as_(world.ada).get(f"{PROJECT}/decisions/").status_code == 403


def test_letting_somebody_go_on_is_logged(world: World) -> None:
    olga = as_(world.olga)
    address = f"{PROJECT}/annotators/{world.annotator_ada.public_id}"
    olga.post(f"{address}/pause/")
    assert as_(world.ada).post(f"{PROJECT}/assignments/").status_code == 409
    olga.post(f"{address}/resume/")
    assert as_(world.ada).post(f"{PROJECT}/assignments/").status_code == 201
    assert Decision.objects.get().kind == DecisionKind.RESUMED


# --- The form -----------------------------------------------------------------------------------


def test_the_form_shows_rules_and_reads_them_back() -> None:
    rules = AssignmentRules.of(
        {
            "order": "least_judged",
            "group_by": "gender",
            "seats_per_group": {"woman": 2, "man": 1},
            "gold_share": 0.25,
            "gold_feedback": True,
        }
    )
    shown = AssignmentForm.showing(rules)
    assert "woman: 2" in str(shown["seats_per_group"])
    data = {each.name: each.value() for each in shown}
    data["seats_per_group"] = "woman: 2\nman: 1\n"
    form = AssignmentForm(data)
    assert form.is_valid(), form.errors
    assert form.rules == rules


def test_an_empty_form_is_the_plain_queue() -> None:
    form = AssignmentForm({"order": "priority"})
    assert form.is_valid(), form.errors
    assert form.rules == AssignmentRules()


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"order": "priority", "overlap_least": "2"}, "overlap_most"),
        ({"order": "priority", "seats_per_group": "two women"}, "seats_per_group"),
        ({"order": "priority", "seats_per_group": "woman: 2"}, "group_by"),
        ({"order": "priority", "certainty": "7"}, "certainty"),
        ({}, "order"),
    ],
)
def test_the_form_says_what_is_wrong_where(data: dict[str, str], field: str) -> None:
    form = AssignmentForm(data)
    assert not form.is_valid()
    assert set(form.errors) == {field}
