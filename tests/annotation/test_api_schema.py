"""The OpenAPI description is valid, complete, and what the server really does."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator

from annotation.intake.catalogue import KINDS
from annotation.tokens import Scope


@pytest.fixture(scope="module")
def schema() -> Any:
    return SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]


def test_the_schema_is_valid_and_raises_no_warning(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    target = tmp_path_factory.mktemp("schema") / "openapi.yaml"
    GENERATOR_STATS.reset()
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(target))
    assert yaml.safe_load(target.read_text())["openapi"].startswith("3.")


def test_it_is_served_without_a_login(client: Client, db: None) -> None:
    response = client.get("/api/v1/schema/")
    assert response.status_code == 200
    assert "/api/v1/projects/{project}/judgments/" in response.json()["paths"]


def operations(schema: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_the_log_has_no_way_to_change_it(schema: Any) -> None:
    of_judgments = {method for path, method, _ in operations(schema) if "/judgments/" in path}
    assert of_judgments == {"get", "post"}


def test_every_operation_says_how_it_may_refuse(schema: Any) -> None:
    for path, method, operation in operations(schema):
        if path.endswith("/schema/"):
            continue
        for status in ("400", "401", "403", "404", "429"):
            content = operation["responses"][status]["content"]
            assert list(content) == ["application/problem+json"], (path, method, status)


def test_every_operation_asks_for_a_token_or_a_session(schema: Any) -> None:
    for path, method, operation in operations(schema):
        if not path.endswith("/schema/"):
            names = {name for way in operation["security"] for name in way}
            assert names == {"token", "cookieAuth"}, (path, method)


def test_the_page_about_the_api_names_every_scope_and_kind() -> None:
    page = (Path(settings.BASE_DIR) / "docs" / "api.md").read_text()
    table = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert table == list(Scope.values)
    listed = re.search(r"fields of the kind \(([^)]*)\)", page)
    assert listed is not None
    assert set(re.findall(r"\w+", listed[1])) == set(KINDS)


def test_filters_are_described_with_their_values(schema: Any) -> None:
    parameters = schema["paths"]["/api/v1/projects/{project}/judgments/"]["get"]["parameters"]
    by_name = {parameter["name"]: parameter for parameter in parameters}
    assert by_name["question"]["schema"]["format"] == "uuid"
    assert set(by_name["ordering"]["schema"]["enum"]) == {"position", "-position"}
    assert {"cursor", "page_size", "after_position", "standing"} <= set(by_name)
