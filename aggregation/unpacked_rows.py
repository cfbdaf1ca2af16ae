"""What the database packed, as columns again: some rows at a time, for whole columns of very many
would be memory that is written once and read once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregation.packed_rows import Part, Shape, Word, unsent
from aggregation.packed_texts import coded

FEW_TEXTS = 1024  # distinct texts of a statement that each of its blocks may carry whole

Codes = NDArray[np.int32]
Longs = NDArray[np.int64]


@dataclass(frozen=True)
class Columns:
    """Some rows as columns: whole numbers, numbers, and texts as codes into their distinct
    values.
    """

    integers: dict[str, Longs]
    floats: dict[str, NDArray[np.float64]]
    texts: dict[str, tuple[Codes, list[str]]]

    def rows(self, kept: NDArray[np.bool_]) -> "Columns":
        """Some of the rows."""
        if kept.all():
            return self
        return Columns(
            {name: column[kept] for name, column in self.integers.items()},
            {name: column[kept] for name, column in self.floats.items()},
            {name: (code[kept], texts) for name, (code, texts) in self.texts.items()},
        )


@dataclass(frozen=True)
class Unpacked:
    """The rows of one statement in their order: columns sent by themselves, words of several, rare
    ones as (key, value) by key, and codes of texts.
    """

    shape: Shape
    length: int
    alone: dict[str, NDArray[Any]]
    words: list[tuple[Word, Longs]]
    rare: dict[str, NDArray[Any] | None]
    texts: dict[str, tuple[Codes, list[str]]]

    @classmethod
    def of(cls, cell: Sequence[Any], part: Part, shape: Shape) -> "Unpacked | None":
        """From what the statement gave; None without any rows."""
        if all(column is None for column in cell):
            return None
        sent = iter(cell)
        numbers = [(name, kind, next(sent)) for name, kind in shape.numbers]
        words = [(word, unsent(next(sent), "int8")) for word in shape.words]
        alone = {
            name: unsent(column, kind) for name, kind, column in numbers if name not in shape.rare
        }
        rare = {name: _by_key(column, kind) for name, kind, column in numbers if name in shape.rare}
        place = _ascending(shape, alone, words)
        alone = {name: column[place] for name, column in alone.items()}
        words = [(word, column[place]) for word, column in words]
        rows = cls(shape, len(place), alone, words, rare, {})
        for name, hashes in zip(shape.texts, sent, strict=True):
            told_apart = np.frombuffer(hashes, np.int64)[place]
            rows.texts[name] = coded(told_apart, rows.keys, shape.texts[name], part)
        return rows

    def keys(self, rows: Any) -> Longs:
        """The leading column of the order, at some rows."""
        key: Longs = self._numbers(rows)[self.shape.order[0]]
        return key

    def blocks(self, size: int) -> Iterator[Columns]:
        """The rows, so many at a time."""
        for start in range(0, self.length, size):
            yield self._block(slice(start, min(start + size, self.length)))

    def _block(self, rows: slice) -> Columns:
        numbers = self._numbers(rows)
        key = numbers[self.shape.order[0]]
        for name, kind in self.shape.numbers:
            if name in self.shape.rare:
                numbers[name] = _spread(self.rare[name], kind, key)
        return Columns(
            {name: numbers[name] for name in self.shape.integers},
            {name: numbers[name] for name in self.shape.floats},
            {name: _few(codes[rows], texts) for name, (codes, texts) in self.texts.items()},
        )

    def _numbers(self, rows: Any) -> dict[str, Any]:
        """The columns of numbers that are not rare."""
        found: dict[str, Any] = {name: column[rows] for name, column in self.alone.items()}
        for word, column in self.words:
            found.update(word.parted(column[rows]))
        return found


def _ascending(
    shape: Shape, alone: dict[str, NDArray[Any]], words: Sequence[tuple[Word, Longs]]
) -> Longs:
    """Places of the rows in their order."""
    for word, column in words:
        if word.sorts(shape.order):
            return np.argsort(column, kind="stable")
    keys = dict(alone)
    for word, column in words:
        keys |= {name: values for name, values in word.parted(column) if name in shape.order}
    return np.lexsort([keys[name] for name in reversed(shape.order)])


def _by_key(sent: bytes | None, kind: str) -> NDArray[Any] | None:
    """The (key, value) pairs that were sent of a rare column, ascending."""
    if sent is None:
        return None
    pairs = np.frombuffer(sent, [("key", ">i8"), ("value", f">{kind[0]}8")])
    return pairs[np.argsort(pairs["key"], kind="stable")]


def _spread(pairs: NDArray[Any] | None, kind: str, key: Longs) -> NDArray[Any]:
    """A rare column at some ascending keys."""
    column = np.zeros(len(key), "i8") if kind == "int8" else np.full(len(key), np.nan)
    if pairs is not None:
        known = pairs["key"]
        here = pairs[np.searchsorted(known, key[0]) : np.searchsorted(known, key[-1], "right")]
        column[np.searchsorted(key, here["key"])] = here["value"]
    return column


def _few(codes: Codes, texts: list[str]) -> tuple[Codes, list[str]]:
    """The same texts without those that don't occur here, where they are many."""
    if len(texts) <= FEW_TEXTS:
        return codes, texts
    used, compact = np.unique(codes, return_inverse=True)
    return compact.astype(np.int32), [texts[code] for code in used.tolist()]
