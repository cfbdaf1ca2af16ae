"""Rows to files: canonical JSON lines and Parquet with fixed settings. Pure but for the files.

The same rows give the same bytes: keys are sorted, numbers written in their shortest form, row
groups cut at fixed places, and no file holds a time. (Parquet names its writer's version; the
manifest does too.)
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from aggregation.exports import Field, FieldType, Row
from aggregation.merkle import RowTree

__all__ = [
    "RowError",
    "WrittenFile",
    "WrittenRows",
    "canonical",
    "file_digest",
    "parquet_rows",
    "write_rows",
    "write_whole",
]

GROUP_ROWS = 5_000  # rows of a Parquet row group …
GROUP_BYTES = 4 * 1024 * 1024  # … or this much JSON, whichever comes first

_MESSAGE = pa.struct([("content", pa.string()), ("role", pa.string())])
_ARROW: dict[FieldType, Any] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "strings": pa.list_(pa.string()),
    "integers": pa.list_(pa.int64()),
    "messages": pa.list_(_MESSAGE),
    "json": pa.string(),
}


class RowError(Exception):
    """An export yielded a row that its declared fields don't allow."""


@dataclass(frozen=True)
class WrittenFile:
    name: str
    format: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class WrittenRows:
    """The files of one export. `content_root` is the RowTree root over its canonical rows."""

    rows: int
    content_root: str
    files: tuple[WrittenFile, ...]


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and without blanks, as UTF-8: equal values give equal bytes."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def write_rows(
    folder: Path,
    name: str,
    fields: Sequence[Field],
    rows: Iterable[Row],
    *,
    watch: Callable[[int], None] | None = None,
) -> WrittenRows:
    """Write `rows` to <name>.jsonl and <name>.parquet, both synced to the disk.

    Memory stays at one row group. `watch` hears the number of rows after every group; what it
    raises ends the writing. Raises RowError for a row that doesn't fit its fields, OSError when the
    disk refuses.
    """
    tree, sha = RowTree(), hashlib.sha256()
    schema = _schema(fields)
    lines_path, table_path = folder / f"{name}.jsonl", folder / f"{name}.parquet"
    with lines_path.open("xb") as lines, table_path.open("xb") as table:
        with pq.ParquetWriter(
            table, schema, version="2.6", compression="zstd", compression_level=3
        ) as writer:
            for group, encoded in _groups(fields, rows):
                for line in encoded:
                    tree.add(line)
                block = b"\n".join(encoded) + b"\n"
                sha.update(block)
                lines.write(block)
                writer.write_table(_table(group, fields, schema), row_group_size=len(group))
                if watch is not None:
                    watch(tree.count)
        for file in (lines, table):
            _sync(file)
    return WrittenRows(
        tree.count,
        tree.root(),
        (
            WrittenFile(lines_path.name, "jsonl", lines_path.stat().st_size, sha.hexdigest()),
            WrittenFile(
                table_path.name, "parquet", table_path.stat().st_size, file_digest(table_path)
            ),
        ),
    )


def write_whole(path: Path, content: bytes) -> WrittenFile:
    """Write a small file and sync it to the disk."""
    with path.open("xb") as file:
        file.write(content)
        _sync(file)
    digest = hashlib.sha256(content).hexdigest()
    return WrittenFile(path.name, path.suffix.lstrip("."), len(content), digest)


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def parquet_rows(path: Path, fields: Sequence[Field]) -> Iterator[bytes]:
    """The canonical JSON of every row of a Parquet file; a broken one raises pyarrow's errors."""
    texts = [field.name for field in fields if field.type == "json"]
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(GROUP_ROWS):
            for row in batch.to_pylist():
                for name in texts:
                    if row[name] is not None:
                        row[name] = orjson.loads(row[name])
                yield canonical(row)


def _sync(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def _schema(fields: Sequence[Field]) -> Any:
    return pa.schema(
        [
            pa.field(field.name, _ARROW[field.type], nullable=field.nullable)
            for field in sorted(fields, key=lambda field: field.name)
        ]
    )


def _groups(
    fields: Sequence[Field], rows: Iterable[Row]
) -> Iterator[tuple[list[Row], list[bytes]]]:
    group: list[Row] = []
    encoded: list[bytes] = []
    size = 0
    names = {field.name for field in fields}
    for row in rows:
        if row.keys() != names:
            raise RowError(_unexpected(row, names))
        checked = {field.name: _fit(field, row[field.name]) for field in fields}
        line = canonical(checked)
        group.append(checked)
        encoded.append(line)
        size += len(line)
        if len(group) >= GROUP_ROWS or size >= GROUP_BYTES:
            yield group, encoded
            group, encoded, size = [], [], 0
    if group:
        yield group, encoded


def _unexpected(row: Row, names: set[str]) -> str:
    missing, extra = sorted(names - row.keys()), sorted(row.keys() - names)
    said = [f"lacks {', '.join(missing)}"] * bool(missing)
    said += [f"has undeclared {', '.join(extra)}"] * bool(extra)
    return f"A row {' and '.join(said)}."


_KINDS: dict[FieldType, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "strings": list,
    "integers": list,
    "messages": list,
}


def _fit(field: Field, value: Any) -> Any:
    """The value as its field wants it; a number is always a float, so both files say the same."""
    if value is None:
        if not field.nullable:
            raise RowError(f"Field {field.name} must not be empty.")
        return None
    if field.type == "json":
        return value
    is_flag = isinstance(value, bool)
    if not isinstance(value, _KINDS[field.type]) or is_flag != (field.type == "boolean"):
        raise RowError(f"Field {field.name} is a {field.type}, not {value!r}.")
    if field.type == "number":
        number = float(value)
        if number != number or abs(number) == float("inf"):
            raise RowError(f"Field {field.name} must be finite, not {value}.")
        return number
    if field.type == "messages":
        return [_message(field, message) for message in value]
    return value


def _message(field: Field, message: Mapping[str, Any]) -> dict[str, str]:
    content, role = message.get("content"), message.get("role")
    if not isinstance(content, str) or not isinstance(role, str) or len(message) != 2:
        raise RowError(f"Field {field.name} holds a message that isn't {{role, content}}.")
    return {"content": content, "role": role}


def _table(group: list[Row], fields: Sequence[Field], schema: Any) -> Any:
    texts = {field.name for field in fields if field.type == "json"}
    columns = []
    for column in schema:
        values = [row[column.name] for row in group]
        if column.name in texts:
            values = [None if value is None else canonical(value).decode() for value in values]
        columns.append(pa.array(values, type=column.type))
    return pa.Table.from_arrays(columns, schema=schema)
