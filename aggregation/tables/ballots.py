"""Ballots: rankings, top-k lists and approvals, one ballot per annotator and question."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregation.tables.columns import (
    Floats,
    Ids,
    Ints,
    Longs,
    TableError,
    as_column,
    as_ids,
    as_index,
    as_optional_index,
    as_weight,
    clusters_of,
    digest_of,
    joined,
    maybe_ids,
)
from aggregation.tables.pair_counts import PairCounts, count_pairs
from annotation.phrases import say

Tiers = NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Ballots:
    """Ballots in compressed rows: ballot k lists item[ptr[k]:ptr[k + 1]].

    tier     int16[M]  0 is best; the same tier is a tie; an approval ballot has tiers 0 (approved)
                       and 1
    shown    int32     items offered, compressed by shown_ptr; None: exactly the listed ones.
             An item that was not shown is missing, never last.
    """

    ptr: Longs
    item: Ints
    tier: Tiers
    ids: Ids
    annotator: Ints | None = None
    annotator_ids: Ids = ()
    group: Ints | None = None
    group_ids: Ids = ()
    weight: Floats | None = None
    shown_ptr: Longs | None = None
    shown: Ints | None = None

    @classmethod
    def from_arrays(
        cls,
        ptr: ArrayLike,
        item: ArrayLike,
        tier: ArrayLike,
        annotator: ArrayLike | None = None,
        group: ArrayLike | None = None,
        weight: ArrayLike | None = None,
        shown_ptr: ArrayLike | None = None,
        shown: ArrayLike | None = None,
        n_items: int | None = None,
        ids: Iterable[Hashable] | None = None,
        annotator_ids: Iterable[Hashable] | None = None,
        group_ids: Iterable[Hashable] | None = None,
    ) -> Self:
        """Check factorised columns. Raises TableError for a repeated item or one that was ranked
        but not shown.
        """
        rows = cast(Ints, as_column(item, "item", np.int32))
        known = as_ids(ids, n_items, rows)
        starts = _pointers(ptr, "ptr", len(rows))
        n = len(starts) - 1
        who, who_ids = as_optional_index(annotator, "annotator", maybe_ids(annotator_ids), n)
        context, context_ids = as_optional_index(group, "group", maybe_ids(group_ids), n)
        offered = None if shown is None else as_index(shown, "shown", len(known))
        offered_ptr = (
            None if offered is None else _pointers(_given(shown_ptr), "shown_ptr", len(offered))
        )
        table = cls(
            starts,
            as_index(rows, "item", len(known)),
            cast(Tiers, as_column(tier, "tier", np.int16, len(rows))),
            known,
            who,
            who_ids,
            context,
            context_ids,
            as_weight(weight, n),
            offered_ptr,
            offered,
        )
        table._check_items()
        return table

    @classmethod
    def from_rankings(
        cls,
        rankings: Sequence[Sequence[int | Sequence[int]]],
        weight: ArrayLike | None = None,
        everything_shown: bool = False,
        **rest: Any,
    ) -> Self:
        """Rankings as lists, best first; an entry is an item or a list of tied items."""
        tiers = [
            [[e] if isinstance(e, int | np.integer) else list(e) for e in ranking]
            for ranking in rankings
        ]
        item = [i for ranking in tiers for tied in ranking for i in tied]
        tier = [t for ranking in tiers for t, tied in enumerate(ranking) for _ in tied]
        ptr = np.cumsum([0] + [sum(map(len, ranking)) for ranking in tiers])
        table = cls.from_arrays(ptr, item, tier, weight=weight, **rest)
        return table.with_everything_shown() if everything_shown else table

    @classmethod
    def from_approvals(cls, approved: Sequence[Sequence[int]], n_items: int, **rest: Any) -> Self:
        """Approval ballots over all items: tier 0 for the approved ones, tier 1 for the others."""
        split = [(list(s), [i for i in range(n_items) if i not in set(s)]) for s in approved]
        item = [i for yes, no in split for i in yes + no]
        tier = [t for yes, no in split for t in [0] * len(yes) + [1] * len(no)]
        return cls.from_arrays(
            np.arange(len(split) + 1) * n_items, item, tier, n_items=n_items, **rest
        )

    def __len__(self) -> int:
        return len(self.ptr) - 1

    @property
    def n_items(self) -> int:
        return len(self.ids)

    @cached_property
    def weights(self) -> Floats:
        return np.ones(len(self)) if self.weight is None else self.weight

    @cached_property
    def clusters(self) -> tuple[Ints, int]:
        return clusters_of(self.annotator, len(self), len(self.annotator_ids))

    @property
    def lengths(self) -> Longs:
        return np.diff(self.ptr)

    @cached_property
    def row_ballot(self) -> Ints:
        """Which ballot each listed item belongs to."""
        return np.repeat(np.arange(len(self), dtype=np.int32), self.lengths)

    def with_everything_shown(self) -> Self:
        """The same ballots, all items having been offered on each."""
        K = self.n_items
        shown = np.tile(np.arange(K, dtype=np.int32), len(self))
        return replace(self, shown=shown, shown_ptr=np.arange(len(self) + 1, dtype=np.int64) * K)

    def completed(self) -> Self:
        """Shown but unlisted items tied in a last tier of their own (the policy "bottom")."""
        if self.shown is None or self.shown_ptr is None:
            return self
        K, n = self.n_items, len(self)
        listed = self.row_ballot.astype(np.int64) * K + self.item
        owner = np.repeat(np.arange(n, dtype=np.int64), np.diff(self.shown_ptr))
        rest = np.setdiff1d(owner * K + self.shown, listed)
        bottom = np.full(n, -1, dtype=np.int16)
        np.maximum.at(bottom, self.row_ballot, self.tier)
        key = np.concatenate([listed, rest])
        tier = np.concatenate([self.tier, (bottom + 1)[rest // K]]).astype(np.int16)
        order = np.lexsort((tier, key // K))
        ptr = np.concatenate([[0], np.cumsum(np.bincount(key // K, minlength=n))]).astype(np.int64)
        item = (key % K).astype(np.int32)[order]
        return replace(self, ptr=ptr, item=item, tier=tier[order], shown=None, shown_ptr=None)

    def merged_top(self, tiers: int) -> Self:
        """The same ballots with their first `tiers` tiers made one."""
        return replace(self, tier=np.maximum(self.tier - (tiers - 1), 0).astype(np.int16))

    @cached_property
    def profile(self) -> tuple[Tiers, Floats]:
        """Distinct ballots as tier numbers [B', K] (-1 missing), 0 = best present tier, and their
        total weights.
        """
        tiers = np.full((len(self), self.n_items), -1, dtype=np.int16)
        tiers[self.row_ballot, self.item] = self.tier
        if not tiers.size:
            return tiers, self.weights
        rows = (
            np.ascontiguousarray(tiers)
            .view(np.dtype((np.void, tiers.dtype.itemsize * tiers.shape[1])))
            .ravel()
        )
        _, index, inverse = np.unique(rows, return_index=True, return_inverse=True)
        total = np.bincount(inverse, self.weights, minlength=len(index))
        return tiers[index], total.astype(np.float64)

    def implied_pairs(self) -> Iterator[tuple[Ints, Ints, Ints, NDArray[np.int8]]]:
        """Blocks of (ballot, i, j, sign) over all pairs on one ballot; sign + means i above j, 0
        tied.
        """
        for m in np.unique(self.lengths):
            if m < 2:
                continue
            ballots = np.flatnonzero(self.lengths == m).astype(np.int32)
            left, right = np.triu_indices(int(m), 1)
            for block in np.array_split(ballots, max(1, len(ballots) * len(left) // 2_000_000 + 1)):
                rows = self.ptr[block][:, None] + np.arange(m)
                item, tier = self.item[rows], self.tier[rows]
                sign = np.sign(tier[:, right].astype(np.int32) - tier[:, left]).astype(np.int8)
                yield (
                    np.repeat(block, len(left)),
                    item[:, left].ravel(),
                    item[:, right].ravel(),
                    sign.ravel(),
                )

    def pair_counts(self) -> PairCounts:
        """Wins and ties over all implied pairs, each of the ballot's weight."""
        return self._pair_counts

    @cached_property
    def _pair_counts(self) -> PairCounts:
        nothing = np.zeros(0, dtype=np.int32)
        total = count_pairs(nothing, nothing, nothing, np.zeros(0), self.ids)
        for ballot, i, j, sign in self.implied_pairs():
            total = total + count_pairs(i, j, sign, self.weights[ballot], self.ids)
        return replace(total, rows=len(self))

    def reweighted(self, factor: NDArray[np.float64]) -> Self:
        return replace(self, weight=self.weights * factor)

    def take(self, rows: NDArray[Any]) -> Self:
        """Some ballots (indices or a mask)."""
        index = np.arange(len(self))[rows]
        listed = _ranges(self.ptr, index)
        columns: dict[str, Any] = {"item": self.item[listed], "tier": self.tier[listed]}
        columns["ptr"] = np.concatenate([[0], np.cumsum(self.lengths[index])]).astype(np.int64)
        for name in ("annotator", "group", "weight"):
            column = getattr(self, name)
            columns[name] = None if column is None else column[index]
        if self.shown is not None and self.shown_ptr is not None:
            columns["shown"] = self.shown[_ranges(self.shown_ptr, index)]
            sizes = np.diff(self.shown_ptr)[index]
            columns["shown_ptr"] = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        return replace(self, **columns)

    def __add__(self, other: Self) -> Self:
        """Ballots of both tables, which must speak of the same items and people."""
        if (
            self.ids != other.ids
            or self.annotator_ids != other.annotator_ids
            or self.group_ids != other.group_ids
        ):
            raise TableError(
                say("Only tables over the same items, annotators and groups can be added.")
            )
        if (self.shown is None) != (other.shown is None):
            raise TableError(say("What was shown must be known in both tables or in neither."))
        n, m = len(self), len(other)
        columns: dict[str, Any] = {
            c: np.concatenate([getattr(self, c), getattr(other, c)]) for c in ("item", "tier")
        }
        columns["ptr"] = np.concatenate([self.ptr, other.ptr[1:] + self.ptr[-1]])
        for name, default in (("annotator", -1), ("group", -1), ("weight", 1.0)):
            columns[name] = joined(getattr(self, name), getattr(other, name), n, m, default)
        if self.shown_ptr is not None and other.shown_ptr is not None:
            columns["shown"] = joined(self.shown, other.shown, 0, 0, 0)
            columns["shown_ptr"] = np.concatenate(
                [self.shown_ptr, other.shown_ptr[1:] + self.shown_ptr[-1]]
            )
        return replace(self, **columns)

    def digest(self) -> str:
        """SHA-256 over ids and columns."""
        head = (self.ids, self.annotator_ids, self.group_ids)
        rows = (self.ptr, self.item, self.tier, self.annotator, self.group, self.weight)
        return digest_of(head, (*rows, self.shown))

    def _check_items(self) -> None:
        key = self.row_ballot.astype(np.int64) * self.n_items + self.item
        distinct, times = np.unique(key, return_counts=True)
        if (times > 1).any():
            ballot, item = divmod(int(distinct[times > 1][0]), self.n_items)
            raise TableError(
                say(
                    "Ballot %(ballot)s lists %(value)s twice.",
                    ballot=ballot,
                    value=f"{self.ids[item]!r}",
                )
            )
        if self.shown is None or self.shown_ptr is None:
            return
        owner = np.repeat(np.arange(len(self), dtype=np.int64), np.diff(self.shown_ptr))
        hidden = np.setdiff1d(key, owner * self.n_items + self.shown)
        if hidden.size:
            ballot, item = divmod(int(hidden[0]), self.n_items)
            raise TableError(
                say(
                    "Ballot %(ballot)s ranks %(value)s, which was not shown.",
                    ballot=ballot,
                    value=f"{self.ids[item]!r}",
                )
            )


def _pointers(ptr: ArrayLike, name: str, length: int) -> Longs:
    starts = cast(Longs, as_column(ptr, name, np.int64))
    if not starts.size or starts[0] != 0 or starts[-1] != length or (np.diff(starts) < 0).any():
        raise TableError(
            say("'%(name)s' must rise from 0 to %(length)s.", name=name, length=length)
        )
    return starts


def _given(ptr: ArrayLike | None) -> ArrayLike:
    if ptr is None:
        raise TableError(say("'shown' needs 'shown_ptr'."))
    return ptr


def _ranges(ptr: Longs, index: NDArray[Any]) -> NDArray[np.int64]:
    sizes = np.diff(ptr)[index]
    starts = (
        np.repeat(ptr[index] - np.concatenate([[0], np.cumsum(sizes)[:-1]]), sizes)
        if len(index)
        else ptr[:0]
    )
    return np.asarray(starts + np.arange(int(sizes.sum())), dtype=np.int64)
