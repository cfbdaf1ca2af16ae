"""Legal conversions between tables. Each is recorded in the result that used it.

Not offered, because they would invent order: pairs into ranking ballots (an annotator's pairs may
be cyclic) and
labels into ratings.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from aggregation.tables.ballots import Ballots
from aggregation.tables.columns import Floats, TableError
from aggregation.tables.comparisons import Comparisons
from aggregation.tables.labels import Labels
from aggregation.tables.pair_counts import PairCounts
from aggregation.tables.ratings import Ratings
from annotation.phrases import say

Table: TypeAlias = Comparisons | Ballots | Labels | Ratings | PairCounts


def pairs_from_rankings(ballots: Ballots, equal_ballots: bool = False) -> Comparisons:
    """All implied pairs; with `equal_ballots` each of weight 1/(m - 1), so that a ballot of m items
    weighs m/2.
    """
    ballots = ballots.completed()
    nothing = np.zeros(0, dtype=np.int32)
    blocks = [(nothing, nothing, nothing, nothing.astype(np.int8)), *ballots.implied_pairs()]
    ballot, i, j, sign = (np.concatenate(column) for column in zip(*blocks, strict=True))
    weight = ballots.weights[ballot]
    if equal_ballots:
        weight = weight / np.maximum(ballots.lengths[ballot] - 1, 1)
    return Comparisons.from_arrays(
        i,
        j,
        sign,
        annotator=None if ballots.annotator is None else ballots.annotator[ballot],
        annotator_ids=ballots.annotator_ids,
        group=None if ballots.group is None else ballots.group[ballot],
        group_ids=ballots.group_ids,
        weight=weight,
        ids=ballots.ids,
    )


def rankings_from_ratings(ratings: Ratings, delta: float = 0.0) -> Ballots:
    """One ballot per (annotator, group), higher ratings first; ratings within `delta` of their
    neighbour tie.

    Several ratings of one unit by one annotator in one group are averaged first. An unknown
    annotator's rows are
    left out: nothing says which of them belong together.
    """
    rows = ratings.answered()
    if rows.annotator is None:
        return Ballots.from_arrays([0], [], [], ids=ratings.ids)
    rows = rows.take(rows.annotator >= 0)
    assert rows.annotator is not None
    context = (
        np.zeros(len(rows), dtype=np.int64)
        if rows.group is None
        else rows.group.astype(np.int64) + 1
    )
    sheet_key = rows.annotator.astype(np.int64) * (int(context.max(initial=0)) + 1) + context
    sheets, sheet = np.unique(sheet_key, return_inverse=True)
    cells, cell = np.unique(
        sheet.astype(np.int64) * ratings.n_units + rows.unit, return_inverse=True
    )
    total = np.bincount(cell, rows.weights)
    value = np.bincount(cell, rows.weights * rows.value) / total
    owner, unit = cells // ratings.n_units, cells % ratings.n_units
    order = np.lexsort((-value, owner))
    owner, unit, value, total = owner[order], unit[order], value[order], total[order]
    new_sheet = np.diff(owner, prepend=-1) != 0
    step = (np.diff(-value, prepend=0.0) > delta) & ~new_sheet
    tier = np.cumsum(step)
    tier = tier - np.repeat(tier[new_sheet], np.bincount(owner, minlength=len(sheets)))
    sizes = np.bincount(owner, minlength=len(sheets))
    first = np.zeros(len(sheets), dtype=np.int64)
    first[sheet] = np.arange(len(rows))
    return Ballots.from_arrays(
        np.concatenate([[0], np.cumsum(sizes)]),
        unit,
        tier,
        annotator=rows.annotator[first],
        annotator_ids=rows.annotator_ids,
        group=None if rows.group is None else rows.group[first],
        group_ids=rows.group_ids,
        weight=np.bincount(owner, total, minlength=len(sheets)) / np.maximum(sizes, 1),
        ids=ratings.ids,
    )


def pairs_from_ratings(ratings: Ratings) -> Comparisons:
    """Pairs within (annotator, group): y = sign of the difference, a tie where it is at most
    `delta`.
    """
    return pairs_from_rankings(rankings_from_ratings(ratings))


def labels_from_pairs(table: Comparisons) -> Labels:
    """Unit = (group, pair); labels 0: the pair's first item is better, 1: about the same, 2: its
    second item is.

    Only rules that treat all labels alike may use it: which item comes first depends on the order
    of ids.
    """
    low, high = np.minimum(table.a, table.b), np.maximum(table.a, table.b)
    context = (
        np.full(len(table), -1, dtype=np.int64)
        if table.group is None
        else table.group.astype(np.int64)
    )
    K = table.n_items
    keys, unit = np.unique(((context + 1) * K + low) * K + high, return_inverse=True)
    name = _pair_names(keys, table)
    label = 1 - np.sign(table.y) * np.where(table.a < table.b, 1, -1)
    return Labels.from_arrays(
        unit,
        table.annotator,
        label,
        weight=table.weight,
        conf=table.conf,
        ids=name,
        annotator_ids=table.annotator_ids if table.annotator is not None else None,
        label_ids=("first", "tie", "second"),
    )


def _pair_names(keys: Any, table: Comparisons) -> list[tuple[Any, ...]]:
    K = table.n_items
    names: list[tuple[Any, ...]] = []
    for key in keys.tolist():
        rest, high = divmod(key, K)
        group, low = divmod(rest, K)
        pair = (table.ids[low], table.ids[high])
        names.append(pair if group == 0 else (table.group_ids[group - 1], *pair))
    return names


def checklist_scores(table: Labels, yes: int, criterion_weight: Floats | None = None) -> Floats:
    """Per unit sum of w_c * yes / sum of w_c * (yes or no); "not applicable" leaves both sums, all
    such is NaN.
    """
    answered = table.answered()
    weight = answered.weights
    if criterion_weight is not None:
        if answered.group is None:
            raise TableError(
                say(
                    "Weights of criteria need the column 'group' to say which criterion a "
                    "row answers."
                )
            )
        weight = weight * criterion_weight[answered.group]
    total = np.bincount(answered.unit, weight, minlength=table.n_units)
    agreed = np.bincount(answered.unit, weight * (answered.label == yes), minlength=table.n_units)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, agreed / total, np.nan)


_CONVERSIONS: dict[tuple[type[Any], type[Any]], tuple[Callable[[Any], Any], str]] = {
    (Comparisons, PairCounts): (lambda t: t.pair_counts(), say("judgments counted per pair")),
    (Ballots, PairCounts): (
        lambda t: t.completed().pair_counts(),
        say("rankings into all implied pairs"),
    ),
    (Ballots, Comparisons): (pairs_from_rankings, say("rankings into all implied pairs")),
    (Ratings, Ballots): (
        rankings_from_ratings,
        say("ratings into one ranking per annotator and group"),
    ),
    (Ratings, Comparisons): (
        pairs_from_ratings,
        say("ratings into pairs within annotator and group"),
    ),
    (Ratings, PairCounts): (
        lambda t: rankings_from_ratings(t).pair_counts(),
        say("ratings into pairs"),
    ),
    (Comparisons, Labels): (
        labels_from_pairs,
        say("pairs into one unit per pair with labels first, tie, second"),
    ),
}


def convert(table: Table, wanted: tuple[type[Any], ...]) -> tuple[Any, tuple[str, ...]]:
    """The table itself or its first legal conversion to one of the wanted kinds, and what was done.

    Raises TableError where no legal conversion exists.
    """
    if isinstance(table, wanted):
        return table, ()
    for kind in wanted:
        step = _CONVERSIONS.get((type(table), kind))
        if step is not None:
            return step[0](table), (step[1],)
    kinds = " or ".join(kind.__name__ for kind in wanted)
    raise TableError(
        say(
            "This method reads %(kinds)s; %(name)s can't be turned into that without inventing.",
            kinds=kinds,
            name=type(table).__name__,
        )
    )


def can_convert(kind: type[Any], wanted: tuple[type[Any], ...]) -> bool:
    """Whether a method that reads `wanted` accepts a table of this kind."""
    return issubclass(kind, wanted) or any((kind, target) in _CONVERSIONS for target in wanted)
