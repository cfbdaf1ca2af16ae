"""Leasing and judging over the API: the same acts and the same form as in the browser."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from annotation.api.serializers.assignments import AssignmentSerializer
from annotation.api.serializers.judgments import JudgmentSerializer, SubmittedSerializer
from annotation.models import (
    Assignment,
    AssignmentState,
    Criterion,
    Judgment,
    Project,
    ProjectState,
    Role,
    Rubric,
)
from tests.annotation.calling import Caller, as_
from tests.cast import World, make_project, make_question, member

PROJECT = "/projects/advice"


def lease(caller: Caller) -> dict[str, Any]:
    response = caller.post(f"{PROJECT}/assignments/")
    assert response.status_code == 201, response.content
    found: dict[str, Any] = response.json()
    return found


def answer(
    caller: Caller, assignment: dict[str, Any], key: str = "first-key", **fields: Any
) -> Any:
    return caller.post(
        f"{PROJECT}/judgments/",
        {
            "assignment": assignment["id"],
            "submission_key": key,
            "answer": {"choice": "2"} | fields,
        },
    )


def test_a_question_comes_with_its_texts_and_its_form(world: World) -> None:
    got = lease(as_(world.ada))
    assert got["prompt"]["messages"][0]["content"] == "What should I do about noise?"
    assert [shown["label"] for shown in got["candidates"]] == ["A", "B"]
    assert {shown["text"] for shown in got["candidates"]} == {
        "Answer 0 to noise.",
        "Answer 1 to noise.",
    }
    (choice,) = (field for field in got["fields"] if field["name"] == "choice")
    assert choice["required"]
    assert {"value": "both_bad", "label": "Both are bad"} in choice["choices"]


def test_the_texts_come_in_the_order_shown(world: World) -> None:
    got = lease(as_(world.ada))
    shown = Assignment.objects.get().shown_order
    assert [c["text"] for c in got["candidates"]] == [f"Answer {p} to noise." for p in shown]


def test_nothing_in_a_question_tells_who_wrote_what(world: World) -> None:
    got = str(lease(as_(world.ada)))
    for telling in ("system", "noise-0", "noise-1", "external_id", "shown_order"):
        assert telling not in got


def test_an_answer_is_kept_in_terms_of_places(world: World) -> None:
    ada = as_(world.ada)
    response = answer(ada, lease(ada), reason="A listens.")
    assert response.status_code == 201
    judgment = Judgment.objects.get()
    sign = 1 if judgment.shown_order[0] == 0 else -1
    assert judgment.payload == {"strength": 2 * sign}
    assert judgment.reason == "A listens."
    assert judgment.source == "api"
    assert response.json()["judgment"]["id"] == str(judgment.public_id)
    assert response.json()["repeated"] is False


def test_a_judgment_shows_every_field_that_the_schema_names(world: World) -> None:
    ada = as_(world.ada)
    shown = answer(ada, lease(ada)).json()
    assert set(shown["judgment"]) == set(JudgmentSerializer().get_fields())
    assert set(shown) == set(SubmittedSerializer().get_fields())


def test_a_question_shows_every_field_that_the_schema_names(world: World) -> None:
    assert set(lease(as_(world.ada))) == set(AssignmentSerializer().get_fields())


def test_the_next_question_may_come_with_the_answer(world: World) -> None:
    ada = as_(world.ada)
    body = {
        "assignment": lease(ada)["id"],
        "submission_key": "first-key",
        "answer": {"choice": 0},
        "lease_next": True,
    }
    following = ada.post(f"{PROJECT}/judgments/", body).json()["next"]
    assert following["prompt"]["messages"][0]["content"] == "What should I do about rent?"


def test_the_same_key_is_the_same_judgment(world: World) -> None:
    ada = as_(world.ada)
    assignment = lease(ada)
    first, again = answer(ada, assignment), answer(ada, assignment)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["repeated"] is True
    assert again.json()["judgment"] == first.json()["judgment"]
    assert Judgment.objects.count() == 1


def test_a_second_answer_to_the_same_question_is_a_conflict(world: World) -> None:
    ada = as_(world.ada)
    assignment = lease(ada)
    answer(ada, assignment)
    response = answer(ada, assignment, key="another-key", choice="-3")
    assert response.status_code == 409
    assert "already answered" in response.json()["detail"]
    assert Judgment.objects.count() == 1


def test_one_key_for_two_questions_is_a_conflict(world: World) -> None:
    ada = as_(world.ada)
    answer(ada, lease(ada))
    assert answer(ada, lease(ada)).status_code == 409


def test_two_people_may_use_the_same_key(world: World) -> None:
    ada, bob = as_(world.ada), as_(world.bob)
    assert answer(ada, lease(ada), key="12345678").status_code == 201
    assert answer(bob, lease(bob), key="12345678").status_code == 201


@pytest.mark.parametrize(
    "fields",
    [
        {"choice": "7"},
        {"choice": ""},
        {"choice": None},
        {"confidence": 2},
        {"confidence": "nan"},
        {"reason": "x" * 5001},
        {"choice": ["2"]},
        {"choice": {"a": 1}},
        {"choice": True},
    ],
)
def test_a_wrong_answer_gets_the_forms_own_sentences(world: World, fields: dict[str, Any]) -> None:
    ada = as_(world.ada)
    response = answer(ada, lease(ada), **fields)
    assert response.status_code == 400
    (name,) = fields
    assert any(name in field for field in response.json()["errors"])
    assert Judgment.objects.count() == 0
    assert Assignment.objects.get().state == AssignmentState.LIVE


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"assignment": "7"},
        {"assignment": None, "submission_key": "12345678", "answer": {}},
        {"submission_key": "short", "answer": {}},
        [],
        "text",
        7,
        None,
    ],
)
def test_a_malformed_submission_is_refused_with_reasons(world: World, body: Any) -> None:
    response = as_(world.ada).send("POST", f"{PROJECT}/judgments/", __import__("json").dumps(body))
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"


def test_somebody_elses_assignment_is_not_found(world: World) -> None:
    ada, bob = as_(world.ada), as_(world.bob)
    assignment = lease(ada)
    lease(bob)
    assert answer(bob, assignment).status_code == 404
    assert bob.get(f"{PROJECT}/assignments/{assignment['id']}/").status_code == 404
    for act in ("heartbeat", "release"):
        response = bob.post(f"{PROJECT}/assignments/{assignment['id']}/{act}/")
        assert response.status_code == 404
    assert Judgment.objects.count() == 0


def test_an_assignment_of_another_project_is_not_found_through_this_one(world: World) -> None:
    other = make_project("second")
    make_question(other, "elsewhere")
    other.memberships.create(user=world.ada, role=Role.ANNOTATOR)
    ada = as_(world.ada)
    elsewhere = ada.post("/projects/second/assignments/").json()
    assert answer(ada, elsewhere).status_code == 404


def test_current_assignments_are_ones_own(world: World) -> None:
    ada, bob = as_(world.ada), as_(world.bob)
    mine = lease(ada)
    lease(bob)
    listed = ada.get(f"{PROJECT}/assignments/", state="live").json()["results"]
    assert [row["id"] for row in listed] == [mine["id"]]
    assert ada.get(f"{PROJECT}/assignments/{mine['id']}/").json() == mine


def test_a_heartbeat_keeps_the_question(world: World) -> None:
    ada = as_(world.ada)
    assignment = lease(ada)
    row = Assignment.objects.get()
    Assignment.objects.update(
        leased_at=row.leased_at - timedelta(minutes=20),
        lease_until=row.lease_until - timedelta(minutes=20),
    )
    before = Assignment.objects.get().lease_until
    response = ada.post(f"{PROJECT}/assignments/{assignment['id']}/heartbeat/")
    assert response.status_code == 200
    assert Assignment.objects.get().lease_until > before


def test_a_released_question_goes_to_others_and_not_back(world: World) -> None:
    ada = as_(world.ada)
    assignment = lease(ada)
    response = ada.post(
        f"{PROJECT}/assignments/{assignment['id']}/release/", {"reason": "I know the author"}
    )
    assert response.json()["state"] == "released"
    assert Assignment.objects.get().release_reason == "I know the author"
    assert lease(ada)["question"] != assignment["question"]


def test_nothing_left_is_said_without_a_body(world: World) -> None:
    world.project.questions.update(state="answered")
    response = as_(world.ada).post(f"{PROJECT}/assignments/")
    assert (response.status_code, response.content) == (204, b"")


@pytest.mark.parametrize("state", [ProjectState.DRAFT, ProjectState.PAUSED, ProjectState.CLOSED])
def test_a_project_that_isnt_open_gives_no_question(world: World, state: ProjectState) -> None:
    Project.objects.update(state=state)
    response = as_(world.ada).post(f"{PROJECT}/assignments/")
    assert response.status_code == 409
    assert state.value in response.json()["detail"] or "opened" in response.json()["detail"]


def test_an_answer_after_closing_is_kept_and_says_so(world: World) -> None:
    ada = as_(world.ada)
    assignment = lease(ada)
    Project.objects.update(state=ProjectState.CLOSED)
    response = answer(ada, assignment)
    assert response.status_code == 201
    assert "kept" in response.json()["notice"]
    assert response.json()["judgment"]["standing"] == "parked"


def test_an_answer_to_a_withdrawn_question_is_kept_and_says_so(world: World) -> None:
    ada = as_(world.ada)
    assignment = lease(ada)
    world.project.questions.update(state="withdrawn")
    response = answer(ada, assignment)
    assert response.json()["judgment"]["standing"] == "parked"
    assert "withdrawn" in response.json()["notice"]


def test_an_answer_may_close_the_project_to_the_next(world: World) -> None:
    ada = as_(world.ada)
    body = {
        "assignment": lease(ada)["id"],
        "submission_key": "key-number-1",
        "answer": {"choice": "0"},
        "lease_next": True,
    }
    Project.objects.update(state=ProjectState.PAUSED)
    response = ada.post(f"{PROJECT}/judgments/", body).json()
    assert response["next"] is None
    assert "paused" in response["next_notice"]


def test_a_late_answer_counts_while_its_seat_is_free(world: World) -> None:
    ada = as_(world.ada)
    assignment = lease(ada)
    long_ago = timezone.now() - timedelta(days=2)
    Assignment.objects.update(leased_at=long_ago, lease_until=long_ago)
    assert answer(ada, assignment).json()["judgment"]["standing"] == "counted"


def test_a_checklist_is_answered_by_its_own_fields(world: World) -> None:
    rubric = Rubric.objects.create(project=world.project, name="politeness")
    Criterion.objects.create(rubric=rubric, position=0, text="Is it polite?")
    make_question(
        world.project,
        "manners",
        candidates=1,
        judgment_type="checklist",
        rubric=rubric,
        priority=9.0,
    )
    ada = as_(world.ada)
    assignment = lease(ada)
    names = [field["name"] for field in assignment["fields"]]
    assert "answer-0-0" in names
    response = ada.post(
        f"{PROJECT}/judgments/",
        {
            "assignment": assignment["id"],
            "submission_key": "12345678",
            "answer": {"answer-0-0": "not_applicable"},
        },
    )
    assert response.json()["judgment"]["payload"] == {"answers": {"0": {"0": "not_applicable"}}}


def test_judgments_can_be_neither_changed_nor_deleted(world: World) -> None:
    ada, olga = as_(world.ada), as_(world.olga)
    kept = answer(ada, lease(ada)).json()["judgment"]["id"]
    for caller in (ada, olga):
        for method in ("PUT", "PATCH", "DELETE"):
            for address in (f"{PROJECT}/judgments/{kept}/", f"{PROJECT}/judgments/"):
                assert caller.send(method, address).status_code == 405


def test_annotators_read_their_own_judgments_and_no_others(world: World) -> None:
    ada, bob = as_(world.ada), as_(world.bob)
    adas = answer(ada, lease(ada)).json()["judgment"]["id"]
    bobs = answer(bob, lease(bob)).json()["judgment"]["id"]
    listed = ada.get(f"{PROJECT}/judgments/").json()["results"]
    assert [row["id"] for row in listed] == [adas]
    assert ada.get(f"{PROJECT}/judgments/{bobs}/").status_code == 404
    annotator = world.annotator_bob.public_id
    assert ada.get(f"{PROJECT}/judgments/", annotator=annotator).json()["results"] == []


@pytest.mark.parametrize("role", [Role.OWNER, Role.MANAGER, Role.REVIEWER])
def test_reviewers_and_above_read_everybodys_judgments(world: World, role: Role) -> None:
    ada, bob = as_(world.ada), as_(world.bob)
    answer(ada, lease(ada))
    answer(bob, lease(bob))
    caller = as_(member(world.project, "reader", role))
    listed = caller.get(f"{PROJECT}/judgments/").json()["results"]
    assert {row["annotator"] for row in listed} == {
        str(world.annotator_ada.public_id),
        str(world.annotator_bob.public_id),
    }
    assert "system" not in str(listed)


def test_a_member_becomes_an_annotator_on_first_use(world: World) -> None:
    mara = member(world.project, "mara", Role.MANAGER)
    lease(as_(mara))
    annotator = world.project.annotators.get(user=mara)
    assert "mara" not in annotator.external_id
