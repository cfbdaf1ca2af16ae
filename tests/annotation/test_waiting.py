"""Waiting for background work: it ends with the row, or with a sentence."""

import threading
from datetime import timedelta

import pytest
from django.db import connections

from aggregation.models import Run
from annotation.models import AnnotatorKind, WorkState
from annotation.waiting import WorkNotDone, wait_until_done
from tests.cast import make_project

pytestmark = pytest.mark.django_db


def make_work() -> Run:
    return Run.objects.create(
        project=make_project(), method="majority", mark=0, kinds=[AnnotatorKind.PERSON]
    )


def claimed(work: Run) -> Run:
    taken = Run.objects.claim(work.pk, lease=timedelta(minutes=1))
    assert taken is not None
    return taken


@pytest.mark.django_db(transaction=True)
def test_it_returns_the_row_when_a_worker_has_finished_it() -> None:
    work = make_work()

    def finish() -> None:
        Run.objects.filter(pk=work.pk).update(result="{}")
        claimed(work).finish()
        connections.close_all()

    worker = threading.Timer(0.3, finish)
    worker.start()
    seen: list[str] = []
    done = wait_until_done(work, timeout=20, watch=lambda row: seen.append(row.state))
    worker.join()
    assert done.state == WorkState.DONE
    assert seen[0] == WorkState.QUEUED
    assert seen[-1] == WorkState.DONE


def test_a_failure_comes_with_its_reason() -> None:
    work = make_work()
    claimed(work).fail("There is nothing to read.")
    with pytest.raises(WorkNotDone, match="failed: There is nothing to read"):
        wait_until_done(work, timeout=5)


def test_a_cancelled_piece_of_work_is_not_done() -> None:
    work = make_work()
    work.request_cancel()
    with pytest.raises(WorkNotDone, match="was cancelled"):
        wait_until_done(work, timeout=5)


def test_it_asks_for_a_worker_when_none_has_come() -> None:
    with pytest.raises(WorkNotDone, match="no worker has taken it"):
        wait_until_done(make_work(), timeout=0.3)


def test_it_says_how_far_a_slow_one_is_and_leaves_it_alone() -> None:
    work = make_work()
    taken = claimed(work)
    Run.objects.filter(pk=work.pk).update(progress_total=1200)
    taken.renew(lease=timedelta(minutes=1), done=300)
    with pytest.raises(WorkNotDone, match="300 of 1,200 done, attempt 1"):
        wait_until_done(work, timeout=0.3)
    work.refresh_from_db()
    assert work.state == WorkState.RUNNING
