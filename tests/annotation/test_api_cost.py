"""What a question and an answer cost: statements per request, counted so that none creeps in."""

from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.annotation.calling import Caller, as_
from tests.cast import World

PROJECT = "/projects/advice"
WHO = 1  # token with its user, project, role and annotator


def statements(captured: CaptureQueriesContext) -> list[str]:
    """What was sent to the database, without the begin and end of transactions."""
    every = [query["sql"] for query in captured]
    return [sql for sql in every if "SAVEPOINT" not in sql]


def lease(caller: Caller) -> dict[str, Any]:
    found: dict[str, Any] = caller.post(f"{PROJECT}/assignments/").json()
    return found


def test_a_question_costs_two_statements(world: World) -> None:
    ada = as_(world.ada)
    ada.get("/me/")
    with CaptureQueriesContext(connection) as captured:
        lease(ada)
    assert len(statements(captured)) <= WHO + 1


def test_an_answer_costs_three_statements(world: World) -> None:
    ada = as_(world.ada)
    body = {
        "assignment": lease(ada)["id"],
        "submission_key": "key-number-1",
        "answer": {"choice": "1", "reason": "Because."},
    }
    with CaptureQueriesContext(connection) as captured:
        assert ada.post(f"{PROJECT}/judgments/", body).status_code == 201
    assert len(statements(captured)) <= WHO + 2


def test_asking_for_the_next_with_the_answer_saves_a_request(world: World) -> None:
    ada = as_(world.ada)
    body = {
        "assignment": lease(ada)["id"],
        "submission_key": "key-number-1",
        "answer": {"choice": "1"},
        "lease_next": True,
    }
    with CaptureQueriesContext(connection) as captured:
        assert ada.post(f"{PROJECT}/judgments/", body).json()["next"] is not None
    assert len(statements(captured)) <= WHO + 2 + 1


def test_the_cost_does_not_grow_with_the_log(world: World) -> None:
    ada, bob = as_(world.ada), as_(world.bob)
    for number in range(2):
        body = {
            "assignment": lease(bob)["id"],
            "submission_key": f"key-number-{number}",
            "answer": {"choice": "1"},
        }
        bob.post(f"{PROJECT}/judgments/", body)
    ada.get("/me/")
    with CaptureQueriesContext(connection) as captured:
        lease(ada)
    assert len(statements(captured)) <= WHO + 1
