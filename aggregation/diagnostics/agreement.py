"""Agreement of annotators beyond chance, from counts of labels per unit, with intervals over
annotators (`jackknife`).

V[u, c] is the number of labels c on unit u. Missing labels are allowed everywhere; units with fewer
than two labels say nothing and are left out of observed agreement. With one value only, alpha and
the kappas are undefined (NaN) while AC1 is 1: show alpha and AC1 side by side, because a rare
category makes alpha small although people agree.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregation.diagnostics.jackknife import groups_of, interval
from aggregation.tables import Comparisons, Labels
from aggregation.tables.conversions import labels_from_pairs
from aggregation.watching import beat
from annotation.phrases import say

Floats = NDArray[np.float64]
Level = Literal["nominal", "ordinal", "interval", "ratio"]
Weighting = Literal["identity", "linear", "quadratic", "ordinal"]
Measure = Callable[[Floats, Floats], float]
BLOCK = 1 << 15  # cells of V treated at a time
ALPHAS: dict[Level, str] = {
    "nominal": say("alpha (nominal)"),
    "ordinal": say("alpha (ordinal)"),
    "interval": say("alpha (interval)"),
    "ratio": say("alpha (ratio)"),
}
AC2: dict[Weighting, str] = {
    "linear": say("AC2 (linear)"),
    "quadratic": say("AC2 (quadratic)"),
    "ordinal": say("AC2 (ordinal)"),
}
WEIGHTED_KAPPA: dict[Weighting, str] = {
    "linear": say("Cohen kappa (linear)"),
    "quadratic": say("Cohen kappa (quadratic)"),
    "ordinal": say("Cohen kappa (ordinal)"),
}


@dataclass(frozen=True)
class Coefficient:
    """A coefficient with its interval over annotators (NaN where there are fewer than three)."""

    name: str
    value: float
    lo: float
    hi: float
    units: int
    labels: int


def krippendorff_alpha(
    counts: ArrayLike, level: Level = "nominal", values: ArrayLike | None = None
) -> float:
    """alpha = 1 - D_observed / D_expected (Krippendorff 2011).

    counts [U, C]; values[C]: the numbers behind the classes, needed for interval and ratio (default
    0, 1, 2 …). Classes of ordinal data must come in their order. NaN when no unit has two labels or
    all labels are equal.
    """
    V = np.asarray(counts, dtype=np.float64)
    coincidence = _coincidences(V)
    n = coincidence.sum(axis=0)
    total = n.sum()
    if not total:
        return float("nan")
    delta = _distances(n, level, _values(values, V.shape[1]))
    expected = float((np.outer(n, n) * delta).sum())
    if expected <= 0:
        return float("nan")
    return float(1 - (total - 1) * (coincidence * delta).sum() / expected)


def _coincidences(V: Floats) -> Floats:
    """[C, C]: pairs of labels within a unit of m labels, each pair counting 1/(m - 1). Some units
    at a time, so that nothing as large as V is made of it.
    """
    C = V.shape[1]
    found = np.zeros((C, C))
    rows = max(1, BLOCK // max(C, 1))
    for start in range(0, len(V), rows):
        some = V[start : start + rows]
        m = some @ np.ones(C)
        scale = np.divide(1.0, m - 1, out=np.zeros(len(m)), where=m > 1)
        weighted = some * scale[:, None]
        found += weighted.T @ some
        found -= np.diag(weighted.sum(axis=0))
    return found


def _values(values: ArrayLike | None, C: int) -> Floats:
    return (
        np.arange(C, dtype=np.float64) if values is None else np.asarray(values, dtype=np.float64)
    )


def _distances(n: Floats, level: Level, values: Floats) -> Floats:
    """Squared difference between two classes."""
    if level == "nominal":
        return 1.0 - np.eye(len(n))
    if level == "ordinal":
        below = np.cumsum(n) - n / 2
        return np.asarray((below[:, None] - below[None, :]) ** 2)
    gap = values[:, None] - values[None, :]
    if level == "interval":
        return np.asarray(gap**2)
    total = values[:, None] + values[None, :]
    return np.where(total != 0, gap / np.where(total != 0, total, 1.0), 0.0) ** 2


def weights_of(weighting: Weighting, C: int) -> Floats:
    """Credit for a pair of labels: 1 on the diagonal, less the further apart."""
    gap = np.abs(np.subtract.outer(np.arange(C), np.arange(C))).astype(np.float64)
    if weighting == "identity" or C < 2:
        return np.asarray((gap == 0).astype(np.float64))
    if weighting == "linear":
        return np.asarray(1 - gap / (C - 1))
    if weighting == "quadratic":
        return np.asarray(1 - (gap / (C - 1)) ** 2)
    return np.where(gap == 0, 1.0, 1 - (gap + 1) * gap / (C * (C - 1)))


@dataclass(frozen=True)
class ChanceCorrected:
    """Observed and expected agreement, the coefficient (pa - pe)/(1 - pe), and its standard error
    over units.
    """

    observed: float
    expected: float
    value: float
    se: float


def gwet_ac(counts: ArrayLike, weighting: Weighting = "identity") -> ChanceCorrected:
    """Gwet's AC1 (identity weights) or AC2 (Gwet 2008, 2014); the standard error treats units as
    the sample.
    """
    V = np.asarray(counts, dtype=np.float64)
    C = V.shape[1]
    W = weights_of(weighting, C)
    rated, own, share = _unit_agreement(V, W)
    if not rated.any():
        return ChanceCorrected(*[float("nan")] * 4)
    pi = share.mean(axis=0)
    spread = W.sum() / (C * (C - 1)) if C > 1 else 0.0
    observed, expected = float(own[rated].mean()), float(spread * (pi * (1 - pi)).sum())
    value = (observed - expected) / (1 - expected)
    n = len(V)
    each = np.where(rated, n / rated.sum() * (own - expected) / (1 - expected), 0.0)
    chance = spread * (share * (1 - pi)).sum(axis=1)
    each = each - 2 * (1 - value) * (chance - expected) / (1 - expected)
    se = float(np.sqrt(((each - value) ** 2).sum() / (n * (n - 1)))) if n > 1 else float("nan")
    return ChanceCorrected(observed, expected, value, se)


def fleiss_kappa(counts: ArrayLike, weighting: Weighting = "identity") -> ChanceCorrected:
    """Fleiss's kappa, with missing labels allowed: expected agreement from the mean shares of the
    labels.
    """
    V = np.asarray(counts, dtype=np.float64)
    W = weights_of(weighting, V.shape[1])
    rated, own, share = _unit_agreement(V, W)
    if not rated.any():
        return ChanceCorrected(*[float("nan")] * 4)
    pi = share.mean(axis=0)
    return _corrected(float(own[rated].mean()), float(pi @ W @ pi))


def brennan_prediger(counts: ArrayLike, weighting: Weighting = "identity") -> ChanceCorrected:
    """Brennan–Prediger: expected agreement when labels are drawn evenly."""
    V = np.asarray(counts, dtype=np.float64)
    W = weights_of(weighting, V.shape[1])
    rated, own, _ = _unit_agreement(V, W)
    if not rated.any():
        return ChanceCorrected(*[float("nan")] * 4)
    return _corrected(float(own[rated].mean()), float(W.mean()))


def conger_kappa(table: Labels, weighting: Weighting = "identity") -> ChanceCorrected:
    """Conger's kappa of several annotators: expected agreement from each annotator's own shares of
    labels, so that a habit of one isn't taken for chance of all (Conger 1980; missing labels as in
    Gwet 2014). With two annotators it is Cohen's kappa. NaN with fewer than two annotators.
    """
    rows = table.answered()
    return _conger(_counted(rows), _own_counts(rows), weighting)


def _own_counts(rows: Labels) -> Floats:
    """How often each annotator gave each label [J, C]; who is unknown isn't one."""
    J, C = len(rows.annotator_ids), rows.n_classes
    if rows.annotator is None:
        return np.zeros((0, C))
    known = rows.annotator >= 0
    key = rows.annotator[known].astype(np.int64) * C + rows.label[known]
    return np.bincount(key, minlength=J * C).reshape(J, C).astype(np.float64)


def _conger(V: Floats, own: Floats, weighting: Weighting) -> ChanceCorrected:
    own = own[own.sum(axis=1) > 0]
    W = weights_of(weighting, V.shape[1])
    rated, agreed, _ = _unit_agreement(V, W)
    if len(own) < 2 or not rated.any():
        return ChanceCorrected(*[float("nan")] * 4)
    share = own / own.sum(axis=1, keepdims=True)
    mean, r = share.mean(axis=0), len(share)
    spread = (share.T @ share - r * np.outer(mean, mean)) / (r - 1)
    expected = float((W * (np.outer(mean, mean) - spread / r)).sum())
    return _corrected(float(agreed[rated].mean()), expected)


def _corrected(observed: float, expected: float) -> ChanceCorrected:
    value = (observed - expected) / (1 - expected) if expected < 1 else float("nan")
    return ChanceCorrected(observed, expected, value, float("nan"))


def _unit_agreement(V: Floats, W: Floats) -> tuple[NDArray[np.bool_], Floats, Floats]:
    """Per labelled unit: has it two labels, agreement of its pairs, shares of its labels."""
    r = V.sum(axis=1)
    V, r = V[r > 0], r[r > 0]
    rated = r >= 2
    pairs = np.where(rated, r * (r - 1), 1.0)
    own = (V * (V @ W.T - 1)).sum(axis=1) / pairs
    return rated, own, V / r[:, None]


def percent_agreement(counts: ArrayLike) -> float:
    """Share of pairs of labels on the same unit that are equal (pairs counted, so large units weigh
    more).
    """
    V = np.asarray(counts, dtype=np.float64)
    r = V.sum(axis=1)
    pairs = (r * (r - 1)).sum()
    return float((V * (V - 1)).sum() / pairs) if pairs else float("nan")


def cohen_kappa(
    x: ArrayLike, y: ArrayLike, weighting: Weighting = "identity", classes: int | None = None
) -> float:
    """Cohen's kappa of two annotators on the same units (codes 0 … C-1; -1 missing). NaN if both
    use one label.
    """
    a, b = np.asarray(x, dtype=np.int64), np.asarray(y, dtype=np.int64)
    both = (a >= 0) & (b >= 0)
    a, b = a[both], b[both]
    if not len(a):
        return float("nan")
    C = classes or int(max(a.max(), b.max())) + 1
    table = np.bincount(a * C + b, minlength=C * C).reshape(C, C) / len(a)
    loss = 1 - weights_of(weighting, C)
    expected = (np.outer(table.sum(axis=1), table.sum(axis=0)) * loss).sum()
    return float(1 - (table * loss).sum() / expected) if expected > 0 else float("nan")


def agreement_matrix(table: Labels) -> tuple[Floats, NDArray[np.int64]]:
    """Share of equal labels per pair of annotators [J, J], NaN without common units, and the number
    of common units.

    Where an annotator labelled a unit repeatedly his last label counts.
    """
    rows = table.answered()
    people, J = rows.people
    grid = np.full((J, table.n_units), -1, dtype=np.int32)
    grid[people, rows.unit] = rows.label
    given = (grid >= 0).astype(np.float64)
    common = given @ given.T
    same = sum(
        ((grid == c).astype(np.float64) @ (grid == c).T for c in range(table.n_classes)),
        np.zeros((J, J)),
    )
    share = np.where(common > 0, same / np.where(common > 0, common, 1.0), np.nan)
    return share, common.astype(np.int64)


def agreement(
    table: Labels | Comparisons,
    levels: tuple[Level, ...] = ("nominal",),
    seed: int = 0,
    level: float = 0.95,
) -> tuple[Coefficient, ...]:
    """Percent agreement, alpha at each level of measurement, AC1, and the kappas of Fleiss and
    Cohen, with intervals over annotators. Where the labels have an order (a level other than
    nominal) AC2 and Cohen's kappa with linear, quadratic and ordinal weights as well.

    Cohen's kappa of more than two annotators is Conger's. Comparisons are read as one unit per pair
    with the labels first, tie, second. Labels count once each, whatever they weigh.
    """
    labels = labels_from_pairs(table) if isinstance(table, Comparisons) else table
    rows = labels.answered()
    V, own = _counted(rows), _own_counts(rows)
    units = int((V.sum(axis=1) >= 2).sum())
    measures = _measures(levels, _numbers(labels))
    values = {name: measure(V, own) for name, measure in measures.items()}
    bounds = _intervals(rows, V, own, measures, values, seed, level)
    return tuple(
        Coefficient(name, values[name], *bounds[name], units, len(rows)) for name in measures
    )


def _measures(levels: tuple[Level, ...], numbers: Floats) -> dict[str, Measure]:
    """By name, functions of the counts per unit [U, C] and per annotator [J, C]."""
    found: dict[str, Measure] = {say("percent"): lambda v, _: percent_agreement(v)}
    for kind in levels:
        found[ALPHAS[kind]] = lambda v, _, kind=kind: krippendorff_alpha(v, kind, numbers)  # type: ignore[misc]
    found[say("AC1")] = lambda v, _: gwet_ac(v).value
    ordered = levels != ("nominal",)
    for weighting, name in AC2.items() if ordered else ():
        found[name] = lambda v, _, w=weighting: gwet_ac(v, w).value  # type: ignore[misc]
    found[say("Fleiss kappa")] = lambda v, _: fleiss_kappa(v).value
    found[say("Cohen kappa")] = lambda v, own: _conger(v, own, "identity").value
    for weighting, name in WEIGHTED_KAPPA.items() if ordered else ():
        found[name] = lambda v, own, w=weighting: _conger(v, own, w).value  # type: ignore[misc]
    return found


def _counted(rows: Labels) -> Floats:
    """V[u, c] of answered rows, each counted once."""
    key = rows.unit.astype(np.int64) * rows.n_classes + rows.label
    flat = np.bincount(key, minlength=rows.n_units * rows.n_classes)
    return flat.reshape(rows.n_units, rows.n_classes).astype(np.float64)


def _numbers(table: Labels) -> Floats:
    """Values of the classes where they are numbers, else their order."""
    if all(isinstance(c, int | float) for c in table.label_ids):
        return np.array(table.label_ids, dtype=np.float64)
    return np.arange(table.n_classes, dtype=np.float64)


def _intervals(
    rows: Labels,
    V: Floats,
    own: Floats,
    measures: dict[str, Measure],
    values: dict[str, float],
    seed: int,
    level: float,
) -> dict[str, tuple[float, float]]:
    """Bounds of all measures, from leaving out the same annotators. Who is unknown stays in."""
    active = np.flatnonzero(own.sum(axis=1) > 0)
    if rows.annotator is None or len(active) < 3:
        return dict.fromkeys(measures, (float("nan"), float("nan")))
    drawn, G = groups_of(len(active), seed)
    group = np.full(len(own) + 1, -1)
    group[active] = drawn
    order = np.argsort(group[rows.annotator], kind="stable")
    ends = np.searchsorted(group[rows.annotator][order], np.arange(G + 1))
    without: dict[str, list[float]] = {name: [] for name in measures}
    for g in range(G):
        beat()
        rest = V - _counted(rows.take(order[ends[g] : ends[g + 1]]))
        others = own[group[:-1] != g]
        for name, measure in measures.items():
            without[name].append(measure(rest, others))
    return {
        name: interval(values[name], left, level, (0.0, 1.0) if name == "percent" else (-1.0, 1.0))
        for name, left in without.items()
    }
