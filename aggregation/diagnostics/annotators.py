"""Annotators beside each other, before any model: how much each agrees with the others, and which
way each leans.
"""

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregation.diagnostics.transitivity import circles_per_annotator
from aggregation.tables import Ballots, Comparisons, Labels, Ratings
from aggregation.tables.conversions import labels_from_pairs, pairs_from_rankings
from aggregation.uncertainty import normal_quantile
from annotation.phrases import say

Floats = NDArray[np.float64]
MOST_WITH_CIRCLES = 500  # annotators; each takes a matrix of items by items


@dataclass(frozen=True)
class AnnotatorRow:
    """One annotator.

    judgments   rows of the table he gave
    agreement   share of the others' answers on the same units that equal his; NaN without any;
                shared = how many answers of others that rests on
    lean        pairs: share of decided pairs in which he chose what was shown first, less 1/2;
                ratings: mean of his value less the others' mean on the same unit; two labels: share
                of his second label less the others' on the same units. NaN where nothing tells
    lean_lo/hi  its 95 % interval (Wilson for shares, normal for ratings);  lean_n: rests on so many
    ties        share of pairs he called even; NaN for other tables
    circles     circular triads among his own decided triads, and how many triads were decided
    """

    name: Hashable
    judgments: int
    agreement: float
    shared: int
    lean: float
    lean_lo: float
    lean_hi: float
    lean_n: int
    ties: float
    circles: int
    triads: int


LEANS = {
    Comparisons: say("chooses what is shown first, above one half"),
    Ballots: "",
    Labels: say("gives the second label, above the others on the same units"),
    Ratings: say("rates above the others on the same units"),
}


def annotator_rows(table: Comparisons | Ballots | Labels | Ratings) -> tuple[AnnotatorRow, ...]:
    """A row per known annotator with at least one judgment, most judgments first."""
    if table.annotator is None:
        return ()
    J = len(table.annotator_ids)
    own = np.bincount(table.annotator[table.annotator >= 0], minlength=J)
    labels = _as_labels(table)
    agreement, shared = _with_others(labels, J) if labels is not None else _nothing(J)
    lean, lo, hi, n = _lean(table, J)
    ties = _ties(table, J)
    circles = _circles(table, J)
    order = sorted(np.flatnonzero(own).tolist(), key=lambda j: (-int(own[j]), j))
    return tuple(
        AnnotatorRow(
            table.annotator_ids[j],
            int(own[j]),
            float(agreement[j]),
            int(shared[j]),
            float(lean[j]),
            float(lo[j]),
            float(hi[j]),
            int(n[j]),
            float(ties[j]),
            *circles.get(j, (0, 0)),
        )
        for j in order
    )


def as_pairs(table: Comparisons | Ballots | Labels | Ratings) -> Comparisons | None:
    """The table as comparisons where it is one or implies some; None for labels and ratings."""
    if isinstance(table, Ballots):
        return pairs_from_rankings(table)
    return table if isinstance(table, Comparisons) else None


def _as_labels(table: Comparisons | Ballots | Labels | Ratings) -> Labels | None:
    if isinstance(table, Labels):
        return table.answered()
    pairs = as_pairs(table)
    return None if pairs is None else labels_from_pairs(pairs)


def _nothing(J: int) -> tuple[Floats, NDArray[np.int64]]:
    return np.full(J, np.nan), np.zeros(J, dtype=np.int64)


def _with_others(labels: Labels, J: int) -> tuple[Floats, NDArray[np.int64]]:
    """Per annotator: share of the answers of others on his units that equal his own."""
    if labels.annotator is None or not len(labels):
        return _nothing(J)
    U, C = labels.n_units, labels.n_classes
    key = labels.unit.astype(np.int64) * C + labels.label
    count = np.bincount(key, minlength=U * C)
    total = count.reshape(U, C).sum(axis=1)
    who = labels.annotator.astype(np.int64)
    _, place = np.unique(who * U + labels.unit, return_inverse=True)
    given = np.bincount(place)
    _, cell = np.unique(place.astype(np.int64) * C + labels.label, return_inverse=True)
    mine_here = np.bincount(cell)
    others_same = count[key] - mine_here[cell]
    others = total[labels.unit] - given[place]
    known = who >= 0
    same = np.bincount(who[known], others_same[known], minlength=J)
    all_ = np.bincount(who[known], others[known], minlength=J)
    return np.where(all_ > 0, same / np.where(all_ > 0, all_, 1), np.nan), all_.astype(np.int64)


def _lean(
    table: Comparisons | Ballots | Labels | Ratings, J: int
) -> tuple[Floats, Floats, Floats, NDArray[np.int64]]:
    if isinstance(table, Comparisons):
        return _first_lean(table, J)
    if isinstance(table, Ratings):
        return _level_lean(table, J)
    if isinstance(table, Labels) and table.n_classes == 2:
        answered = table.answered()
        values = Ratings.from_arrays(
            answered.unit, answered.annotator, answered.label.astype(np.float64),
            n_units=answered.n_units, annotator_ids=answered.annotator_ids,
        )  # fmt: skip
        return _level_lean(values, J)
    nan = np.full(J, np.nan)
    return nan, nan, nan, np.zeros(J, dtype=np.int64)


def _first_lean(table: Comparisons, J: int) -> tuple[Floats, Floats, Floats, NDArray[np.int64]]:
    assert table.annotator is not None
    nan = np.full(J, np.nan)
    if table.first is None:
        return nan, nan, nan, np.zeros(J, dtype=np.int64)
    kept = (table.first != 0) & (table.y != 0) & (table.annotator >= 0)
    who = table.annotator[kept]
    won = np.sign(table.y[kept]) == np.sign(table.first[kept])
    n = np.bincount(who, minlength=J)
    k = np.bincount(who, won, minlength=J)
    share = np.where(n > 0, k / np.maximum(n, 1), np.nan)
    lo, hi = wilson(share, n)
    return share - 0.5, lo - 0.5, hi - 0.5, n.astype(np.int64)


def wilson(share: Floats, n: NDArray[np.int64], level: float = 0.95) -> tuple[Floats, Floats]:
    """Wilson's interval of a share out of n (Wilson 1927); NaN where n is 0."""
    z = normal_quantile(level)
    m = np.where(n > 0, n, np.nan)
    middle = (share + z**2 / (2 * m)) / (1 + z**2 / m)
    half = z / (1 + z**2 / m) * np.sqrt(share * (1 - share) / m + z**2 / (4 * m**2))
    return middle - half, middle + half


def _level_lean(table: Ratings, J: int) -> tuple[Floats, Floats, Floats, NDArray[np.int64]]:
    """Mean difference to the others' mean on the same unit (within its group), normal interval."""
    rows = table.answered()
    nan = np.full(J, np.nan)
    if rows.annotator is None or not len(rows):
        return nan, nan, nan, np.zeros(J, dtype=np.int64)
    context = np.zeros(len(rows), dtype=np.int64) if rows.group is None else rows.group + 1
    _, cell = np.unique(context * rows.n_units + rows.unit, return_inverse=True)
    total, number = np.bincount(cell, rows.value), np.bincount(cell)
    kept = (number[cell] > 1) & (rows.annotator >= 0)
    others = (total[cell] - rows.value)[kept] / (number[cell] - 1)[kept]
    gap, who = rows.value[kept] - others, rows.annotator[kept]
    n = np.bincount(who, minlength=J)
    mean = np.bincount(who, gap, minlength=J) / np.maximum(n, 1)
    square = np.bincount(who, (gap - mean[who]) ** 2, minlength=J) / np.maximum(n - 1, 1)
    half = np.where(n > 1, normal_quantile(0.95) * np.sqrt(square / np.maximum(n, 1)), np.nan)
    mean = np.where(n > 0, mean, np.nan)
    return mean, mean - half, mean + half, n.astype(np.int64)


def _ties(table: Comparisons | Ballots | Labels | Ratings, J: int) -> Floats:
    if not isinstance(table, Comparisons) or table.annotator is None:
        return np.full(J, np.nan)
    known = table.annotator >= 0
    n = np.bincount(table.annotator[known], minlength=J)
    even = np.bincount(table.annotator[known], (table.y == 0)[known], minlength=J)
    return np.where(n > 0, even / np.maximum(n, 1), np.nan)


def _circles(table: Comparisons | Ballots | Labels | Ratings, J: int) -> dict[int, tuple[int, int]]:
    if not isinstance(table, Comparisons) or J > MOST_WITH_CIRCLES or table.n_items > 200:
        return {}
    found = enumerate(circles_per_annotator(table))
    return {j: (circles.circular, circles.complete) for j, (_, circles) in found}
