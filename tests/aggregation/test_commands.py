"""Runs and releases asked for from the command line."""

import hashlib
import threading
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from aggregation import publishing, runs
from aggregation.models import Release, Run
from annotation.models import Annotator, AnnotatorKind, Project, WorkState
from annotation.submission import record
from tests.cast import make_project, make_question

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def project() -> Project:
    """Three people who prefer the answer at position 0 to each of four prompts."""
    project = make_project(overlap=3)
    for name in ("noise", "rent", "snow", "dogs"):
        question = make_question(project, name)
        for who in ("ada", "bob", "cyd"):
            annotator, _ = Annotator.objects.get_or_create(
                project=project, external_id=who, kind=AnnotatorKind.PERSON
            )
            record(
                question=question,
                annotator=annotator,
                payload={"strength": 2 if who != "cyd" else -1},
                submission_key=f"{name}-{who}",
                source="import",
            )
    return project


@pytest.fixture
def worker() -> Iterator[None]:
    """Somebody who carries out what is asked for, without a broker."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.05):
            for pk in Run.objects.filter(state=WorkState.QUEUED).values_list("pk", flat=True):
                runs.execute_run(pk)
            for pk in Release.objects.filter(state=WorkState.QUEUED).values_list("pk", flat=True):
                publishing.publish(pk)
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join()


def said(command: str, *arguments: str, **options: Any) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out, **options)
    return out.getvalue()


def test_a_run_is_computed_and_its_first_place_named(project: Project, worker: None) -> None:
    line = said("run_method", project.slug, "win_rate", wait=30)
    assert line.startswith(
        "win_rate: 12 judgments by 3 annotators (people), 2 scores; first: system-0 ("
    )


def test_without_waiting_the_run_is_only_written_down(project: Project) -> None:
    assert "waits for a worker" in said("run_method", project.slug, "majority")
    assert Run.objects.get().state == WorkState.QUEUED


def test_a_release_is_published_and_its_digests_are_those_of_its_files(
    project: Project, worker: None
) -> None:
    said("run_method", project.slug, "bradley_terry", wait=30)
    lines = said(
        "publish_release",
        project.slug,
        export=["trl_preference"],
        with_run="bradley_terry",
        wait=30,
    ).splitlines()
    folder = Path(lines[0].rpartition(" in ")[2])
    told = {name: digest for digest, _, name in (line.partition("  ") for line in lines[1:])}
    assert {"manifest.json", "scores.json", "README.md"} <= set(told)
    for name, digest in told.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert Release.objects.get().run is not None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("run_method", "nowhere", "majority"), "There is no project “nowhere”"),
        (("run_method", "advice", "magic"), "no method “magic”"),
        (("run_method", "advice", "majority", "--option", "huh"), "NAME=VALUE"),
        (("publish_release", "advice", "--export", "magic"), "“magic” isn't one of them"),
        (("publish_release", "advice", "--with-run", "elo"), "no finished run of elo"),
    ],
)
def test_a_wrong_wish_is_answered_with_a_sentence(
    project: Project, arguments: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(CommandError, match=sentence):
        said(*arguments)
    assert not Run.objects.exists()
    assert not Release.objects.exists()


def test_a_failed_run_fails_the_command_with_its_reason(worker: None) -> None:
    empty = make_project("empty")
    with pytest.raises(CommandError, match="failed: "):
        said("run_method", empty.slug, "win_rate", wait=30)
