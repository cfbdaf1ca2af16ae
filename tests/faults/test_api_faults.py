"""Bad input and bad luck at the API's door: no 500, nothing half-written, a sentence each time."""

import json
import threading
import time
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone

from annotation import attempts, tokens
from annotation.models import Assignment, AssignmentState, FailedAttempts, Judgment
from annotation.tokens import Scope
from tests.annotation.calling import Caller, as_
from tests.cast import World, make_project

PROJECT = "/projects/advice"
JUDGMENTS = f"{PROJECT}/judgments/"


def lease(caller: Caller) -> str:
    found: str = caller.post(f"{PROJECT}/assignments/").json()["id"]
    return found


def submission(assignment: str, **changes: Any) -> dict[str, Any]:
    return {
        "assignment": assignment,
        "submission_key": "key-number-one",
        "answer": {"choice": "1"},
    } | changes


BODIES = {
    "not JSON": b"{'choice': 1}",
    "nothing": b"",
    "half": b'{"assignment": "',
    "not UTF-8": b'{"answer": "\xff\xfe"}',
    "NUL": b'{"answer": {"choice": "\\u0000"}}',
    "NUL in a name": b'{"a\\u0000": 1}',
    "half a surrogate pair": b'{"answer": {"reason": "\\ud800"}}',
    "NaN": b'{"answer": {"confidence": NaN}}',
    "infinity": b'{"answer": {"confidence": -Infinity}}',
    "a number without end": b'{"answer": {"confidence": ' + b"9" * 10_000 + b"}}",
    "a name twice": b'{"assignment": "a", "assignment": "b"}',
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "fairly deep": b'{"answer": ' + b'{"a": ' * 60 + b"1" + b"}" * 61,
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_body_that_cant_be_kept_is_refused_with_a_sentence(world: World, body: bytes) -> None:
    ada = as_(world.ada)
    response = ada.client.generic(
        "POST", f"/api/v1{JUDGMENTS}", body, "application/json", headers=ada._headers()
    )
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["detail"].endswith(".")
    assert not Judgment.objects.exists()


def test_a_huge_number_in_an_answer_is_refused(world: World) -> None:
    ada = as_(world.ada)
    body = submission(lease(ada), answer={"choice": "1", "confidence": 10**300})
    assert ada.post(JUDGMENTS, body).status_code == 400


def test_a_body_beyond_the_limit_is_refused(world: World) -> None:
    ada = as_(world.ada)
    body = submission(lease(ada), answer={"choice": "1", "reason": "x" * 5_000_000})
    response = ada.post(JUDGMENTS, body)
    assert response.status_code == 413
    assert not Judgment.objects.exists()


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data", "", "application/xml"])
def test_a_body_of_another_kind_is_refused(world: World, kind: str) -> None:
    ada = as_(world.ada)
    response = ada.client.generic(
        "POST", f"/api/v1{JUDGMENTS}", b"{}", kind, headers=ada._headers()
    )
    assert response.status_code == 415


@pytest.mark.parametrize(
    "address",
    [
        "/projects/advice%00/judgments/",
        "/projects/adv%C3%AFce/judgments/",
        "/projects/" + "a" * 5000 + "/judgments/",
        f"{PROJECT}/judgments/not-a-uuid/",
        f"{PROJECT}/guidelines/99999999999999999999/",
        f"{PROJECT}/judgments/../../rivals/judgments/",
        f"{PROJECT}/judgments/%2e%2e/",
    ],
)
def test_a_strange_address_is_not_found(world: World, address: str) -> None:
    assert as_(world.olga).get(address).status_code == 404


def test_a_guessed_id_is_not_found(world: World) -> None:
    guess = "00000000-0000-4000-8000-000000000000"
    olga = as_(world.olga)
    for noun in ("judgments", "questions", "annotators", "assignments"):
        assert olga.get(f"{PROJECT}/{noun}/{guess}/").status_code == 404
    for number in (1, 2, world.questions[0].pk):
        assert olga.get(f"{PROJECT}/questions/{number}/").status_code == 404


def test_answers_in_two_windows_at_the_same_instant(
    transactional_db: None, request: pytest.FixtureRequest
) -> None:
    """Two different answers to one assignment race: one is kept, the other is a conflict."""
    world: World = request.getfixturevalue("world")
    ada = as_(world.ada)
    assignment = lease(ada)
    statuses = race(
        [
            lambda n=n: ada_again(ada).post(
                JUDGMENTS,
                submission(assignment, submission_key=f"window-{n}", answer={"choice": n}),
            )
            for n in (1, 2, 3)
        ]
    )
    assert sorted(statuses) == [201, 409, 409]
    assert Judgment.objects.count() == 1


def test_one_answer_sent_three_times_at_once_is_one_judgment(
    transactional_db: None, request: pytest.FixtureRequest
) -> None:
    world: World = request.getfixturevalue("world")
    ada = as_(world.ada)
    assignment = lease(ada)
    statuses = race([lambda: ada_again(ada).post(JUDGMENTS, submission(assignment))] * 3)
    assert sorted(statuses) == [200, 200, 201]
    assert Judgment.objects.count() == 1


def test_the_last_seat_goes_to_one_of_two(
    transactional_db: None, request: pytest.FixtureRequest
) -> None:
    world: World = request.getfixturevalue("world")
    world.project.questions.exclude(pk=world.questions[0].pk).update(state="answered")
    world.project.questions.update(overlap=1)
    callers = [as_(world.ada), as_(world.bob)]
    statuses = race(
        [lambda caller=caller: caller.post(f"{PROJECT}/assignments/") for caller in callers]
    )
    assert sorted(statuses) == [201, 204]
    assert Assignment.objects.filter(state=AssignmentState.LIVE).count() == 1


def ada_again(caller: Caller) -> Caller:
    return Caller(caller.secret)


def race(calls: list[Any]) -> list[int]:
    """Run the calls in threads that start together; their statuses."""
    together = threading.Barrier(len(calls))
    statuses: list[int] = []

    def run(call: Any) -> None:
        try:
            together.wait(10)
            statuses.append(call().status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(statuses) == len(calls)
    return statuses


# --- Floods -----------------------------------------------------------------------------------


def test_guessing_tokens_gets_slow_but_never_locks_out_a_right_one(
    client: Client, world: World
) -> None:
    wrong = {"Authorization": "Bearer pol_" + "x" * 43}
    statuses = [
        client.get("/api/v1/me/", headers=wrong).status_code
        for _ in range(attempts.API_TOKEN.most + 1)
    ]
    assert set(statuses[:-1]) == {401}
    response = client.get("/api/v1/me/", headers=wrong)
    assert response.status_code == 429
    assert 0 < int(response["Retry-After"]) <= 300
    assert as_(world.ada).get("/me/").status_code == 200


def test_guesses_from_one_address_dont_shut_out_another(client: Client, db: None) -> None:
    wrong = {"Authorization": "Bearer pol_" + "x" * 43}
    for _ in range(attempts.API_TOKEN.most + 1):
        client.get("/api/v1/me/", headers=wrong)
    elsewhere = Client(REMOTE_ADDR="203.0.113.9")
    assert elsewhere.get("/api/v1/me/", headers=wrong).status_code == 401


def test_a_forged_forwarding_header_doesnt_make_a_new_sender(
    client: Client, db: None, settings: Any
) -> None:
    wrong = "Bearer pol_" + "x" * 43

    def guess(number: int) -> int:
        headers = {"Authorization": wrong, "X-Forwarded-For": f"198.51.100.{number}, 192.0.2.1"}
        return client.get("/api/v1/me/", headers=headers).status_code

    for proxied in (None, ("HTTP_X_FORWARDED_PROTO", "https")):
        settings.SECURE_PROXY_SSL_HEADER = proxied
        FailedAttempts.objects.all().delete()
        assert [guess(n) for n in range(attempts.API_TOKEN.most + 1)][-1] == 429


def test_the_table_of_failures_names_nobody(client: Client, db: None) -> None:
    client.get("/api/v1/me/", headers={"Authorization": "Bearer pol_wrong"})
    row = FailedAttempts.objects.values_list("key", flat=True).get()
    assert "127.0.0.1" not in row
    assert len(row) == 64


def test_windows_that_are_over_are_forgotten(db: None) -> None:
    now = timezone.now()
    for n in range(5):
        attempts.record_failure(attempts.API_TOKEN, f"address-{n}", now=now)
    attempts.record_failure(attempts.API_TOKEN, "later", now=now + 2 * attempts.API_TOKEN.window)
    assert FailedAttempts.objects.count() == 1


def test_failures_at_the_same_instant_are_all_counted(transactional_db: None) -> None:
    calls = [lambda: _Counted(attempts.record_failure(attempts.LOGIN_BY_ADDRESS, "here"))] * 8
    race(calls)
    assert FailedAttempts.objects.get().failures == 8


class _Counted:
    status_code = 200

    def __init__(self, _wait: float) -> None:
        pass


def test_one_token_may_not_flood(world: World, settings: Any) -> None:
    cache.clear()
    settings.API_REQUESTS_PER_MINUTE = 5
    if time.time() % 60 > 55:  # a window that turns over in the middle would let more through
        time.sleep(6)
    ada, bob = as_(world.ada), as_(world.bob)
    statuses = [ada.get("/me/").status_code for _ in range(6)]
    assert statuses == [200] * 5 + [429]
    assert "Retry-After" in ada.get("/me/")
    assert bob.get("/me/").status_code == 200
    cache.clear()


# --- Tokens that leak -------------------------------------------------------------------------


def test_an_error_never_repeats_the_token(world: World) -> None:
    ada = as_(world.ada)
    for response in (
        ada.get(f"/{ada.secret}/"),
        ada.get("/me/", token=ada.secret),
        ada.get(f"{PROJECT}/judgments/", **{ada.secret: "1"}),
        ada.post(f"{PROJECT}/judgments/", {"assignment": ada.secret}),
    ):
        assert response.status_code >= 400
        assert ada.secret not in response.content.decode()


def test_a_token_of_one_project_cannot_submit_in_another(world: World) -> None:
    other = make_project("second")
    other.memberships.create(user=world.ada, role="annotator")
    assignment = lease(as_(world.ada))
    narrow = Caller(
        tokens.issue(user=world.ada, name="n", scopes=list(Scope), project=other).secret
    )
    assert narrow.post(JUDGMENTS, submission(assignment)).status_code == 404
    assert narrow.post("/projects/second/judgments/", submission(assignment)).status_code == 404
    assert not Judgment.objects.exists()


def test_nobody_can_take_an_imports_key_before_it(world: World) -> None:
    """Keys sent here live in the sender's own space, so another door's keys stay free."""
    ada = as_(world.ada)
    ada.post(JUDGMENTS, submission(lease(ada), submission_key="import-advice-1"))
    assert not Judgment.objects.filter(submission_key="import-advice-1").exists()


def test_a_failure_nobody_foresaw_is_a_problem_too_and_keeps_its_cause_to_itself(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database goes away in the middle: a 500 in JSON, nothing kept, no details outside."""
    ada = as_(world.ada)
    assignment = lease(ada)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE annotation_judgment RENAME TO annotation_judgment_away")
    ada.client.raise_request_exception = False
    response = ada.post(JUDGMENTS, submission(assignment))
    assert response.status_code == 500
    assert "annotation_judgment" not in response.content.decode()
    assert json.loads(response.content)["title"] == "Internal Server Error"
