"""What rules on labels share: the label of the largest share, annotators' agreement with it, and
blank units.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from aggregation.method import Estimate
from aggregation.results import AnnotatorQuality, Fit
from aggregation.tables import Labels
from aggregation.warning_codes import ResultWarning, WarningCode, warn
from annotation.phrases import say

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
PART = 1 << 16  # rows whose keys fit into the processor's cache
TIE = 1e-9  # shares nearer than this are equal: no class wins by rounding


@dataclass(frozen=True, eq=False)
class Leaders:
    """Which labels share the first place of each unit: best[U], the largest share; leads[U, C];
    number[U] of them.
    """

    best: Floats
    leads: NDArray[np.bool_]
    number: NDArray[np.int32]

    @classmethod
    def of(cls, share: Floats) -> "Leaders":
        if not share.size:
            return cls(np.full(len(share), np.nan), share > 0, np.zeros(len(share), dtype=np.int32))
        best = row_top(share)
        leads = share >= (best - TIE)[:, None]
        number = np.zeros(len(share), dtype=np.int32)
        for c in range(share.shape[1]):
            number += leads[:, c]
        return cls(best, leads, number)

    @property
    def label(self) -> Longs:
        """Index of the one leading label; -1 where there are several or none. Never breaks a
        tie.
        """
        label = np.zeros(len(self.best), dtype=np.int32)
        for c in range(1, self.leads.shape[1]):
            label += np.multiply(self.leads[:, c], c, dtype=np.int32)
        return np.where((self.number == 1) & np.isfinite(self.best), label, -1).astype(np.int64)

    @property
    def credit(self) -> Floats:
        """1/t for each of the t labels that share the first place of a unit, else 0."""
        return np.asarray(self.leads / np.maximum(self.number, 1)[:, None])


def top_label(share: Floats) -> Longs:
    """Index of the largest share per row; -1 where it is shared or the row is undefined."""
    return Leaders.of(share).label


def row_top(share: Floats) -> Floats:
    """The largest share per row, NaN where all are; column by column, for classes are few."""
    best = share[:, 0].copy()
    for c in range(1, share.shape[1]):
        np.fmax(best, share[:, c], out=best)
    return best


def shares(votes: Floats, *, in_place: bool = False) -> Floats:
    """Rows divided by their sums; NaN where a unit has no vote."""
    total = (votes @ np.ones(votes.shape[1]))[:, None]
    with np.errstate(invalid="ignore"):
        return np.divide(votes, total, out=votes if in_place else None)


def weighted_shares(table: Labels, weight: Floats) -> Floats:
    """shares() of the votes with one weight per row of an answered table."""
    C = table.n_classes
    key = table.unit.astype(np.int64) * C + table.label
    votes = np.bincount(key, weight, minlength=table.n_units * C).astype(np.float64)
    return shares(votes.reshape(table.n_units, C))


def agreement_with(
    table: Labels, leaders: Leaders, per: Longs | NDArray[np.int32], count: int
) -> tuple[Floats, Longs]:
    """Per annotator: weighted share of his labels that equal the unit's label, and his number of
    labels.

    A unit whose first place is shared by t labels counts 1/t for each of them; NaN for an annotator
    without labels.
    """
    if table.weight is None and leaders.number.max(initial=0) <= 2 and len(table) >= count:
        agreed, n = _halves(table, leaders, per, count)
        possible: NDArray[Any] = n
    else:
        n = np.bincount(per, minlength=count).astype(np.int64)
        possible = n if table.weight is None else np.bincount(per, table.weight, minlength=count)
        agreed = _credited(table, leaders.credit, per, count)
    return np.where(possible > 0, agreed / np.where(possible > 0, possible, 1.0), np.nan), n


def _halves(
    table: Labels, leaders: Leaders, per: Longs | NDArray[np.int32], count: int
) -> tuple[Floats, Longs]:
    """Credit and number of labels per annotator where at most two labels share a first place.

    Ones and halves are counted, in parts of the table that stay in the processor's cache: as many
    of them as there are labels add up without rounding, so a sum row by row is the same.
    """
    shared = leaders.leads * leaders.number.astype(np.uint8)[:, None]
    found = np.zeros(4 * count, dtype=np.int64)
    for start in range(0, len(table), PART):
        rows = slice(start, start + PART)
        cells, key = _flat(shared, table.unit[rows], table.label[rows])
        kind = per[rows] << 2
        kind |= cells.take(key)
        found += np.bincount(kind, minlength=len(found))
    by_kind = found.reshape(count, 4)
    return by_kind[:, 1] + by_kind[:, 2] / 2, by_kind.sum(axis=1)


def _credited(table: Labels, credit: Floats, per: Longs | NDArray[np.int32], count: int) -> Floats:
    """Weighted sum per annotator of the credit [U, C] of his labels, row by row."""
    cells, key = _flat(credit, table.unit, table.label)
    given = sparse.coo_array((count, cells.size), dtype=np.float64)
    # Set this way, scipy takes the indices on trust, and multiplies in one reading of the rows.
    given.coords, given.data = (per, key), table.weights
    return np.asarray(given @ cells)


def _flat(
    cells: NDArray[Any], unit: NDArray[Any], label: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """A matrix [U, C] as it lies in memory, and the place in it of each row's cell."""
    width: Any = np.int32 if cells.size < 2**31 else np.int64
    U, C = cells.shape
    major, minor, size = (label, unit, U) if cells.T.flags.c_contiguous else (unit, label, C)
    key = np.multiply(major, size, dtype=width)
    key += minor
    return cells.ravel(order="K"), key


def quality(
    table: Labels, ability: Floats, n: Any, kind: str, **more: Any
) -> AnnotatorQuality | None:
    """Annotator table of a result, or None where annotators are unknown. Extra entry of "unknown"
    is cut off.
    """
    if table.annotator is None:
        return None
    J = len(table.annotator_ids)
    cut = {name: None if value is None else value[:J] for name, value in more.items()}
    return AnnotatorQuality(
        table.annotator_ids,
        ability[:J],
        np.asarray(n)[:J].astype(np.int64),
        ability_kind=kind,
        **cut,
    )


def labelled(
    table: Labels,
    posterior: Floats,
    annotators: AnnotatorQuality | None = None,
    fit: Fit | None = None,
    warnings: tuple[ResultWarning, ...] = (),
    seen: NDArray[np.bool_] | None = None,
    leaders: Leaders | None = None,
    **more: Any,
) -> Estimate:
    """An estimate over units. score = share or probability of the unit's most probable label.
    `seen` says which units have a vote, `leaders` which labels lead, where that is known already.

    A unit with neither vote nor gold has no label and no score, whatever is believed of it.
    """
    if seen is None:
        votes = table.counts()
        seen = votes @ np.ones(votes.shape[1]) > 0
    first = Leaders.of(posterior) if leaders is None else leaders
    told = seen if table.gold is None else seen | (table.gold >= 0)
    label, score = first.label, first.best
    if not told.all():
        label, score = np.where(told, label, -1), np.where(told, score, np.nan)
    found = list(warnings)
    if len(seen) and not seen.all():
        found.append(
            warn(WarningCode.EMPTY, say("%(n)s units", n=int((~seen).sum())), _some(table, ~seen))
        )
    undecided = seen & (label < 0)
    if undecided.any():
        found.append(
            warn(
                WarningCode.TIE_UNRESOLVED,
                say("%(n)s units", n=int(undecided.sum())),
                _some(table, undecided),
            )
        )
    base = Estimate(
        score=score,
        score_kind="probability",
        ranked=False,
        winners=(),
        classes=table.label_ids,
        posterior=posterior,
        label=label,
        annotators=annotators,
        fit=fit or Fit(n_obs=len(table)),
        warnings=tuple(found),
    )
    return replace(base, **more)


def _some(table: Labels, mask: NDArray[np.bool_]) -> Iterator[Any]:
    """Ids under a mask, found as they are asked for: a warning names only the first ones."""
    return (table.ids[u] for u in np.flatnonzero(mask))
