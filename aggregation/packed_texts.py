"""Texts of many rows: told apart by hashes, the distinct ones read once."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from django.db import models
from numpy.typing import NDArray
from psycopg import sql

from aggregation.packed_rows import Part, fetched, in_cells, sent, unsent

BETWEEN = "\t"  # parts of a text that is made up of several columns
NAMED_TEXTS = 4096  # distinct texts up to which each is asked for once, by a row that holds it


def read_texts(
    queryset: models.QuerySet[Any, Any], key: str, text: str, most: int
) -> tuple[NDArray[np.int64], list[str]]:
    """An integer column that is unique, ascending, and a text beside it, of a `values()` queryset
    that may have very many rows. `most` bytes are known not to be exceeded by the texts together.
    """
    inner, params = queryset.query.sql_with_params()
    keys, texts = all_texts((text,), Part(sql.SQL(inner), params, key, None, None), most)
    return keys, texts.to_pylist()


def coded(
    hashes: NDArray[np.int64],
    keys: Callable[[NDArray[np.int64]], NDArray[np.int64]],
    columns: Sequence[str],
    part: Part,
) -> tuple[NDArray[np.int32], list[str]]:
    """Codes into the distinct texts of a column, in order of their first rows; `keys` are those of
    rows.
    """
    encoded = _arrow(hashes).dictionary_encode()
    code: Any = np.from_dlpack(encoded.indices)  # to_numpy() would load pandas, too
    fresh = np.diff(np.maximum.accumulate(code), prepend=np.int32(-1)) > 0
    return code, _texts_at(keys(np.flatnonzero(fresh)), columns, part)


def _texts_at(place: NDArray[np.int64], columns: Sequence[str], part: Part) -> list[str]:
    """The texts of the rows at some places."""
    key = sql.Identifier(part.key)
    if len(place) <= NAMED_TEXTS:
        statement = sql.SQL("SELECT {}, {} FROM ({}) AS row WHERE {} = ANY({})")
        named = statement.format(key, _text(columns), part.rows, key, sql.Literal(place.tolist()))
        found = dict(fetched(named, part.params))
        return [found[each] for each in place.tolist()]
    at, texts = all_texts(columns, part)
    wanted: list[str] = texts.take(_arrow(np.searchsorted(at, place))).to_pylist()
    return wanted


def _text(columns: Sequence[str]) -> sql.Composable:
    parts = [sql.SQL("coalesce({}, '')").format(sql.Identifier(name)) for name in columns]
    return sql.SQL("concat_ws({}, {})").format(sql.Literal(BETWEEN), sql.SQL(", ").join(parts))


def all_texts(
    columns: Sequence[str], part: Part, most: int | None = None
) -> tuple[NDArray[np.int64], Any]:
    """(keys, ascending, and the texts beside them) of all rows; `most` bytes of texts, if known."""
    key, text = sql.Identifier(part.key), _text(columns)
    columns_sent = [
        sent(part.key, "int8", key, False),
        sql.SQL("string_agg(int8send(octet_length({})), ''::bytea)").format(text),
        sql.SQL("string_agg({}, '')").format(text),
    ]
    statement = in_cells(part, columns_sent, most)
    cells = [cell for cell in fetched(statement, part.params) if cell[0] is not None]
    if not cells:
        return np.zeros(0, dtype=np.int64), pa.array([], pa.large_string())
    keys, lengths, texts = zip(*cells, strict=True)
    at, size = unsent(b"".join(keys), "int8"), unsent(b"".join(lengths), "int8")
    ends = np.cumsum(np.concatenate([[0], size]))
    buffers = [None, pa.py_buffer(ends), pa.py_buffer("".join(texts).encode())]
    found = pa.Array.from_buffers(pa.large_string(), len(size), buffers)
    order = np.argsort(at, kind="stable")
    return at[order], found.take(_arrow(order))


def _arrow(values: NDArray[np.int64]) -> Any:
    """Whole numbers as an array of Arrow, whose own way would first load pandas if there is one."""
    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(values)])
