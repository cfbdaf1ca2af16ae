"""Checking and encoding of table columns, so that every table refuses the same things."""

import hashlib
from collections.abc import Hashable, Iterable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from annotation.phrases import say

Ints: TypeAlias = NDArray[np.int32]
Longs: TypeAlias = NDArray[np.int64]
Bytes: TypeAlias = NDArray[np.int8]
Floats: TypeAlias = NDArray[np.float64]
Singles: TypeAlias = NDArray[np.float32]
Bools: TypeAlias = NDArray[np.bool_]
Ids: TypeAlias = tuple[Hashable, ...]


class TableError(ValueError):
    """A column can't mean what it should: wrong length, a negative weight, an item compared with
    itself.
    """


def as_column(values: ArrayLike, name: str, dtype: Any, length: int | None = None) -> NDArray[Any]:
    """One-dimensional array of `dtype`; whole numbers are required where `dtype` is an integer.

    Raises TableError where the length, the shape or the kind of number is wrong.
    """
    column = np.asarray(values)
    if column.size == 0:
        column = column.astype(dtype)
    if column.ndim != 1:
        raise TableError(
            say(
                "Column '%(name)s' must be one-dimensional, not of shape %(shape)s.",
                name=name,
                shape=column.shape,
            )
        )
    if length is not None and len(column) != length:
        raise TableError(
            say(
                "Column '%(name)s' has %(column)s values, but the table has %(length)s rows.",
                name=name,
                column=len(column),
                length=length,
            )
        )
    if column.dtype == dtype:
        return np.ascontiguousarray(column)
    if np.issubdtype(dtype, np.integer):
        return _as_integers(column, name, dtype)
    try:
        return column.astype(dtype)
    except (TypeError, ValueError) as error:
        raise TableError(say("Column '%(name)s' must hold numbers.", name=name)) from error


def _as_integers(column: NDArray[Any], name: str, dtype: Any) -> NDArray[Any]:
    if column.dtype.kind not in "iubf":
        raise TableError(
            say(
                "Column '%(name)s' must hold whole numbers, not %(dtype)s.",
                name=name,
                dtype=column.dtype,
            )
        )
    if column.dtype.kind == "f" and not (
        np.isfinite(column).all() and (column == np.rint(column)).all()
    ):
        raise TableError(say("Column '%(name)s' must hold whole numbers without gaps.", name=name))
    limits = np.iinfo(dtype)
    if column.size and (column.min() < limits.min or column.max() > limits.max):
        raise TableError(
            say(
                "Column '%(name)s' holds a number outside %(min)s…%(max)s.",
                name=name,
                min=limits.min,
                max=limits.max,
            )
        )
    return column.astype(dtype)


def as_index(
    values: ArrayLike, name: str, size: int, length: int | None = None, *, missing: bool = False
) -> Ints:
    """Indices 0…size-1 (and -1 for "unknown" where `missing`). Raises TableError outside that
    range.
    """
    column = cast(Ints, as_column(values, name, np.int32, length))
    if column.size:
        low, high = int(column.min()), int(column.max())
        if low < (-1 if missing else 0) or high >= size:
            raise TableError(
                say(
                    "Column '%(name)s' refers to %(value)s; known are 0…%(size)s.",
                    name=name,
                    value=low if low < 0 else high,
                    size=size - 1,
                )
            )
    return column


def as_optional_index(
    values: ArrayLike | None, name: str, ids: Ids | None, length: int
) -> tuple[Ints | None, Ids]:
    """Optional context column and its ids; without ids the numbers name themselves."""
    if values is None:
        return None, ids or ()
    column = as_column(values, name, np.int32, length)
    known = ids if ids is not None else numbered(int(column.max()) + 1 if column.size else 0)
    return as_index(column, name, len(known), length, missing=True), known


def as_weight(values: ArrayLike | None, length: int) -> Floats | None:
    """Row weights, finite and not negative; None stands for one each."""
    if values is None:
        return None
    weight = cast(Floats, as_column(values, "weight", np.float64, length))
    if not np.isfinite(weight).all():
        row = int(np.flatnonzero(~np.isfinite(weight))[0])
        raise TableError(say("The weight of row %(row)s is not a finite number.", row=row))
    if weight.size and weight.min() < 0:
        raise TableError(say("The weight of row %(int)s is negative.", int=int(weight.argmin())))
    return weight


@lru_cache(maxsize=4)
def numbered(count: int) -> Ids:
    """The ids 0…count-1. Tables of one size share them: a million numbers take longer to make than
    a million labels to count.
    """
    return tuple(range(count))


def digest_of(head: Sequence[Any], columns: Iterable[NDArray[Any] | None]) -> str:
    """SHA-256 over what a table is about, as Python writes it, and its columns; a missing one is
    a bar.
    """
    sha = hashlib.sha256(b"(" + b", ".join(map(_spelled, head)) + b")")
    for column in columns:
        sha.update(b"|" if column is None else np.ascontiguousarray(column).data)
    return sha.hexdigest()


def _spelled(part: Any) -> bytes:
    if isinstance(part, tuple) and part is numbered(len(part)):
        return _numbers_spelled(len(part))
    return repr(part).encode()


@lru_cache(maxsize=4)
def _numbers_spelled(count: int) -> bytes:
    return repr(numbered(count)).encode()


def as_ids(ids: Iterable[Hashable] | None, count: int | None, column: NDArray[Any]) -> Ids:
    """The ids given, or numbers for `count` items, or as many as the column mentions."""
    if ids is not None:
        known = tuple(ids)
        if count is not None and count != len(known):
            raise TableError(
                say("%(known)s ids were given for %(count)s items.", known=len(known), count=count)
            )
        if len(set(known)) != len(known):
            raise TableError(say("An id is given twice."))
        return known
    if count is None:
        count = int(column.max()) + 1 if column.size else 0
    return numbered(count)


def factorise(
    values: Sequence[Any] | NDArray[Any] | pa.Array | pa.ChunkedArray,
) -> tuple[Ints, Ids]:
    """Codes int32 and sorted ids; a missing value becomes -1. The ids do not depend on the order of
    rows.
    """
    column = (
        values
        if isinstance(values, pa.Array | pa.ChunkedArray)
        else pa.array(values, from_pandas=True)
    )
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    encoded = column.dictionary_encode()
    order = pc.array_sort_indices(encoded.dictionary).to_numpy()
    place = np.empty(len(order), dtype=np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int32)
    if len(place):
        codes = np.where(codes < 0, np.int32(-1), place[codes])
    return codes, tuple(encoded.dictionary.take(pa.array(order)).to_pylist())


def clusters_of(annotator: Ints | None, length: int, count: int) -> tuple[Ints, int]:
    """Cluster code per row and number of clusters: the annotator, or the row itself where he is
    unknown.
    """
    if annotator is None:
        return np.arange(length, dtype=np.int32), length
    unknown = annotator < 0
    strangers = int(unknown.sum())
    if not strangers:
        return annotator, count
    codes = annotator.copy()
    codes[unknown] = count + np.arange(strangers, dtype=np.int32)
    return codes, count + strangers


def joined(left: Any, right: Any, n_left: int, n_right: int, default: float) -> Any:
    """One optional column below another; a side without the column gets its default value."""
    if left is None and right is None:
        return None
    like = left if left is not None else right
    parts = [
        np.full((n, *like.shape[1:]), default, dtype=like.dtype) if part is None else part
        for part, n in ((left, n_left), (right, n_right))
    ]
    return np.concatenate(parts)


def maybe_ids(ids: Iterable[Hashable] | None) -> Ids | None:
    return None if ids is None else tuple(ids)
