"""Parquet, batch by batch. Pure.

A small Parquet file can unfold to terabytes: one long value, stored once in a dictionary, stands
for millions of rows. So text columns stay dictionaries until their unfolded size is known, and
rows are unfolded a few megabytes at a time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from annotation.intake.limits import MB, human_size
from annotation.intake.readers import Row, Sheet
from annotation.intake.readers._parquet_layout import PLAIN, Layout, layout_of
from annotation.intake.refusals import Flaw, UnreadableFile
from annotation.intake.sources import Source
from annotation.phrases import say

MAGIC = b"PAR1"
BATCH_BYTES = 8 * MB
BATCH_ROWS = 4_096
PAGE_BYTES = 64 * MB


class Parquet:
    slug = "parquet"
    title = "Parquet"
    suffixes = (".parquet", ".pq")

    def recognises(self, head: bytes) -> bool:
        return head.startswith(MAGIC)

    @contextmanager
    def open(self, source: Source) -> Iterator[Sheet]:
        with source.seekable_path() as path:
            layout = layout_of(path)
            _refuse_giants(layout, source)
            columns = tuple(layout.columns)
            progress = _Progress(source.packed, layout.rows)
            yield Sheet(
                source=source,
                description=f"{layout.rows:,} rows",
                columns=columns,
                rows=_rows(path, layout, progress, source.limits.line),
                position=progress.position,
            )


class _Progress:
    def __init__(self, packed: int, total: int) -> None:
        self.packed, self.total, self.done = packed, max(total, 1), 0

    def position(self) -> int:
        return int(self.packed * self.done // self.total)


def _refuse_giants(layout: Layout, source: Source) -> None:
    limits = source.limits
    if len(set(layout.columns)) < len(layout.columns):
        raise UnreadableFile(say("Two columns have the same name. Give each column its own name."))
    if len(layout.columns) > limits.columns:
        raise UnreadableFile(
            say(
                "The file has %(columns)s columns; at most 500 are read.",
                columns=f"{len(layout.columns):,}",
            )
        )
    if layout.unpacked > limits.unpacked:
        raise UnreadableFile(
            say(
                "The file holds more than %(human_size)s. Split it into parts.",
                human_size=human_size(limits.unpacked),
            )
        )
    if layout.page > PAGE_BYTES:
        raise UnreadableFile(
            say(
                "The column “%(page_column)s” holds a block of %(human_size)s, most "
                "likely one huge cell; at most %(human_size_2)s are read at once. "
                "Shorten the cell, or write the file with smaller data pages.",
                page_column=layout.page_column,
                human_size=human_size(layout.page),
                human_size_2=human_size(PAGE_BYTES),
            )
        )


def _rows(path: Path, layout: Layout, progress: _Progress, limit: int) -> Iterator[Row | Flaw]:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    columns = tuple(layout.columns)
    size = min(limit, BATCH_BYTES)
    try:
        with ParquetFile(path, read_dictionary=layout.text_columns, **PLAIN) as file:
            for batch in file.iter_batches(batch_size=_batch_rows(layout)):
                for part in _parts(batch, size):
                    yield from _unfolded(part, columns, progress.done, limit)
                    progress.done += part.num_rows
    except (ArrowException, OSError) as error:
        raise UnreadableFile(
            say(
                "The Parquet file is damaged after row %(done)s: %(first_line)s.",
                done=f"{progress.done:,}",
                first_line=_first_line(error),
            )
        ) from error


def _batch_rows(layout: Layout) -> int:
    rows = BATCH_BYTES * max(layout.rows, 1) // max(layout.unpacked, 1)
    return max(1, min(BATCH_ROWS, rows))


def _parts(batch: Any, size: int) -> Iterator[Any]:
    """The batch in pieces that unfold to at most `size` bytes, or are single rows."""
    if batch.num_rows <= 1 or _unfolded_size(batch) <= size:
        yield batch
        return
    half = batch.num_rows // 2
    yield from _parts(batch.slice(0, half), size)
    yield from _parts(batch.slice(half), size)


def _unfolded_size(batch: Any) -> int:
    import pyarrow.compute as pc

    size = 0
    for column in batch.columns:
        if _is_dictionary(column):
            lengths = pc.binary_length(column.dictionary).take(column.indices)
            size += pc.sum(lengths).as_py() or 0
        else:
            size += column.nbytes
    return int(size)


def _unfolded(part: Any, columns: tuple[str, ...], before: int, limit: int) -> Iterator[Row | Flaw]:
    if part.num_rows == 1 and _unfolded_size(part) > limit:
        yield Flaw(
            before + 1,
            "",
            say(
                "is longer than %(human_size)s. Shorten or remove it", human_size=human_size(limit)
            ),
        )
        return
    try:
        values = [_values(column) for column in part.columns]
    except UnicodeDecodeError:
        yield from _one_by_one(part, columns, before, limit)
        return
    for place, cells in enumerate(zip(*values, strict=True), before + 1):
        yield Row(place, dict(zip(columns, cells, strict=True)))


def _one_by_one(
    part: Any, columns: tuple[str, ...], before: int, limit: int
) -> Iterator[Row | Flaw]:
    """Rows of which at least one holds text that isn't UTF-8."""
    if part.num_rows == 1:
        yield Flaw(
            before + 1, "", say("holds text that is not UTF-8. Write the file again with UTF-8")
        )
        return
    for place in range(part.num_rows):
        yield from _unfolded(part.slice(place, 1), columns, before + place, limit)


def _values(column: Any) -> list[Any]:
    if _is_dictionary(column):
        column = column.dictionary_decode()
    return [
        value.decode("utf-8") if isinstance(value, bytes) else value for value in column.to_pylist()
    ]


def _is_dictionary(column: Any) -> bool:
    import pyarrow.types

    return bool(
        pyarrow.types.is_dictionary(column.type)
        and (
            pyarrow.types.is_string(column.type.value_type)
            or pyarrow.types.is_large_string(column.type.value_type)
            or pyarrow.types.is_binary(column.type.value_type)
            or pyarrow.types.is_large_binary(column.type.value_type)
        )
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(".")


READER = Parquet()
