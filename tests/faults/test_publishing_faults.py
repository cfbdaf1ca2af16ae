"""A release half-built when its worker dies, when the disk refuses, or while votes pour in."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from aggregation import publishing
from aggregation.enqueue import request_release, request_run
from aggregation.models import Release, Run
from aggregation.verification import passed, verify
from annotation.models import Annotator, AnnotatorKind, Judgment, Question, WorkState
from tests.cast import make_project, make_question
from tests.faults.workers import House, house, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

MANY = 150, 120  # people, questions: several row groups of a file
FEW = 40, 30


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as made:
        yield made


@pytest.fixture
def release_dir(home: House, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The worker's folder of releases, as this process sees it too."""
    monkeypatch.setattr(settings, "VAR_DIR", home.var_dir)
    monkeypatch.setattr(settings, "RELEASES_DIR", home.var_dir / "releases")
    return home.var_dir / "releases"


def judged(how_many: tuple[int, int] = FEW) -> Question:
    """An open project where everybody answered everything. Returns one of its questions."""
    people_count, question_count = how_many
    project = make_project(overlap=people_count)
    questions = [make_question(project, f"q{number}") for number in range(question_count)]
    people = Annotator.objects.bulk_create(
        Annotator(project=project, kind=AnnotatorKind.PERSON, external_id=f"p{number}")
        for number in range(people_count)
    )
    now = timezone.now()
    Judgment.objects.bulk_create(
        (
            Judgment(
                question=question,
                annotator=person,
                judgment_type="pairwise",
                payload={"strength": (question.pk * person.pk) % 7 - 3},
                submission_key=f"{question.pk}/{person.pk}",
                source="import",
                created_at=now,
            )
            for question in questions
            for person in people
        ),
        batch_size=2_000,
    )
    return questions[0]


def worker(home: House) -> Any:
    return home.start("worker", "-Q", "default,aggregate,export", "-c", "1", "-l", "INFO")


def being_written(releases: Path) -> bool:
    return any(path.stat().st_size for path in releases.glob(".building/*/*.jsonl"))


def states() -> list[str]:
    return list(Release.objects.order_by("version").values_list("state", flat=True))


def test_a_worker_killed_mid_release_leaves_nothing_visible_and_the_next_one_publishes(
    home: House, release_dir: Path
) -> None:
    question = judged(MANY)
    release = request_release(question.project)
    publishing_starts(home, release)
    doomed = worker(home)
    wait_until(lambda: being_written(release_dir), "the first rows of the release", every=0.005)
    home.kill(doomed)

    assert states() == [WorkState.RUNNING]
    assert not (release_dir / "advice").exists()
    assert list(release_dir.glob(".building/*")), "it was killed before it wrote anything"
    release.refresh_from_db()
    assert (release.manifest, release.folder) == (None, "")

    Release.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    worker(home)
    home.beat()
    wait_until(lambda: states() == [WorkState.DONE], "the next worker to publish")
    release.refresh_from_db()
    assert release.attempt == 2
    assert passed(verify(publishing.release_folder(release)))
    wait_until(
        lambda: not list(release_dir.glob(".building/*")), "the dead worker's files to be cleared"
    )


def publishing_starts(home: House, release: Release) -> None:
    """Leave the message in the folder broker, as the web process would."""
    home.run(f"from aggregation import tasks; tasks.publish_release.delay({release.pk})")


def test_a_worker_killed_between_rename_and_commit_is_made_good(
    home: House, release_dir: Path
) -> None:
    """Files lie in place, but no row says so: nobody sees them, and the retry replaces them."""
    question = judged()
    release = request_release(question.project)
    stray = release_dir / "advice" / "v1"
    stray.mkdir(parents=True)
    (stray / "trl_preference.jsonl").write_text("half a file")
    publishing.publish(release.pk)
    release.refresh_from_db()
    assert release.state == WorkState.DONE, release.error
    assert passed(verify(publishing.release_folder(release)))


def test_a_disk_that_refuses_to_grow_a_file_publishes_nothing(
    home: House, release_dir: Path
) -> None:
    """The operating system's own limit on file sizes stands in for a full disk."""
    question = judged()
    release = request_release(question.project)
    home.run(
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, 65_536))\n"
        "from aggregation import publishing\n"
        f"publishing.publish({release.pk})"
    )
    release.refresh_from_db()
    assert release.state == WorkState.FAILED
    assert release.error == (
        "The disk refused to write the release: File too large. Nothing was published."
    )
    assert [path for path in release_dir.rglob("*") if path.is_file()] == []
    publishing.publish(request_release(question.project).pk)
    assert states() == [WorkState.FAILED, WorkState.DONE]


def test_a_run_whose_worker_was_killed_is_done_by_the_next(home: House, release_dir: Path) -> None:
    question = judged()
    run = request_run(question.project, "davidson", options={"replicates": 3_000})
    home.run(f"from aggregation import tasks; tasks.execute_run.delay({run.pk})")
    doomed = worker(home)
    wait_until(lambda: Run.objects.get().state == WorkState.RUNNING, "the run", every=0.005)
    home.kill(doomed)
    Run.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert not run.scores.exists()
    worker(home)
    home.beat()
    wait_until(lambda: Run.objects.get().state == WorkState.DONE, "the next worker")
    assert Run.objects.get().attempt == 2
    assert run.scores.count() == 2
