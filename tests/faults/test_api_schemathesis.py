"""The schema, thrown at the server: whatever fits it or doesn't, no 500 and answers as described.

Runs against the WSGI application in this process, for owners and annotators, with ids that exist
and ids that don't. Bounded and derandomised: a failure here is the same tomorrow.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.cache import cache
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from annotation import queue
from annotation.models import Question
from config.wsgi import application
from tests.annotation.calling import as_
from tests.cast import World, make_question

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def bounded(examples: int) -> hypothesis_settings:
    return hypothesis_settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture
def one_connection() -> Iterator[None]:
    """Requests share the test's transaction, as Django's own test client arranges it."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


def real_ids(world: World) -> dict[str, Any]:
    """Identifiers that exist, by the noun before them in the path."""
    assignment = queue.lease_next(world.annotator_ada)
    assert assignment is not None
    return {
        "questions": str(Question.objects.earliest("pk").public_id),
        "annotators": str(world.annotator_ada.public_id),
        "assignments": str(assignment.public_id),
    }


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("name", "examples"), [("olga", 5), ("ada", 2)])
def test_whatever_is_sent_the_answer_is_one_that_was_promised(
    world: World,
    one_connection: None,
    settings: Any,
    name: str,
    examples: int,
    mode: GenerationMode,
) -> None:
    settings.API_REQUESTS_PER_MINUTE = 10**6
    settings.ALLOWED_HOSTS = ["*"]
    cache.clear()
    for number in range(3):
        make_question(world.project, f"extra-{number}")
    caller = as_(getattr(world, name))
    ids = real_ids(world)
    schema = schemathesis.openapi.from_wsgi("/api/v1/schema/", application)
    exercised = 0
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        if operation.path.endswith("/schema/"):
            continue
        noun = operation.path.removeprefix("/api/v1/projects/{project}/").partition("/")[0]
        given_path: dict[str, Any] = {}
        if "{project}" in operation.path:
            given_path["project"] = "advice"
        if "{id}" in operation.path and noun in ids:
            given_path["id"] = ids[noun]

        @bounded(examples)
        @given(case=operation.as_strategy(generation_mode=mode, path_parameters=given_path))
        def send(case: Any) -> None:
            response = case.call(headers=caller._headers())
            case.validate_response(response, checks=CHECKS)

        send()
        exercised += 1
    assert exercised >= 20
