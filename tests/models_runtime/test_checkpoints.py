from typing import Any

import pytest
from django.db import IntegrityError, transaction

from models_runtime import enqueue
from models_runtime.checkpoints import open_engine, read_secret, register, retire
from models_runtime.engines import Cause, EngineError
from models_runtime.errors import InvalidCheckpoint, NotPossible
from models_runtime.models import Checkpoint
from tests.cast import make_project
from tests.models_runtime.loopback import model_server
from tests.models_runtime.worlds import project_with_prompts, scripted

pytestmark = pytest.mark.django_db
VARIABLE = "POLYPHONY_KEY_TEST"


def described(**fields: Any) -> dict[str, Any]:
    return {"name": "amber", "engine": "scripted", "model": "amber", **fields}


@pytest.mark.parametrize(
    ("fields", "field", "sentence"),
    [
        ({"name": "  "}, "name", "Give the checkpoint a name"),
        ({"engine": "abacus"}, "engine", "Choose one of these engines"),
        ({"model": ""}, "model", "needs a model name"),
        ({"options": {"xyz": 1}}, "options", "Unknown option 'xyz'"),
        ({"options": {"tau": "cold"}}, "options", "'tau' must be a number"),
        ({"secret_variable": "SECRET_KEY"}, "secret_variable", "must begin with POLYPHONY_KEY_"),
        ({"engine": "openai_compatible"}, "options", "needs its URL"),
        (
            {"engine": "openai_compatible", "base_url": "http://169.254.169.254/"},
            "base_url",
            "not on the public internet",
        ),
    ],
)
def test_an_unfit_description_is_refused_at_its_field(
    fields: dict[str, Any], field: str, sentence: str
) -> None:
    with pytest.raises(InvalidCheckpoint, match=sentence) as caught:
        register(project=make_project(), **described(**fields))
    assert caught.value.field == field
    assert not Checkpoint.objects.exists()


def test_a_name_is_given_once_per_project() -> None:
    project = make_project()
    register(project=project, **described())
    with pytest.raises(InvalidCheckpoint, match="already has a checkpoint called “amber”"):
        register(project=project, **described())
    register(project=make_project("other"), **described())


def test_a_scripted_checkpoint_is_always_called_so() -> None:
    assert scripted(make_project()).label == "amber (scripted)"
    assert scripted(make_project("b"), "Scripted owl").label == "Scripted owl"


def test_a_retired_checkpoint_starts_no_jobs() -> None:
    project = project_with_prompts(1)
    checkpoint = scripted(project)
    retire(checkpoint)
    with pytest.raises(NotPossible, match="was retired"):
        enqueue.request_generation(project, checkpoint)


def test_the_key_reaches_its_host_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    monkeypatch.setenv(VARIABLE, "127.0.0.1 sk-right")
    with model_server(settings={"key": "sk-right"}) as server:
        checkpoint = register(
            project=make_project(),
            **described(engine="openai_compatible", base_url=server.url, secret_variable=VARIABLE),
        )
        with open_engine(checkpoint) as engine:
            engine.check()
    assert "sk-right" not in str(Checkpoint.objects.values().get())


def test_a_key_is_not_given_to_another_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "api.example.com sk-right")
    checkpoint = Checkpoint(secret_variable=VARIABLE, base_url="http://attacker.example/v1")
    with pytest.raises(EngineError, match="is for another host") as caught:
        read_secret(checkpoint)
    assert caught.value.failure.cause is Cause.UNAUTHORISED
    assert "sk-right" not in str(caught.value)


@pytest.mark.parametrize("value", ["", "sk-alone"])
def test_a_variable_that_holds_no_key_for_a_host_is_said_so(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv(VARIABLE, value)
    checkpoint = Checkpoint(secret_variable=VARIABLE, base_url="http://api.example.com/v1")
    with pytest.raises(EngineError, match="isn't set here as “host key”") as caught:
        read_secret(checkpoint)
    assert "sk-alone" not in str(caught.value)


def test_the_database_itself_refuses_to_name_another_secret() -> None:
    project = make_project()
    refusal = pytest.raises(IntegrityError, match="checkpoint_secret_is_a_polyphony_key")
    with refusal, transaction.atomic():
        Checkpoint.objects.create(project=project, secret_variable="SECRET_KEY", name="x")
