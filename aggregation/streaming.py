"""Reading many rows in bounded memory: as lists of rows, or as columns that numpy takes over."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np
from django.db import connection, models
from numpy.typing import NDArray
from psycopg import sql

from aggregation.packed_rows import Part, Shape, Word, fetched, packed, unsent
from aggregation.packed_texts import coded

CHUNK = 10_000  # rows per fetch
BLOCK = 1 << 16  # rows per block
AT_ONCE = 1 << 20  # rows per statement, about 60 bytes each in memory
FEW_TEXTS = 1024  # distinct texts of a statement that each of its blocks may carry whole
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


@dataclass(frozen=True)
class Columns:
    """Some rows as columns: whole numbers, numbers, and texts as codes into their distinct
    values.
    """

    integers: dict[str, NDArray[np.int64]]
    floats: dict[str, NDArray[np.float64]]
    texts: dict[str, tuple[NDArray[np.int64], list[str]]]

    def rows(self, kept: NDArray[np.bool_]) -> "Columns":
        """Some of the rows."""
        if kept.all():
            return self
        return Columns(
            {name: column[kept] for name, column in self.integers.items()},
            {name: column[kept] for name, column in self.floats.items()},
            {name: (code[kept], texts) for name, (code, texts) in self.texts.items()},
        )


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
    is one unique column. `within` gives integer columns that are never negative a value above which
    rows are left out: several such columns are sent as one number. `texts` names texts by the
    columns that make them up, with BETWEEN in between. They are told apart by a hash of 64 bits
    whose seed is drawn for every reading, so that nobody can prepare two that look the same, and
    the distinct ones are read afterwards. A reading takes several statements, so the rows must not
    change meanwhile: the log up to a mark, placements. `at_most` is a number of rows known
    beforehand not to be exceeded; it spares the counting.
    """
    inner, params = queryset.query.sql_with_params()
    rows = sql.SQL(inner)
    shape = Shape(tuple(order), tuple(integers), tuple(floats), texts, frozenset(rare), within)
    seed = secrets.randbits(63)
    for low, high in _ranges(rows, params, order[0], at_most):
        part = Part(rows, params, order[0], low, high)
        whole = _unpacked(fetched(packed(part, shape, seed), params), shape)
        if whole is not None:
            yield from _blocks(_with_texts(whole, part, shape))


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


def _unpacked(cells: Sequence[Sequence[Any]], shape: Shape) -> Columns | None:
    """All rows of a statement in their order, texts as hashes; None without any."""
    (cell,) = cells
    if all(column is None for column in cell):
        return None
    sent = iter(cell)
    numbers = [(name, kind, next(sent)) for name, kind in shape.numbers]
    words = [(word, unsent(next(sent), "int8")) for word in shape.words]
    dense: dict[str, Any] = {
        name: unsent(column, kind) for name, kind, column in numbers if name not in shape.rare
    }
    place = _ascending(shape, dense, words)
    dense = {name: column[place] for name, column in dense.items()}
    for word, column in words:
        dense.update(word.parted(column[place]))
    for name, kind, column in numbers:
        if name in shape.rare:
            dense[name] = _spread(column, kind, dense[shape.order[0]])
    texts: dict[str, tuple[NDArray[np.int64], list[str]]] = {
        name: (unsent(hashes, "int8")[place], [])
        for name, hashes in zip(shape.texts, sent, strict=True)
    }
    return Columns(
        {name: dense[name] for name in shape.integers},
        {name: dense[name] for name in shape.floats},
        texts,
    )


def _ascending(
    shape: Shape, dense: Mapping[str, Any], words: Sequence[tuple[Word, NDArray[np.int64]]]
) -> NDArray[np.int64]:
    """Places of the rows in their order."""
    keys = dict(dense)
    for word, column in words:
        keys |= {name: values for name, values in word.parted(column) if name in shape.order}
    return np.lexsort([keys[name] for name in reversed(shape.order)])


def _spread(sent: bytes | None, kind: str, key: NDArray[np.int64]) -> NDArray[Any]:
    """A column of which only (key, value) pairs were sent."""
    column = np.zeros(len(key), "i8") if kind == "int8" else np.full(len(key), np.nan)
    if sent is not None:
        pairs = np.frombuffer(sent, [("key", ">i8"), ("value", f">{kind[0]}8")])
        column[np.searchsorted(key, pairs["key"])] = pairs["value"]
    return column


def _with_texts(whole: Columns, part: Part, shape: Shape) -> Columns:
    """The same rows, with codes into the distinct texts where there were hashes."""
    place = whole.integers[shape.order[0]]
    texts = {
        name: coded(hashes, place, shape.texts[name], part)
        for name, (hashes, _) in whole.texts.items()
    }
    return replace(whole, texts=texts)


def _blocks(whole: Columns) -> Iterator[Columns]:
    """The same rows, BLOCK at a time."""
    length = len(next(iter(whole.integers.values())))
    for start in range(0, length, BLOCK):
        part = slice(start, start + BLOCK)
        yield Columns(
            {name: column[part] for name, column in whole.integers.items()},
            {name: column[part] for name, column in whole.floats.items()},
            {name: _few(codes[part], texts) for name, (codes, texts) in whole.texts.items()},
        )


def _few(codes: NDArray[np.int64], texts: list[str]) -> tuple[NDArray[np.int64], list[str]]:
    """The same texts without those that don't occur here, where they are many."""
    if len(texts) <= FEW_TEXTS:
        return codes, texts
    used, compact = np.unique(codes, return_inverse=True)
    return compact, [texts[code] for code in used.tolist()]
