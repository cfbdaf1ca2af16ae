"""A claim reads the rows it takes and no others, whatever the planner knows of the job."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from models_runtime import enqueue
from models_runtime.models import GenerationItem
from models_runtime.models.items import CLAIM
from tests.models_runtime.worlds import project_with_prompts, scripted

TABLE = GenerationItem._meta.db_table
PEEKS = 4  # rows the planner may look at for the bounds of an index
READ = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = %s"


def rows_read_by_a_claim(job: int, count: int) -> int:
    """Rows fetched from the table: each row once to find it and once to change it, at best."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(READ, [TABLE])
        (before,) = cursor.fetchone() or (0,)
        cursor.execute(CLAIM.format(table=TABLE), [job, count, "me", 60.0])
        assert len(cursor.fetchall()) == count
        cursor.execute(READ, [TABLE])
        return int(cursor.fetchone()[0] - before)


def a_large_job(project: Any, checkpoint: Any) -> int:
    job = enqueue.request_generation(project, checkpoint, per_prompt=1000)
    assert GenerationItem.objects.filter(job=job).count() == 6 * 1000
    return job.pk


def count_the_rows() -> None:
    """As the database does on its own now and then."""
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {TABLE}")


@pytest.mark.django_db
@pytest.mark.parametrize("count", [1, 16])
def test_a_large_job_after_another_isnt_read_whole_for_every_claim(count: int) -> None:
    """The statistics know the first job alone; of the second the planner expects no rows."""
    project = project_with_prompts(6)
    checkpoint = scripted(project)
    a_large_job(project, checkpoint)
    count_the_rows()
    job = a_large_job(project, checkpoint)
    assert rows_read_by_a_claim(job, count) <= 2 * count + PEEKS


@pytest.mark.django_db
@pytest.mark.parametrize("count", [1, 16])
def test_rows_that_are_done_arent_walked_past_by_every_claim(count: int) -> None:
    """The statistics know one job, all ready, so that any order of ids looks as good to them."""
    project = project_with_prompts(6)
    job = a_large_job(project, scripted(project))
    count_the_rows()
    left = list(GenerationItem.objects.values_list("pk", flat=True)[5000:])
    GenerationItem.objects.filter(pk__lt=left[0]).update(state="done")
    assert rows_read_by_a_claim(job, count) <= 2 * count + PEEKS


@pytest.mark.django_db
def test_claims_come_in_order_and_count_an_attempt() -> None:
    project = project_with_prompts(6)
    job = a_large_job(project, scripted(project))
    first = GenerationItem.objects.claim(job, worker="me", count=3, lease=timedelta(minutes=1))
    second = GenerationItem.objects.claim(job, worker="you", count=3, lease=timedelta(minutes=1))
    ids = list(GenerationItem.objects.filter(job=job).values_list("pk", flat=True)[:6])
    assert [item.pk for item in first + second] == ids
    assert {(item.worker, item.attempt, item.state) for item in first} == {("me", 1, "running")}
