"""The readers fail loudly, and production does not start half-configured."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import settings as readers

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "POLYPHONY_MODE": "production",
    "SECRET_KEY": "x" * 50,
    "DATABASE_URL": "postgresql://polyphony:word@db/polyphony",
    "POLYPHONY_HOSTS": "polyphony.example",
}


def load(**environment: str) -> subprocess.CompletedProcess[str]:
    """Import the settings in a fresh process that sees this environment only."""
    return subprocess.run(
        [sys.executable, "-c", "import config.settings as s; print(s.ALLOWED_HOSTS, s.DATABASES)"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_production_starts_with_all_it_needs() -> None:
    answer = load(**PRODUCTION)
    assert answer.returncode == 0, answer.stderr
    assert "['polyphony.example']" in answer.stdout


@pytest.mark.parametrize("missing", ["SECRET_KEY", "DATABASE_URL", "POLYPHONY_HOSTS"])
def test_production_refuses_to_start_without(missing: str) -> None:
    answer = load(**{name: value for name, value in PRODUCTION.items() if name != missing})
    assert answer.returncode != 0
    assert f"{missing} is not set" in answer.stderr


def test_production_refuses_debug() -> None:
    answer = load(**PRODUCTION, POLYPHONY_DEBUG="1")
    assert answer.returncode != 0
    assert "production refuses" in answer.stderr


def test_a_machine_of_ones_own_needs_nothing_and_answers_only_to_itself(tmp_path: Path) -> None:
    answer = load(POLYPHONY_VAR_DIR=str(tmp_path / "var"))
    assert answer.returncode == 0, answer.stderr
    assert "localhost" in answer.stdout
    assert "socket" in answer.stdout
    assert not (tmp_path / "var").exists()


def test_the_kept_secret_is_used_and_must_be_private(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("kept\n")
    secret.chmod(0o600)
    assert readers.secret_key(tmp_path, production=False) == _or_given("kept")
    secret.chmod(0o644)
    if "SECRET_KEY" not in os.environ:
        with pytest.raises(ImproperlyConfigured, match="chmod 600"):
            readers.secret_key(tmp_path, production=False)


def _or_given(kept: str) -> str:
    return os.environ.get("SECRET_KEY", kept)


def test_without_a_secret_every_process_makes_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SECRET_KEY", raising=False)
    first = readers.secret_key(tmp_path, production=False)
    assert len(first) > 40
    assert first != readers.secret_key(tmp_path, production=False)


def test_a_database_address_is_read_with_its_escapes_and_options() -> None:
    entry = readers.database_from_url(
        "postgresql://me:p%40ss@db.example:6432/po%20ly?sslmode=require"
    )
    assert entry == {
        "NAME": "po ly",
        "USER": "me",
        "PASSWORD": "p@ss",
        "HOST": "db.example",
        "PORT": "6432",
        "OPTIONS": {"sslmode": "require"},
    }


def test_a_database_address_may_name_a_socket_folder() -> None:
    entry = readers.database_from_url("postgresql://me@/poly?host=/run/pg&port=5433")
    assert (entry["HOST"], entry["PORT"], entry["OPTIONS"]) == ("/run/pg", "5433", {})


@pytest.mark.parametrize("url", ["sqlite:///db.sqlite3", "mysql://a/b", "poly", "postgresql://db/"])
def test_another_database_or_none_is_refused(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL"):
        readers.database_from_url(url)


@pytest.mark.parametrize("value", ["maybe", "2", "tru"])
def test_a_flag_that_is_neither_true_nor_false_is_an_error(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYPHONY_X", value)
    with pytest.raises(ImproperlyConfigured, match=f"POLYPHONY_X must be true or false.*{value}"):
        readers.flag("POLYPHONY_X", False)


@pytest.mark.parametrize(("value", "reason"), [("ten", "whole number"), ("-1", "at least 0")])
def test_a_number_that_cannot_be_is_an_error(
    value: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYPHONY_X", value)
    with pytest.raises(ImproperlyConfigured, match=reason):
        readers.number("POLYPHONY_X", 3)


def test_a_network_that_cannot_be_read_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYPHONY_X", "model.example, 10.0.0.0/99")
    with pytest.raises(ImproperlyConfigured, match=r"10\.0\.0\.0/99"):
        readers.network_words("POLYPHONY_X")


def test_every_task_route_leads_to_a_queue_that_is_served() -> None:
    routes = {route["queue"] for route in readers.CELERY_TASK_ROUTES.values()}
    assert routes <= set(readers.TASK_QUEUES)
    assert readers.CELERY_TASK_DEFAULT_QUEUE in readers.TASK_QUEUES


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("valkey://:valkey@broker:6379/0", "redis://:valkey@broker:6379/0"),
        ("valkeys://broker:6380/1", "rediss://broker:6380/1"),
        ("redis://broker:6379/0", "redis://broker:6379/0"),
    ],
)
def test_valkey_is_reached_by_its_own_name(given: str, used: str, tmp_path: Path) -> None:
    """Celery reads the variable before any setting, so a process of its own must show it."""
    script = (
        "from config.celery import app; c = app.connection_for_write(); "
        "print(c.as_uri(include_password=True), app.conf.broker_transport_options)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=os.environ | {"CELERY_BROKER_URL": given, "POLYPHONY_VAR_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith(used)
    assert "'visibility_timeout': 21600" in answer.stdout
