"""Votes in the form that personal reward models read, in an order that no name decides.

A cell is one annotator's weight `n` on a pair of texts and the part `k` of it for the left one.
Texts are frozen embeddings, reduced without labels, or one-hot places of items. Training in single
precision magnifies the last digit of a sum, so texts, people and cells are put into an order that
follows from what was said: renaming items or people, or reading rows in another order, gives the
same arrays bit for bit.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregation.tables import Comparisons, TableError
from aggregation.tables.embedded import EmbeddedComparisons
from annotation.phrases import say

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Longs = NDArray[np.int64]
Hashes = NDArray[np.uint64]
FOLDS = 5


@dataclass(frozen=True, eq=False)
class Projection:
    """Embeddings [D] to coordinates [d]: (x - mean) @ basis. Kept with a model, so that it can read
    texts it never saw.
    """

    mean: Floats
    basis: Floats

    def __call__(self, vectors: Singles) -> Singles:
        """Coordinates float32[M, d]. Raises TableError for vectors of another length."""
        if vectors.shape[1] != len(self.mean):
            raise TableError(
                say(
                    "These embeddings have %(value)s numbers, the model reads %(mean)s. "
                    "Embed the responses with the encoder it was trained on.",
                    value=vectors.shape[1],
                    mean=len(self.mean),
                )
            )
        return np.asarray((vectors - self.mean) @ self.basis, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class PersonalVotes:
    """Cells sorted by person and texts.

    person       int64[N], 0…A-1
    left, right  int64[N], texts
    k, n         float64[N], weight for the left text and in all
    points       float32[M, d], what the model sees of each text
    prompts      float32[M, d], what it sees of the text's prompt; None where it isn't asked for
    source       int64[M], row of the table's vectors, or item, that a text comes from
    people       int64[A], cluster code of each person in the table
    item, text, context  int64[T], which items appeared as which texts in which contexts
    left_out     rows without an embedding on one side
    projection   how embeddings became points; None for items
    """

    person: Longs
    left: Longs
    right: Longs
    k: Floats
    n: Floats
    points: Singles
    prompts: Singles | None
    source: Longs
    people: Longs
    item: Longs
    text: Longs
    context: Longs
    left_out: int = 0
    projection: Projection | None = None

    def __len__(self) -> int:
        return len(self.k)

    @property
    def n_people(self) -> int:
        return len(self.people)

    @cached_property
    def votes_each(self) -> Floats:
        """Weight of votes per person, float64[A]."""
        return _totals(self.person, self.n, self.n_people)

    @cached_property
    def fold(self) -> Longs:
        """A fold 0…4 per cell, dealt inside each person; under five cells, none is in fold 4."""
        key = _mixed(self.left, self.right, _whole(self.k), _whole(self.n))
        order = np.lexsort((key, self.person))
        first = np.searchsorted(self.person, np.arange(self.n_people))
        fold = np.empty(len(self), dtype=np.int64)
        fold[order] = (np.arange(len(self)) - first[self.person[order]]) % FOLDS
        return fold

    @property
    def decided(self) -> bool:
        """Whether any vote prefers a side."""
        return bool((np.abs(2 * self.k - self.n) > 1e-12).any())

    def take(self, cells: NDArray[np.bool_]) -> "PersonalVotes":
        """Some cells; texts and people stay."""
        kept = {c: getattr(self, c)[cells] for c in ("person", "left", "right", "k", "n")}
        return replace(self, **kept)

    def of_people(self, chosen: NDArray[np.bool_]) -> "PersonalVotes":
        """The votes of some people, renumbered; texts stay."""
        some = self.take(chosen[self.person])
        number = np.cumsum(chosen) - 1
        return replace(some, person=number[some.person], people=self.people[chosen])


def has_embeddings(table: Comparisons) -> bool:
    """Whether any row has an embedding on both sides."""
    return bool(_embedded_rows(table).any())


def votes_on_embeddings(
    table: Comparisons,
    dimensions: int = 32,
    with_prompts: bool = False,
    projection: Projection | None = None,
) -> PersonalVotes:
    """Votes on texts by their embeddings, reduced to at most `dimensions` principal components, or
    as a model's `projection` sees them.

    A prompt is seen as the mean of its texts. Rows without an embedding on one side are left out
    and counted. Texts with equal embeddings are one text.
    """
    kept = _embedded_rows(table)
    assert isinstance(table, EmbeddedComparisons)
    assert table.vectors is not None
    assert table.text_a is not None
    assert table.text_b is not None
    left_out = int((table.weights > 0).sum() - kept.sum())
    used = np.unique(np.concatenate([table.text_a[kept], table.text_b[kept]]))
    place = np.full(len(table.vectors), -1, dtype=np.int64)
    _, distinct, same = np.unique(
        _rows_as_bytes(table.vectors[used]), return_index=True, return_inverse=True
    )
    place[used] = same
    source = used[distinct].astype(np.int64)
    reduce = projection or projection_of(table.vectors[source], dimensions)
    points = reduce(table.vectors[source])
    a, b = place[table.text_a[kept]], place[table.text_b[kept]]
    prompts = None
    if with_prompts:
        context = _contexts(table)[kept]
        points, prompts, which, a, b = _within_prompts(points, context, a, b)
        source = source[which]
    votes = _assembled(table, kept, a, b, _Texts(points, prompts, source), left_out)
    return replace(votes, projection=reduce)


def votes_on_items(table: Comparisons) -> PersonalVotes:
    """Votes on items, each with a place of its own."""
    kept = table.weights > 0
    K = table.n_items
    order = _items_by_what_was_said(table)
    points = np.eye(K, dtype=np.float32)
    a = order[table.a[kept].astype(np.int64)]
    b = order[table.b[kept].astype(np.int64)]
    return _assembled(table, kept, a, b, _Texts(points, None, np.argsort(order)), 0)


def projection_of(vectors: Singles, dimensions: int) -> Projection:
    """Directions of largest spread, scaled so that coordinates have mean square 1.

    Needs no labels. Signs are fixed by each direction's largest entry.
    """
    x = vectors.astype(np.float64)
    mean = x.mean(axis=0)
    x = x - mean
    values, directions = np.linalg.eigh(x.T @ x / max(len(x), 1))
    order = np.argsort(-values)
    wanted = order[values[order] > max(values.max(initial=0.0), 1e-300) * 1e-9][:dimensions]
    if not len(wanted):
        return Projection(mean, np.zeros((len(mean), 1)))
    basis = directions[:, wanted]
    basis = basis * np.sign(basis[np.abs(basis).argmax(axis=0), np.arange(basis.shape[1])])
    return Projection(mean, basis / np.sqrt(values[wanted].mean()))


def principal_components(vectors: Singles, dimensions: int) -> Singles:
    """Coordinates float32[M, d] of the vectors along their own directions of largest spread."""
    return projection_of(vectors, dimensions)(vectors)


def _embedded_rows(table: Comparisons) -> NDArray[np.bool_]:
    if not isinstance(table, EmbeddedComparisons) or table.text_a is None or table.text_b is None:
        return np.zeros(len(table), dtype=bool)
    return np.asarray((table.text_a >= 0) & (table.text_b >= 0) & (table.weights > 0))


def _contexts(table: Comparisons) -> Longs:
    if table.group is None:
        return np.zeros(len(table), dtype=np.int64)
    return table.group.astype(np.int64) + 1


def _within_prompts(
    points: Singles, context: Longs, a: Longs, b: Longs
) -> tuple[Singles, Singles, Longs, Longs, Longs]:
    """Texts taken apart by prompt, in the order of their own and their prompt's coordinates."""
    M = len(points)
    pairs, row = np.unique(np.concatenate([context * M + a, context * M + b]), return_inverse=True)
    where, which = pairs // M, pairs % M
    contexts, at = np.unique(where, return_inverse=True)
    mean = np.zeros((len(contexts), points.shape[1]))
    np.add.at(mean, at, points[which].astype(np.float64))
    mean /= np.bincount(at)[:, None]
    prompts = mean.astype(np.float32)[at]
    own = points[which]
    order = np.argsort(_rows_as_bytes(np.hstack([own, prompts])), kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    rows = rank[row]
    return own[order], prompts[order], which[order], rows[: len(a)], rows[len(a) :]


@dataclass(frozen=True, eq=False)
class _Texts:
    points: Singles
    prompts: Singles | None
    source: Longs


def _assembled(
    table: Comparisons,
    kept: NDArray[np.bool_],
    a: Longs,
    b: Longs,
    texts: _Texts,
    left_out: int,
) -> PersonalVotes:
    codes = table.clusters[0][kept].astype(np.int64)
    context, M = _contexts(table)[kept], max(len(texts.points), 1)
    items = np.concatenate([table.a[kept], table.b[kept]]).astype(np.int64)
    shown = np.unique(
        np.column_stack([items, np.concatenate([a, b]), np.concatenate([context, context])]), axis=0
    )
    apart = a != b
    codes, a, b = codes[apart], a[apart], b[apart]
    weight, side = table.weights[kept][apart], np.sign(table.y[kept][apart])
    low, high = np.minimum(a, b), np.maximum(a, b)
    people, who = np.unique(codes, return_inverse=True)
    key, cell = np.unique((who * M + low) * M + high, return_inverse=True)
    n = _totals(cell, weight, len(key))
    k = _totals(cell, weight * (1 + side * np.where(a < b, 1, -1)) / 2, len(key))
    left, right, owner = key // M % M, key % M, key // M // M
    said = _sum_by(owner, _mixed(left, right, _whole(k), _whole(n)), len(people))
    rank = np.empty(len(people), dtype=np.int64)
    by_said = np.argsort(said, kind="stable")
    rank[by_said] = np.arange(len(people))
    order = np.lexsort((right, left, rank[owner]))
    return PersonalVotes(
        rank[owner][order], left[order], right[order], k[order], n[order],
        texts.points, texts.prompts, texts.source, people[by_said].astype(np.int64),
        shown[:, 0], shown[:, 1], shown[:, 2], left_out,
    )  # fmt: skip


def _items_by_what_was_said(table: Comparisons) -> Longs:
    """Place of each item when items are sorted by a fingerprint of the votes on them.

    Colours are refined as in the Weisfeiler–Leman test: an item by whom it met and how it fared,
    a person by which such votes they cast. Items that share a fingerprint are alike in every vote.
    """
    kept = table.weights > 0
    K = table.n_items
    codes, count = table.clusters
    low, high = np.minimum(table.a, table.b)[kept], np.maximum(table.a, table.b)[kept]
    key, cell = np.unique((codes[kept].astype(np.int64) * K + low) * K + high, return_inverse=True)
    weight = table.weights[kept]
    side = np.sign(table.y[kept]) * np.where(table.a[kept] < table.b[kept], 1, -1)
    n = _totals(cell, weight, len(key))
    k = _totals(cell, weight * (1 + side) / 2, len(key))
    who, i, j = key // K // K, key // K % K, key % K
    forward, backward, whole = _whole(k), _whole(n - k), _whole(n)
    item, person = np.zeros(K, dtype=np.uint64), np.zeros(count, dtype=np.uint64)
    for _ in range(4):
        ahead = _mixed(item[i], item[j], forward, whole, person[who])
        behind = _mixed(item[j], item[i], backward, whole, person[who])
        person = _sum_by(who, ahead + behind, count)
        item = _sum_by(np.concatenate([i, j]), np.concatenate([ahead, behind]), K)
    rank = np.empty(K, dtype=np.int64)
    rank[np.argsort(item, kind="stable")] = np.arange(K)
    return rank


def _rows_as_bytes(rows: Singles) -> NDArray[Any]:
    rows = np.ascontiguousarray(rows + np.float32(0))  # no negative zeros
    return rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()


def _whole(values: Floats) -> Hashes:
    return np.round(values * 1e6).astype(np.int64).astype(np.uint64)


def _mixed(*columns: Any) -> Hashes:
    """A hash of each row of the columns (the mixing steps of splitmix64)."""
    found = np.full(len(columns[0]), 0x9E3779B97F4A7C15, dtype=np.uint64)
    for column in columns:
        found = (found ^ np.asarray(column).astype(np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
        found = (found ^ (found >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        found = (found ^ (found >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        found = found ^ (found >> np.uint64(31))
    return found


def _sum_by(group: NDArray[Any], values: Hashes, count: int) -> Hashes:
    total = np.zeros(count, dtype=np.uint64)
    np.add.at(total, group, values)
    return total


def _totals(cell: NDArray[Any], values: Floats, count: int) -> Floats:
    return np.asarray(np.bincount(cell, values, minlength=count), dtype=np.float64)
