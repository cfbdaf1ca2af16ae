"""A question is looked for one at a time, whatever the planner knows of the tables."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from annotation import serving
from annotation.assignment.rules import AssignmentRules, Order
from annotation.models import Annotator, Placement, Question
from tests.cast import World, make_people

MANY = 3_000
READ = """
SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables
WHERE relname = 'annotation_question'
"""
FOUND, JOINED, SEAT = 1, 1, 4  # rows: found, read again with its texts, looked at by triggers


@pytest.fixture
def annotator(world: World) -> Annotator:
    """Somebody in a large project that nobody has judged yet, as the database knows."""
    prompt = world.questions[0].prompt
    candidates = list(prompt.candidates.all())
    made = Question.objects.bulk_create(
        Question(project=world.project, prompt=prompt, external_id=f"many-{n}", overlap=1)
        for n in range(MANY)
    )
    Placement.objects.bulk_create(
        Placement(question=question, candidate=candidate, position=position)
        for question in made
        for position, candidate in enumerate(candidates)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE annotation_question, annotation_placement, annotation_annotator")
        cursor.execute("ANALYZE annotation_assignment, annotation_judgment, annotation_reservation")
    return make_people(world.project, 1)[0]


def questions_read() -> int:
    with connection.cursor() as cursor:
        cursor.execute(READ)
        return int((cursor.fetchone() or (0,))[0])


@pytest.mark.parametrize("order", [Order.PRIORITY, Order.SEQUENTIAL])
def test_the_first_question_of_a_large_project_is_found_at_once(
    annotator: Annotator, order: Order
) -> None:
    with transaction.atomic():
        before = questions_read()
        rules = AssignmentRules(order=order)
        assert serving.take_seat(annotator, timezone.now(), rules, wait=False)
        assert questions_read() - before <= FOUND + JOINED + SEAT


def test_so_is_the_question_after_the_one_in_hand(annotator: Annotator) -> None:
    rules, now = AssignmentRules(), timezone.now()
    with transaction.atomic():
        assert serving.take_seat(annotator, now, rules, wait=False)
        before = questions_read()
        until = now + timedelta(minutes=5)
        assert serving.take_seat_ahead(annotator, now, rules, until=until)
        assert questions_read() - before <= 2 * FOUND + JOINED + SEAT
