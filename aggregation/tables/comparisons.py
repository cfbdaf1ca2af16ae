"""Comparisons: one row per pairwise judgment."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregation.tables.columns import (
    Bytes,
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
    clusters_of,
    digest_of,
    factorise,
    joined,
    maybe_ids,
)
from aggregation.tables.pair_counts import PairCounts, count_pairs
from aggregation.tables.pair_tally import FEW, suits, tally_unchecked
from annotation.phrases import say

TIE_KINDS = {"": 0, "both_good": 1, "both_bad": 2, "cannot_tell": 3}
CANNOT_TELL = 3


@dataclass(frozen=True, eq=False)
class Comparisons:
    """One row per pairwise judgment; a column that says nothing is None.

    a, b       int32[N]      items, a != b
    y          int8[N]       signed outcome: + a wins, - b wins, 0 tie; magnitude 1…S is the
                             strength of preference
    annotator  int32[N]      who (-1 unknown: the row is its own cluster)
    group      int32[N]      context, such as the prompt
    first      int8[N]       +1 a was shown first, -1 b, 0 unknown
    weight     float64[N]    >= 0, default 1
    conf       float32[N]    stated confidence in [0.5, 1] or NaN
    tie_kind   int8[N]       0 none, 1 both good, 2 both bad, 3 cannot tell
    x          float32[N, F] covariate differences, a minus b
    """

    a: Ints
    b: Ints
    y: Bytes
    ids: Ids
    annotator: Ints | None = None
    annotator_ids: Ids = ()
    group: Ints | None = None
    group_ids: Ids = ()
    first: Bytes | None = None
    weight: Floats | None = None
    conf: Singles | None = None
    tie_kind: Bytes | None = None
    x: Singles | None = None
    feature_names: tuple[str, ...] = ()

    @classmethod
    def from_arrays(
        cls,
        a: ArrayLike,
        b: ArrayLike,
        y: ArrayLike,
        annotator: ArrayLike | None = None,
        group: ArrayLike | None = None,
        first: ArrayLike | None = None,
        weight: ArrayLike | None = None,
        conf: ArrayLike | None = None,
        tie_kind: ArrayLike | None = None,
        x: ArrayLike | None = None,
        n_items: int | None = None,
        ids: Iterable[Hashable] | None = None,
        annotator_ids: Iterable[Hashable] | None = None,
        group_ids: Iterable[Hashable] | None = None,
        feature_names: Sequence[str] | None = None,
    ) -> Self:
        """Check already factorised columns. Raises TableError naming the column and the row."""
        left = cast(Ints, as_column(a, "a", np.int32))
        right = cast(Ints, as_column(b, "b", np.int32, len(left)))
        known = _item_ids(ids, n_items, left, right)
        n = len(left)
        outcome = cast(Bytes, as_column(y, "y", np.int8, n))
        counts = _counted(left, right, outcome, known) if weight is None else None
        if counts is None:
            _check_items(left, right, known)
        who, who_ids = as_optional_index(annotator, "annotator", maybe_ids(annotator_ids), n)
        context, context_ids = as_optional_index(group, "group", maybe_ids(group_ids), n)
        features = _features(x, n)
        table = cls(
            left,
            right,
            outcome,
            known,
            who,
            who_ids,
            context,
            context_ids,
            _in_range(first, "first", np.int8, n, -1, 1),
            as_weight(weight, n),
            _in_range(conf, "conf", np.float32, n, 0.5, 1.0),
            _in_range(tie_kind, "tie_kind", np.int8, n, 0, 3),
            features,
            _feature_names(features, feature_names),
        )
        if counts is not None:  # found on the way; `_pair_counts` needn't read the columns again
            table.__dict__["_pair_counts"] = counts
        return table

    @classmethod
    def from_values(
        cls, a: Any, b: Any, y: ArrayLike, annotator: Any = None, group: Any = None, **rest: Any
    ) -> Self:
        """Factorise item, annotator and group names (strings or numbers), then check as
        `from_arrays`.
        """
        left, right = list(a), list(b)
        codes, ids = factorise(left + right)
        names: dict[str, Any] = {}
        for name, column in (("annotator", annotator), ("group", group)):
            if column is not None:
                names[name], names[f"{name}_ids"] = factorise(column)
        return cls.from_arrays(codes[: len(left)], codes[len(left) :], y, ids=ids, **names, **rest)

    def __len__(self) -> int:
        return len(self.a)

    @property
    def n_items(self) -> int:
        return len(self.ids)

    @cached_property
    def weights(self) -> Floats:
        return np.ones(len(self)) if self.weight is None else self.weight

    @cached_property
    def clusters(self) -> tuple[Ints, int]:
        """Cluster code per row and number of clusters: the annotator, or the row where he is
        unknown.
        """
        return clusters_of(self.annotator, len(self), len(self.annotator_ids))

    @cached_property
    def strength_levels(self) -> int:
        """S: the largest strength that occurs, at least 1."""
        return max(1, int(self.y.max()), -int(self.y.min())) if len(self) else 1

    def pair_counts(self) -> PairCounts:
        """Wins and ties, strength ignored (computed once)."""
        return self._pair_counts

    @cached_property
    def _pair_counts(self) -> PairCounts:
        return count_pairs(self.a, self.b, self.y, self.weight, self.ids)

    def reweighted(self, factor: NDArray[np.float64]) -> Self:
        """The same rows with weights multiplied by `factor` (per row)."""
        return replace(self, weight=self.weights * factor)

    def take(self, rows: NDArray[Any]) -> Self:
        """Some rows (indices or a mask); items and people keep their codes."""
        columns = ("a", "b", "y", "annotator", "group", "first", "weight", "conf", "tie_kind", "x")
        kept: dict[str, Any] = {c: v[rows] for c in columns if (v := getattr(self, c)) is not None}
        return replace(self, **kept)

    def decided(self) -> Self:
        """Without the rows where the annotator could not tell."""
        if self.tie_kind is None:
            return self
        return self.take(self.tie_kind != CANNOT_TELL)

    def __add__(self, other: Self) -> Self:
        """Rows of both tables (shards of one whole, over the same items and people)."""
        if (
            self.ids != other.ids
            or self.annotator_ids != other.annotator_ids
            or self.group_ids != other.group_ids
        ):
            raise TableError(
                say("Only tables over the same items, annotators and groups can be added.")
            )
        n, m = len(self), len(other)
        defaults = {
            "annotator": -1,
            "group": -1,
            "first": 0,
            "weight": 1.0,
            "conf": np.nan,
            "tie_kind": 0,
            "x": 0.0,
        }
        rest: dict[str, Any] = {
            c: joined(getattr(self, c), getattr(other, c), n, m, d) for c, d in defaults.items()
        }
        whole: dict[str, Any] = {
            c: np.concatenate([getattr(self, c), getattr(other, c)]) for c in ("a", "b", "y")
        }
        return replace(self, **whole, **rest)

    def digest(self) -> str:
        """SHA-256 over ids and columns."""
        head = (self.ids, self.annotator_ids, self.group_ids)
        rows = (self.a, self.b, self.y, self.annotator, self.group, self.weight, self.tie_kind)
        return digest_of(head, (*rows, self.x))


def _item_ids(ids: Iterable[Hashable] | None, n_items: int | None, left: Ints, right: Ints) -> Ids:
    if ids is None and n_items is None and left.size:
        n_items = int(max(left.max(), right.max())) + 1
    return as_ids(ids, n_items, left)


def _counted(left: Ints, right: Ints, y: Bytes, known: Ids) -> PairCounts | None:
    """Counts of many plain rows over few items, which are as good as checked then; else None."""
    K = len(known)
    if not 0 < K <= FEW or not suits(y, None, K):
        return None
    wins = tally_unchecked(left, right, y, K)
    return None if wins is None else PairCounts(wins, np.zeros((K, K)), known, len(y))


def _check_items(left: Ints, right: Ints, known: Ids) -> None:
    as_index(left, "a", len(known))
    as_index(right, "b", len(known))
    if np.equal(left, right).any():
        row = int(np.flatnonzero(left == right)[0])
        raise TableError(
            say(
                "Row %(row)s compares item %(known)s with itself.",
                row=row,
                known=f"{known[int(left[row])]!r}",
            )
        )


def _in_range(
    values: ArrayLike | None, name: str, dtype: Any, length: int, low: float, high: float
) -> Any:
    if values is None:
        return None
    column = as_column(values, name, dtype, length)
    wrong = (column < low) | (column > high)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise TableError(
            say(
                "Column '%(name)s' holds %(column)s in row %(row)s; allowed are %(low)s…%(high)s.",
                name=name,
                column=column[row],
                row=row,
                low=low,
                high=high,
            )
        )
    return column


def _features(x: ArrayLike | None, length: int) -> Singles | None:
    if x is None:
        return None
    features = np.asarray(x, dtype=np.float32)
    if features.ndim != 2 or len(features) != length:
        raise TableError(
            say(
                "Covariates must have the shape [%(length)s, F], not %(shape)s.",
                length=length,
                shape=features.shape,
            )
        )
    if not np.isfinite(features).all():
        raise TableError(say("A covariate is not a finite number."))
    return features


def _feature_names(x: Singles | None, names: Sequence[str] | None) -> tuple[str, ...]:
    if x is None:
        return ()
    if names is None:
        return tuple(f"x{f}" for f in range(x.shape[1]))
    if len(names) != x.shape[1]:
        raise TableError(
            say(
                "%(names)s names were given for %(value)s covariates.",
                names=len(names),
                value=x.shape[1],
            )
        )
    return tuple(names)
