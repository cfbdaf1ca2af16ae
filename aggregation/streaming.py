"""Reading many rows in bounded memory: as lists of rows, or as columns that numpy takes over."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from django.db import connection, models
from psycopg import sql

from aggregation.packed_rows import Part, Shape, fetched, packed
from aggregation.unpacked_rows import Columns, Unpacked

__all__ = ["Columns", "stream", "stream_columns"]

CHUNK = 10_000  # rows per fetch
BLOCK = 1 << 16  # rows per block
AT_ONCE = 1 << 20  # rows per statement, about 60 bytes each in memory
NO_TEXTS: Mapping[str, Sequence[str]] = MappingProxyType({})
NO_BOUNDS: Mapping[str, int] = MappingProxyType({})


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


def stream_columns(
    queryset: models.QuerySet[Any, Any],
    *,
    order: Sequence[str],
    integers: Sequence[str],
    floats: Sequence[str] = (),
    texts: Mapping[str, Sequence[str]] = NO_TEXTS,
    rare: Sequence[str] = (),
    within: Mapping[str, int] = NO_BOUNDS,
    at_most: int | None = None,
) -> Iterator[Columns]:
    """The rows of a `values()` queryset, ascending by the integer columns `order`, in blocks.

    The database packs the rows into a few byte strings, which costs a fraction of sending them row
    by row, and may use all its workers. NULL arrives as 0, NaN or "". Columns that are also named
    in `rare` are mostly NULL and are sent only where they are not. With them or with texts, `order`
    is one unique column. `within` says of integer columns that no row has a negative number or one
    above the value given, not even a row that comes meanwhile: several such columns are sent as one
    number. `texts` names texts by the columns that make them up, with BETWEEN in between. They are
    told apart by a hash of 64 bits whose seed is drawn for every reading, so that nobody can
    prepare two that look the same, and the distinct ones are read afterwards. A reading takes
    several statements, so the rows must not change meanwhile: the log up to a mark, placements.
    `at_most` is a number of rows known beforehand not to be exceeded; it spares the counting.
    """
    inner, params = queryset.query.sql_with_params()
    selected = sql.SQL(inner)
    shape = Shape(tuple(order), tuple(integers), tuple(floats), texts, frozenset(rare), within)
    seed = secrets.randbits(63)
    for low, high in _ranges(selected, params, order[0], at_most):
        part = Part(selected, params, order[0], low, high)
        rows = _unpacked(part, shape, seed)
        if rows is not None:
            yield from rows.blocks(BLOCK)


def _unpacked(part: Part, shape: Shape, seed: int) -> Unpacked | None:
    """The rows of a statement; what was sent is let go."""
    (cell,) = fetched(packed(part, shape, seed), part.params)
    return Unpacked.of(cell, part, shape)


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
