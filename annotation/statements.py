"""Hand-written SQL for the few acts that run thousands of times an hour.

Building a query with the ORM and planning it anew costs more than running it. The statements of
serving and submitting are written out instead, and PostgreSQL prepares each once per connection
(`prepare_threshold` in the settings). Everything else about them is as with any other query:
Django's errors, its transactions, and its log of queries.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, Self, TypeVar
from weakref import WeakKeyDictionary

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.models import Field, Model
from django.db.models.base import ModelState
from django.db.models.expressions import DatabaseDefault

M = TypeVar("M", bound=Model)
Row = tuple[Any, ...]
FIRST_PLANS = 64
_run: WeakKeyDictionary[Any, int] = WeakKeyDictionary()  # statements per connection


def fetch(sql: str, parameters: Sequence[Any] | Mapping[str, Any]) -> list[Row]:
    """Run a statement with its parameters bound by the server; its rows."""
    wrapper = connections[DEFAULT_DB_ALIAS]
    wrapper.ensure_connection()
    _plan_anew_while_tables_grow(wrapper.connection)
    # Bound by the server, so that it can be prepared; Django's own cursors bind in the client.
    raw: Any = (_Logged if wrapper.queries_logged else psycopg.Cursor)(wrapper.connection)
    make: Any = wrapper.make_debug_cursor if wrapper.queries_logged else wrapper.make_cursor
    with make(raw) as cursor:
        cursor.execute(sql, parameters)
        rows: list[Row] = cursor.fetchall()
    return rows


def _plan_anew_while_tables_grow(raw: "psycopg.Connection[Any]") -> None:
    """Let a connection forget its plans after 64, 256, 1024, … statements.

    A plan that was made while a table had a page or two reads all of it; kept, it would go on so
    while the table grows, for the minute or more until autovacuum counts it anew.
    """
    run = _run[raw] = _run.get(raw, 0) + 1
    if run >= FIRST_PLANS and run & (run - 1) == 0 and run.bit_length() % 2:
        raw.execute("DISCARD PLANS")


class _Logged(psycopg.Cursor[Row]):
    """Keeps the statement for Django's log of queries, which a prepared one wouldn't."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        found = super().execute(query, params, **options)
        self._query = self._convert_query(query, params)
        return found


def one_statement() -> AbstractContextManager[Any]:
    """Around a single statement that may be refused: alone it is a transaction of its own."""
    return transaction.atomic() if connection.in_atomic_block else nullcontext()


class Columns(Generic[M]):
    """A model's columns in a hand-written SELECT, and the instance made of their values.

    All columns unless some are named; the rest are deferred, as with `only()`.
    """

    def __init__(self, model: type[M], alias: str, *names: str) -> None:
        self._model = model
        fields = [f for f in model._meta.concrete_fields if not names or f.attname in names]
        self.sql = ", ".join(f'{alias}."{field.column}"' for field in fields)
        self._names = [field.attname for field in fields]
        self._key = model._meta.pk.attname
        self._converted = [(f.attname, f) for f in fields if hasattr(f, "from_db_value")]

    @property
    def width(self) -> int:
        return len(self._names)

    def take(self, values: Iterator[Any]) -> M | None:
        """The instance made of the next values of a row; None where an outer join found nothing."""
        own = dict(zip(self._names, values, strict=False))  # and leaves the rest
        if own[self._key] is None:
            return None
        for name, field in self._converted:
            own[name] = field.from_db_value(own[name], None, connection)
        return self._made(own)

    def _made(self, values: dict[str, Any]) -> M:
        """What `Model.from_db` makes, without its signals, which nobody here listens to."""
        instance = self._model.__new__(self._model)
        instance.__dict__.update(values)
        instance._state = ModelState()
        instance._state.adding = False
        instance._state.db = DEFAULT_DB_ALIAS
        return instance

    def need(self, values: Iterator[Any]) -> M:
        """Like `take`, where an inner join makes sure that there is one."""
        found = self.take(values)
        assert found is not None, f"a {self._model.__name__} without its key"
        return found


def insert(instance: M) -> M:
    """Write a new row by one prepared statement; the key and what the database filled are read."""
    model = type(instance)
    filled = [
        field.attname
        for field in _fields(model)
        if isinstance(getattr(instance, field.attname), DatabaseDefault)
    ]
    plan = _inserting(model, tuple(filled))
    values = [
        field.get_db_prep_save(field.pre_save(instance, True), connection) for field in plan.given
    ]
    (row,) = fetch(plan.sql, values)
    for name, value in zip(plan.returned, row, strict=True):
        setattr(instance, name, value)
    instance._state.adding = False
    instance._state.db = connection.alias
    return instance


@dataclass(frozen=True, slots=True)
class _Plan:
    sql: str
    given: "tuple[Field[Any, Any], ...]"
    returned: tuple[str, ...]


@cache
def _fields(model: type[Model]) -> "tuple[Field[Any, Any], ...]":
    return tuple(field for field in model._meta.concrete_fields if not field.primary_key)


@cache
def _inserting(model: type[Model], filled: tuple[str, ...]) -> _Plan:
    """How to insert a row of which the database fills these columns, and its key."""
    given = tuple(field for field in _fields(model) if field.attname not in filled)
    columns = ", ".join(f'"{field.column}"' for field in given)
    places = ", ".join(["%s"] * len(given))
    key = model._meta.pk
    returned = [key, *(f for f in _fields(model) if f.attname in filled)]
    sql = (
        f'INSERT INTO "{model._meta.db_table}" ({columns}) '  # noqa: S608 - names of columns
        f"VALUES ({places}) RETURNING " + ", ".join(f'"{field.column}"' for field in returned)
    )
    return _Plan(sql, given, tuple(field.attname for field in returned))
