"""Labels: checklist answers and categories, one row per (unit, annotator)."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from aggregation.tables.columns import (
    Floats,
    Ids,
    Ints,
    Singles,
    TableError,
    as_column,
    as_ids,
    as_index,
    as_optional_index,
    as_weight,
    digest_of,
    factorise,
    joined,
    maybe_ids,
)
from annotation.phrases import say


@dataclass(frozen=True, eq=False)
class Labels:
    """One row per label.

    unit, annotator, label  int32[N]   label -1 = not applicable or abstained; annotator -1 =
                                       unknown
    weight  float64[N]   >= 0, default 1
    conf    float32[N]   stated confidence in [0, 1] or NaN
    group   int32[N]     criterion
    gold    int32[U]     known class per unit, -1 unknown
    """

    unit: Ints
    label: Ints
    ids: Ids
    label_ids: Ids
    annotator: Ints | None = None
    annotator_ids: Ids = ()
    weight: Floats | None = None
    conf: Singles | None = None
    group: Ints | None = None
    group_ids: Ids = ()
    gold: Ints | None = None

    @classmethod
    def from_arrays(
        cls,
        unit: ArrayLike,
        annotator: ArrayLike | None,
        label: ArrayLike,
        weight: ArrayLike | None = None,
        group: ArrayLike | None = None,
        conf: ArrayLike | None = None,
        gold: ArrayLike | None = None,
        n_units: int | None = None,
        n_classes: int | None = None,
        ids: Iterable[Hashable] | None = None,
        annotator_ids: Iterable[Hashable] | None = None,
        label_ids: Iterable[Hashable] | None = None,
        group_ids: Iterable[Hashable] | None = None,
    ) -> Self:
        """Check factorised columns. Raises TableError naming the column and the row."""
        rows = cast(Ints, as_column(unit, "unit", np.int32))
        n = len(rows)
        known = as_ids(ids, n_units, rows)
        named = cast(Ints, as_column(label, "label", np.int32, n))
        classes = as_ids(label_ids, n_classes, named)
        who, who_ids = as_optional_index(annotator, "annotator", maybe_ids(annotator_ids), n)
        context, context_ids = as_optional_index(group, "group", maybe_ids(group_ids), n)
        sure = None if conf is None else cast(Singles, as_column(conf, "conf", np.float32, n))
        if sure is not None and ((sure < 0) | (sure > 1)).any():
            raise TableError(say("A stated confidence lies outside 0…1."))
        truth = (
            None if gold is None else as_index(gold, "gold", len(classes), len(known), missing=True)
        )
        return cls(
            as_index(rows, "unit", len(known)),
            as_index(named, "label", len(classes), n, missing=True),
            known,
            classes,
            who,
            who_ids,
            as_weight(weight, n),
            sure,
            context,
            context_ids,
            truth,
        )

    @classmethod
    def from_values(
        cls, unit: Any, annotator: Any, label: Any, group: Any = None, **rest: Any
    ) -> Self:
        """Factorise unit, annotator, label and group names; a missing label (None) is "not
        applicable".
        """
        units, ids = factorise(unit)
        people, annotator_ids = (None, None) if annotator is None else factorise(annotator)
        labels, label_ids = factorise(label)
        context, group_ids = (None, None) if group is None else factorise(group)
        known: dict[str, Any] = {
            "ids": ids,
            "annotator_ids": annotator_ids,
            "label_ids": label_ids,
            "group": context,
            "group_ids": group_ids,
        }
        return cls.from_arrays(units, people, labels, **{**known, **rest})

    def __len__(self) -> int:
        return len(self.unit)

    @property
    def n_units(self) -> int:
        return len(self.ids)

    @property
    def n_classes(self) -> int:
        return len(self.label_ids)

    @cached_property
    def weights(self) -> Floats:
        return np.ones(len(self)) if self.weight is None else self.weight

    @cached_property
    def people(self) -> tuple[Ints, int]:
        """Annotator code per row and their number; all unknown annotators count as one more."""
        if self.annotator is None:
            return np.zeros(len(self), dtype=np.int32), 1
        count = len(self.annotator_ids)
        if (self.annotator >= 0).all():
            return self.annotator, count
        return np.where(self.annotator < 0, count, self.annotator).astype(np.int32), count + 1

    @cached_property
    def clusters(self) -> tuple[Ints, int]:
        return (
            self.people
            if self.annotator is not None
            else (np.arange(len(self), dtype=np.int32), len(self))
        )

    def counts(self) -> Floats:
        """V[u, c]: weight of label c on unit u (computed once, and kept)."""
        return self._counts

    @cached_property
    def _counts(self) -> Floats:
        return self.tallied()

    def by_label(self) -> Floats:
        """counts() as the caller's own; where every row counts one, the units of each label lie
        together in memory, for rules that go label by label.
        """
        if self._counts_one_each:
            return self._counted_by(np.uint16).astype(np.float64).T
        return self.tallied()

    @cached_property
    def _all_answered(self) -> bool:
        return bool((self.label >= 0).all())

    @property
    def _counts_one_each(self) -> bool:
        """Whether every row counts one, and rows are not few."""
        return self.weight is None and len(self) >= self.n_units and self._all_answered

    def tallied(self) -> Floats:
        """counts() as the caller's own: the table keeps nothing as large."""
        if self._counts_one_each:
            return np.ascontiguousarray(self._counted_by(np.uint16).T, dtype=np.float64)
        C, answered = self.n_classes, self.label >= 0
        key = self.unit.astype(np.int64) * C + self.label
        if self._all_answered:
            flat = np.bincount(key, self.weight, minlength=self.n_units * C)
        else:
            flat = np.bincount(key[answered], self.weights[answered], minlength=self.n_units * C)
        return flat.astype(np.float64).reshape(self.n_units, C)

    def _counted_by(self, width: Any) -> NDArray[Any]:
        """Labels c of unit u at [c, u], by narrow counters if none overflows: then they add up to
        fewer.
        """
        cells = sparse.coo_array((self.n_classes, self.n_units), dtype=width)
        # Set this way, scipy takes the indices on trust; they were checked at the door.
        cells.coords, cells.data = (self.label, self.unit), np.ones(len(self), dtype=width)
        found = np.asarray(cells.toarray())
        if int(found.sum(dtype=np.int64)) != len(self):
            return self._counted_by(np.int64)
        return found

    def answered(self) -> Self:
        """Without "not applicable" rows and rows of weight zero."""
        if self.weight is None and self._all_answered:
            return self
        kept = self.label >= 0 if self.weight is None else (self.label >= 0) & (self.weight > 0)
        return self if kept.all() else self.take(kept)

    def reweighted(self, factor: NDArray[np.float64]) -> Self:
        return replace(self, weight=self.weights * factor)

    def take(self, rows: NDArray[Any]) -> Self:
        """Some rows (indices or a mask)."""
        columns = ("unit", "label", "annotator", "weight", "conf", "group")
        kept: dict[str, Any] = {c: v[rows] for c in columns if (v := getattr(self, c)) is not None}
        return replace(self, **kept)

    def __add__(self, other: Self) -> Self:
        """Rows of both tables, which must speak of the same units, people and labels."""
        mine = (self.ids, self.annotator_ids, self.label_ids, self.group_ids)
        if mine != (other.ids, other.annotator_ids, other.label_ids, other.group_ids):
            raise TableError(
                say("Only tables over the same units, annotators, labels and groups can be added.")
            )
        n, m = len(self), len(other)
        defaults = {"annotator": -1, "weight": 1.0, "conf": np.nan, "group": -1}
        rest: dict[str, Any] = {
            c: joined(getattr(self, c), getattr(other, c), n, m, d) for c, d in defaults.items()
        }
        whole: dict[str, Any] = {
            c: np.concatenate([getattr(self, c), getattr(other, c)]) for c in ("unit", "label")
        }
        return replace(self, **whole, **rest)

    def digest(self) -> str:
        """SHA-256 over ids and columns."""
        head = (self.ids, self.annotator_ids, self.label_ids, self.group_ids)
        rows = (self.unit, self.label, self.annotator, self.weight, self.conf, self.group)
        return digest_of(head, (*rows, self.gold))
