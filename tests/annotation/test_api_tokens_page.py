"""The token page and the `issue_token` command."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from annotation import tokens
from annotation.models import ApiToken
from annotation.tokens import Scope
from tests.annotation.calling import Caller
from tests.cast import World, make_project

PAGE = "/account/tokens/"
FORM = {
    "key": "00000000-0000-4000-8000-000000000000",
    "name": "night import",
    "scopes": ["read", "import"],
    "project": "",
    "days": "30",
}


@pytest.fixture
def ada(client: Client, world: World) -> Client:
    client.force_login(world.ada)
    return client


def test_a_stranger_is_asked_to_log_in(client: Client, db: None) -> None:
    response = client.get(PAGE)
    assert response.status_code == 302
    assert response["Location"] == f"/login/?next={PAGE}"


def test_the_secret_is_shown_once_and_works(ada: Client) -> None:
    made = ada.post(PAGE, FORM)
    secret = made.context["issued"].secret
    assert secret in made.content.decode()
    assert "no-store" in made["Cache-Control"]
    assert secret not in ada.get(PAGE).content.decode()
    assert Caller(secret).get("/me/").json()["token"]["scopes"] == ["import", "read"]


def test_sending_the_form_twice_makes_one_token(ada: Client) -> None:
    ada.post(PAGE, FORM)
    again = ada.post(PAGE, FORM)
    assert (again.status_code, again["Location"]) == (302, PAGE)
    assert ApiToken.objects.count() == 1


def test_the_list_shows_beginnings_and_never_digests(ada: Client, world: World) -> None:
    issued = tokens.issue(user=world.ada, name="laptop", scopes=[Scope.READ])
    page = ada.get(PAGE).content.decode()
    assert issued.token.prefix in page
    assert issued.token.digest not in page


def test_one_sees_ones_own_tokens_only(ada: Client, world: World) -> None:
    tokens.issue(user=world.bob, name="bobs secret robot", scopes=[Scope.READ])
    assert "bobs secret robot" not in ada.get(PAGE).content.decode()


def test_a_token_is_revoked_by_a_button(ada: Client, world: World) -> None:
    issued = tokens.issue(user=world.ada, name="laptop", scopes=[Scope.READ])
    ada.post(f"{PAGE}{issued.token.pk}/revoke/")
    assert Caller(issued.secret).get("/me/").status_code == 401
    assert "laptop" not in ada.get(PAGE).content.decode()


def test_nobody_revokes_somebody_elses_token(ada: Client, world: World) -> None:
    issued = tokens.issue(user=world.bob, name="bobs", scopes=[Scope.READ])
    assert ada.post(f"{PAGE}{issued.token.pk}/revoke/").status_code == 404
    assert ada.get(f"{PAGE}{issued.token.pk}/revoke/").status_code == 405
    assert Caller(issued.secret).get("/me/").status_code == 200


@pytest.mark.parametrize(
    "change",
    [{"name": ""}, {"scopes": []}, {"scopes": ["root"]}, {"days": "9999"}, {"project": "x"}],
)
def test_a_wrong_form_makes_nothing_and_says_why(ada: Client, change: dict[str, object]) -> None:
    response = ada.post(PAGE, FORM | change)
    assert response.status_code == 422
    assert "errorlist" in response.content.decode()
    assert not ApiToken.objects.exists()


def test_only_ones_own_projects_are_offered(ada: Client) -> None:
    other = make_project("rivals", name="The rivals' plans")
    assert "rivals" not in ada.get(PAGE).content.decode()
    assert ada.post(PAGE, FORM | {"project": str(other.pk)}).status_code == 422


def test_the_page_needs_the_csrf_token(world: World) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(world.ada)
    assert browser.post(PAGE, FORM).status_code == 403


def test_the_command_prints_the_secret_alone(world: World) -> None:
    out, err = io.StringIO(), io.StringIO()
    call_command(
        "issue_token",
        "--user=olga",
        "--scope=read",
        "--scope=publish",
        "--project=advice",
        "--days=7",
        stdout=out,
        stderr=err,
    )
    secret = out.getvalue().strip()
    assert Caller(secret).get("/me/").json()["token"]["project"] == "advice"
    assert secret not in err.getvalue()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--user=nobody", "--scope=read"],
        ["--user=ada", "--scope=read", "--project=rivals"],
        ["--user=ada", "--scope=read", "--days=0"],
        ["--user=ada", "--scope=read", "--days=999999999999"],
    ],
)
def test_the_command_says_what_is_wrong(world: World, arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("issue_token", *arguments)
