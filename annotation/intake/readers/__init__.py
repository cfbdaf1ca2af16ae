"""Readers: one file per format, found by walking this folder; the file's name is the slug.

A reader yields rows as they stand in the file, in constant memory; what they mean is a kind's
business. A row that can't be read becomes a `Flaw` and reading goes on; a file that can't be read
raises `UnreadableFile`. Pure.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from annotation.intake.refusals import Flaw
from annotation.intake.sources import Source


class Row(NamedTuple):
    """One row: the line it begins on (for Parquet its number), and its values by column."""

    line: int
    cells: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sheet:
    """An open file. `position` tells how many bytes of it have been read, of `source.packed`.

    `description` names the format for a person. JSONL rows may have fewer keys than `columns`.
    """

    source: Source
    description: str
    columns: tuple[str, ...]
    rows: Iterator[Row | Flaw]
    position: Callable[[], int]


class Reader(Protocol):
    slug: str
    title: str
    suffixes: tuple[str, ...]

    def recognises(self, head: bytes) -> bool:
        """Whether a file that begins with these bytes is surely of this format."""

    def open(self, source: Source) -> AbstractContextManager[Sheet]:
        """The file's columns and rows. Raises UnreadableFile."""
