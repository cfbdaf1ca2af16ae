"""Logging in by password and by a link that works once."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from annotation import attempts
from annotation.login_links import LinkSpent, create_link, redeem
from annotation.models import LoginLink
from tests.cast import World

RIGHT = {"username": "ada", "password": "ada-keeps-it-secret"}
WRONG = {"username": "ada", "password": "guessed"}


def test_the_right_password_opens_the_page_that_was_asked_for(world: World) -> None:
    client = Client()
    reply = client.post("/login/", RIGHT | {"next": "/projects/advice/"})
    assert (reply.status_code, reply["Location"]) == (302, "/projects/advice/")
    assert client.get("/projects/advice/").status_code == 200


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:x"])
def test_logging_in_never_leads_to_another_site(world: World, elsewhere: str) -> None:
    assert Client().post("/login/", RIGHT | {"next": elsewhere})["Location"] == "/"


def test_a_wrong_password_and_an_unknown_name_read_the_same(world: World) -> None:
    wrong = Client().post("/login/", WRONG)
    unknown = Client().post("/login/", {"username": "nobody", "password": "guessed"})
    assert wrong.status_code == unknown.status_code == 422
    for reply in (wrong, unknown):
        assert "belong together" in reply.content.decode()
        assert "guessed" not in reply.content.decode()


def test_after_too_many_tries_even_the_right_password_has_to_wait(world: World) -> None:
    client = Client()
    for _ in range(attempts.LOGIN_BY_ADDRESS_AND_NAME.most):
        client.post("/login/", WRONG)
    reply = client.post("/login/", RIGHT)
    assert reply.status_code == 429
    assert "Too many tries. Wait about" in reply.content.decode()
    assert "_auth_user_id" not in client.session


def test_logging_out_needs_a_button(world: World) -> None:
    client = Client()
    client.force_login(world.ada)
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/")["Location"] == "/login/"
    assert client.get("/")["Location"] == "/login/?next=/"


def test_a_link_logs_in_once(world: World) -> None:
    path = f"/login/once/{create_link(world.ada)}/"
    first, second = Client(), Client()
    assert first.post(path)["Location"] == "/"
    assert first.get("/projects/advice/").status_code == 200
    reply = second.post(path)
    assert reply.status_code == 410
    assert "has been used or has expired" in reply.content.decode()
    assert "_auth_user_id" not in second.session


def test_looking_at_a_link_does_not_use_it_up(world: World) -> None:
    path = f"/login/once/{create_link(world.ada)}/"
    for _ in range(3):
        assert "Log me in" in Client().get(path).content.decode()
    assert Client().post(path).status_code == 302


def test_only_the_digest_of_a_link_is_kept(world: World) -> None:
    secret = create_link(world.ada)
    kept = LoginLink.objects.get()
    assert secret not in kept.digest
    assert len(kept.digest) == 64


def test_an_old_link_and_one_of_a_closed_account_are_refused(world: World) -> None:
    old = create_link(world.ada, now=timezone.now() - timedelta(days=2))
    closed = create_link(world.bob)
    world.bob.is_active = False
    world.bob.save()
    for secret in (old, closed, "never-made", "\ud800"):
        with pytest.raises(LinkSpent):
            redeem(secret)


def test_guessing_links_is_slowed_down(world: World) -> None:
    client = Client()
    for number in range(attempts.LOGIN_LINK.most):
        client.post(f"/login/once/guess-{number}/")
    assert client.post(f"/login/once/{create_link(world.ada)}/").status_code == 429


def test_the_command_prints_a_path_that_works(world: World) -> None:
    said = StringIO()
    call_command("login_link", "--user", "ada", stdout=said)
    assert Client().post(said.getvalue().strip()).status_code == 302


@pytest.mark.parametrize("options", [("--user", "nobody"), ("--user", "ada", "--hours", "0")])
def test_the_command_says_what_is_wrong(world: World, options: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        call_command("login_link", *options)


def test_a_form_from_before_logging_in_again_says_what_to_do(world: World) -> None:
    client = Client(enforce_csrf_checks=True)
    reply = client.post("/login/", RIGHT)
    assert reply.status_code == 403
    assert "This form is out of date" in reply.content.decode()
