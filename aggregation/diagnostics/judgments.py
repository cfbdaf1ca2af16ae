"""What judgments say before any rule adds them up: who met whom, how far people agree, whether
majorities go in circles.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregation.diagnostics.agreement import Coefficient, Level, agreement
from aggregation.diagnostics.annotators import AnnotatorRow, annotator_rows, as_pairs
from aggregation.diagnostics.rank_agreement import rank_agreement
from aggregation.diagnostics.transitivity import (
    Circles,
    StochasticTransitivity,
    majority_circles,
    stochastic_transitivity,
)
from aggregation.tables import Ballots, Comparisons, Labels, PairCounts, Ratings, can_convert
from aggregation.tables.columns import Ids
from aggregation.tables.conversions import convert

Floats = NDArray[np.float64]
Table = Comparisons | Ballots | Labels | Ratings | PairCounts

MOST_ITEMS = 100  # in the win matrix and the transitivity of all triples
MOST_VALUES = 100  # distinct ratings that are still treated as labels


@dataclass(frozen=True, eq=False)
class WinMatrix:
    """wins[i, j]: how often i beat j; ties[i, j] how often the two were called even. Weights count.

    At most MOST_ITEMS items, those with most judgments; `left_out` says how many others there are.
    """

    ids: Ids
    wins: Floats
    ties: Floats
    left_out: int


@dataclass(frozen=True, eq=False)
class JudgmentsExamined:
    """pairs: None where the judgments imply none; circles and transitivity likewise."""

    pairs: WinMatrix | None
    circles: Circles | None
    transitivity: StochasticTransitivity | None
    agreement: tuple[Coefficient, ...]
    annotators: tuple[AnnotatorRow, ...]


def examine_judgments(
    table: Table,
    *,
    level: float = 0.95,
    seed: int = 0,
    watch: Callable[[int], object] | None = None,
) -> JudgmentsExamined:
    """All of it, in four steps; `watch` is called with the number of steps done and may raise."""
    watch = watch or (lambda _: None)
    watch(0)
    counts = _counts(table)
    pairs = None if counts is None else _win_matrix(counts)
    watch(1)
    people = () if isinstance(table, PairCounts) else annotator_rows(table)
    watch(2)
    agreed = _agreement(table, seed, level)
    watch(3)
    small = counts is not None and counts.n_items <= MOST_ITEMS
    examined = JudgmentsExamined(
        pairs=pairs,
        circles=majority_circles(counts) if counts is not None and small else None,
        transitivity=stochastic_transitivity(counts) if counts is not None and small else None,
        agreement=agreed,
        annotators=people,
    )
    watch(4)
    return examined


def _counts(table: Table) -> PairCounts | None:
    if not can_convert(type(table), (PairCounts,)):
        return None
    counts, _ = convert(table, (PairCounts,))
    assert isinstance(counts, PairCounts)
    return counts if counts.n_items and counts.seen.any() else None


def _win_matrix(counts: PairCounts) -> WinMatrix:
    games = np.asarray(counts.games.sum(axis=1)).ravel()
    most = np.sort(np.argsort(-games, kind="stable")[:MOST_ITEMS])
    most = most[games[most] > 0]
    part = counts.take(most)
    wins, ties = (m if counts.is_dense else m.toarray() for m in (part.wins, part.ties))
    return WinMatrix(part.ids, wins, ties, int((games > 0).sum()) - len(most))


def _agreement(table: Table, seed: int, level: float) -> tuple[Coefficient, ...]:
    if isinstance(table, PairCounts):  # counts don't say who judged
        return ()
    if isinstance(table, Ratings):
        labels = _rated_labels(table)
        if labels is None:
            return ()
        levels: tuple[Level, ...] = ("ordinal", "interval")
        if min(labels.label_ids) >= 0:  # type: ignore[type-var, operator]
            levels = (*levels, "ratio")  # only where zero is the least that can be
        return (*agreement(labels, levels, seed, level), *_of_rankings(table, seed, level))
    if isinstance(table, Labels):
        return agreement(table, ("nominal",), seed, level)
    pairs = as_pairs(table)
    assert pairs is not None
    alike = agreement(pairs, ("nominal", "ordinal"), seed, level)
    return (*alike, *_of_rankings(table, seed, level)) if isinstance(table, Ballots) else alike


def _of_rankings(table: Ballots | Ratings, seed: int, level: float) -> tuple[Coefficient, ...]:
    """Kendall's coefficients, where things were put in order by several people."""
    ballots = convert(table, (Ballots,))[0]
    found = rank_agreement(ballots, seed, level)
    return tuple(each for each in found if each.units)


def _rated_labels(table: Ratings) -> Labels | None:
    """Ratings as labels, one unit per rated item and group; None for a continuous scale."""
    rows = table.answered()
    values, label = np.unique(rows.value, return_inverse=True)
    if not len(rows) or len(values) > MOST_VALUES:
        return None
    context = np.zeros(len(rows), dtype=np.int64) if rows.group is None else rows.group + 1
    _, unit = np.unique(context * rows.n_units + rows.unit, return_inverse=True)
    return Labels.from_arrays(
        unit,
        rows.annotator,
        label,
        annotator_ids=rows.annotator_ids if rows.annotator is not None else None,
        label_ids=[float(v) for v in values],
    )
