"""Examinations: asked for with a run, worked out in the background, shown and downloaded."""

import csv
import io
import json
import re
from typing import Any

import pytest
from django.test import Client

from aggregation import examining, runs
from aggregation.enqueue import (
    NotPossible,
    judgments_examined,
    request_examination,
    request_run,
)
from aggregation.models import Examination, Run
from annotation.models import Role, WorkState
from tests.aggregation.votes import person, vote
from tests.cast import World, make_project, member

RUNS = "/projects/advice/runs/"


@pytest.fixture
def judged(world: World) -> World:
    for number in range(6):
        annotator = person(world.project, f"p{number}")
        for place, question in enumerate(world.questions):
            vote(question, annotator, -2 if (number + place) % 5 == 0 else 1, shown_order=[0, 1])
    return world


@pytest.fixture
def olga(judged: World) -> Client:
    client = Client()
    client.force_login(judged.olga)
    return client


def finished(judged: World, method: str = "bradley_terry", **rest: Any) -> Run:
    run = request_run(judged.project, method, **rest)
    runs.execute_run(run.pk)
    run.refresh_from_db()
    assert run.state == WorkState.DONE, run.error
    return run


def examined(run: Run, subject: str = "judgments", **rest: Any) -> Examination:
    found = judgments_examined(run) if subject == "judgments" else None
    examination = found or request_examination(run, subject, **rest)
    examining.execute_examination(examination.pk)
    examination.refresh_from_db()
    assert examination.state == WorkState.DONE, examination.error
    return examination


def page(client: Client, address: str, status: int = 200) -> str:
    response = client.get(address)
    assert response.status_code == status, response.content[:2000]
    return response.content.decode()


def test_a_run_asks_for_a_look_at_its_judgments_once(judged: World) -> None:
    first, second = finished(judged), finished(judged, "win_rate")
    assert Examination.objects.filter(subject="judgments").count() == 1
    assert judgments_examined(first) == judgments_examined(second)
    vote(judged.questions[0], person(judged.project, "late"), 1)
    assert judgments_examined(finished(judged)) != judgments_examined(first)


def test_the_page_shows_what_the_judgments_say(judged: World, olga: Client) -> None:
    run = finished(judged)
    assert "Waiting for a worker" in page(olga, f"{RUNS}{run.public_id}/")
    report = examined(run).report
    assert report is not None
    assert report["pairs"]["wins"] == [[0.0, 14.0], [4.0, 0.0]]
    html = page(olga, f"{RUNS}{run.public_id}/")
    for said in ("Who won against whom", "78%", "14 of 18", "alpha (nominal)", "AC1", "P3"):
        assert said in html
    compared = page(olga, f"{RUNS}compare/")
    assert "14 of 18" in compared


@pytest.mark.parametrize(
    ("table", "column", "rows"),
    [("scores", "rank", 2), ("pairs", "wins", 1), ("agreement", "lo", 12),
     ("annotators", "lean", 6), ("warnings", "sentence", 1), ("abilities", "ability", 0),
     ("labels", "unit", 0)],
)  # fmt: skip
def test_every_table_can_be_taken_home(
    judged: World, olga: Client, table: str, column: str, rows: int
) -> None:
    run = finished(judged)
    examined(run)
    address = f"{RUNS}{run.public_id}/tables/{table}"
    as_csv = list(csv.DictReader(io.StringIO(page(olga, f"{address}.csv"))))
    as_json = json.loads(page(olga, f"{address}.json"))
    assert len(as_csv) == len(as_json) == rows or table == "warnings"
    assert all(column in row for row in as_csv)
    assert (
        as_json == olga.get(f"/api/v1/projects/advice/runs/{run.public_id}/tables/{table}/").json()
    )
    page(olga, f"{address}.exe", 404)
    page(olga, f"{RUNS}{run.public_id}/tables/secrets.csv", 404)


def test_ranks_of_a_comparison_can_be_taken_home_too(judged: World, olga: Client) -> None:
    first, second = finished(judged), finished(judged, "win_rate")
    asked = f"?run={first.public_id}&run={second.public_id}"
    found = json.loads(page(olga, f"{RUNS}compare/ranks.json{asked}"))
    assert found[0] == {
        "item": "system-0", "bradley_terry": 1, "win_rate": 1, "largest_difference": 0
    }  # fmt: skip
    api = olga.get(f"/api/v1/projects/advice/runs/compare/{asked}").json()
    assert api["ranks"] == [[1, 2], [1, 2]]
    assert api["winners"] == [["system-0"], ["system-0"]]
    assert api["kendall"][0][1] == 1.0


def test_runs_on_other_judgments_cannot_be_compared(judged: World, olga: Client) -> None:
    first = finished(judged)
    vote(judged.questions[0], person(judged.project, "late"), 1)
    second = finished(judged)
    address = "/api/v1/projects/advice/runs/compare/"
    assert olga.get(f"{address}?run={first.public_id}&run={second.public_id}").status_code == 409
    assert olga.get(f"{address}?run={first.public_id}").status_code == 400
    with pytest.raises(NotPossible, match="same judgments"):
        request_examination(first, "judgments", beside=[second])


def test_an_examination_can_be_stopped_while_it_waits(judged: World, olga: Client) -> None:
    examination = judgments_examined(finished(judged))
    assert examination is not None
    olga.post(f"/projects/advice/examinations/{examination.public_id}/cancel/")
    examining.execute_examination(examination.pk)
    examination.refresh_from_db()
    assert (examination.state, examination.report) == (WorkState.CANCELLED, None)


def test_an_examination_stops_between_two_steps(judged: World) -> None:
    examination = judgments_examined(finished(judged))
    assert examination is not None

    claimed = Examination.objects.claim(examination.pk, lease=runs.LEASE)
    assert claimed is not None

    def stop_at_two(done: int | None) -> None:
        if done == 2:
            Examination.objects.get(pk=examination.pk).request_cancel()
        assert claimed is not None
        examining._go_on(claimed, done)

    with pytest.raises(runs.Cancelled):
        examining.examine(claimed, watch=stop_at_two)
    claimed.refresh_from_db()
    assert (claimed.progress_done, claimed.progress_total) == (2, 4)


def test_an_examination_of_nothing_fails_with_a_sentence(world: World) -> None:
    run = request_run(world.project, "bradley_terry")
    examination = judgments_examined(run)
    assert examination is not None
    examining.execute_examination(examination.pk)
    examination.refresh_from_db()
    assert examination.state == WorkState.FAILED
    assert "nothing to add up" in examination.error


def test_only_reviewers_look_and_only_managers_ask(judged: World) -> None:
    run = finished(judged)
    examination = judgments_examined(run)
    assert examination is not None
    status = f"/projects/advice/examinations/{examination.public_id}/"
    asks = f"{RUNS}{run.public_id}/examine/"
    for user, looks, may in (
        (member(judged.project, "rita", Role.REVIEWER), 200, 403),
        (judged.ada, 403, 403),
        (judged.sam, 404, 404),
    ):
        client = Client()
        client.force_login(user)
        assert client.get(status).status_code == looks
        assert client.post(asks, {"subject": "judgments"}).status_code == may
        assert client.get(f"{RUNS}{run.public_id}/tables/pairs.csv").status_code == looks
    other = make_project("other")
    other.memberships.create(user=judged.olga, role=Role.OWNER)
    client = Client()
    client.force_login(judged.olga)
    assert client.get(status.replace("advice", "other")).status_code == 404


def test_the_api_asks_for_examinations_and_reads_them(judged: World, olga: Client) -> None:
    run = finished(judged)
    address = "/api/v1/projects/advice/examinations/"
    answer = olga.post(
        address, {"run": str(run.public_id), "subject": "judgments", "seed": 3},
        content_type="application/json",
    )  # fmt: skip
    assert answer.status_code == 201, answer.content
    examining.execute_examination(Examination.objects.get(public_id=answer.json()["id"]).pk)
    found = olga.get(f"{address}{answer.json()['id']}/").json()
    assert found["state"] == "done"
    assert found["report"]["table"] == "Comparisons"
    listed = olga.get(f"{address}?subject=judgments&run={run.public_id}").json()["results"]
    assert len(listed) == 2


# --- Sturdiness, rules, plans -------------------------------------------------------------------


def test_a_run_says_how_sturdy_it_is(judged: World, olga: Client) -> None:
    run = finished(judged)
    address = f"{RUNS}{run.public_id}/"
    assert "Work it out" in page(olga, address)
    olga.post(f"{address}examine/", {"subject": "sturdiness", "option-draws": "3"})
    asked = Examination.objects.get(subject="sturdiness")
    assert "Waiting for a worker" in page(olga, address)
    examining.execute_examination(asked.pk)
    asked.refresh_from_db()
    assert asked.state == WorkState.DONE, asked.error
    assert asked.report is not None
    assert asked.progress_done <= (asked.progress_total or 0)
    removed = asked.report["removals"]["votes"]
    assert removed["count"] == 10  # 14 to 4: ten votes fewer make a tie
    html = page(olga, address)
    assert "share the first place if 10 of 18 judgments (55.6%) were gone" in html
    assert "If fewer people judged" in html


def test_rules_are_held_against_each_other(judged: World, olga: Client) -> None:
    first, second = finished(judged), finished(judged, "schulze")
    html = page(olga, f"{RUNS}compare/")
    assert "What hangs on the rule" in html
    asked = {"subject": "rules", "run": [str(first.public_id), str(second.public_id)]}
    answer = olga.post(f"{RUNS}{first.public_id}/examine/", asked)
    assert "compare" in answer["Location"]
    examination = Examination.objects.get(subject="rules")
    assert list(examination.beside.all()) == [second]
    examining.execute_examination(examination.pk)
    html = page(olga, answer["Location"])
    assert "0 of 1 pairs" in html
    assert "It names no probabilities" in html
    assert "A coin loses 0.693" in html
    assert "Do their chances come true" in html
    assert re.search(r"\d+% → \d+% \[\d+%, \d+%\], n = \d+", html)


def test_a_plan_answers_with_its_assumption(judged: World, olga: Client) -> None:
    run = finished(judged)
    address = f"{RUNS}{run.public_id}/"
    olga.post(f"{address}examine/", {"subject": "plan", "option-goal": "width",
                                     "option-width": "0.2", "option-level": "0.9"})  # fmt: skip
    examination = Examination.objects.get(subject="plan")
    examining.execute_examination(examination.pk)
    html = page(olga, address)
    assert "more judgments" in html
    assert "Assumed: further judgments compare the same pairs" in html
    assert 'value="0.2"' in html
    olga.post(f"{address}examine/", {"subject": "plan", "option-goal": "fame"})
    assert "allowed are" in page(olga, address)
    assert Examination.objects.filter(subject="plan").count() == 1


def test_comparing_subjects_need_two_runs(judged: World) -> None:
    with pytest.raises(NotPossible, match="at least two"):
        request_examination(finished(judged), "rules")
    with pytest.raises(NotPossible, match="finished run"):
        request_examination(request_run(judged.project, "elo"), "sturdiness")


@pytest.mark.parametrize("subject", ["sturdiness", "plan"])
def test_the_same_seed_gives_the_same_report(judged: World, subject: str) -> None:
    run = finished(judged)
    reports = [examined(run, subject, seed=2).report for _ in range(2)]
    assert reports[0] == reports[1]
