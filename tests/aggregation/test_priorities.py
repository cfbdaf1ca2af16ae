"""Steering: off unless the owner wants it, logged before it acts, and undone without a trace."""

import csv
import io
from collections import Counter
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, transaction
from django.test import Client

from aggregation import priorities
from aggregation.enqueue import NotPossible
from aggregation.models import PriorityChange, PriorityRound, Steering
from aggregation.priorities import execute_round, is_due, open_due_rounds, open_round
from aggregation.steering import switch_steering
from annotation.models import Candidate, Question, Role, System, WorkState
from annotation.queue import lease_next
from tests.aggregation.votes import person, vote
from tests.cast import World, make_question, member

RUNS = "/projects/advice/runs/"


@pytest.fixture
def judged(world: World) -> World:
    """Twelve questions about four systems, of which 0 and 1 are compared a lot."""
    systems = [System.objects.get_or_create(project=world.project, name=f"system-{k}")[0]
               for k in range(4)]  # fmt: skip
    pairs = [(0, 1), (0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3), (2, 3), (0, 1)]
    for n, pair in enumerate(pairs):
        question = make_question(world.project, f"more-{n}", priority=float(n % 3))
        for placement in question.placements.all():
            Candidate.objects.filter(pk=placement.candidate_id).update(
                system=systems[pair[placement.position]]
            )
        if set(pair) == {0, 1}:
            for number in range(6):
                vote(question, person(world.project, f"p{number}"), 1 if number % 2 else -1)
            Question.objects.filter(pk=question.pk).update(state="open", overlap=20)
    return world


def state(judged: World) -> dict[str, float]:
    rows = Question.objects.filter(project=judged.project)
    return dict(rows.values_list("external_id", "priority"))


def done(round_: PriorityRound) -> PriorityRound:
    execute_round(round_.pk)
    round_.refresh_from_db()
    assert round_.state == WorkState.DONE, round_.error
    return round_


def steered(judged: World, **rest: Any) -> PriorityRound:
    switch_steering(judged.project, is_on=True, user=judged.olga, **rest)
    return done(PriorityRound.objects.get(state=WorkState.QUEUED))


def worth_of(round_: PriorityRound) -> dict[str, float]:
    rows = round_.changes.values_list("question__external_id", "value")
    return {question: value for question, value in rows if value is not None}


def test_nothing_is_steered_unless_somebody_wants_it(judged: World) -> None:
    before = state(judged)
    assert open_due_rounds() == []
    switch_steering(judged.project, is_on=False)
    assert open_due_rounds() == []
    assert state(judged) == before
    assert not PriorityRound.objects.exists()


@pytest.mark.parametrize("rule", ["information_gain", "dueling_bandit"])
def test_every_open_question_is_drawn_with_a_logged_chance(judged: World, rule: str) -> None:
    round_ = steered(judged, rule=rule, floor=0.2)
    changes = list(round_.changes.order_by("place"))
    assert round_.open_questions == len(changes) == 12
    assert round_.judgments == 18
    assert [change.place for change in changes] == list(range(12))
    assert changes[-1].propensity == pytest.approx(1)
    floor = 0.2 / 12
    assert all(c.propensity is not None and c.propensity >= floor - 1e-12 for c in changes)
    asked = [c.question.external_id for c in changes]
    by_priority = sorted(state(judged), key=lambda name: -state(judged)[name])
    assert asked == by_priority
    first = lease_next(judged.annotator_ada)
    assert first is not None
    assert first.question.external_id == asked[0]


def test_what_is_known_already_is_worth_least(judged: World) -> None:
    round_ = steered(judged, floor=0.01)
    worth = worth_of(round_)
    assert worth["more-0"] == worth["more-1"] == worth["more-8"] == worth["noise"]
    assert worth["more-0"] < worth["more-3"] < worth["more-6"]


def test_off_gives_every_question_its_own_priority_back(judged: World) -> None:
    before = state(judged)
    steered(judged)
    assert state(judged) != before
    Question.objects.filter(external_id="more-4").update(priority=77.0)  # an owner's own wish
    done(open_round(judged.project))
    changes = PriorityChange.objects.filter(question__external_id="more-4").order_by("id")
    assert list(changes.values_list("base", flat=True)) == [1.0, 77.0]
    switch_steering(judged.project, is_on=False)
    restored = done(PriorityRound.objects.get(state=WorkState.QUEUED))
    assert restored.rule == ""
    assert state(judged) == before | {"more-4": 77.0}
    assert all(c.propensity is None for c in restored.changes.all())
    assert open_due_rounds() == []


def test_the_same_seed_draws_the_same_order(judged: World) -> None:
    first = steered(judged, seed=5)
    order = [c.question_id for c in first.changes.order_by("place")]
    again = PriorityRound.objects.create(
        project=judged.project, rule=first.rule, floor=first.floor, seed=first.seed,
        mark=first.mark,
    )  # fmt: skip
    assert [c.question_id for c in done(again).changes.order_by("place")] == order
    other = steered(judged, seed=50)
    assert [c.question_id for c in other.changes.order_by("place")] != order


def test_a_new_order_comes_after_enough_new_judgments(judged: World) -> None:
    round_ = steered(judged, every=3)
    steering = Steering.objects.get()
    for number in range(3):
        assert not is_due(steering)
        vote(judged.questions[0], person(judged.project, f"late-{number}"), 1)
    assert is_due(steering)
    (due,) = open_due_rounds()
    assert due.mark > round_.mark
    assert not is_due(steering)
    assert open_round(judged.project) == due  # one at a time


def test_a_killed_worker_leaves_a_log_that_the_next_one_finishes(
    judged: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch_steering(judged.project, is_on=True)
    round_ = PriorityRound.objects.get()
    claimed = PriorityRound.objects.claim(round_.pk, lease=priorities.LEASE)
    assert claimed is not None
    before = state(judged)
    priorities._log(claimed, priorities._changes(claimed))
    assert state(judged) == before
    logged = list(claimed.changes.order_by("id").values_list("question_id", "priority"))
    PriorityRound.objects.filter(pk=round_.pk).update(lease_until="2020-01-01T00:00Z")
    done(round_)
    assert list(round_.changes.order_by("id").values_list("question_id", "priority")) == logged
    assert dict(Question.objects.filter(pk__in=dict(logged)).values_list("pk", "priority")) == dict(
        logged
    )


def test_a_round_can_be_stopped_before_it_writes(judged: World) -> None:
    switch_steering(judged.project, is_on=True)
    round_ = PriorityRound.objects.get()
    round_.request_cancel()
    execute_round(round_.pk)
    round_.refresh_from_db()
    assert round_.state == WorkState.CANCELLED
    assert not PriorityChange.objects.exists()


def test_the_log_is_append_only(judged: World) -> None:
    change = steered(judged).changes.first()
    assert change is not None
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        PriorityChange.objects.filter(pk=change.pk).update(propensity=0.5)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        change.delete()


def test_responses_without_systems_are_compared_within_their_prompt(judged: World) -> None:
    Candidate.objects.filter(external_id="snow-0").update(system=None)
    round_ = steered(judged)
    worth = worth_of(round_)
    assert worth["more-0"] < worth["more-3"]  # its own two responses were judged six times
    assert worth["noise"] == worth["more-3"]


def test_many_rounds_ask_about_everything(judged: World) -> None:
    """The first place goes to different questions, the known ones among them."""
    firsts: Counter[str] = Counter()
    switch_steering(judged.project, is_on=True, floor=0.5)
    done(PriorityRound.objects.get())
    for _ in range(25):
        round_ = done(open_round(judged.project))
        firsts[round_.changes.get(place=0).question.external_id] += 1
    assert len(firsts) >= 6


@pytest.mark.parametrize(
    "wrong", [{"rule": "dice"}, {"floor": 0.0}, {"floor": 2.0}, {"every": 0}, {"seed": -1}]
)
def test_what_cannot_be_meant_is_refused(judged: World, wrong: dict[str, Any]) -> None:
    with pytest.raises(NotPossible):
        switch_steering(judged.project, is_on=True, **wrong)
    assert not Steering.objects.exists()


def test_nobody_but_the_owner_switches_it(judged: World) -> None:
    asked = {"is_on": "on", "rule": "information_gain", "floor": "0.1", "every": "100"}
    for user in (member(judged.project, "mona", Role.MANAGER), judged.ada):
        client = Client()
        client.force_login(user)
        assert client.post("/projects/advice/steering/switch/", asked).status_code == 403
        answer = client.put("/api/v1/projects/advice/priority-rounds/steering/",
                            {"is_on": True}, content_type="application/json")  # fmt: skip
        assert answer.status_code == 403
    assert not Steering.objects.exists()


def test_the_page_switches_it_and_says_what_happened(judged: World) -> None:
    client = Client()
    client.force_login(judged.olga)
    assert "Switch on" in client.get(RUNS).content.decode()
    asked = {"is_on": "on", "rule": "dueling_bandit", "floor": "0.25", "every": "40"}
    html = client.post("/projects/advice/steering/switch/", asked, follow=True).content.decode()
    assert "A new order waits for a worker" in html
    done(PriorityRound.objects.get())
    html = client.get(RUNS).content.decode()
    assert "“Find the best one”. 25% of the chance" in html
    assert "from 18 judgments: 12 of 12 open questions were drawn" in html
    client.post("/projects/advice/steering/order/")
    waiting = PriorityRound.objects.get(state=WorkState.QUEUED)
    client.post(f"/projects/advice/steering/{waiting.public_id}/cancel/")
    assert "keep the order they had" in client.get(RUNS).content.decode()
    client.post("/projects/advice/steering/switch/", asked | {"is_on": ""})
    assert not Steering.objects.get().is_on


def test_the_api_switches_it_and_hands_out_the_log(judged: World) -> None:
    client = Client()
    client.force_login(judged.olga)
    rounds = "/api/v1/projects/advice/priority-rounds/"
    assert client.get(f"{rounds}steering/").json()["is_on"] is False
    answer = client.put(f"{rounds}steering/", {"is_on": True, "floor": 0.3},
                        content_type="application/json")  # fmt: skip
    assert answer.status_code == 200, answer.content
    assert answer.json()["floor"] == 0.3
    done(PriorityRound.objects.get())
    (listed,) = client.get(rounds).json()["results"]
    changes = client.get(f"{rounds}{listed['id']}/changes/").json()
    assert len(changes) == 12
    assert changes[0]["propensity"] <= 1
    wrong = client.put(f"{rounds}steering/", {"is_on": True, "floor": 3},
                       content_type="application/json")  # fmt: skip
    assert wrong.status_code == 400


def test_the_command_switches_it_and_prints_the_log(judged: World) -> None:
    said = io.StringIO()
    call_command("steer", "advice", "on", "--floor", "0.2", stdout=said)
    assert "waits for a worker" in said.getvalue()
    done(PriorityRound.objects.get())
    said = io.StringIO()
    call_command("steer", "advice", "log", stdout=said)
    rows = list(csv.DictReader(io.StringIO(said.getvalue())))
    assert len(rows) == 12
    assert float(rows[0]["propensity"]) >= 0.2 / 12
