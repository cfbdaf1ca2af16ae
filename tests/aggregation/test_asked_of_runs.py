"""Costs to groups, effects, manipulation, the majority: on pages, over the API, as downloads."""

import csv
import io
import json
from typing import Any

import pytest
from django.test import Client

from aggregation import examining, runs
from aggregation.enqueue import request_examination, request_run
from aggregation.models import Examination, Run
from annotation.models import Measurement, Placement, WorkState
from tests.aggregation.votes import person, say, vote
from tests.cast import World, make_question

RUNS = "/projects/advice/runs/"
API = "/api/v1/projects/advice/"


@pytest.fixture
def divided(world: World) -> World:
    """Seven northerners prefer system-0, five southerners system-1; one person declared nothing."""
    for number in range(13):
        place = {"region": "north"} if number < 7 else {"region": "south"} if number < 12 else {}
        annotator = person(world.project, f"p{number:02}", **place)
        for question in world.questions:
            vote(question, annotator, 2 if number < 7 else -2)
    return world


@pytest.fixture
def olga(world: World) -> Client:
    client = Client()
    client.force_login(world.olga)
    return client


def finished(world: World, method: str, **rest: Any) -> Run:
    run = request_run(world.project, method, **rest)
    runs.execute_run(run.pk)
    run.refresh_from_db()
    assert run.state == WorkState.DONE, run.error
    return run


def worked_out(examination: Examination) -> Examination:
    examining.execute_examination(examination.pk)
    examination.refresh_from_db()
    return examination


def page(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, response.content[:1000]
    return response.content.decode()


def test_the_comparison_says_whom_each_choice_costs_what(divided: World, olga: Client) -> None:
    first, second = finished(divided, "bradley_terry"), finished(divided, "win_rate")
    asked = f"?run={first.public_id}&run={second.public_id}"
    assert "Work it out" in page(olga, f"{RUNS}compare/{asked}")
    olga.post(
        f"{RUNS}{first.public_id}/examine/",
        {"subject": "groups", "option-attribute": "region", "run": [str(second.public_id)]},
    )
    examination = worked_out(Examination.objects.get(subject="groups"))
    assert examination.state == WorkState.DONE, examination.error
    assert examination.report is not None
    assert examination.report["unheard"] == 1
    html = page(olga, f"{RUNS}compare/{asked}")
    for said in (
        "“system-0” is liked best by “north”.",
        "costs “south” most",
        "7 people",
        "costs this group most",
    ):
        assert said in html
    rows = list(csv.DictReader(io.StringIO(page(olga, f"{RUNS}compare/groups.csv{asked}"))))
    assert {row["group"] for row in rows} == {"north", "south"}
    south = next(row for row in rows if row["group"] == "south" and "bradley" in row["rules"])
    assert float(south["cost_lo"]) > 0.1
    assert json.loads(page(olga, f"{RUNS}compare/groups.json{asked}"))[0]["people"] == 7


def test_without_declarations_nobody_is_asked_for_groups(world: World, olga: Client) -> None:
    vote(world.questions[0], person(world.project, "p"), 1)
    finished(world, "bradley_terry")
    assert "What each choice costs whom" not in page(olga, f"{RUNS}compare/")


@pytest.mark.parametrize(
    ("options", "said"),
    [({}, "Name the survey attribute"), ({"attribute": "shoe size"}, "Nobody in this project")],
)
def test_groups_that_do_not_exist_are_refused_with_a_reason(
    divided: World, options: dict[str, str], said: str
) -> None:
    run = finished(divided, "bradley_terry")
    failed = worked_out(request_examination(run, "groups", options=options))
    assert failed.state == WorkState.FAILED
    assert said in failed.error


def test_effects_of_length_and_of_measurements_are_on_the_page(
    divided: World, olga: Client
) -> None:
    for question in divided.questions:
        for placement in question.placements.all():
            Measurement.objects.create(
                candidate=placement.candidate, name="warmth", number=float(placement.position)
            )
    run = finished(divided, "bradley_terry")
    assert "conjoint analysis" in page(olga, f"{RUNS}{run.public_id}/")
    asked = olga.post(
        f"{API}examinations/",
        {
            "run": str(run.public_id),
            "subject": "effects",
            "options": {"attributes": "warmth", "baselines": "warmth: 0"},
        },
        content_type="application/json",
    )
    assert asked.status_code == 201, asked.content
    examination = worked_out(Examination.objects.get(subject="effects"))
    assert examination.state == WorkState.DONE, examination.error
    levels = {row["level"]: row for row in (examination.report or {})["levels"]}
    assert levels["0"]["baseline"]
    # system-0 has warmth 0 and wins 7 of 12 times 3; the thirteenth prefers system-1
    assert levels["1"]["effect"] == pytest.approx(6 / 13 - 7 / 13)
    html = page(olga, f"{RUNS}{run.public_id}/")
    assert "warmth" in html
    assert "Causal only where attributes were given out at random" in html
    found = json.loads(page(olga, f"{RUNS}{run.public_id}/tables/effects.json"))
    assert [row["level"] for row in found] == ["0", "1"]


def test_attributes_can_be_added_as_a_table(divided: World) -> None:
    run = finished(divided, "bradley_terry")
    table = "system,tone\nsystem-0,formal\nsystem-1,warm\n"
    options = {"more": table, "attributes": "tone"}
    done = worked_out(request_examination(run, "effects", options=options))
    assert done.state == WorkState.DONE, done.error
    assert {row["level"] for row in (done.report or {})["levels"]} == {"formal", "warm"}
    for bad, said in (
        ({"more": "system\nx"}, "needs a head"),
        ({"more": "system,tone\nnobody,warm\n"}, "is called “nobody”"),
        ({"attributes": "colour"}, "no attribute “colour”"),
        ({"more": "system,tone\nsystem-0,a\nsystem-0,b\n"}, "twice"),
    ):
        failed = worked_out(request_examination(run, "effects", options=bad))
        assert failed.state == WorkState.FAILED
        assert said in failed.error


def test_manipulation_of_rankings_is_on_the_page(world: World, olga: Client) -> None:
    """Plurality, 4 A, 3 B, 2 C > B: the C voters gain by voting B."""
    question = make_question(world.project, "rank", candidates=3, judgment_type="ranking")
    names = [p.candidate.external_id for p in Placement.objects.filter(question=question)]
    for number, order in enumerate([[0, 1, 2]] * 4 + [[1, 0, 2]] * 3 + [[2, 1, 0]] * 2):
        say(question, person(world.project, f"v{number}"), {"tiers": [[k] for k in order], "of": 3})
    run = finished(world, "plurality", items="candidates")
    done = worked_out(request_examination(run, "manipulation"))
    assert done.state == WorkState.DONE, done.error
    assert (done.report or {})["count"] <= 2
    html = page(olga, f"{RUNS}{run.public_id}/")
    assert "like-minded voters are enough" in html
    assert names[0] in html
    rows = json.loads(page(olga, f"{RUNS}{run.public_id}/tables/manipulation.json"))
    assert rows
    assert set(rows[0]) == {"voters", "ballot", "cast", "winners"}


def test_manipulation_of_pairs_is_refused_with_what_to_do(divided: World) -> None:
    run = finished(divided, "borda")
    failed = worked_out(request_examination(run, "manipulation"))
    assert failed.state == WorkState.FAILED
    assert "Ask for a ranking" in failed.error


def test_whether_the_majority_is_enough_is_on_the_page(divided: World, olga: Client) -> None:
    run = finished(divided, "majority")
    assert "Work it out" in page(olga, f"{RUNS}{run.public_id}/")
    done = worked_out(request_examination(run, "majority"))
    assert done.state == WorkState.DONE, done.error
    html = page(olga, f"{RUNS}{run.public_id}/")
    assert "Is the majority enough" in html
    assert "numbers about each annotator" in html
    peers = json.loads(page(olga, f"{RUNS}{run.public_id}/tables/peers.json"))
    assert len(peers) == 13
