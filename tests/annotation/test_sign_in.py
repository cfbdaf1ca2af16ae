"""A second factor, and an organisation's own accounts."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.test import Client

from annotation import login_links
from annotation.models import User
from tests.cast import World

pytestmark = pytest.mark.django_db

SECURITY = "/account/security/"


def code_for(secret: str) -> str:
    counter = next(iter(yield_hotp_counters_from_time()))
    return str(format_hotp_value(hotp_value(secret, counter)))


def log_in(client: Client, name: str) -> Any:
    return client.post("/login/", {"username": name, "password": f"{name}-keeps-it-secret"})


def activate(client: Client) -> str:
    """Switch the second factor on as the page tells one to; the secret."""
    page = client.get(SECURITY + "totp/activate/")
    assert page.status_code == 200
    secret = str(page.context["form"].secret)
    assert secret in page.content.decode()
    done = client.post(SECURITY + "totp/activate/", {"code": code_for(secret)})
    assert done.status_code == 302, done.content.decode()
    return secret


@pytest.fixture
def guarded(client: Client, world: World) -> str:
    """Ada's account has a second factor; nobody is logged in. The secret of her app."""
    log_in(client, "ada")
    asked = client.get(SECURITY + "totp/activate/")
    client.post(asked["location"], {"password": "ada-keeps-it-secret"})  # once more, to be sure
    secret = activate(client)
    client.post("/logout/")
    return secret


def test_a_password_alone_still_opens_accounts_without_a_second_factor(
    client: Client, world: World
) -> None:
    assert log_in(client, "bob")["location"] == "/"
    assert client.get("/").status_code == 200
    assert client.get(SECURITY).status_code == 200


def test_a_password_alone_opens_nothing_once_there_is_a_second_factor(
    client: Client, guarded: str
) -> None:
    asked = log_in(client, "ada")
    assert asked["location"] == SECURITY + "authenticate/"
    assert client.get("/")["location"].startswith("/login/")
    assert client.get("/api/v1/me/").status_code == 401
    wrong = client.post(SECURITY + "authenticate/", {"code": "000000"})
    assert wrong.status_code == 200
    assert client.get("/")["location"].startswith("/login/")


def test_the_code_lets_in_and_works_once(
    client: Client, guarded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.core.cache import cache

    cache.clear()  # the code that switched the factor on counts as used
    code = code_for(guarded)
    log_in(client, "ada")
    assert client.post(SECURITY + "authenticate/", {"code": code})["location"] == "/"
    assert client.get("/").status_code == 200
    second = Client()
    log_in(second, "ada")
    assert second.post(SECURITY + "authenticate/", {"code": code}).status_code == 200
    assert second.get("/")["location"].startswith("/login/")


def test_a_recovery_code_replaces_a_lost_telephone_once(client: Client, guarded: str) -> None:
    codes = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()
    log_in(client, "ada")
    assert client.post(SECURITY + "authenticate/", {"code": codes[0]})["location"] == "/"
    second = Client()
    log_in(second, "ada")
    assert second.post(SECURITY + "authenticate/", {"code": codes[0]}).status_code == 200


def test_a_one_time_link_asks_for_the_second_factor_too(
    client: Client, guarded: str, world: World
) -> None:
    link = login_links.create_link(world.ada)
    assert client.post(f"/login/once/{link}/")["location"] == SECURITY + "authenticate/"
    assert client.get("/")["location"].startswith("/login/")


def test_the_administration_has_no_door_of_its_own(client: Client, world: World) -> None:
    User.objects.filter(pk=world.ada.pk).update(is_staff=True)
    answer = client.post("/admin/login/", {"username": "ada", "password": "ada-keeps-it-secret"})
    assert answer["location"].startswith("/login/")


# --- An organisation's accounts ---------------------------------------------------------------


@dataclass
class Organisation:
    """An OpenID Connect provider on loopback that lets in whoever `claims` describes."""

    url: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, list[str]] = field(default_factory=dict)
    challenge: str = ""

    def id_token(self) -> str:
        now = int(time.time())
        body = {"iss": self.url, "aud": "polyphony", "iat": now, "exp": now + 60, **self.claims}
        return jwt.encode(body, "not checked: it comes straight from the issuer", "HS256")


@pytest.fixture
def organisation(settings: Any) -> Iterator[Organisation]:
    there = Organisation()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(
                there.claims
                if self.path == "/userinfo"
                else {
                    "issuer": there.url,
                    "authorization_endpoint": there.url + "/authorize",
                    "token_endpoint": there.url + "/token",
                    "userinfo_endpoint": there.url + "/userinfo",
                    "jwks_uri": there.url + "/keys",
                }
            )

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"])).decode()
            there.asked = parse_qs(raw)
            self._say({"access_token": "a", "token_type": "Bearer", "id_token": there.id_token()})

        def _say(self, what: dict[str, Any]) -> None:
            body = json.dumps(what).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    there.url = f"http://127.0.0.1:{server.server_port}"
    settings.SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {
            "OAUTH_PKCE_ENABLED": True,
            "APPS": [
                {
                    "provider_id": "organisation",
                    "name": "Example University",
                    "client_id": "polyphony",
                    "secret": "s",
                    "settings": {"server_url": there.url},
                }
            ],
        }
    }
    yield there
    server.shutdown()
    server.server_close()


def arrive(client: Client, organisation: Organisation) -> Any:
    """Press the button, say yes over there, and come back."""
    leaving = client.get("/account/sso/oidc/organisation/login/")
    sent = parse_qs(urlsplit(leaving["location"]).query)
    assert leaving["location"].startswith(organisation.url + "/authorize?")
    organisation.challenge = sent["code_challenge"][0]
    return client.get(
        "/account/sso/oidc/organisation/login/callback/",
        {"code": "yes", "state": sent["state"][0]},
    )


def test_the_login_page_offers_the_organisations_accounts(
    client: Client, organisation: Organisation
) -> None:
    assert "Sign in with Example University" in client.get("/login/").content.decode()


def test_a_known_verified_address_opens_the_account_that_has_it(
    client: Client, organisation: Organisation, world: World
) -> None:
    User.objects.filter(pk=world.ada.pk).update(email="ada@example.org")
    organisation.claims = {"sub": "7", "email": "ada@example.org", "email_verified": True}
    assert arrive(client, organisation)["location"] == "/"
    assert client.get("/api/v1/me/").json()["username"] == "ada"
    verifier = organisation.asked["code_verifier"][0].encode()
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier).digest()).decode().rstrip("=")
    assert digest == organisation.challenge


def test_an_address_that_nobody_verified_opens_nothing(
    client: Client, organisation: Organisation, world: World
) -> None:
    User.objects.filter(pk=world.ada.pk).update(email="ada@example.org")
    organisation.claims = {"sub": "7", "email": "ada@example.org", "email_verified": False}
    answer = arrive(client, organisation)
    assert "No account here" in answer.content.decode()
    assert client.get("/")["location"].startswith("/login/")


def test_strangers_get_an_account_only_from_the_domains_that_were_named(
    client: Client, organisation: Organisation, world: World, settings: Any
) -> None:
    organisation.claims = {
        "sub": "8",
        "email": "eve@example.org",
        "email_verified": True,
        "preferred_username": "eve",
    }
    assert "No account here" in arrive(client, organisation).content.decode()
    assert not User.objects.filter(username="eve").exists()
    settings.OIDC_DOMAINS = ["example.org"]
    assert arrive(client, organisation)["location"] == "/"
    eve = User.objects.get(username="eve")
    assert not eve.is_staff
    assert not eve.has_usable_password()


def test_the_second_factor_is_asked_for_here_too(
    client: Client, organisation: Organisation, guarded: str, world: World
) -> None:
    User.objects.filter(pk=world.ada.pk).update(email="ada@example.org")
    organisation.claims = {"sub": "7", "email": "ada@example.org", "email_verified": True}
    assert arrive(client, organisation)["location"] == SECURITY + "authenticate/"


def test_an_answer_nobody_asked_for_is_refused_with_a_sentence(
    client: Client, organisation: Organisation
) -> None:
    forged = client.get(
        "/account/sso/oidc/organisation/login/callback/", {"code": "yes", "state": "made-up"}
    )
    assert "nothing was changed" in forged.content.decode()
