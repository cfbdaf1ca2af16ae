"""Reading many rows in bounded memory: as lists of rows, or as columns that numpy takes over."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from django.db import connection, models, transaction
from numpy.typing import NDArray
from psycopg import Cursor, sql

CHUNK = 10_000  # rows per fetch
BLOCK = 1 << 16  # rows per block
AT_ONCE = 1 << 20  # rows per statement, about 60 bytes each in memory
CELLS = 4  # a statement packs its rows into 2 ** CELLS cells, none of which may exceed 1 GB
FEW_TEXTS = 1024  # distinct texts of a statement that each of its blocks may carry whole
NAMED_TEXTS = 4096  # distinct texts up to which each is asked for once, by a row that holds it
MEMORY = "128MB"  # for a statement to keep its cells in memory; more than four times what they take


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
    rare: Sequence[str] = (),
    at_most: int | None = None,
) -> Iterator[Columns]:
    """The rows of a `values()` queryset, ascending by the integer columns `order`, in blocks.

    The database packs the rows into a few byte strings, which costs a fraction of sending them row
    by row, and may use all its workers. NULL arrives as 0, NaN or "". Columns that are also named
    in `rare` are mostly NULL and are sent only where they are not; `order` is one unique column
    then. Texts must not hold line breaks (JSON and slugs never do). A reading of more than AT_ONCE
    rows is split into several statements, so the rows must not change meanwhile: the log up to a
    mark, placements. `at_most` is a number of rows known beforehand not to be exceeded; it spares
    the counting.
    """
    inner, params = queryset.query.sql_with_params()
    rows = sql.SQL(inner)
    shape = _Shape(tuple(order), tuple(integers), tuple(floats), tuple(texts), frozenset(rare))
    seed = secrets.randbits(63)
    for low, high in _ranges(rows, params, order[0], at_most):
        part = _Part(rows, params, order[0], low, high)
        whole = _unpacked(_fetched(_packed(part, shape, seed), params), shape)
        if whole is not None:
            yield from _blocks(_with_texts(whole, part, shape))


def read_texts(
    queryset: models.QuerySet[Any, Any], key: str, text: str
) -> tuple[NDArray[np.int64], list[str]]:
    """An integer column that is unique, ascending, and a text beside it, of a `values()` queryset
    that may have very many rows.
    """
    inner, params = queryset.query.sql_with_params()
    keys, texts = _all_texts(text, _Part(sql.SQL(inner), params, key, None, None))
    return keys, texts.to_pylist()


@dataclass(frozen=True)
class _Shape:
    """Names of the columns to read, by kind; `rare` repeats names of integers and floats."""

    order: tuple[str, ...]
    integers: tuple[str, ...]
    floats: tuple[str, ...]
    texts: tuple[str, ...]
    rare: frozenset[str]

    @property
    def numbers(self) -> tuple[tuple[str, str], ...]:
        """(name, kind) of the integers and floats; the kind is the suffix of numpy's and
        PostgreSQL's types.
        """
        return (
            *((name, "int8") for name in self.integers),
            *((name, "float8") for name in self.floats),
        )


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
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('work_mem', %s, true)", [MEMORY])
        text = cursor.cursor.mogrify(statement, params)
        with connection.wrap_database_errors, Cursor(connection.connection) as plain:
            return plain.execute(text, binary=True).fetchall()


@dataclass(frozen=True)
class _Part:
    """The rows of one statement: those whose column `key` is above `low` and up to `high`."""

    rows: sql.SQL
    params: Any
    key: str
    low: int | None
    high: int | None

    def condition(self) -> sql.Composable:
        key = sql.Identifier(self.key)
        bounds: list[sql.Composable] = [sql.SQL("TRUE")]
        if self.low is not None:
            bounds.append(sql.SQL("{} > {}").format(key, sql.Literal(self.low)))
        if self.high is not None:
            bounds.append(sql.SQL("{} <= {}").format(key, sql.Literal(self.high)))
        return sql.SQL(" AND ").join(bounds)


def _packed(part: _Part, shape: _Shape, seed: int) -> sql.Composed:
    """One statement that aggregates rows, in no order, into byte strings; of texts their hashes.

    Grouped by truth values of the leading column's last bits, of which the planner knows that they
    make few groups: so it hashes where it would otherwise sort all rows.
    """
    key = sql.Identifier(shape.order[0])
    sent = [_sent(name, kind, key, name in shape.rare) for name, kind in shape.numbers]
    hashed = "string_agg(int8send(hashtextextended(coalesce({}, ''), {})), ''::bytea)"
    sent += [
        sql.SQL(hashed).format(sql.Identifier(name), sql.Literal(seed)) for name in shape.texts
    ]
    return _in_cells(part, key, sent)


def _in_cells(part: _Part, key: sql.Identifier, sent: Sequence[sql.Composable]) -> sql.Composed:
    bits = [sql.SQL("({} & {}) <> 0").format(key, sql.Literal(1 << bit)) for bit in range(CELLS)]
    return sql.SQL("SELECT {} FROM ({}) AS row WHERE {} GROUP BY {}").format(
        sql.SQL(", ").join(sent), part.rows, part.condition(), sql.SQL(", ").join(bits)
    )


def _sent(name: str, kind: str, key: sql.Identifier, rare: bool) -> sql.Composed:
    column = sql.Identifier(name)
    send = sql.Identifier(f"{kind}send")
    if rare:
        form = (
            "string_agg(int8send({key}::int8) || {send}({column}), ''::bytea) "
            "FILTER (WHERE {column} IS NOT NULL)"
        )
    elif kind == "int8":
        form = "string_agg({send}(coalesce({column}, 0)::int8), ''::bytea)"
    else:
        form = "string_agg({send}(coalesce({column}, 'NaN')), ''::bytea)"
    return sql.SQL(form).format(key=key, send=send, column=column)


def _unpacked(cells: Sequence[Sequence[Any]], shape: _Shape) -> Columns | None:
    """All rows of a statement in their order; None without any."""
    if not cells:
        return None
    packed = list(zip(*cells, strict=True))
    numbers = dict(zip((name for name, _ in shape.numbers), packed, strict=False))
    dense: dict[str, Any] = {
        name: _joined(numbers[name], kind) for name, kind in shape.numbers if name not in shape.rare
    }
    place = np.lexsort([dense[name] for name in reversed(shape.order)])
    dense = {name: column[place] for name, column in dense.items()}
    for name, kind in shape.numbers:
        if name in shape.rare:
            dense[name] = _spread(numbers[name], kind, dense[shape.order[0]])
    texts: dict[str, tuple[NDArray[np.int64], list[str]]] = {
        name: (_joined(parts, "int8")[place], [])
        for name, parts in zip(shape.texts, packed[len(numbers) :], strict=True)
    }
    return Columns(
        {name: dense[name] for name in shape.integers},
        {name: dense[name] for name in shape.floats},
        texts,
    )


def _joined(parts: Sequence[bytes], kind: str) -> NDArray[Any]:
    return np.frombuffer(b"".join(parts), f">{kind[0]}8").astype(f"{kind[0]}8")


def _spread(parts: Sequence[bytes | None], kind: str, key: NDArray[np.int64]) -> NDArray[Any]:
    """A column of which only (key, value) pairs were sent."""
    column = np.zeros(len(key), "i8") if kind == "int8" else np.full(len(key), np.nan)
    pairs = np.frombuffer(
        b"".join(part for part in parts if part is not None),
        [("key", ">i8"), ("value", f">{kind[0]}8")],
    )
    column[np.searchsorted(key, pairs["key"])] = pairs["value"]
    return column


def _with_texts(whole: Columns, part: _Part, shape: _Shape) -> Columns:
    """The same rows, with codes into the distinct texts where there were hashes."""
    place = whole.integers[shape.order[0]]
    texts = {name: _coded(name, hashes, place, part) for name, (hashes, _) in whole.texts.items()}
    return replace(whole, texts=texts)


def _coded(
    name: str, hashes: NDArray[np.int64], place: NDArray[np.int64], part: _Part
) -> tuple[NDArray[np.int64], list[str]]:
    """Codes into the distinct texts of a column, in order of their first rows."""
    encoded = _arrow(hashes).dictionary_encode()
    code = np.from_dlpack(encoded.indices).astype(np.int64)  # to_numpy() would load pandas, too
    first = np.zeros(len(encoded.dictionary), dtype=np.int64)
    first[code[::-1]] = place[::-1]  # of the places of a text, the last one written here stays
    return code, _texts_at(name, first, part)


def _texts_at(name: str, place: NDArray[np.int64], part: _Part) -> list[str]:
    """The texts of the rows at some places."""
    key, text = sql.Identifier(part.key), sql.Identifier(name)
    if len(place) <= NAMED_TEXTS:
        statement = sql.SQL("SELECT {}, coalesce({}, '') FROM ({}) AS row WHERE {} = ANY({})")
        named = statement.format(key, text, part.rows, key, sql.Literal(place.tolist()))
        found = dict(_fetched(named, part.params))
        return [found[each] for each in place.tolist()]
    at, texts = _all_texts(name, part)
    wanted: list[str] = texts.take(_arrow(np.searchsorted(at, place))).to_pylist()
    return wanted


def _all_texts(name: str, part: _Part) -> tuple[NDArray[np.int64], Any]:
    """(keys, ascending, and the texts beside them) of all rows."""
    key, text = sql.Identifier(part.key), sql.Identifier(name)
    sent = [
        _sent(part.key, "int8", key, False),
        sql.SQL("string_agg(int8send(octet_length(coalesce({}, ''))), ''::bytea)").format(text),
        sql.SQL("string_agg(coalesce({}, ''), '')").format(text),
    ]
    cells = _fetched(_in_cells(part, key, sent), part.params)
    if not cells:
        return np.zeros(0, dtype=np.int64), pa.array([], pa.large_string())
    keys, lengths, texts = zip(*cells, strict=True)
    ends = np.cumsum(np.concatenate([[0], _joined(lengths, "int8")]))
    buffers = [None, pa.py_buffer(ends), pa.py_buffer("".join(texts).encode())]
    found = pa.Array.from_buffers(pa.large_string(), len(ends) - 1, buffers)
    at = _joined(keys, "int8")
    order = np.argsort(at, kind="stable")
    return at[order], found.take(_arrow(order))


def _arrow(values: NDArray[np.int64]) -> Any:
    """Whole numbers as an array of Arrow, whose own way would first load pandas if there is one."""
    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(values)])


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
