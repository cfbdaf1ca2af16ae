"""Doors that must be shut, tried one by one: every address of every app, and what answers carry."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from annotation.models import Role
from tests.annotation.calling import as_
from tests.cast import World, member

ROOT = Path(settings.BASE_DIR)
UUID = "00000000-0000-4000-8000-000000000000"
OPEN_TO_ALL = {
    "login",
    "login-once",
    "join",
    "logout",  # of the admin site: leads back to a page that asks to log in
    "account_login",
    "account_inactive",  # a sentence, the same for everybody
    "socialaccount_login_cancelled",
    "socialaccount_login_error",
    "healthz",
    "set_language",  # keeps a cookie and leads back
    "api-schema",
    "api-nothing-here",
}


def addresses(
    patterns: Any = None, prefix: str = "", project: str = "advice"
) -> Iterator[tuple[str, str]]:
    """Every address that is served, with its name; parameters filled with plausible values."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, route, project)
        elif isinstance(pattern, URLPattern) and "(?" not in route:
            yield str(pattern.name), filled(route, project)


def filled(route: str, project: str) -> str:
    """A route with its parameters filled in; the project is the first slug in it."""
    route = re.sub(r"<slug:(slug|project)>", project, route)
    route = re.sub(r"<uuid:\w+>", UUID, route)
    route = re.sub(r"<int:\w+>", "1", route)
    return "/" + re.sub(r"<(?:\w+:)?\w+>", "x", route)


EVERY = sorted(set(addresses()))
OF_A_PROJECT = [(name, address) for name, address in EVERY if "/advice/" in address]


def test_the_list_of_addresses_is_not_empty() -> None:
    assert len(EVERY) > 60
    assert len(OF_A_PROJECT) > 30


def test_nobody_gets_in_without_logging_in(client: Client, world: World) -> None:
    open_doors = []
    for name, address in EVERY:
        if name in OPEN_TO_ALL:
            continue
        for response in (client.get(address), client.post(address)):
            sent_away = response.status_code == 302 and "/login" in response["Location"]
            if not sent_away and response.status_code not in (401, 404, 405):
                open_doors.append((address, response.status_code))
    assert open_doors == []


def test_a_stranger_finds_no_project(client: Client, world: World) -> None:
    client.force_login(world.sam)
    found = [
        (address, response.status_code)
        for _, address in OF_A_PROJECT
        for response in (client.get(address), client.post(address))
        if response.status_code not in (404, 405)
    ]
    assert found == []


FOR_ANNOTATORS = {
    "project",
    "guideline",
    "judge",
    "own",
    "api-projects-detail",
    "api-guidelines-list",
    "api-annotators-list",
    "api-assignments-list",
    "api-judgments-list",
    "api-progress-list",
    "api-profiles-list",
    "api-surveys-list",
    "api-withdrawals-list",
}


def test_annotators_open_no_more_than_they_need(client: Client, world: World) -> None:
    """A new page is shut to annotators until somebody lists it here."""
    client.force_login(world.ada)
    opened = set()
    for name, address in OF_A_PROJECT:
        response = client.get(address)
        assert response.status_code in (200, 302, 403, 404, 405), address
        if response.status_code == 200:
            opened.add(name)
        for telling in ("system-0", "system-1", "noise-0", "noise-1"):
            assert telling not in response.content.decode(), address
    assert opened == FOR_ANNOTATORS


def test_what_concerns_the_whole_installation_is_for_staff(client: Client, world: World) -> None:
    for user in (world.olga, world.ada, world.sam):
        client.force_login(user)
        assert client.get("/operations/").status_code == 404
        assert client.get("/api/v1/operations/").status_code == 403


@pytest.mark.parametrize(
    "address", ["/login/", "/healthz", "/api/v1/schema/", "/api/v1/me/", "/nowhere/", "/admin/"]
)
def test_every_answer_carries_its_protection(client: Client, world: World, address: str) -> None:
    response = client.get(address)
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy


def test_answers_of_the_api_are_kept_by_no_cache(world: World) -> None:
    ada = as_(world.ada)
    for address in ("/me/", "/projects/", "/projects/advice/judgments/", "/projects/nothing/"):
        assert "no-store" in ada.get(address)["Cache-Control"]


def test_cookies_stay_with_this_site_and_away_from_scripts(client: Client, world: World) -> None:
    client.post("/login/", {"username": "ada", "password": "ada-keeps-it-secret"})
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


def test_a_login_gets_a_new_session(client: Client, world: World) -> None:
    client.get("/login/")
    session = client.session
    session["planted"] = True
    session.save()
    before = session.session_key
    assert before is not None
    client.cookies[settings.SESSION_COOKIE_NAME] = before
    client.post("/login/", {"username": "ada", "password": "ada-keeps-it-secret"})
    assert client.session.session_key != before


@pytest.mark.slow
def test_production_passes_djangos_own_deployment_checks() -> None:
    """All but two that reach beyond this server: subdomains and the browsers' preload list."""
    environment = {
        # What tests in a browser set for their own process is nothing of a production's.
        **{name: value for name, value in os.environ.items() if "ASYNC_UNSAFE" not in name},
        "POLYPHONY_MODE": "production",
        "SECRET_KEY": "a-long-and-varied-secret-for-this-check-0123456789-abcdefghijk",
        "POLYPHONY_HOSTS": "polyphony.example.org",
        "DATABASE_URL": "postgresql://polyphony@localhost/polyphony",
    }
    checked = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    found = set(re.findall(r"security\.W\d+", checked.stderr + checked.stdout))
    assert found <= {"security.W005", "security.W021"}


def test_roles_that_review_see_no_system_names_in_any_list(world: World) -> None:
    """Only owners: a manager or reviewer may be asked to judge too."""
    for role in (Role.MANAGER, Role.REVIEWER):
        caller = as_(member(world.project, f"one-{role.value}", role))
        for name, address in OF_A_PROJECT:
            if address.startswith("/api/v1/"):
                response = caller.get(address.removeprefix("/api/v1"))
                assert "system-0" not in response.content.decode(), (name, role)
