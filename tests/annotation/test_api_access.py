"""Who gets in, and what for: tokens, sessions, scopes, roles and other people's projects."""

import io
import logging
from datetime import timedelta
from logging.config import DictConfigurator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from annotation import tokens
from annotation.models import ApiToken, Role
from annotation.tokens import Scope
from tests.annotation.calling import Caller, as_
from tests.cast import World, make_project, make_question, member

PROJECT = "/projects/advice"
OF_A_PROJECT = (
    "guidelines",
    "prompts",
    "candidates",
    "systems",
    "measurements",
    "rubrics",
    "questions",
    "annotators",
    "assignments",
    "judgments",
    "progress",
    "profiles",
    "surveys",
    "withdrawals",
    "adjudications",
    "comments",
    "requeues",
    "disputes",
    "team",
    "gold",
    "invitations",
    "memberships",
)


def test_without_a_token_the_answer_says_how_to_get_in(client: Client, db: None) -> None:
    response = client.get("/api/v1/projects/")
    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert response["Content-Type"] == "application/problem+json"
    assert "/account/tokens/" in response.json()["detail"]


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer x y", "Bearer pol_é", "Bearer pol_x"]
)
def test_a_broken_header_is_refused(client: Client, db: None, header: str) -> None:
    response = client.get("/api/v1/projects/", headers={"Authorization": header})
    assert response.status_code == 401


def test_basic_passwords_are_not_accepted(client: Client, world: World) -> None:
    header = "Basic YWRhOmFkYS1rZWVwcy1pdC1zZWNyZXQ="  # ada:ada-keeps-it-secret
    assert client.get("/api/v1/me/", headers={"Authorization": header}).status_code == 401


def test_a_token_tells_who_one_is(world: World) -> None:
    me = as_(world.ada, Scope.READ).get("/me/").json()
    assert me["username"] == "ada"
    assert me["token"]["scopes"] == ["read"]
    assert me["projects"] == [{"slug": "advice", "name": "Everyday advice", "role": "annotator"}]
    assert "digest" not in str(me)


def test_a_token_in_the_address_is_refused_beside_a_good_one(world: World) -> None:
    caller = as_(world.ada)
    for query in ({"token": "x"}, {"access_token": "x"}, {"state": caller.secret}):
        response = caller.get("/projects/", **query)
        assert response.status_code == 400
        assert "address" in response.json()["detail"]
        assert caller.secret not in response.content.decode()


def test_no_log_line_shows_a_token(world: World, client: Client) -> None:
    """Neither ours nor Django's: the formatter blots out anything that looks like one."""
    caller = as_(world.ada)
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_configured_formatter())
    logger = logging.getLogger("django.request")
    logger.addHandler(handler)
    try:
        client.get(f"/api/v1/{caller.secret}/", {"token": caller.secret})
        logger.warning("someone sent %s", caller.secret)
        _log_a_traceback(logger, caller.secret)
    finally:
        logger.removeHandler(handler)
    assert "someone sent pol_…" in stream.getvalue()
    assert "what is pol_…?" in stream.getvalue()
    assert caller.secret not in stream.getvalue()


def _configured_formatter() -> logging.Formatter:
    """The formatter that the settings give to the console."""
    logging_settings: Any = settings.LOGGING
    name = logging_settings["handlers"]["console"]["formatter"]
    configured = DictConfigurator({"version": 1}).configure_formatter(
        logging_settings["formatters"][name]
    )
    assert isinstance(configured, logging.Formatter)
    return configured


def _log_a_traceback(logger: logging.Logger, secret: str) -> None:
    try:
        raise ValueError(f"what is {secret}?")
    except ValueError:
        logger.exception("a failure")


def test_a_revoked_token_is_refused_at_once(world: World) -> None:
    caller = as_(world.ada)
    assert caller.get("/me/").status_code == 200
    tokens.revoke(ApiToken.objects.get())
    response = caller.get("/me/")
    assert response.status_code == 401
    assert "revoked" in response.json()["detail"]


def test_an_expired_token_is_refused(world: World) -> None:
    long_ago = timezone.now() - timedelta(days=91)
    issued = tokens.issue(user=world.ada, name="old", scopes=[Scope.READ], now=long_ago)
    assert "expired" in Caller(issued.secret).get("/me/").json()["detail"]


def test_use_is_remembered(world: World) -> None:
    as_(world.ada).get("/me/")
    assert ApiToken.objects.get().last_used_at is not None


@pytest.mark.parametrize("noun", OF_A_PROJECT)
def test_another_project_is_not_found_whether_or_not_it_exists(world: World, noun: str) -> None:
    other = make_project("rivals")
    make_question(other, "poaching")
    stranger = as_(world.ada)
    theirs = stranger.get(f"/projects/rivals/{noun}/")
    nobodys = stranger.get(f"/projects/no-such-thing/{noun}/")
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.content == nobodys.content


def test_objects_of_another_project_are_not_found_through_ones_own(world: World) -> None:
    other = make_project("rivals")
    question = make_question(other, "poaching")
    olga = as_(world.olga)
    assert olga.get(f"{PROJECT}/questions/{question.public_id}/").status_code == 404
    assert olga.get(f"{PROJECT}/questions/").json()["results"] != []


@pytest.mark.parametrize("noun", OF_A_PROJECT)
def test_a_token_narrowed_to_one_project_reaches_no_other(world: World, noun: str) -> None:
    second = make_project("second")
    second.memberships.create(user=world.olga, role=Role.OWNER)
    narrow = as_(world.olga, project=world.project)
    assert narrow.get(f"{PROJECT}/{noun}/").status_code == 200
    assert narrow.get(f"/projects/second/{noun}/").status_code == 404
    assert [row["slug"] for row in narrow.get("/projects/").json()["results"]] == ["advice"]
    assert [row["slug"] for row in narrow.get("/me/").json()["projects"]] == ["advice"]


def test_a_token_without_the_scope_is_told_which_one_it_lacks(world: World) -> None:
    reader = as_(world.ada, Scope.READ)
    response = reader.post(f"{PROJECT}/assignments/")
    assert response.status_code == 403
    assert "“judge”" in response.json()["detail"]
    judge = as_(world.ada, Scope.JUDGE)
    assert judge.get(f"{PROJECT}/judgments/").status_code == 403
    assert judge.post(f"{PROJECT}/assignments/").status_code == 201


READERS = {
    "guidelines": {"owner", "manager", "reviewer", "annotator"},
    "annotators": {"owner", "manager", "reviewer", "annotator"},
    "assignments": {"owner", "manager", "reviewer", "annotator"},
    "judgments": {"owner", "manager", "reviewer", "annotator"},
    "progress": {"owner", "manager", "reviewer", "annotator"},
    "profiles": {"owner", "manager", "reviewer", "annotator"},
    "surveys": {"owner", "manager", "reviewer", "annotator"},
    "withdrawals": {"owner", "manager", "reviewer", "annotator"},
    "adjudications": {"owner", "manager", "reviewer"},
    "comments": {"owner", "manager", "reviewer"},
    "requeues": {"owner", "manager", "reviewer"},
    "disputes": {"owner", "manager", "reviewer"},
    "team": {"owner", "manager", "reviewer"},
    "gold": {"owner", "manager"},
    "invitations": {"owner", "manager"},
    "memberships": {"owner", "manager"},
    "prompts": {"owner", "manager", "reviewer"},
    "rubrics": {"owner", "manager", "reviewer"},
    "questions": {"owner", "manager"},
    "candidates": {"owner", "manager"},
    "systems": {"owner"},
    "measurements": {"owner"},
}


@pytest.mark.parametrize("role", list(Role))
def test_each_role_reads_what_it_may_and_no_more(world: World, role: Role) -> None:
    caller = as_(member(world.project, "someone", role))
    for noun, readers in READERS.items():
        response = caller.get(f"{PROJECT}/{noun}/")
        assert response.status_code == (200 if role.value in readers else 403), noun


def test_the_table_of_readers_is_complete() -> None:
    assert set(READERS) == set(OF_A_PROJECT)


def test_a_member_who_left_is_a_stranger(world: World) -> None:
    caller = as_(world.ada)
    world.project.memberships.filter(user=world.ada).delete()
    assert caller.get(f"{PROJECT}/judgments/").status_code == 404


def test_a_session_reads_without_a_token(client: Client, world: World) -> None:
    client.force_login(world.ada)
    assert client.get("/api/v1/me/").json()["token"] is None


def test_a_session_writes_only_with_the_csrf_token(world: World) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(world.ada)
    refused = browser.post(f"/api/v1{PROJECT}/assignments/", {}, content_type="application/json")
    assert refused.status_code == 403
    assert "CSRF" in refused.json()["detail"]


def test_a_token_needs_no_csrf_token(world: World) -> None:
    caller = as_(world.ada)
    caller.client = Client(enforce_csrf_checks=True)
    assert caller.post(f"{PROJECT}/assignments/").status_code == 201


def test_an_unknown_address_answers_in_json(db: None) -> None:
    client = Client(enforce_csrf_checks=True)
    for address in ("/api/", "/api/v1/nothing/", "/api/v2/projects/", "/api/v1/a%0Ab/"):
        for response in (client.get(address), client.post(address)):
            assert response.status_code == 404
            assert response["Content-Type"] == "application/problem+json"


def test_head_is_answered_like_get_without_a_body(world: World) -> None:
    for address in ("/me/", "/projects/", f"{PROJECT}/judgments/", "/engines/"):
        response = as_(world.ada).send("HEAD", address)
        assert (response.status_code, response.content) == (200, b"")


def test_options_reveals_nothing(world: World) -> None:
    assert as_(world.ada).send("OPTIONS", f"{PROJECT}/judgments/").status_code == 405
