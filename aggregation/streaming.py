"""Reading many rows in bounded memory: as lists of rows, or as columns that numpy takes over."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from django.db import connection, models
from numpy.typing import NDArray
from psycopg import Cursor, sql

CHUNK = 10_000  # rows per fetch
BLOCK = 1 << 16  # values of the leading order column per packed row
AT_ONCE = 1 << 20  # rows per statement, about 60 bytes each in memory


def stream(queryset: models.QuerySet[Any, Any]) -> Iterator[list[Any]]:
    """The rows of a `values_list` in lists of CHUNK, by a server-side cursor: constant memory.

    All rows come from one statement, so from one state of the database. Outside a transaction the
    cursor is held open over commits, so that its reader can note progress meanwhile.
    """
    text, params = queryset.query.sql_with_params()
    with connection.cursor() as settings:  # plan for all rows, not for the first tenth of them
        settings.execute("SET cursor_tuple_fraction = 1")
    with connection.chunked_cursor() as cursor:
        cursor.execute(text, params)
        while rows := cursor.fetchmany(CHUNK):
            yield rows


@dataclass(frozen=True)
class Columns:
    """Some rows as columns: whole numbers, numbers, and texts as codes into their distinct
    values.
    """

    integers: dict[str, NDArray[np.int64]]
    floats: dict[str, NDArray[np.float64]]
    texts: dict[str, tuple[NDArray[np.int64], list[str]]]


def stream_columns(
    queryset: models.QuerySet[Any, Any],
    *,
    order: Sequence[str],
    integers: Sequence[str],
    floats: Sequence[str] = (),
    texts: Sequence[str] = (),
    at_most: int | None = None,
) -> Iterator[Columns]:
    """The rows of a `values()` queryset, ascending by the integer columns `order`, in blocks.

    The database packs whole blocks of rows into byte strings, which costs a fraction of sending
    them row by row, and may use all its workers. NULL arrives as 0, NaN or "". Texts must not hold
    line breaks (JSON and slugs never do). A reading of more than AT_ONCE rows is split into several
    statements, so the rows must not change meanwhile: the log up to a mark, placements.
    `at_most` is a number of rows known beforehand not to be exceeded; it spares the counting.
    """
    inner, params = queryset.query.sql_with_params()
    rows = sql.SQL(inner)
    for low, high in _ranges(rows, params, order[0], at_most):
        packed = _packed(rows, order[0], integers, floats, texts, low, high)
        for block in _fetched(packed, params):
            yield _unpacked(block[1:], order, integers, floats, texts)


def _ranges(
    rows: sql.SQL, params: Any, leading: str, at_most: int | None
) -> list[tuple[int | None, int | None]]:
    """Ranges (above, up to) of the leading column with about AT_ONCE rows each."""
    if at_most is not None and at_most <= AT_ONCE:
        return [(None, None)]
    with connection.cursor() as cursor:
        counting = sql.SQL("SELECT count(*) FROM ({}) AS counted").format(rows)
        cursor.execute(counting.as_string(cursor.cursor), params)
        parts = -(-int(cursor.fetchone()[0]) // AT_ONCE)
        if parts <= 1:
            return [(None, None)]
        cutting = sql.SQL(
            "SELECT percentile_disc({}::float8[]) WITHIN GROUP (ORDER BY {}) FROM ({}) AS cut"
        ).format([part / parts for part in range(1, parts)], sql.Identifier(leading), rows)
        cursor.execute(cutting.as_string(cursor.cursor), params)
        cuts = sorted(set(cursor.fetchone()[0]))
    return list(pairwise([None, *cuts, None]))


def _fetched(statement: sql.Composed, params: Any) -> list[tuple[Any, ...]]:
    """All rows in binary form, which the cursors of Django can't ask for."""
    with connection.cursor() as cursor:
        text = cursor.cursor.mogrify(statement, params)
        with connection.wrap_database_errors, Cursor(connection.connection) as plain:
            return plain.execute(text, binary=True).fetchall()


def _packed(
    rows: sql.SQL,
    leading: str,
    integers: Sequence[str],
    floats: Sequence[str],
    texts: Sequence[str],
    low: int | None,
    high: int | None,
) -> sql.Composed:
    parts = [
        *(
            _sent("string_agg(int8send(coalesce({}, 0)::int8), ''::bytea)", name)
            for name in integers
        ),
        *(_sent("string_agg(float8send(coalesce({}, 'NaN')), ''::bytea)", name) for name in floats),
        *(_sent("string_agg(coalesce({}, ''), E'\\n')", name) for name in texts),
    ]
    key = sql.Identifier(leading)
    bounds: list[sql.Composable] = [sql.SQL("TRUE")]
    if low is not None:
        bounds.append(sql.SQL("{} > {}").format(key, sql.Literal(low)))
    if high is not None:
        bounds.append(sql.SQL("{} <= {}").format(key, sql.Literal(high)))
    return sql.SQL("SELECT {} / {}, {} FROM ({}) AS row WHERE {} GROUP BY 1 ORDER BY 1").format(
        key,
        sql.Literal(BLOCK),
        sql.SQL(", ").join(parts),
        rows,
        sql.SQL(" AND ").join(bounds),
    )


def _sent(form: str, name: str) -> sql.Composed:
    return sql.SQL(form).format(sql.Identifier(name))


def _unpacked(
    block: Sequence[Any],
    order: Sequence[str],
    integers: Sequence[str],
    floats: Sequence[str],
    texts: Sequence[str],
) -> Columns:
    cells = iter(block)
    whole = {name: np.frombuffer(next(cells), ">i8").astype(np.int64) for name in integers}
    real = {name: np.frombuffer(next(cells), ">f8").astype(np.float64) for name in floats}
    place = np.lexsort([whole[name] for name in reversed(order)])
    said = {}
    for name in texts:
        encoded = pa.array(next(cells).split("\n")).dictionary_encode()
        codes = encoded.indices.to_numpy().astype(np.int64)[place]
        said[name] = (codes, encoded.dictionary.to_pylist())
    return Columns(
        {name: column[place] for name, column in whole.items()},
        {name: column[place] for name, column in real.items()},
        said,
    )
