"""The mark: everything at or below it is visible, and nothing joins it later."""

import threading

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from annotation import log
from annotation.errors import LogBusy
from annotation.models import Annotator, AnnotatorKind, Judgment, Question
from tests.cast import World, make_project, make_question


def keep(question: Question, annotator: Annotator, key: str) -> Judgment:
    return Judgment.objects.create(
        question=question,
        annotator=annotator,
        judgment_type="pairwise",
        payload={"strength": 1},
        submission_key=key,
        source="browser",
        created_at=timezone.now(),
    )


def test_an_empty_log_has_mark_zero(world: World) -> None:
    assert log.mark(world.project) == 0


def test_the_mark_is_the_newest_position(world: World) -> None:
    keep(world.questions[0], world.annotator_ada, "1")
    newest = keep(world.questions[1], world.annotator_ada, "2")
    assert log.mark(world.project) == newest.position > 0


def test_rows_up_to_a_mark_stay_the_same_after_an_amendment(world: World) -> None:
    first = keep(world.questions[0], world.annotator_ada, "1")
    mark = log.mark(world.project)
    amended = Judgment.objects.create(
        question=first.question,
        annotator=first.annotator,
        judgment_type="pairwise",
        payload={"strength": -1},
        submission_key="2",
        supersedes=first,
        source="browser",
        created_at=timezone.now(),
    )
    assert list(Judgment.objects.up_to(mark)) == [first]
    assert list(Judgment.objects.up_to(log.mark(world.project))) == [amended]
    assert list(Judgment.objects.counted()) == [amended]


@pytest.mark.django_db(transaction=True)
def test_a_mark_waits_for_a_judgment_that_has_its_position_but_is_not_committed() -> None:
    project = make_project()
    question = make_question(project, "noise")
    annotator = Annotator.objects.create(
        project=project, kind=AnnotatorKind.PERSON, external_id="ada"
    )
    inserted, may_commit = threading.Event(), threading.Event()

    def write_slowly() -> None:
        with transaction.atomic():
            keep(question, annotator, "slow")
            inserted.set()
            may_commit.wait(10)
        connections.close_all()

    marks: list[int] = []

    def take_mark() -> None:
        marks.append(log.mark(project))
        connections.close_all()

    writer = threading.Thread(target=write_slowly)
    reader = threading.Thread(target=take_mark)
    writer.start()
    assert inserted.wait(10)
    reader.start()
    reader.join(0.5)
    assert reader.is_alive(), "the mark must wait while a position is uncommitted"
    may_commit.set()
    writer.join(10)
    reader.join(10)
    assert marks == [Judgment.objects.get().position]
    connection.close()


@pytest.mark.django_db(transaction=True)
def test_a_mark_gives_up_with_a_sentence_while_a_large_import_is_writing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log, "PATIENCE", "50ms")
    project = make_project()
    question = make_question(project, "noise")
    annotator = Annotator.objects.create(
        project=project, kind=AnnotatorKind.PERSON, external_id="ada"
    )
    inserted, may_commit = threading.Event(), threading.Event()

    def import_slowly() -> None:
        with transaction.atomic():
            keep(question, annotator, "slow")
            inserted.set()
            may_commit.wait(10)
        connections.close_all()

    writer = threading.Thread(target=import_slowly)
    writer.start()
    try:
        assert inserted.wait(10)
        with pytest.raises(LogBusy, match="Nothing is lost"):
            log.mark(project)
        assert log.newest(project) == 0
    finally:
        may_commit.set()
        writer.join(10)
    assert log.mark(project) == Judgment.objects.get().position


def test_the_patience_of_a_reader_ends_with_its_look(world: World) -> None:
    """Inside a longer transaction, later statements wait for locks as they did before."""
    with transaction.atomic():
        log.settled(world.project)
        with connection.cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            assert cursor.fetchone()[0] == "0"
