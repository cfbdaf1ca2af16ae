"""The judgment log's mark: a position up to which everything is committed and visible.

Positions are given by a trigger while it holds a shared advisory lock until its transaction ends.
`mark` takes the same lock exclusively, so it waits for every writer that already holds a position
before it looks. Nothing at or below the mark can appear later. Without this, a
judgment that took its number early and committed late would slip into a rebuilt aggregate.
"""

from django.db import OperationalError, connection, transaction
from django.db.models import Max
from psycopg.errors import LockNotAvailable

from annotation.errors import LogBusy
from annotation.models import Judgment, Project

PATIENCE = "2s"
LOCK_SPACE = 7_401  # first key of the advisory lock; the second is the project's id


def mark(project: Project) -> int:
    """The highest log position of `project` below which nothing can change any more, 0 without any.

    Waits for judgments that are being committed right now, usually for milliseconds. Raises LogBusy
    while a large import is writing, so that judging never queues behind a waiting reader for long.
    """
    return newest(project, up_to=settled(project))


def newest(project: Project, *, up_to: int | None = None) -> int:
    """The highest position that is visible now, without waiting: for previews, not for marks."""
    judgments = Judgment.objects.filter(question__project=project)
    if up_to is not None:
        judgments = judgments.filter(position__lte=up_to)
    return int(judgments.aggregate(highest=Max("position"))["highest"] or 0)


def settled(project: Project) -> int:
    """A position up to which every judgment of `project` is committed and visible.

    For readers that follow the log page by page. Unlike `mark` it costs one statement whatever the
    log's length, and may lie above the project's own last position. The sequence is read first and
    the lock waited for afterwards, so whoever holds a position at or below it has finished by then.
    Judgments that arrive wait behind a waiting reader, so it waits for PATIENCE at most and then
    raises LogBusy: a large import is writing.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT last_value - (NOT is_called)::int, set_config('lock_timeout', %s, true), "
                "pg_advisory_xact_lock(%s, %s), set_config('lock_timeout', '0', true) "
                "FROM annotation_judgment_position",
                [PATIENCE, LOCK_SPACE, project.pk],
            )
            return int(cursor.fetchone()[0])
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            raise LogBusy from error
        raise
