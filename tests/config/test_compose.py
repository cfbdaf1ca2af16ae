"""docker-compose.yml, checked without an engine: the schema, and what the schema cannot know."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
WORKERS = [name for name, service in SERVICES.items() if "worker" in service.get("command", [])]


def queues(service: dict[str, Any]) -> list[str]:
    (option,) = [word for word in service["command"] if word.startswith("--queues=")]
    value = option.removeprefix("--queues=")
    default = re.fullmatch(r"\$\{\w+:-(.*)\}", value)
    return (default.group(1) if default else value).split(",")


def test_the_file_fits_the_compose_specification() -> None:
    answer = subprocess.run(
        [
            *(sys.executable, "-m", "check_jsonschema"),
            *("--builtin-schema", "vendor.compose-spec", ROOT / "docker-compose.yml"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_depends_on_services_that_exist(name: str) -> None:
    assert set(SERVICES[name].get("depends_on", {})) <= set(SERVICES)


def test_the_workers_serve_exactly_the_queues_of_the_settings() -> None:
    served = {queue for name in WORKERS for queue in queues(SERVICES[name])}
    assert served == set(settings.TASK_QUEUES)
    without_profile = [name for name in WORKERS if "profiles" not in SERVICES[name]]
    assert {q for name in without_profile for q in queues(SERVICES[name])} == served


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_names_its_version(name: str) -> None:
    image, _, tag = SERVICES[name]["image"].rpartition(":")
    assert image
    assert tag != "latest"
    assert tag.removeprefix("v")[0].isdigit()


@pytest.mark.parametrize("name", SERVICES)
def test_named_volumes_are_declared(name: str) -> None:
    named = {volume.partition(":")[0] for volume in SERVICES[name].get("volumes", [])}
    assert named <= set(COMPOSE["volumes"])


def test_postgres_keeps_its_data_where_version_18_looks_for_it() -> None:
    assert SERVICES["db"]["volumes"] == ["database:/var/lib/postgresql"]


def test_the_secrets_have_no_default() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    for name in ("SECRET_KEY", "POSTGRES_PASSWORD", "POLYPHONY_HOSTS"):
        assert re.findall(rf"\$\{{{name}(.)(.)", text)
        assert all(two == (":", "?") for two in re.findall(rf"\$\{{{name}(.)(.)", text))


def test_every_own_service_runs_in_production_mode() -> None:
    own = [service for service in SERVICES.values() if service["image"].startswith("polyphony")]
    assert len(own) >= 5
    assert all(service["environment"]["POLYPHONY_MODE"] == "production" for service in own)


def test_the_gpu_worker_does_not_fork() -> None:
    assert "--pool=solo" in SERVICES["worker-gpu"]["command"]


def test_the_targets_exist_in_the_dockerfile() -> None:
    stages = re.findall(r"(?m)^FROM \S+ AS (\S+)", (ROOT / "config" / "Dockerfile").read_text())
    built = {service["build"]["target"] for service in SERVICES.values() if "build" in service}
    assert built <= set(stages)


def test_the_model_server_is_reached_from_within_only_and_by_a_key_that_names_it() -> None:
    vllm = SERVICES["vllm"]
    assert vllm["profiles"] == ["vllm"]
    assert "ports" not in vllm
    assert "VLLM_API_KEY" in vllm["environment"]
    assert not any("KEY" in word for word in vllm["command"])
    for service in (SERVICES[name] for name in ("web", *WORKERS)):
        host, _, key = service["environment"]["POLYPHONY_KEY_VLLM"].partition(" ")
        assert (host, key) == ("vllm", "${VLLM_API_KEY:-}")


@pytest.mark.parametrize("name", ["vllm", "worker-gpu"])
def test_who_computes_on_a_gpu_has_one_to_itself(name: str) -> None:
    (device,) = SERVICES[name]["deploy"]["resources"]["reservations"]["devices"]
    assert (device["count"], device["capabilities"]) == (1, ["gpu"])
