"""Runs, releases and downloads through /api/v1/: the same acts, the same refusals."""

import hashlib
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings

from aggregation import publishing, runs
from aggregation.catalogue import METHODS
from aggregation.models import Check, Release, Run
from annotation.models import Role, WorkState
from annotation.tokens import Scope
from tests.aggregation.votes import person, vote
from tests.annotation.calling import Caller, as_
from tests.cast import World, make_project, make_question, member

PROJECT = "/projects/advice"


@pytest.fixture
def judged(world: World) -> Iterator[World]:
    for number in range(4):
        for question in world.questions:
            vote(question, person(world.project, f"p{number}"), 2)
    yield world
    shutil.rmtree(settings.RELEASES_DIR, ignore_errors=True)


@pytest.fixture
def olga(judged: World) -> Caller:
    return as_(judged.olga)


def started(caller: Caller, **body: Any) -> dict[str, Any]:
    answer = caller.post(f"{PROJECT}/runs/", {"method": "bradley_terry"} | body)
    assert answer.status_code == 201, answer.content
    runs.execute_run(Run.objects.get(public_id=answer.json()["id"]).pk)
    found: dict[str, Any] = caller.get(f"{PROJECT}/runs/{answer.json()['id']}/").json()
    return found


def published(caller: Caller, **body: Any) -> dict[str, Any]:
    answer = caller.post(f"{PROJECT}/releases/", body)
    assert answer.status_code == 201, answer.content
    publishing.publish(Release.objects.get(public_id=answer.json()["id"]).pk)
    found: dict[str, Any] = caller.get(f"{PROJECT}/releases/{answer.json()['id']}/").json()
    return found


def test_a_run_is_started_followed_and_read(olga: Caller) -> None:
    run = started(olga, method="win_rate", seed=3, options={"replicates": 20})
    assert (run["state"], run["seed"], run["options"]) == ("done", 3, {"replicates": 20})
    assert (run["judgments"], run["annotators"]) == (12, 4)
    scores = olga.get(f"{PROJECT}/runs/{run['id']}/scores/").json()
    assert [(s["item"], s["score"], s["rank"]) for s in scores] == [
        ("system-0", 1.0, 1),
        ("system-1", 0.0, 2),
    ]
    result = olga.get(f"{PROJECT}/runs/{run['id']}/result/")
    assert str(result.content, "utf-8") == Run.objects.get().result


def test_runs_are_listed_and_filtered_by_allow_list(olga: Caller) -> None:
    started(olga)
    assert len(olga.get(f"{PROJECT}/runs/", state="done").json()["results"]) == 1
    assert olga.get(f"{PROJECT}/runs/", state="failed").json()["results"] == []
    assert olga.get(f"{PROJECT}/runs/", requested_by__password="x").status_code == 400


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"method": "dice"}, "not a valid choice"),
        ({"options": {"colour": "red"}}, "Unknown option"),
        ({"options": {"level": 7}}, "at most 0.999"),
        ({"options": {"level": "seven"}}, "needs a number"),
        ({"options": {"level": None}}, "level"),
        ({"options": [1]}, "object"),
        ({"seed": -1}, "greater than or equal to 0"),
        ({"kinds": []}, "at least 1"),
        ({"items": "people"}, "not a valid choice"),
    ],
)
def test_a_wrong_request_is_refused_with_a_sentence(
    olga: Caller, body: dict[str, Any], said: str
) -> None:
    answer = olga.post(f"{PROJECT}/runs/", {"method": "bradley_terry"} | body)
    assert answer.status_code == 400, answer.content
    assert said in answer.json()["detail"]
    assert not Run.objects.exists()


def test_a_second_rule_can_stand_on_the_same_judgments(judged: World, olga: Caller) -> None:
    first = started(olga)
    vote(judged.questions[0], person(judged.project, "late"), -3)
    second = started(olga, method="win_rate", same_judgments_as=first["id"])
    assert second["mark"] == first["mark"]
    unknown = olga.post(
        f"{PROJECT}/runs/",
        {"method": "win_rate", "same_judgments_as": "00000000-0000-4000-8000-000000000000"},
    )
    assert unknown.status_code == 404


def test_a_run_is_rebuilt_and_cancelled(olga: Caller) -> None:
    run = started(olga)
    replay = olga.post(f"{PROJECT}/runs/{run['id']}/rebuild/").json()
    assert replay["replay_of"] == run["id"]
    assert olga.post(f"{PROJECT}/runs/{replay['id']}/rebuild/").status_code == 409
    assert olga.get(f"{PROJECT}/runs/{replay['id']}/scores/").status_code == 409
    cancelled = olga.post(f"{PROJECT}/runs/{replay['id']}/cancel/").json()
    assert cancelled["state"] == WorkState.CANCELLED


def test_methods_are_listed_with_their_options(olga: Caller) -> None:
    listed = {method["slug"]: method for method in olga.get("/methods/").json()}
    assert set(listed) == set(METHODS)
    names = {option["name"] for option in listed["bradley_terry"]["options"]}
    assert {"level", "replicates", "seed"} <= names


def test_a_release_is_published_downloaded_and_checked(judged: World, olga: Caller) -> None:
    release = published(olga, curation={"ties": "ignore"}, licence="CC BY 4.0")
    assert (release["state"], release["version"]) == ("done", 1)
    assert release["curation"]["ties"] == "ignore"
    for file in release["manifest"]["files"]:
        answer = olga.get(f"{PROJECT}/releases/{release['id']}/files/{file['name']}/")
        content = b"".join(answer.streaming_content)
        assert hashlib.sha256(content).hexdigest() == file["sha256"], file["name"]
    missing = olga.get(f"{PROJECT}/releases/{release['id']}/files/secret.txt/")
    assert (missing.status_code, missing.headers["Content-Type"]) == (
        404,
        "application/problem+json",
    )
    check = olga.post(f"{PROJECT}/releases/{release['id']}/checks/", {"rebuild": True}).json()
    publishing.check(Check.objects.get().pk)
    found = olga.get(f"{PROJECT}/release-checks/{check['id']}/").json()
    assert found["passed"] is True
    assert "byte for byte" in found["report"][-1]["sentence"]


def test_an_unpublished_release_hands_out_nothing(olga: Caller) -> None:
    release = olga.post(f"{PROJECT}/releases/", {}).json()
    assert release["manifest"] is None
    address = f"{PROJECT}/releases/{release['id']}"
    assert olga.get(f"{address}/files/manifest.json/").status_code == 404
    assert olga.post(f"{address}/checks/", {}).status_code == 409
    assert olga.post(f"{address}/cancel/").json()["state"] == WorkState.CANCELLED


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"exports": []}, "at least 1"),
        ({"exports": ["csv"]}, "not a valid choice"),
        ({"curation": {"ties": "coin"}}, "not a valid choice"),
        ({"curation": {"reasons": True, "attributes": ["age"]}}, "side by side"),
        ({"curation": {"smallest_cell": 1}}, "greater than or equal to 2"),
    ],
)
def test_a_wrong_policy_is_refused_with_a_sentence(
    olga: Caller, body: dict[str, Any], said: str
) -> None:
    answer = olga.post(f"{PROJECT}/releases/", body)
    assert answer.status_code == 400, answer.content
    assert said in answer.json()["detail"]
    assert not Release.objects.exists()


def test_roles_and_scopes_decide(judged: World, olga: Caller) -> None:
    run, release = started(olga), published(olga)
    ada, sam = as_(judged.ada), as_(judged.sam)
    for noun, each in (("runs", run), ("releases", release)):
        assert ada.get(f"{PROJECT}/{noun}/").status_code == 403
        assert ada.get(f"{PROJECT}/{noun}/{each['id']}/").status_code == 403
        assert sam.get(f"{PROJECT}/{noun}/{each['id']}/").status_code == 404
    rita = as_(member(judged.project, "rita", Role.REVIEWER))
    assert rita.get(f"{PROJECT}/runs/{run['id']}/").status_code == 200
    assert rita.post(f"{PROJECT}/runs/", {"method": "win_rate"}).status_code == 403
    assert rita.post(f"{PROJECT}/releases/", {}).status_code == 403
    reader = as_(judged.olga, Scope.READ)
    assert reader.get(f"{PROJECT}/releases/").status_code == 200
    assert reader.post(f"{PROJECT}/releases/", {}).status_code == 403
    assert reader.post(f"{PROJECT}/runs/", {"method": "win_rate"}).status_code == 403


def test_another_projects_runs_are_not_reachable_through_ones_own(
    judged: World, olga: Caller
) -> None:
    other = make_project("other")
    vote(make_question(other, "noise"), person(other, "p"), 1)
    other.memberships.create(user=judged.olga, role=Role.OWNER)
    run = started(olga)
    assert olga.get(f"/projects/other/runs/{run['id']}/").status_code == 404
    answer = olga.post("/projects/other/releases/", {"run": run["id"]})
    assert answer.status_code == 404


def test_lists_take_no_more_queries_for_more_rows(
    judged: World, olga: Caller, django_assert_max_num_queries: Any
) -> None:
    for _ in range(4):
        olga.post(f"{PROJECT}/runs/", {"method": "win_rate"})
        olga.post(f"{PROJECT}/releases/", {})
    for noun in ("runs", "releases", "release-checks"):
        with django_assert_max_num_queries(8):
            olga.get(f"{PROJECT}/{noun}/")
