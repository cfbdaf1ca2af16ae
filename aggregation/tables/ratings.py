"""Ratings: numbers that annotators gave to units."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregation.tables.columns import (
    Floats,
    Ids,
    Ints,
    TableError,
    as_column,
    as_ids,
    as_index,
    as_optional_index,
    as_weight,
    clusters_of,
    digest_of,
    factorise,
    joined,
    maybe_ids,
)
from annotation.phrases import say


@dataclass(frozen=True, eq=False)
class Ratings:
    """One row per rating.

    unit, annotator  int32[N];  value  float64[N], NaN = no answer;  weight  float64[N] >= 0;  group
                                int32[N]
    lo, hi: ends of the scale (None: the ends seen in the data);  levels: number of steps, None =
    continuous
    """

    unit: Ints
    value: Floats
    ids: Ids
    annotator: Ints | None = None
    annotator_ids: Ids = ()
    weight: Floats | None = None
    group: Ints | None = None
    group_ids: Ids = ()
    lo: float | None = None
    hi: float | None = None
    levels: int | None = None

    @classmethod
    def from_arrays(
        cls,
        unit: ArrayLike,
        annotator: ArrayLike | None,
        value: ArrayLike,
        weight: ArrayLike | None = None,
        group: ArrayLike | None = None,
        lo: float | None = None,
        hi: float | None = None,
        levels: int | None = None,
        n_units: int | None = None,
        ids: Iterable[Hashable] | None = None,
        annotator_ids: Iterable[Hashable] | None = None,
        group_ids: Iterable[Hashable] | None = None,
    ) -> Self:
        """Check factorised columns. Raises TableError for a value outside the scale."""
        rows = cast(Ints, as_column(unit, "unit", np.int32))
        n = len(rows)
        known = as_ids(ids, n_units, rows)
        who, who_ids = as_optional_index(annotator, "annotator", maybe_ids(annotator_ids), n)
        context, context_ids = as_optional_index(group, "group", maybe_ids(group_ids), n)
        given = cast(Floats, as_column(value, "value", np.float64, n))
        _check_scale(given, lo, hi)
        rows = as_index(rows, "unit", len(known))
        return cls(
            rows,
            given,
            known,
            who,
            who_ids,
            as_weight(weight, n),
            context,
            context_ids,
            lo,
            hi,
            levels,
        )

    @classmethod
    def from_values(
        cls, unit: Any, annotator: Any, value: ArrayLike, group: Any = None, **rest: Any
    ) -> Self:
        """Factorise unit, annotator and group names."""
        units, ids = factorise(unit)
        people, annotator_ids = (None, None) if annotator is None else factorise(annotator)
        context, group_ids = (None, None) if group is None else factorise(group)
        known: dict[str, Any] = {
            "ids": ids,
            "annotator_ids": annotator_ids,
            "group": context,
            "group_ids": group_ids,
        }
        return cls.from_arrays(units, people, value, **known, **rest)

    def __len__(self) -> int:
        return len(self.unit)

    @property
    def n_units(self) -> int:
        return len(self.ids)

    @cached_property
    def weights(self) -> Floats:
        return np.ones(len(self)) if self.weight is None else self.weight

    @cached_property
    def clusters(self) -> tuple[Ints, int]:
        return clusters_of(self.annotator, len(self), len(self.annotator_ids))

    @cached_property
    def scale(self) -> tuple[float, float]:
        """Ends of the scale, taken from the data where they were not given; (0, 1) for an empty
        table.
        """
        seen = self.value[np.isfinite(self.value)]
        low = self.lo if self.lo is not None else float(seen.min()) if seen.size else 0.0
        high = self.hi if self.hi is not None else float(seen.max()) if seen.size else 1.0
        return low, high

    def answered(self) -> Self:
        """Without missing values and rows of weight zero."""
        kept = np.isfinite(self.value) & (self.weights > 0)
        return self if kept.all() else self.take(kept)

    def reweighted(self, factor: NDArray[np.float64]) -> Self:
        return replace(self, weight=self.weights * factor)

    def take(self, rows: NDArray[Any]) -> Self:
        """Some rows (indices or a mask)."""
        columns = ("unit", "value", "annotator", "weight", "group")
        kept: dict[str, Any] = {c: v[rows] for c in columns if (v := getattr(self, c)) is not None}
        return replace(self, **kept)

    def __add__(self, other: Self) -> Self:
        """Rows of both tables, which must speak of the same units and people on the same scale."""
        mine = (self.ids, self.annotator_ids, self.group_ids, self.lo, self.hi, self.levels)
        if mine != (
            other.ids,
            other.annotator_ids,
            other.group_ids,
            other.lo,
            other.hi,
            other.levels,
        ):
            raise TableError(
                say("Only tables over the same units, annotators, groups and scale can be added.")
            )
        n, m = len(self), len(other)
        defaults = {"annotator": -1, "weight": 1.0, "group": -1}
        rest: dict[str, Any] = {
            c: joined(getattr(self, c), getattr(other, c), n, m, d) for c, d in defaults.items()
        }
        whole: dict[str, Any] = {
            c: np.concatenate([getattr(self, c), getattr(other, c)]) for c in ("unit", "value")
        }
        return replace(self, **whole, **rest)

    def digest(self) -> str:
        """SHA-256 over ids, scale and columns."""
        head = (self.ids, self.annotator_ids, self.group_ids, self.lo, self.hi, self.levels)
        rows = (self.unit, self.value, self.annotator, self.weight, self.group)
        return digest_of(head, rows)


def _check_scale(value: Floats, lo: float | None, hi: float | None) -> None:
    if np.isinf(value).any():
        raise TableError(
            say(
                "The rating in row %(int)s is infinite.",
                int=int(np.flatnonzero(np.isinf(value))[0]),
            )
        )
    if lo is not None and hi is not None and lo >= hi:
        raise TableError(say("The scale must rise; it was given as %(lo)s…%(hi)s.", lo=lo, hi=hi))
    for end, wrong in (
        (lo, value < lo if lo is not None else None),
        (hi, value > hi if hi is not None else None),
    ):
        if wrong is not None and wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise TableError(
                say(
                    "The rating %(value)s in row %(row)s lies outside the scale, which ends "
                    "at %(end)s.",
                    value=value[row],
                    row=row,
                    end=end,
                )
            )
