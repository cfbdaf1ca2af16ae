"""Lists: pages by key, filters by allow-list, and no more queries for more rows."""

import threading
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from annotation import log, submission
from annotation.models import (
    Annotator,
    AnnotatorKind,
    Candidate,
    Guideline,
    Judgment,
    Measurement,
    Profile,
    Project,
    Rubric,
    System,
)
from tests.annotation.calling import Caller, as_
from tests.cast import World, make_question

PROJECT = "/projects/advice"
NOUNS = (
    "guidelines",
    "prompts",
    "candidates",
    "systems",
    "measurements",
    "rubrics",
    "questions",
    "annotators",
    "judgments",
)


def fill(world: World, many: int, start: int = 0) -> None:
    """`many` more of every noun."""
    project = world.project
    for n in range(start, start + many):
        Guideline.objects.create(project=project, version=n + 1, text="Be fair.", html="")
        rubric = Rubric.objects.create(project=project, name="polite", version=n + 1)
        rubric.criteria.create(position=0, text="Is it polite?")
        question = make_question(project, f"extra-{n}", rubric=rubric, overlap=1)
        candidate = Candidate.objects.get(external_id=f"extra-{n}-0")
        System.objects.create(project=project, name=f"robot-{n}")
        Measurement.objects.create(candidate=candidate, name="reward", number=n)
        annotator = Annotator.objects.create(
            project=project, kind=AnnotatorKind.SIMULATED, external_id=f"robot-{n}"
        )
        Profile.objects.create(annotator=annotator, version=1, attributes={"group": n})
        Profile.objects.create(annotator=annotator, version=2, attributes={"group": -n})
        submission.record(
            question=question,
            annotator=annotator,
            payload={"strength": 1},
            submission_key=f"robot-{n}",
            source="import",
        )


def rows(caller: Caller, noun: str, **query: Any) -> list[dict[str, Any]]:
    response = caller.get(f"{PROJECT}/{noun}/", **query)
    assert response.status_code == 200, response.content
    found: list[dict[str, Any]] = response.json()["results"]
    return found


@pytest.mark.parametrize("noun", NOUNS)
def test_more_rows_take_no_more_queries(world: World, noun: str) -> None:
    olga = as_(world.olga)
    fill(world, 1)
    olga.get(f"{PROJECT}/{noun}/")
    with CaptureQueriesContext(connection) as few:
        assert len(rows(olga, noun)) >= 1
    fill(world, 4, start=1)
    with CaptureQueriesContext(connection) as many:
        assert len(rows(olga, noun)) >= 5
    assert len(many) == len(few)
    assert len(many) <= 6


def test_pages_join_to_the_whole_list(world: World) -> None:
    fill(world, 5)
    olga = as_(world.olga)
    seen: list[int] = []
    response = olga.get(f"{PROJECT}/judgments/", page_size=2)
    while True:
        page = response.json()
        seen += [row["position"] for row in page["results"]]
        if page["next"] is None:
            break
        assert page["next"].startswith("http://testserver/api/v1/projects/advice/judgments/?")
        olga.base = ""
        response = olga.get(page["next"])
    assert seen == sorted(Judgment.objects.values_list("position", flat=True))
    assert len(seen) == 5


def test_newest_first_on_request(world: World) -> None:
    fill(world, 3)
    forwards = rows(as_(world.olga), "judgments")
    assert rows(as_(world.olga), "judgments", ordering="-position") == forwards[::-1]


def test_one_can_come_back_for_what_is_new(world: World) -> None:
    fill(world, 2)
    olga = as_(world.olga)
    last = rows(olga, "judgments")[-1]["position"]
    assert rows(olga, "judgments", after_position=last) == []
    fill(world, 1, start=2)
    assert len(rows(olga, "judgments", after_position=last)) == 1


@pytest.mark.django_db(transaction=True)
def test_no_page_shows_a_judgment_before_an_earlier_one_is_settled(
    transactional_db: None, request: pytest.FixtureRequest
) -> None:
    """A judgment that took its place first and commits late would be missed for good."""
    world: World = request.getfixturevalue("world")
    olga = as_(world.olga)
    placed, may_commit = threading.Event(), threading.Event()

    def judge(annotator: Annotator, question: Any, key: str) -> None:
        submission.record(
            question=question,
            annotator=annotator,
            payload={"strength": 1},
            submission_key=key,
            source="api",
        )

    def slow() -> None:
        try:
            with transaction.atomic():
                judge(world.annotator_ada, world.questions[0], "slow")
                placed.set()
                may_commit.wait(10)
        finally:
            connection.close()

    writer = threading.Thread(target=slow)
    writer.start()
    assert placed.wait(10)
    judge(world.annotator_bob, world.questions[1], "fast")  # a later place, committed earlier
    timer = threading.Timer(0.3, may_commit.set)
    timer.start()
    listed = rows(olga, "judgments")
    writer.join()
    timer.join()
    positions = [row["position"] for row in listed]
    assert positions == sorted(positions)
    assert [row["annotator"] for row in listed] == [
        str(world.annotator_ada.public_id),
        str(world.annotator_bob.public_id),
    ]


def test_a_reader_does_not_hold_up_judging_while_an_import_writes(
    transactional_db: None, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Judgments wait behind a waiting reader; so the reader gives up soon, with a sentence."""
    world: World = request.getfixturevalue("world")
    olga = as_(world.olga)
    monkeypatch.setattr(log, "PATIENCE", "200ms")
    writing, may_end = threading.Event(), threading.Event()

    def long_import() -> None:
        try:
            with transaction.atomic():
                submission.record(
                    question=world.questions[0],
                    annotator=world.annotator_ada,
                    payload={"strength": 1},
                    submission_key="imported",
                    source="import",
                )
                writing.set()
                may_end.wait(20)
        finally:
            connection.close()

    writer = threading.Thread(target=long_import)
    writer.start()
    assert writing.wait(10)
    busy = olga.get(f"{PROJECT}/judgments/")
    may_end.set()
    writer.join()
    assert busy.status_code == 503
    assert "import" in busy.json()["detail"]
    assert int(busy["Retry-After"]) > 0
    assert len(rows(olga, "judgments")) == 1


WALKS = (
    "password",
    "user__password",
    "annotator__user__password",
    "annotator__user__password__startswith",
    "project__api_tokens__digest",
    "supersedes__isnull",
    "question__project__slug",
    "id__gt",
    "format",
)


@pytest.mark.parametrize("noun", NOUNS)
@pytest.mark.parametrize("name", WALKS)
def test_a_filter_that_isnt_offered_is_refused(world: World, noun: str, name: str) -> None:
    response = as_(world.olga).get(f"{PROJECT}/{noun}/", **{name: "x"})
    assert response.status_code == 400
    assert "no parameter" in response.json()["detail"]


@pytest.mark.parametrize(
    "ordering", ["user__password", "annotator__user__password", "-pk", "", "?", "position,id"]
)
def test_an_ordering_that_isnt_offered_is_refused(world: World, ordering: str) -> None:
    assert as_(world.olga).get(f"{PROJECT}/judgments/", ordering=ordering).status_code == 400


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cursor", "x"),
        ("cursor", "after-"),
        ("cursor", "after--1"),
        ("cursor", "after-1e3"),
        ("cursor", "after-9223372036854775808"),
        ("cursor", "after-" + "9" * 5000),
        ("cursor", "after-²"),
        ("page_size", "0"),
        ("page_size", "1001"),
        ("page_size", "-1"),
        ("page_size", "x"),
        ("page_size", "1" * 5000),
        ("question", "7"),
        ("question", "' OR 1=1"),
        ("standing", "everything"),
        ("after_position", "9223372036854775808"),
        ("after_position", "-1"),
        ("source", "\0"),
    ],
)
def test_a_value_that_cant_be_read_is_refused(world: World, name: str, value: str) -> None:
    response = as_(world.olga).get(f"{PROJECT}/judgments/", **{name: value})
    assert response.status_code == 400
    assert list(response.json()["errors"]) == [name]


def test_a_filter_given_twice_is_refused(world: World) -> None:
    olga = as_(world.olga)
    response = olga.get(f"{PROJECT}/judgments/?source=api&source=import")
    assert response.status_code == 400


def test_filters_do_what_they_say(world: World) -> None:
    fill(world, 2)
    olga = as_(world.olga)
    question = rows(olga, "questions", external_id="extra-0")[0]
    assert question["placements"] == [
        {"position": 0, "candidate": "extra-0-0"},
        {"position": 1, "candidate": "extra-0-1"},
    ]
    assert len(rows(olga, "judgments", question=question["id"])) == 1
    assert [r["external_id"] for r in rows(olga, "candidates", prompt="prompt-extra-1")] == [
        "extra-1-0",
        "extra-1-1",
    ]
    assert len(rows(olga, "questions", state="answered")) == 2
    assert [r["number"] for r in rows(olga, "measurements", candidate="extra-1-0")] == [1.0]
    assert [r["attributes"] for r in rows(olga, "annotators", external_id="robot-1")] == [
        {"group": -1}
    ]


def test_only_owners_see_who_wrote_a_candidate(world: World) -> None:
    from annotation.models import Role
    from tests.cast import member

    mara = member(world.project, "mara", Role.MANAGER)
    assert rows(as_(world.olga), "candidates")[0]["system"] == "system-0"
    assert "system" not in str(rows(as_(mara), "candidates"))


def test_annotators_see_only_themselves_among_annotators(world: World) -> None:
    listed = rows(as_(world.ada), "annotators")
    assert [row["id"] for row in listed] == [str(world.annotator_ada.public_id)]
    bob = world.annotator_bob.public_id
    assert as_(world.ada).get(f"{PROJECT}/annotators/{bob}/").status_code == 404


def test_a_project_tells_its_members_what_they_are_in_it(world: World) -> None:
    (listed,) = as_(world.ada).get("/projects/").json()["results"]
    assert (listed["slug"], listed["role"]) == ("advice", "annotator")
    assert listed == as_(world.ada).get("/projects/advice/").json()
    assert "seed" not in listed


def test_a_superuser_is_an_owner_everywhere(world: World) -> None:
    world.sam.is_superuser = True
    world.sam.save()
    sam = as_(world.sam)
    assert sam.get("/projects/advice/").json()["role"] == "owner"
    assert sam.get(f"{PROJECT}/systems/").status_code == 200


def test_both_ways_of_finding_a_project_agree(world: World) -> None:
    from annotation import access

    for user in (world.olga, world.ada, world.sam):
        seen = Project.objects.seen_by(user).filter(slug="advice").exists()
        try:
            found = access.project_and_role(user, "advice")
        except Project.DoesNotExist:
            assert not seen
        else:
            assert seen
            assert found == (world.project, access.role_in(world.project, user))
