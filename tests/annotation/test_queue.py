"""Who gets which question, and for how long."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone

from annotation import queue, serving
from annotation.errors import JudgingStopped, NotYourAssignment
from annotation.models import (
    Annotator,
    AnnotatorKind,
    Assignment,
    AssignmentState,
    Exposure,
    ProjectState,
    Question,
    QuestionState,
)
from tests.cast import World, make_people, make_project, make_question

HOUR = timedelta(hours=1)


def lease(annotator: Annotator, now: datetime | None = None) -> Assignment:
    assignment = queue.lease_next(annotator, now=now)
    assert assignment is not None
    return assignment


def test_the_highest_priority_question_comes_first(world: World) -> None:
    Question.objects.filter(pk=world.questions[2].pk).update(priority=5)
    assert lease(world.annotator_ada).question == world.questions[2]


def test_an_unfinished_question_comes_back_before_a_new_one(world: World) -> None:
    first = lease(world.annotator_ada)
    assert lease(world.annotator_ada) == first


def test_each_showing_is_logged_in_order(world: World) -> None:
    assignment = lease(world.annotator_ada)
    lease(world.annotator_ada)
    shown = Exposure.objects.filter(assignment=assignment).order_by("sequence")
    assert [exposure.sequence for exposure in shown] == [1, 2]
    assert all(exposure.shown_order == assignment.shown_order for exposure in shown)


def test_both_sides_occur_and_the_same_person_always_sees_the_same_one(world: World) -> None:
    questions = [make_question(world.project, f"q{i}") for i in range(40)]
    orders = [
        tuple(serving.side_order(world.project, question, world.annotator_ada))
        for question in questions
    ]
    again = [
        tuple(serving.side_order(world.project, question, world.annotator_ada))
        for question in questions
    ]
    assert orders == again
    assert 10 <= orders.count((0, 1)) <= 30
    assert set(orders) == {(0, 1), (1, 0)}


def test_the_statement_draws_the_same_sides(world: World) -> None:
    for number in range(8):
        make_question(world.project, f"q{number}", candidates=4)
    Question.objects.filter(placements__position=1).exclude(placements__position=3).update(
        state=QuestionState.WITHDRAWN
    )
    for _ in range(8):
        assignment = lease(world.annotator_ada)
        assert assignment.shown_order == serving.side_order(
            world.project, assignment.question, world.annotator_ada
        )
        queue.release(world.annotator_ada, str(assignment.public_id))


def test_a_leased_question_brings_its_texts_along_and_no_names(
    world: World, django_assert_num_queries: Any
) -> None:
    question = lease(world.annotator_ada).question
    with django_assert_num_queries(0):
        assert question.prompt.html == "<p>What should I do about noise?</p>"
        texts = [placement.candidate.text for placement in question.placements.all()]
    assert texts == ["Answer 0 to noise.", "Answer 1 to noise."]
    assert "system_id" in question.placements.all()[0].candidate.get_deferred_fields()


def test_a_skipped_question_goes_to_others_and_not_back(world: World) -> None:
    skipped = lease(world.annotator_ada)
    queue.release(world.annotator_ada, str(skipped.public_id), reason="too technical")
    assert lease(world.annotator_ada).question != skipped.question
    assert lease(world.annotator_bob).question == skipped.question


def test_nobody_is_given_a_question_whose_seats_are_taken(world: World) -> None:
    Question.objects.update(overlap=1)
    given = {lease(a).question_id for a in (world.annotator_ada, world.annotator_bob)}
    assert len(given) == 2


def test_an_expired_lease_frees_its_seat(world: World) -> None:
    Question.objects.exclude(pk=world.questions[0].pk).update(state=QuestionState.WITHDRAWN)
    Question.objects.update(overlap=1)
    now = timezone.now()
    lease(world.annotator_ada, now=now)
    assert queue.lease_next(world.annotator_bob, now=now) is None
    assert queue.lease_next(world.annotator_bob, now=now + HOUR) is not None


def test_who_comes_back_after_expiry_keeps_a_free_seat_but_not_a_taken_one(world: World) -> None:
    Question.objects.exclude(pk=world.questions[0].pk).update(state=QuestionState.WITHDRAWN)
    Question.objects.update(overlap=1)
    now = timezone.now()
    mine = lease(world.annotator_ada, now=now)
    assert lease(world.annotator_ada, now=now + HOUR) == mine
    lease(world.annotator_bob, now=now + 3 * HOUR)
    assert queue.lease_next(world.annotator_ada, now=now + 3 * HOUR) is None
    mine.refresh_from_db()
    assert mine.state == AssignmentState.RELEASED


def test_a_heartbeat_extends_the_lease(world: World) -> None:
    now = timezone.now()
    assignment = lease(world.annotator_ada, now=now)
    renewed = queue.renew(
        world.annotator_ada, str(assignment.public_id), now=now + timedelta(minutes=20)
    )
    assert renewed.lease_until > assignment.lease_until


def test_a_stranger_cannot_renew_or_release_my_assignment(world: World) -> None:
    assignment = lease(world.annotator_ada)
    for act in (queue.renew, queue.release):
        with pytest.raises(NotYourAssignment):
            act(world.annotator_bob, str(assignment.public_id))


@pytest.mark.parametrize("state", [ProjectState.DRAFT, ProjectState.PAUSED, ProjectState.CLOSED])
def test_a_project_that_is_not_open_gives_a_sentence(world: World, state: ProjectState) -> None:
    world.project.state = state
    world.project.save()
    world.annotator_ada.refresh_from_db()
    with pytest.raises(JudgingStopped, match=r"\.$"):
        queue.lease_next(Annotator.objects.get(pk=world.annotator_ada.pk))


def test_a_paused_annotator_gets_a_sentence(world: World) -> None:
    world.annotator_ada.paused_at = timezone.now()
    with pytest.raises(JudgingStopped, match="paused your judging"):
        queue.lease_next(world.annotator_ada)


def test_a_models_lease_takes_nobodys_seat(world: World) -> None:
    Question.objects.update(overlap=1)
    judge = Annotator.objects.create(
        project=world.project, kind=AnnotatorKind.MODEL, external_id="judge"
    )
    question = lease(judge).question
    assert lease(world.annotator_ada).question == question


def test_the_database_itself_refuses_a_seat_too_many(world: World) -> None:
    now = timezone.now()
    Question.objects.update(overlap=1)
    for annotator, refused in ((world.annotator_ada, False), (world.annotator_bob, True)):
        fields = {
            "question": world.questions[0],
            "annotator": annotator,
            "shown_order": [0, 1],
            "leased_at": now,
            "lease_until": now + HOUR,
        }
        if refused:
            with (
                pytest.raises(IntegrityError, match="seats taken"),
                transaction.atomic(),
            ):
                Assignment.objects.create(**fields)
        else:
            Assignment.objects.create(**fields)


@pytest.mark.django_db(transaction=True)
def test_many_people_at_the_same_instant_never_take_more_seats_than_there_are() -> None:
    project = make_project(overlap=1)
    for number in range(12):
        make_question(project, f"q{number}")
    people = make_people(project, 16)

    def ask(annotator: Annotator) -> int | None:
        try:
            assignment = queue.lease_next(annotator)
            return assignment.question_id if assignment else None
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(ask, people))
    connection.close()
    served = [question for question in given if question is not None]
    assert len(served) == 12
    assert len(set(served)) == 12
