"""Claims of a large job read its rows in order from their index, whatever the planner knows."""

import pytest
from django.db import connection

from models_runtime import enqueue
from models_runtime.models import GenerationItem
from models_runtime.models.items import CLAIM
from tests.models_runtime.worlds import project_with_prompts, scripted


def plan_of_a_claim(job: int) -> str:
    statement = CLAIM.format(table=GenerationItem._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statement}", [job, 16, "me", 60])
        return "\n".join(line for (line,) in cursor.fetchall())


@pytest.mark.django_db
def test_a_large_job_after_another_isnt_sorted_for_every_claim() -> None:
    """The statistics know the first job alone; of the second the planner would expect no rows."""
    project = project_with_prompts(6)
    checkpoint = scripted(project)
    enqueue.request_generation(project, checkpoint, per_prompt=1000)
    with connection.cursor() as cursor:
        cursor.execute(
            f"ANALYZE {GenerationItem._meta.db_table}"
        )  # as the database does now and then
    job = enqueue.request_generation(project, checkpoint, per_prompt=1000)
    assert GenerationItem.objects.filter(job=job).count() == 6 * 1000
    plan = plan_of_a_claim(job.pk)
    assert "Index Scan using generationitem_ready" in plan
    assert "Sort" not in plan
