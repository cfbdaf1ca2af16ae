"""The question after the one on the screen: kept unseen, shown once, given back, not in the way."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from annotation import ahead, queue
from annotation.assigning import set_rules
from annotation.errors import JudgingStopped
from annotation.models import Annotator, Assignment, Exposure, Judgment, Project
from annotation.submission import submit
from tests.cast import World, make_annotator, make_question, member

MINUTE = timedelta(minutes=1)
FRAGMENT = {"HX-Request": "true"}


@pytest.fixture
def plenty(world: World) -> World:
    for number in range(ahead.PLENTY + 3):
        make_question(world.project, f"q{number}", overlap=1)
    world.project.questions.update(overlap=1)
    return world


def fresh(annotator: Annotator) -> Annotator:
    return Annotator.objects.select_related("project").get(pk=annotator.pk)


def lease(annotator: Annotator, **kwargs: Any) -> Assignment:
    assignment = queue.lease_next(fresh(annotator), **kwargs)
    assert assignment is not None
    return assignment


def take(annotator: Annotator, **kwargs: Any) -> Assignment:
    assignment = ahead.take_ahead(fresh(annotator), **kwargs)
    assert assignment is not None
    return assignment


def answer(annotator: Annotator, assignment: Assignment) -> Judgment:
    return submit(
        annotator=fresh(annotator),
        assignment_id=str(assignment.public_id),
        data={"choice": "2"},
        submission_key=f"key-{assignment.public_id}",
    ).judgment


def test_it_is_the_next_in_order_with_a_seat_and_without_a_showing(plenty: World) -> None:
    Project.objects.filter(pk=plenty.project.pk).update(lease_seconds=3600)
    first = lease(plenty.annotator_ada)
    plenty.project.questions.filter(external_id="q7").update(priority=5)
    kept = take(plenty.annotator_ada)
    assert kept.question.external_id == "q7"
    assert kept.question != first.question
    assert not Exposure.objects.filter(assignment=kept).exists()
    assert kept.lease_until - kept.leased_at == ahead.LONGEST
    assert lease(plenty.annotator_bob).question not in (first.question, kept.question)


def test_asking_again_keeps_the_same_one_for_longer(plenty: World) -> None:
    now = timezone.now()
    lease(plenty.annotator_ada, now=now)
    kept = take(plenty.annotator_ada, now=now)
    again = take(plenty.annotator_ada, now=now + MINUTE)
    assert again == kept
    assert again.lease_until == now + MINUTE + ahead.LONGEST


def test_nothing_is_kept_without_a_question_on_the_screen(plenty: World) -> None:
    assert ahead.take_ahead(fresh(plenty.annotator_ada)) is None


def test_where_few_are_left_each_goes_to_somebody_who_reads_it_now(world: World) -> None:
    lease(world.annotator_ada)
    assert ahead.take_ahead(fresh(world.annotator_ada)) is None


@pytest.mark.parametrize("rules", [{"gold_share": 0.2}, {"most_per_day": 9}, {"group_by": "side"}])
def test_rules_that_look_at_the_last_answer_are_not_run_ahead_of(
    plenty: World, rules: dict[str, Any]
) -> None:
    lease(plenty.annotator_ada)
    set_rules(project=plenty.project, settings=rules)
    assert ahead.take_ahead(fresh(plenty.annotator_ada)) is None


def test_shown_at_last_it_is_logged_as_shown_then(plenty: World) -> None:
    now = timezone.now()
    first, kept = lease(plenty.annotator_ada, now=now), take(plenty.annotator_ada, now=now)
    answer(plenty.annotator_ada, first)
    shown = ahead.put_on_screen(fresh(plenty.annotator_ada), str(kept.public_id), now=now + MINUTE)
    assert shown == kept
    exposure = Exposure.objects.get(assignment=kept)
    assert (exposure.shown_at, exposure.shown_order) == (now + MINUTE, kept.shown_order)
    assert shown.lease_until == now + MINUTE + timedelta(seconds=plenty.project.lease_seconds)
    assert answer(plenty.annotator_ada, kept).elapsed_ms is not None


def test_without_the_script_it_is_simply_the_next_question(plenty: World) -> None:
    first, kept = lease(plenty.annotator_ada), take(plenty.annotator_ada)
    assert lease(plenty.annotator_ada) == first
    answer(plenty.annotator_ada, first)
    assert lease(plenty.annotator_ada) == kept
    assert Exposure.objects.filter(assignment=kept).count() == 1


def test_let_go_unseen_it_leaves_no_trace_and_can_come_back(plenty: World) -> None:
    first, kept = lease(plenty.annotator_ada), take(plenty.annotator_ada)
    ahead.let_go(fresh(plenty.annotator_ada), str(kept.public_id))
    assert list(Assignment.objects.all()) == [first]
    assert take(plenty.annotator_ada).question == kept.question
    ahead.let_go(fresh(plenty.annotator_ada), str(first.public_id))  # seen: stays
    assert Assignment.objects.filter(pk=first.pk).exists()


def test_after_its_time_somebody_else_gets_it_and_it_is_not_shown_twice(plenty: World) -> None:
    now = timezone.now()
    first, kept = lease(plenty.annotator_ada, now=now), take(plenty.annotator_ada, now=now)
    plenty.project.questions.filter(pk=kept.question_id).update(priority=9)
    theirs = lease(plenty.annotator_bob, now=now + 3 * MINUTE)
    assert theirs.question == kept.question
    answer(plenty.annotator_ada, first)
    late = fresh(plenty.annotator_ada)
    assert ahead.put_on_screen(late, str(kept.public_id), now=now + 3 * MINUTE) is None
    following = lease(plenty.annotator_ada, now=now + 3 * MINUTE)
    assert following.question != kept.question
    assert not Assignment.objects.filter(pk=kept.pk).exists()


def test_withdrawn_or_stopped_meanwhile_it_is_not_shown(plenty: World) -> None:
    lease(plenty.annotator_ada)
    kept = take(plenty.annotator_ada)
    plenty.project.questions.filter(pk=kept.question_id).update(state="withdrawn")
    assert ahead.put_on_screen(fresh(plenty.annotator_ada), str(kept.public_id)) is None
    Project.objects.update(state="paused")
    with pytest.raises(JudgingStopped):
        ahead.put_on_screen(fresh(plenty.annotator_ada), str(kept.public_id))


def test_over_http_an_answer_that_shows_the_next_brings_the_one_after(
    plenty: World, client: Client
) -> None:
    client.force_login(plenty.ada)
    judge = "/projects/advice/judge/"
    client.get(judge)
    first = Assignment.objects.get()
    kept = client.post(f"{judge}ahead/", headers=FRAGMENT)
    assert "3 of" not in kept.content.decode()
    assert "2 of" in kept.content.decode()
    assert "system-" not in kept.content.decode()
    second = Assignment.objects.unseen().get()
    said = {"handle": first.public_id, "submission_key": "12345678", "choice": "2"}
    reply = client.post(judge, said | {"ahead": second.public_id}, headers=FRAGMENT)
    assert reply["X-Shown"] == str(second.public_id)
    assert "3 of" in reply.content.decode()
    third = Assignment.objects.unseen().get()
    assert str(third.public_id) in reply.content.decode()
    assert Exposure.objects.filter(assignment=second).count() == 1
    left = {"handle": third.public_id, "submission_key": "left-unseen"}
    assert client.post(f"{judge}unseen/", left).status_code == 204
    assert not Assignment.objects.unseen().exists()
    assert client.post(f"{judge}unseen/", left).status_code == 409


def test_somebody_elses_or_a_made_up_one_is_not_taken_for_shown(
    plenty: World, client: Client
) -> None:
    lease(plenty.annotator_bob)
    theirs = take(plenty.annotator_bob)
    client.force_login(plenty.ada)
    client.get("/projects/advice/judge/")
    mine = Assignment.objects.get(annotator=plenty.annotator_ada)
    said = {"handle": mine.public_id, "submission_key": "12345678", "choice": "2"}
    reply = client.post(
        "/projects/advice/judge/", said | {"ahead": theirs.public_id}, headers=FRAGMENT
    )
    assert reply.status_code == 200
    assert "X-Shown" not in reply
    assert Judgment.objects.count() == 1
    assert Assignment.objects.unseen().get() == theirs


@pytest.mark.django_db(transaction=True)
def test_many_who_look_ahead_at_once_are_never_given_one_seat_twice(plenty: World) -> None:
    people = [plenty.annotator_ada, plenty.annotator_bob]
    people += [
        make_annotator(plenty.project, member(plenty.project, f"p{n}", "annotator"))  # type: ignore[arg-type]
        for n in range(4)
    ]
    starts = threading.Barrier(2 * len(people))
    faults: list[BaseException] = []

    def work(annotator: Annotator, twice: bool) -> None:
        try:
            starts.wait()
            for _ in range(3):
                assignment = queue.lease_next(fresh(annotator))
                ahead.take_ahead(fresh(annotator))
                if assignment is not None and not twice:
                    answer(annotator, assignment)
        except BaseException as error:  # noqa: BLE001 - told to the test below
            faults.append(error)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=work, args=(person, twice))
        for person in people
        for twice in (False, True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []
    questions = list(Assignment.objects.values_list("question", flat=True))
    assert len(questions) == len(set(questions))
