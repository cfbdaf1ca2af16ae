"""An answer and the next question with one commit, and the answer alone where that can't be."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections

from annotation import queue
from annotation.going_on import submit_and_lease
from annotation.models import (
    Annotator,
    Assignment,
    AssignmentState,
    Judgment,
    Question,
    QuestionState,
)
from annotation.submission import Submission
from tests.cast import World, make_people, make_project, make_question

SOMEBODY_WAS_FASTER = """
CREATE FUNCTION somebody_was_faster() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'taken' USING ERRCODE = 'check_violation',
        CONSTRAINT = 'never_more_seats_than_overlap';
END $$;
CREATE TRIGGER somebody_was_faster BEFORE INSERT ON annotation_assignment
    FOR EACH ROW EXECUTE FUNCTION somebody_was_faster();
"""


def lease(annotator: Annotator) -> Assignment:
    assignment = queue.lease_next(annotator)
    assert assignment is not None
    return assignment


def answer(assignment: Assignment, key: str = "") -> tuple[Submission, Assignment | None]:
    return submit_and_lease(
        annotator=assignment.annotator,
        assignment_id=str(assignment.public_id),
        data={"choice": "2"},
        submission_key=key or f"key-{assignment.pk}",
    )


def transaction_of(table: str, pk: int) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT xmin::text FROM {table} WHERE id = %s", [pk])
        return str(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_the_answer_and_the_next_question_are_one_commit() -> None:
    project = make_project()
    for name in ("noise", "rent"):
        make_question(project, name)
    (ada,) = make_people(project, 1)
    kept, following = answer(lease(ada))
    assert following is not None
    assert following.exposures.count() == 1
    assert transaction_of("annotation_judgment", kept.judgment.pk) == transaction_of(
        "annotation_assignment", following.pk
    )


def test_an_answer_stays_when_somebody_was_faster_at_the_next_question(world: World) -> None:
    assignment = lease(world.annotator_ada)
    with connection.cursor() as cursor:
        cursor.execute(SOMEBODY_WAS_FASTER)
    kept, following = answer(assignment)
    assert following is None
    assert Judgment.objects.get() == kept.judgment
    assert not kept.repeated
    assignment.refresh_from_db()
    assert assignment.state == AssignmentState.SUBMITTED


def test_the_same_answer_again_is_kept_once_and_gets_the_next_question(world: World) -> None:
    assignment = lease(world.annotator_ada)
    answer(assignment)
    Assignment.objects.filter(state=AssignmentState.LIVE).delete()
    kept, following = answer(assignment)
    assert kept.repeated
    assert following is not None
    assert Judgment.objects.count() == 1


def test_where_rules_decide_what_comes_next_the_answer_is_kept_alone(world: World) -> None:
    assignment = lease(world.annotator_ada)
    world.project.options["assignment"] = {"most_per_annotator": 1}
    world.project.save()
    world.annotator_ada.refresh_from_db()
    assignment.annotator = world.annotator_ada
    kept, following = answer(assignment)
    assert kept.judgment.pk
    assert following is None


@pytest.mark.django_db(transaction=True)
def test_many_who_answer_at_the_same_instant_keep_all_answers_and_take_no_seat_too_many() -> None:
    project = make_project(overlap=2)
    for number in range(10):
        make_question(project, f"q{number}")
    people = make_people(project, 6)

    def judge(annotator: Annotator) -> int:
        given = 0
        try:
            assignment = queue.lease_next(annotator)
            while assignment is not None:
                _, following = answer(assignment)
                given += 1
                assignment = following or queue.lease_next(annotator)
            return given
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        given = sum(pool.map(judge, people))
    connection.close()
    assert given == Judgment.objects.count() == 20
    assert set(Question.objects.values_list("state", flat=True)) == {QuestionState.ANSWERED}
