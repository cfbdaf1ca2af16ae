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

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.models import Field, JSONField, Model
from django.db.models.base import ModelState
from django.db.models.expressions import DatabaseDefault
from psycopg.types.datetime import TimestamptzLoader

M = TypeVar("M", bound=Model)
Row = tuple[Any, ...]
FIRST_PLANS = 64
KEPT = "_polyphony_statements"


def fetch(sql: str, parameters: Sequence[Any] | Mapping[str, Any]) -> list[Row]:
    """Run a statement with its parameters bound by the server; its rows."""
    wrapper = connections[DEFAULT_DB_ALIAS]
    wrapper.ensure_connection()
    raw: Any = wrapper.connection
    kept: _Kept = vars(raw).get(KEPT) or vars(raw).setdefault(KEPT, _Kept(raw))
    with wrapper.wrap_database_errors:
        kept.plan_anew_while_tables_grow()
        if not (wrapper.queries_logged or wrapper.execute_wrappers):
            wrapper.validate_no_broken_transaction()
            return kept.cursor(sql).execute(sql, parameters).fetchall()
    return _fetch_watched(wrapper, sql, parameters)


def _fetch_watched(
    wrapper: Any, sql: str, parameters: Sequence[Any] | Mapping[str, Any]
) -> list[Row]:
    """The same by Django's own cursor, which tells whoever listens."""
    # Bound by the server, so that it can be prepared; Django's own cursors bind in the client.
    raw: Any = (_Logged if wrapper.queries_logged else psycopg.Cursor)(wrapper.connection)
    with (wrapper.make_debug_cursor if wrapper.queries_logged else wrapper.make_cursor)(raw) as cur:
        cur.execute(sql, parameters)
        rows: list[Row] = cur.fetchall()
    return rows


class _Kept:
    """What one connection remembers between requests: a cursor per statement, and how many ran.

    A cursor that runs its statement again knows how to read each column and write each parameter;
    finding that out costs as much as the rest of a small query.
    """

    def __init__(self, raw: "psycopg.Connection[Any]") -> None:
        self._raw = raw
        self._cursors: dict[str, psycopg.Cursor[Row]] = {}
        self._run = 0

    def cursor(self, sql: str) -> "psycopg.Cursor[Row]":
        found = self._cursors.get(sql)
        if found is None:
            found = self._cursors[sql] = psycopg.Cursor(self._raw)
            # Django's loader of times is written in Python; in UTC this one reads the same.
            found.adapters.register_loader("timestamptz", TimestamptzLoader)
        return found

    def plan_anew_while_tables_grow(self) -> None:
        """Forget the connection's plans after 64, 256, 1024, … statements.

        A plan that was made while a table had a page or two reads all of it; kept, it would go on
        so while the table grows, for the minute or more until autovacuum counts it anew.
        """
        self._run += 1
        run = self._run
        if run >= FIRST_PLANS and run & (run - 1) == 0 and run.bit_length() % 2:
            self._raw.execute("DISCARD PLANS")


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
        return _made(self._model, own)

    def need(self, values: Iterator[Any]) -> M:
        """Like `take`, where an inner join makes sure that there is one."""
        found = self.take(values)
        assert found is not None, f"a {self._model.__name__} without its key"
        return found


def relate(instance: M, **related: Model | None) -> M:
    """Say what an instance's foreign keys point to; the keys themselves are right already.

    Django's own setter checks each and costs more than reading the row.
    """
    instance._state.fields_cache.update(related)
    return instance


def insert(model: type[M], *, beside: str = "", **values: Any) -> M:
    """Write a new row by one prepared statement, and the instance that says the same.

    Fields are named as in `Model.objects.create`; what isn't given has its default, and what the
    database fills is read back. `beside` is what else the statement does, as further `WITH` terms
    that may use the row's columns by name: `, x AS (UPDATE … WHERE id = %(question_id)s)`.
    """
    own, related = _split(model, values)
    filled = tuple(name for name, value in own.items() if isinstance(value, DatabaseDefault))
    plan = _inserting(model, filled, beside)
    bound = {
        field.attname: field.get_db_prep_save(own[field.attname], connection)
        if field.attname in plan.converted
        else own[field.attname]
        for field in plan.given
    }
    (row,) = fetch(plan.sql, bound)
    own.update(zip(plan.returned, row, strict=True))
    return relate(_made(model, own), **related)


def _split(model: type[M], values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values of all columns but the key, and the instances that foreign keys point to."""
    own: dict[str, Any] = {}
    related: dict[str, Any] = {}
    left = dict(values)
    for field in _fields(model):
        if field.name not in left:
            own[field.attname] = field.get_default()
            continue
        value = own[field.attname] = left.pop(field.name)
        if field.is_relation:
            related[field.name] = value
            own[field.attname] = None if value is None else value.pk
    if left:
        raise TypeError(f"{model.__name__} has no field {', '.join(sorted(left))}")
    return own, related


def _made(model: type[M], values: dict[str, Any]) -> M:
    """What `Model.from_db` makes, without its signals, which nobody here listens to."""
    instance = model.__new__(model)
    instance.__dict__.update(values)
    instance._state = ModelState()
    instance._state.adding = False
    instance._state.db = DEFAULT_DB_ALIAS
    return instance


@dataclass(frozen=True, slots=True)
class _Plan:
    sql: str
    given: "tuple[Field[Any, Any], ...]"
    converted: frozenset[str]
    returned: tuple[str, ...]


@cache
def _fields(model: type[Model]) -> "tuple[Field[Any, Any], ...]":
    return tuple(field for field in model._meta.concrete_fields if not field.primary_key)


@cache
def _inserting(model: type[Model], filled: tuple[str, ...], beside: str) -> _Plan:
    """How to insert a row of which the database fills these columns, and its key."""
    given = tuple(field for field in _fields(model) if field.attname not in filled)
    columns = ", ".join(f'"{field.column}"' for field in given)
    places = ", ".join(f"%({field.attname})s" for field in given)
    key = model._meta.pk
    returned = [key, *(f for f in _fields(model) if f.attname in filled)]
    names = ", ".join(f'"{field.column}"' for field in returned)
    sql = (
        f'WITH made AS (INSERT INTO "{model._meta.db_table}" ({columns}) '  # noqa: S608 - our names
        f"VALUES ({places}) RETURNING {names}){beside} SELECT {names} FROM made"
    )
    converted = frozenset(f.attname for f in given if isinstance(f, JSONField))
    return _Plan(sql, given, converted, tuple(field.attname for field in returned))
