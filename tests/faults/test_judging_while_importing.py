"""Somebody judges while a file of judgments is written: neither waits for the other's end."""

import threading
from typing import Any

import pytest
from django.db import connection, connections
from django.db.models import Count

from annotation import queue
from annotation.intake.importing import import_rows
from annotation.intake.reports import Progress
from annotation.models import Judgment, Project, Question, Role, Tally
from annotation.submission import submit
from tests.cast import make_annotator, make_project, make_question, member

PATIENCE = 20  # seconds in which anything here is done many times over


def known_pair(name: str, annotator: str) -> dict[str, Any]:
    return {
        "question_id": name,
        "prompt_id": f"prompt-{name}",
        "prompt_text": f"What should I do about {name}?",
        "response_a": f"Answer 0 to {name}",
        "response_b": f"Answer 1 to {name}",
        "annotator": annotator,
        "winner": "a",
    }


def in_a_thread(act: Any) -> tuple[threading.Thread, list[BaseException]]:
    """Started, and what it raised."""
    raised: list[BaseException] = []

    def guarded() -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - told by the test
            raised.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=guarded)
    thread.start()
    return thread, raised


@pytest.mark.django_db(transaction=True)
def test_a_person_whose_judgments_are_imported_meanwhile_waits_for_nothing() -> None:
    """They judge a question that the file answers, too, while its judgments are being written."""
    project = make_project(overlap=1)
    question = make_question(project, "noise")
    ada = make_annotator(project, member(project, "ada", Role.ANNOTATOR))
    assignment = queue.lease_next(ada)
    assert assignment is not None
    written, go_on = threading.Event(), threading.Event()

    def pause(progress: Progress) -> None:
        if progress.stage == "writing":
            written.set()
            assert go_on.wait(PATIENCE)

    rows = [
        {"question_id": "noise", "annotator": who, "winner": "a"} for who in ("person-ada", "bob")
    ]
    importing, import_failed = in_a_thread(
        lambda: import_rows(project, "judgments", rows, progress=pause)
    )
    assert written.wait(PATIENCE), import_failed
    judging, refused = in_a_thread(
        lambda: submit(
            annotator=ada, assignment_id=str(assignment.public_id), data={"choice": "2"},
            submission_key="ada-while-importing",
        )
    )  # fmt: skip
    judging.join(PATIENCE / 4)
    waited = judging.is_alive()
    go_on.set()
    importing.join(PATIENCE)
    judging.join(PATIENCE)
    assert (import_failed, refused) == ([], [])
    assert not waited
    question.refresh_from_db()
    assert question.state == "answered"
    assert Judgment.objects.filter(standing="counted").count() == 3
    assert told(project) == counted(project)


@pytest.mark.django_db(transaction=True)
def test_imports_are_tallied_like_judgments_of_the_moment() -> None:
    project = make_project()
    names = ("ada", "bob", "cyn", "amber")
    rows = [known_pair(f"q{n}", who) for n in range(5) for who in names[: 1 + n % 4]]
    for row in rows:
        row["annotator_kind"] = "model" if row["annotator"] == "amber" else "person"
    import_rows(project, "judgments", rows)
    import_rows(project, "judgments", [*rows, known_pair("q9", "ada")])  # what is known isn't new
    assert told(project) == counted(project)
    assert sum(number for *_, number in told(project)) == len(rows) + 1 - 1  # amber's only one
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('polyphony.tally', true)")
        assert cursor.fetchone()[0] in (None, "")
    assert Question.objects.count() == 6


def told(project: Project) -> list[Any]:
    rows = Tally.objects.filter(annotator__project=project)
    return sorted(rows.values_list("annotator", "profile", "judgments"), key=str)


def counted(project: Project) -> list[Any]:
    rows = Judgment.objects.filter(
        annotator__project=project, standing="counted", supersedes__isnull=True
    ).exclude(annotator__kind="model")
    return sorted(
        rows.values_list("annotator", "profile")
        .annotate(n=Count("pk"))
        .values_list("annotator", "profile", "n"),
        key=str,
    )
