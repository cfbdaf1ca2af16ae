"""Reading many rows in constant memory."""

from collections.abc import Iterator
from typing import Any

from django.db import connection, models

CHUNK = 10_000  # rows per fetch


def stream(queryset: models.QuerySet[Any, Any]) -> Iterator[list[Any]]:
    """The rows of a `values_list` in lists of CHUNK, by a server-side cursor: constant memory.

    All rows come from one statement, so from one state of the database. Outside a transaction the
    cursor is held open over commits, so that its reader can note progress meanwhile.
    """
    sql, params = queryset.query.sql_with_params()
    with connection.cursor() as settings:  # plan for all rows, not for the first tenth of them
        settings.execute("SET cursor_tuple_fraction = 1")
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, params)
        while rows := cursor.fetchmany(CHUNK):
            yield rows
