"""Claims read a job's rows in the order of their index, whatever the planner knows of the job."""

from django.db import migrations

# A planner that has not counted a new job takes it for a small one, and would read and sort all its
# rows for each claim; one that has may walk the primary key past every row that is done. Only the
# index of ready rows has the order (job, id) that is asked for here, and sorting is switched off.
CLAIM = """
CREATE FUNCTION models_runtime_claim(
    kind anyelement, of_job bigint, most integer, by_worker text, seconds double precision
) RETURNS SETOF anyelement LANGUAGE plpgsql
SET enable_sort = off SET enable_incremental_sort = off AS $$
BEGIN
    RETURN QUERY EXECUTE format($claim$
        WITH picked AS (
            SELECT id FROM %1$s
            WHERE job_id BETWEEN $1 AND $1 AND state = 'ready'
              AND (not_before IS NULL OR not_before <= statement_timestamp())
            ORDER BY job_id, id LIMIT $2 FOR UPDATE SKIP LOCKED
        )
        UPDATE %1$s item
        SET state = 'running', worker = $3, attempt = attempt + 1, not_before = NULL,
            lease_until = statement_timestamp() + make_interval(secs => $4)
        FROM picked WHERE item.id = picked.id
        RETURNING item.*
    $claim$, pg_typeof(kind)) USING of_job, most, by_worker, seconds;
END $$;
"""
REVERSE = "DROP FUNCTION models_runtime_claim(anyelement, bigint, integer, text, double precision);"


class Migration(migrations.Migration):
    dependencies = [("models_runtime", "0013_counted_embeddings")]

    operations = [migrations.RunSQL(CLAIM, reverse_sql=REVERSE)]
