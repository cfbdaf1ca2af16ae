"""Tokens: shown once, kept as a digest, and useless once revoked, expired or orphaned."""

import hashlib
from datetime import timedelta

import pytest
from django.utils import timezone

from annotation import tokens
from annotation.models import ApiToken
from annotation.tokens import InvalidToken, Scope, TokenRefused
from tests.cast import World, make_project

DAY = timedelta(days=1)


def test_a_secret_is_never_kept(world: World) -> None:
    issued = tokens.issue(user=world.ada, name="laptop", scopes=[Scope.READ])
    row = ApiToken.objects.values().get(pk=issued.token.pk)
    assert issued.secret.startswith("pol_")
    assert row["digest"] == hashlib.sha256(issued.secret.encode()).hexdigest()
    assert issued.secret not in str(row)
    assert row["prefix"] == issued.secret[:10]


def test_no_representation_shows_the_secret(world: World) -> None:
    issued = tokens.issue(user=world.ada, name="laptop", scopes=[Scope.READ])
    for shown in (repr(issued), str(issued), repr(issued.token), str(issued.token)):
        assert issued.secret not in shown


def test_two_secrets_differ(world: World) -> None:
    secrets = {
        tokens.issue(user=world.ada, name=str(n), scopes=[Scope.READ]).secret for n in range(20)
    }
    assert len(secrets) == 20


def test_it_lasts_ninety_days_unless_asked_otherwise(world: World) -> None:
    now = timezone.now()
    issued = tokens.issue(user=world.ada, name="laptop", scopes=[Scope.READ], now=now)
    assert issued.token.expires_at == now + 90 * DAY
    assert tokens.verify(issued.secret, now=now + 89 * DAY) == issued.token
    with pytest.raises(TokenRefused, match="expired"):
        tokens.verify(issued.secret, now=now + 90 * DAY)


@pytest.mark.parametrize("lifetime", [timedelta(0), -DAY, 367 * DAY])
def test_no_token_lasts_no_time_or_for_ever(world: World, lifetime: timedelta) -> None:
    with pytest.raises(InvalidToken, match="1 to 366 days"):
        tokens.issue(user=world.ada, name="x", scopes=[Scope.READ], lifetime=lifetime)


def test_a_revoked_token_opens_nothing_and_keeps_its_first_time(world: World) -> None:
    issued = tokens.issue(user=world.ada, name="laptop", scopes=[Scope.READ])
    first = timezone.now()
    tokens.revoke(issued.token, now=first)
    tokens.revoke(issued.token, now=first + DAY)
    assert issued.token.revoked_at == first
    with pytest.raises(TokenRefused, match="revoked"):
        tokens.verify(issued.secret)


def test_switching_off_an_account_switches_off_its_tokens(world: World) -> None:
    issued = tokens.issue(user=world.ada, name="laptop", scopes=[Scope.READ])
    world.ada.is_active = False
    world.ada.save()
    with pytest.raises(TokenRefused, match="switched off"):
        tokens.verify(issued.secret)
    with pytest.raises(InvalidToken, match="switched off"):
        tokens.issue(user=world.ada, name="another", scopes=[Scope.READ])


@pytest.mark.parametrize("wrong", ["", "pol_", "pol_" + "x" * 43, "x" * 47, "pol_" + "é" * 43])
def test_what_is_no_token_is_refused(db: None, wrong: str) -> None:
    with pytest.raises(TokenRefused):
        tokens.verify(wrong)


@pytest.mark.parametrize("scopes", [[], ["read", "everything"], ["Read"]])
def test_scopes_come_from_a_fixed_list(world: World, scopes: list[str]) -> None:
    with pytest.raises(InvalidToken):
        tokens.issue(user=world.ada, name="x", scopes=scopes)


@pytest.mark.parametrize("name", ["", "   ", "x" * 101])
def test_a_token_needs_a_name_of_sensible_length(world: World, name: str) -> None:
    with pytest.raises(InvalidToken, match="name"):
        tokens.issue(user=world.ada, name=name, scopes=[Scope.READ])


def test_a_token_cannot_be_narrowed_to_a_strangers_project(world: World) -> None:
    other = make_project("secret-plans")
    with pytest.raises(InvalidToken, match="no such project"):
        tokens.issue(user=world.ada, name="x", scopes=[Scope.READ], project=other)


def test_a_person_holds_a_bounded_number_of_tokens(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "MOST_TOKENS", 2)
    first = tokens.issue(user=world.ada, name="1", scopes=[Scope.READ])
    tokens.issue(user=world.ada, name="2", scopes=[Scope.READ])
    with pytest.raises(InvalidToken, match="Revoke"):
        tokens.issue(user=world.ada, name="3", scopes=[Scope.READ])
    tokens.revoke(first.token)
    tokens.issue(user=world.ada, name="3", scopes=[Scope.READ])


def test_use_is_noted_at_most_once_a_minute(
    world: World, django_assert_num_queries: "pytest.FixtureRequest"
) -> None:
    issued = tokens.issue(user=world.ada, name="laptop", scopes=[Scope.READ])
    start = timezone.now()
    tokens.note_use(tokens.verify(issued.secret), now=start)
    again = tokens.verify(issued.secret)
    assert again.last_used_at == start
    with django_assert_num_queries(0):  # type: ignore[operator]
        tokens.note_use(again, now=start + timedelta(seconds=59))
    tokens.note_use(again, now=start + timedelta(seconds=61))
    assert tokens.verify(issued.secret).last_used_at == start + timedelta(seconds=61)


def test_verifying_takes_one_query(
    world: World, django_assert_num_queries: "pytest.FixtureRequest"
) -> None:
    issued = tokens.issue(user=world.ada, name="laptop", scopes=[Scope.READ])
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert tokens.verify(issued.secret).user.username == "ada"
