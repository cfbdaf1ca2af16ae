"""What rules on labels share: the label of the largest share, annotators' agreement with it, and
blank units.
"""

from collections.abc import Iterator
from dataclasses import replace
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
TIE = 1e-9  # shares nearer than this are equal: no class wins by rounding


def top_label(share: Floats) -> Longs:
    """Index of the largest share per row; -1 where it is shared or the row is undefined. Never
    breaks a tie.
    """
    if not share.size:
        return np.full(len(share), -1, dtype=np.int64)
    best = row_top(share)
    leaders, label = np.zeros((2, len(share)), dtype=np.int64)
    for c in range(share.shape[1]):
        leads = share[:, c] >= best - TIE
        leaders += leads
        label += c * leads
    return np.where((leaders == 1) & np.isfinite(best), label, -1)


def row_top(share: Floats) -> Floats:
    """The largest share per row, NaN where all are; column by column, for classes are few."""
    best = share[:, 0].copy()
    for c in range(1, share.shape[1]):
        np.fmax(best, share[:, c], out=best)
    return best


def shares(votes: Floats) -> Floats:
    """Rows divided by their sums; NaN where a unit has no vote."""
    total = (votes @ np.ones(votes.shape[1]))[:, None]
    with np.errstate(invalid="ignore"):
        return np.asarray(votes / total)


def weighted_shares(table: Labels, weight: Floats) -> Floats:
    """shares() of the votes with one weight per row of an answered table."""
    C = table.n_classes
    key = table.unit.astype(np.int64) * C + table.label
    votes = np.bincount(key, weight, minlength=table.n_units * C).astype(np.float64)
    return shares(votes.reshape(table.n_units, C))


def agreement_with(
    table: Labels, share: Floats, per: Longs | NDArray[np.int32], count: int
) -> tuple[Floats, Longs]:
    """Per annotator: weighted share of his labels that equal the unit's label, and his number of
    labels.

    A unit whose first place is shared by t labels counts 1/t for each of them; NaN for an annotator
    without labels.
    """
    credit = tied_credit(share).ravel()
    n = np.bincount(per, minlength=count).astype(np.int64)
    possible = n if table.weight is None else np.bincount(per, table.weight, minlength=count)
    given = sparse.coo_array((count, len(credit)), dtype=np.float64)
    # Set this way, scipy takes the indices on trust, and multiplies in one reading of the rows.
    width: Any = np.int32 if len(credit) < 2**31 else np.int64
    given.coords = (per, np.multiply(table.unit, share.shape[1], dtype=width) + table.label)
    given.data = table.weights
    agreed = given @ credit
    return np.where(possible > 0, agreed / np.where(possible > 0, possible, 1.0), np.nan), n


def tied_credit(share: Floats) -> Floats:
    """1/t for each of the t labels that share the first place of a unit, else 0."""
    if not share.size:
        return np.zeros(share.shape)
    top = np.isfinite(share) & (share >= row_top(share)[:, None] - TIE)
    each = top.astype(np.float64)
    each /= np.maximum(each @ np.ones(share.shape[1]), 1.0)[:, None]
    return each


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
    **more: Any,
) -> Estimate:
    """An estimate over units. score = share or probability of the unit's most probable label.
    `seen` says which units have a vote, where that is known already.
    """
    if seen is None:
        votes = table.counts()
        seen = votes @ np.ones(votes.shape[1]) > 0
    label = top_label(posterior)
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
    score = row_top(posterior) if posterior.size else np.full(len(posterior), np.nan)
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
