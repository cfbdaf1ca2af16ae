"""Votes of annotators in the form that group models read: rows sorted by annotator, and a design.

A row says how much weight `n` an annotator put on a comparison and how much of it, `k`, went to its
first side; a tie is half a vote each way. The design turns parameters into the log-odds of a row:
utilities of items (u_a - u_b), or weights of features (w'x, x the difference of two embeddings).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve

from aggregation.tables import Comparisons, Labels, Ratings, TableError
from aggregation.tables.comparisons import CANNOT_TELL
from aggregation.tables.conversions import pairs_from_rankings, rankings_from_ratings
from annotation.phrases import say

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
DENSE_ITEMS = 300  # items up to which a dense Newton system is the faster one


class Design(Protocol):
    """How parameters [d] give log-odds of rows."""

    @property
    def d(self) -> int: ...

    @property
    def free(self) -> int:
        """Parameters that the rows can tell apart."""
        ...

    def log_odds(self, parameters: Floats) -> Floats:
        """Rows N x groups from parameters [d, G]."""
        ...

    def newton(self, curvature: Floats, residual: Floats, ridge: float, at: Floats) -> Floats:
        """(X' diag(curvature) X + ridge I)^-1 (X' residual - ridge at), [d], from rows [N]."""
        ...

    def take(self, rows: NDArray[Any]) -> "Design":
        """Some rows, by a mask or by their places."""
        ...


@dataclass(frozen=True, eq=False)
class Blocks:
    """Items in connected parts, so that a system of all items is solved part by part.

    label, local  int64[K], part of each item and its place there
    size, offset  int64[P], items of each part and where its matrix begins among all of them
    """

    label: Longs
    local: Longs
    size: Longs
    offset: Longs

    @classmethod
    def of(cls, label: Longs) -> "Blocks":
        size = np.bincount(label)
        order = np.argsort(label, kind="stable")
        local = np.empty(len(label), dtype=np.int64)
        local[order] = np.arange(len(label)) - (np.cumsum(size) - size)[label[order]]
        return cls(label, local, size, np.cumsum(size**2) - size**2)

    @property
    def cost(self) -> int:
        return int((self.size.astype(np.int64) ** 3).sum())

    def solve(
        self,
        a: NDArray[np.int32],
        b: NDArray[np.int32],
        curvature: Floats,
        gradient: Floats,
        ridge: float,
    ) -> Floats:
        """(L + ridge I)^-1 gradient, L the Laplacian of these weighted edges."""
        part = self.label[a]
        cell = self.offset[part] + self.local[a] * self.size[part] + self.local[b]
        flat = np.bincount(cell, curvature, minlength=int((self.size**2).sum()))
        order = np.argsort(self.label, kind="stable")
        starts = np.cumsum(self.size) - self.size
        solved = np.empty(len(gradient))
        for n in np.unique(self.size).tolist():
            parts = np.flatnonzero(self.size == n)
            off = flat[self.offset[parts][:, None] + np.arange(n * n)].reshape(-1, n, n)
            off = off + off.transpose(0, 2, 1)
            system = -off
            system[:, np.arange(n), np.arange(n)] += off.sum(axis=2) + ridge
            items = order[starts[parts][:, None] + np.arange(n)]
            solved[items] = np.linalg.solve(system, gradient[items][:, :, None])[:, :, 0]
        return solved


@dataclass(frozen=True, eq=False)
class ItemDesign:
    """One utility per item; a row compares items a and b."""

    a: NDArray[np.int32]
    b: NDArray[np.int32]
    d: int

    @property
    def free(self) -> int:
        edges = sparse.coo_array((np.ones(len(self.a)), (self.a, self.b)), shape=(self.d, self.d))
        parts, _ = connected_components(edges.tocsr(), directed=False)
        return self.d - int(parts)  # an unseen item is a part of its own

    def log_odds(self, parameters: Floats) -> Floats:
        return np.asarray(parameters[self.a] - parameters[self.b])

    def newton(self, curvature: Floats, residual: Floats, ridge: float, at: Floats) -> Floats:
        K = self.d
        up = np.bincount(self.a, residual, minlength=K)
        gradient = up - np.bincount(self.b, residual, minlength=K) - ridge * at
        if self._blocks is not None:
            return self._blocks.solve(self.a, self.b, curvature, gradient, ridge)
        if K > DENSE_ITEMS:
            return self._sparse_newton(curvature, gradient, ridge)
        flat = np.bincount(self.a.astype(np.int64) * K + self.b, curvature, minlength=K * K)
        off = flat.reshape(K, K)
        off = off + off.T
        system = np.diag(off.sum(axis=1) + ridge) - off
        return np.asarray(np.linalg.solve(system, gradient))

    @cached_property
    def _blocks(self) -> "Blocks | None":
        """The connected parts, where the Newton system falls into many small ones."""
        edges = sparse.coo_array((np.ones(len(self.a)), (self.a, self.b)), shape=(self.d, self.d))
        _, label = connected_components(edges.tocsr(), directed=False)
        blocks = Blocks.of(label.astype(np.int64))
        return blocks if blocks.cost < self.d**3 / 8 else None

    def _sparse_newton(self, curvature: Floats, gradient: Floats, ridge: float) -> Floats:
        K = self.d
        half = sparse.coo_array((curvature, (self.a, self.b)), shape=(K, K)).tocsc()
        off = half + half.T
        system = sparse.diags_array(np.asarray(off.sum(axis=1)).ravel() + ridge) - off
        return np.asarray(spsolve(sparse.csc_array(system), gradient))

    def take(self, rows: NDArray[Any]) -> "ItemDesign":
        return ItemDesign(self.a[rows], self.b[rows], self.d)


@dataclass(frozen=True, eq=False)
class FeatureDesign:
    """One weight per feature; a row is the difference of two feature vectors.

    The features stay in the single precision of their table: products are twice as fast, sums over
    rows are taken in double precision.
    """

    x: NDArray[np.float32]

    @property
    def d(self) -> int:
        return int(self.x.shape[1])

    @property
    def free(self) -> int:
        return self.d

    def log_odds(self, parameters: Floats) -> Floats:
        return np.asarray(self.x @ parameters.astype(np.float32), dtype=np.float64)

    def newton(self, curvature: Floats, residual: Floats, ridge: float, at: Floats) -> Floats:
        # One product [X root, residual / root]' [...] yields the matrix and the gradient together.
        root = np.sqrt(np.maximum(curvature, 1e-20))
        rows = np.empty((len(root), self.d + 1), dtype=np.float32)
        np.multiply(self.x, root.astype(np.float32)[:, None], out=rows[:, :-1])
        rows[:, -1] = residual / root
        both = (rows.T @ rows).astype(np.float64)
        system = both[:-1, :-1] + ridge * np.eye(self.d)
        return np.asarray(np.linalg.solve(system, both[:-1, -1] - ridge * at))

    def take(self, rows: NDArray[Any]) -> "FeatureDesign":
        return FeatureDesign(self.x[rows])


@dataclass(frozen=True, eq=False)
class GroupVotes:
    """Rows sorted by annotator.

    annotator  int64[N], codes 0…A-1 with at least one row each (unless rows were taken away)
    k, n       float64[N], weight for the first side and in all
    people     int64[A], cluster code of each annotator in the table they came from
    """

    annotator: Longs
    k: Floats
    n: Floats
    design: Design
    people: Longs

    def __len__(self) -> int:
        return len(self.k)

    @property
    def n_people(self) -> int:
        return len(self.people)

    @cached_property
    def _starts(self) -> tuple[Longs, Longs]:
        present, starts = np.unique(self.annotator, return_index=True)
        return present, starts.astype(np.int64)

    @cached_property
    def votes_each(self) -> Floats:
        """Weight of votes per annotator, float64[A]."""
        return np.asarray(
            np.bincount(self.annotator, self.n, minlength=self.n_people), dtype=np.float64
        )

    def by_person(self, rows: Floats) -> Floats:
        """Sums over an annotator's rows: [A, G] from [N, G]."""
        total = np.zeros((self.n_people, rows.shape[1]))
        if len(rows):
            present, starts = self._starts
            total[present] = np.add.reduceat(rows, starts, axis=0)
        return total

    def take(self, rows: NDArray[np.bool_]) -> "GroupVotes":
        """Some rows; the annotators stay, with or without votes."""
        return GroupVotes(
            self.annotator[rows], self.k[rows], self.n[rows], self.design.take(rows), self.people
        )


def scrambled(votes: GroupVotes, log_odds: Floats) -> Floats:
    """A number in [0, 1) per row that depends on what the row says, not on names or order."""
    said = log_odds * (2 * votes.k - votes.n) / np.maximum(votes.n, 1e-12)
    return np.asarray(np.modf(np.abs(said + 0.618033988749895) * 7919.37)[0])


def votes_on_items(table: Comparisons) -> GroupVotes:
    """Votes counted per annotator and pair of items; strengths of preference are ignored."""
    codes, _ = table.clusters
    kept = table.weights > 0
    low = np.minimum(table.a, table.b)[kept].astype(np.int64)
    high = np.maximum(table.a, table.b)[kept].astype(np.int64)
    people, annotator = np.unique(codes[kept], return_inverse=True)
    K = max(table.n_items, 1)
    key, cell = np.unique((annotator * K + low) * K + high, return_inverse=True)
    weight = table.weights[kept]
    side = np.sign(table.y[kept]) * np.where(table.a[kept] < table.b[kept], 1, -1)
    n, k = np.zeros(len(key)), np.zeros(len(key))
    np.add.at(n, cell, weight)
    np.add.at(k, cell, weight * (1 + side) / 2)
    rest, b = key // K, key % K
    design = ItemDesign((rest % K).astype(np.int32), b.astype(np.int32), table.n_items)
    return GroupVotes(rest // K, k, n, design, people.astype(np.int64))


def votes_on_features(table: Comparisons) -> GroupVotes:
    """Votes with the table's covariate differences as features. Raises TableError without any."""
    if table.x is None:
        raise TableError(
            say(
                "The feature form needs covariates, and this table has none. Run an "
                "embedding job on the project's responses first, or choose the item form."
            )
        )
    codes, _ = table.clusters
    kept = np.flatnonzero(table.weights > 0)
    order = kept[np.argsort(codes[kept], kind="stable")]
    people, annotator = np.unique(codes[order], return_inverse=True)
    weight = table.weights[order]
    k = weight * (1 + np.sign(table.y[order])) / 2
    design = FeatureDesign(np.ascontiguousarray(table.x[order]))
    return GroupVotes(annotator.astype(np.int64), k, weight, design, people.astype(np.int64))


def pairs_weighted_by_gap(ratings: Ratings) -> Comparisons:
    """Ratings of one annotator in one context as pairs of weight min(1, gap / 2).

    The gap is measured on a scale of five steps (0…4), to which the ratings' own scale is mapped;
    equal ratings make a tie of full weight. Ratings by unknown annotators make no pairs.
    """
    rows = ratings.answered()
    if rows.annotator is None:
        return Comparisons.from_arrays([], [], [], ids=ratings.ids)
    rows = rows.take(rows.annotator >= 0)
    pairs = pairs_from_rankings(rankings_from_ratings(rows))
    low, high = ratings.scale
    value = _mean_ratings(rows)
    gap = np.abs(value(pairs, pairs.a) - value(pairs, pairs.b)) * 4 / max(high - low, 1e-12)
    return pairs.reweighted(np.where(pairs.y == 0, 1.0, np.minimum(1.0, gap / 2)))


AGREEING = ("yes", "agree", "true", "1", "1.0", "+1")
OPPOSING = ("no", "disagree", "false", "-1", "-1.0")
PASSING = ("pass", "skip", "unsure", "not_applicable")


def pairs_from_answers(labels: Labels) -> Comparisons:
    """Yes and no to statements as comparisons of each statement with its contrary.

    Items are (unit, True) for agreeing and (unit, False); contexts are the units; a pass is a tie.
    "0" is a pass beside a "-1", and a no otherwise. Raises TableError for other labels.
    """
    meaning = _meanings([str(each).strip().lower() for each in labels.label_ids])
    answered = labels.take(labels.label >= 0)
    y = meaning[answered.label]
    unit = answered.unit.astype(np.int32)
    ids = [(each, side) for each in labels.ids for side in (True, False)]
    return Comparisons.from_arrays(
        2 * unit,
        2 * unit + 1,
        y,
        annotator=answered.annotator,
        annotator_ids=answered.annotator_ids,
        group=unit,
        group_ids=labels.ids,
        weight=answered.weight,
        ids=ids,
    )


def _meanings(words: list[str]) -> NDArray[np.int8]:
    passing = (*PASSING, *(("0", "0.0") if {"-1", "-1.0"} & set(words) else ()))
    opposing = OPPOSING if "0" in passing else (*OPPOSING, "0", "0.0")
    signs = dict.fromkeys(AGREEING, 1) | dict.fromkeys(opposing, -1) | dict.fromkeys(passing, 0)
    strange = [word for word in words if word not in signs]
    if strange:
        raise TableError(
            say(
                "Groups can be sought in answers of yes, no and pass; “%(strange)s” is "
                "none of them.",
                strange=strange[0],
            )
        )
    return np.array([signs[word] for word in words], dtype=np.int8)


def _mean_ratings(rows: Ratings) -> Callable[[Comparisons, NDArray[np.int32]], Floats]:
    """Look up an annotator's mean rating of a unit within the context of a pair."""

    def key(annotator: NDArray[Any] | None, context: NDArray[Any] | None, unit: Any) -> Longs:
        who = np.zeros(len(unit), dtype=np.int64) if annotator is None else annotator
        where = np.zeros(len(unit), dtype=np.int64) if context is None else context + 1
        contexts = len(rows.group_ids) + 1
        return np.asarray((who.astype(np.int64) * contexts + where) * len(rows.ids) + unit)

    cells, cell = np.unique(key(rows.annotator, rows.group, rows.unit), return_inverse=True)
    mean = np.bincount(cell, rows.weights * rows.value) / np.bincount(cell, rows.weights)

    def value(pairs: Comparisons, unit: NDArray[np.int32]) -> Floats:
        return np.asarray(mean[np.searchsorted(cells, key(pairs.annotator, pairs.group, unit))])

    return value


def selected(table: Comparisons, cannot_tell: str) -> Comparisons:
    """The table with "cannot tell" as ties, or without these rows."""
    if cannot_tell == "drop" and table.tie_kind is not None:
        return table.take(table.tie_kind != CANNOT_TELL)
    return table
