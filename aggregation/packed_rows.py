"""Many rows as a few byte strings: for the database a fraction of the work of sending each row."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray
from psycopg import Cursor, sql

CELLS = 4  # texts are packed into 2 ** CELLS cells, none of which may exceed 1 GB
ONE_CELL = 1 << 29  # bytes of texts that surely fit into one
WORD = 63  # bits of a whole number that its sign leaves
MEMORY = "128MB"  # for a statement to keep its cells in memory; more than four times what they take


@dataclass(frozen=True)
class Word:
    """Small whole numbers side by side in one: (column, bits), the first in the highest bits."""

    parts: tuple[tuple[str, int], ...]

    def sent(self) -> sql.Composable:
        """A column of words as one byte string."""
        number = sql.SQL("(coalesce({}, 0)::int8 << {})")
        shifted = [
            number.format(sql.Identifier(name), sql.Literal(shift))
            for name, _, shift in self._placed()
        ]
        return sql.SQL("string_agg(int8send({}), ''::bytea)").format(sql.SQL(" | ").join(shifted))

    def parted(self, words: NDArray[np.int64]) -> Iterator[tuple[str, NDArray[np.int64]]]:
        """The columns of which words were made, by name."""
        for name, bits, shift in self._placed():
            column = words >> shift
            column &= (1 << bits) - 1
            yield name, column

    def sorts(self, order: Sequence[str]) -> bool:
        """Whether words ascend as this order does, whose columns no two rows have alike."""
        return [name for name, _ in self.parts[: len(order)]] == list(order)

    def _placed(self) -> Iterator[tuple[str, int, int]]:
        shift = sum(bits for _, bits in self.parts)
        for name, bits in self.parts:
            shift -= bits
            yield name, bits, shift


@dataclass(frozen=True)
class Shape:
    """Names of the columns to read, by kind. `rare` repeats names of integers and floats, and so
    does `within`, with a value that an integer column doesn't exceed, nor is it ever negative.
    """

    order: tuple[str, ...]
    integers: tuple[str, ...]
    floats: tuple[str, ...]
    texts: Mapping[str, Sequence[str]]
    rare: frozenset[str]
    within: Mapping[str, int]

    @property
    def numbers(self) -> tuple[tuple[str, str], ...]:
        """(name, kind) of the integers and floats that are sent by themselves; the kind is the
        suffix of numpy's and PostgreSQL's types.
        """
        alone = (name for name in self.integers if name not in self.within)
        return (*((name, "int8") for name in alone), *((name, "float8") for name in self.floats))

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """As few words as hold the columns of known size, in their order."""
        found: list[list[tuple[str, int]]] = []
        for name, most in self.within.items():
            bits = max(most.bit_length(), 1)
            if not found or sum(taken for _, taken in found[-1]) + bits > WORD:
                found.append([])
            found[-1].append((name, bits))
        return tuple(Word(tuple(parts)) for parts in found)


@dataclass(frozen=True)
class Part:
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


def fetched(statement: sql.Composed, params: Any) -> list[tuple[Any, ...]]:
    """All rows in binary form, which the cursors of Django can't ask for."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('work_mem'), set_config('work_mem', %s, true)", [MEMORY]
        )
        before, _ = cursor.fetchone()
        text = cursor.cursor.mogrify(statement, params)
        with connection.wrap_database_errors, Cursor(connection.connection) as plain:
            rows = plain.execute(text, binary=True).fetchall()
        cursor.execute("SELECT set_config('work_mem', %s, true)", [before])
    return rows


def packed(part: Part, shape: Shape, seed: int) -> sql.Composed:
    """One statement that aggregates rows, in no order, into byte strings; of texts their hashes."""
    key = sql.Identifier(shape.order[0])
    columns: list[sql.Composable] = [
        sent(name, kind, key, name in shape.rare) for name, kind in shape.numbers
    ]
    columns += [word.sent() for word in shape.words]
    columns += [
        sql.SQL("string_agg(int8send({}), ''::bytea)").format(_hash(made_of, seed))
        for made_of in shape.texts.values()
    ]
    return sql.SQL("SELECT {} FROM ({}) AS row WHERE {}").format(
        sql.SQL(", ").join(columns), part.rows, part.condition()
    )


def _hash(columns: Sequence[str], seed: int) -> sql.Composable:
    """A hash of several texts: that of each seeds the next one's."""
    found: sql.Composable = sql.Literal(seed)
    for name in columns:
        found = sql.SQL("hashtextextended(coalesce({}, ''), {})").format(
            sql.Identifier(name), found
        )
    return found


def in_cells(part: Part, columns: Sequence[sql.Composable], most: int | None) -> sql.Composed:
    """A statement that aggregates rows in several cells, for texts may be long: in one where they
    have `most` bytes together and those fit.

    Grouped by truth values of the leading column's last bits, of which the planner knows that they
    make few groups: so it hashes where it would otherwise sort all rows.
    """
    if most is not None and most <= ONE_CELL:
        one = sql.SQL("SELECT {} FROM ({}) AS row WHERE {}")
        return one.format(sql.SQL(", ").join(columns), part.rows, part.condition())
    key = sql.Identifier(part.key)
    bits = [sql.SQL("({} & {}) <> 0").format(key, sql.Literal(1 << bit)) for bit in range(CELLS)]
    return sql.SQL("SELECT {} FROM ({}) AS row WHERE {} GROUP BY {}").format(
        sql.SQL(", ").join(columns), part.rows, part.condition(), sql.SQL(", ").join(bits)
    )


def sent(name: str, kind: str, key: sql.Identifier, rare: bool) -> sql.Composed:
    """A column as one byte string; of a rare one only the values, each behind its key."""
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


def unsent(column: bytes, kind: str) -> NDArray[Any]:
    """The numbers of a column that was sent."""
    return np.frombuffer(column, f">{kind[0]}8").astype(f"{kind[0]}8")
