"""Agreement of annotators beyond chance, from counts of labels per unit, with intervals over
annotators.

V[u, c] is the weight of label c on unit u. Missing labels are allowed everywhere; units with fewer
than two labels say nothing and are left out of observed agreement. With one value only, alpha and
the kappas are undefined (NaN) while AC1 is 1: show alpha and AC1 side by side, because a rare
category makes alpha small although people agree.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregation.tables import Comparisons, Labels
from aggregation.tables.conversions import labels_from_pairs
from aggregation.uncertainty import cluster_weights

Floats = NDArray[np.float64]
Level = Literal["nominal", "ordinal", "interval", "ratio"]
Weighting = Literal["identity", "linear", "quadratic", "ordinal"]


@dataclass(frozen=True)
class Coefficient:
    """A coefficient with its interval over annotators (NaN where there are fewer than two)."""

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
    return _alpha(V, V, level, _values(values, V.shape[1]))


def _alpha(V: Floats, Q: Floats, level: Level, values: Floats) -> float:
    """alpha of weighted labels; Q[u, c] = sum of squared weights (equal to V for weights of 1)."""
    ones = np.ones(V.shape[1])
    m = V @ ones
    squares = m if Q is V else Q @ ones
    pairable = np.where(m > 0, m - squares / np.where(m > 0, m, 1.0), 0.0)
    scale = np.where(pairable > 1e-12, 1.0 / np.where(pairable > 1e-12, pairable, 1.0), 0.0)
    coincidence = (V * scale[:, None]).T @ V - np.diag(scale @ Q)
    n = coincidence.sum(axis=0)
    total = n.sum()
    if not total:
        return float("nan")
    delta = _distances(n, level, values)
    expected = float((np.outer(n, n) * delta).sum())
    if expected <= 0:
        return float("nan")
    spare = total - 1 if Q is V else total - _unit_weight(Q[scale > 0], V[scale > 0])
    return float(1 - spare * (coincidence * delta).sum() / expected)


def _unit_weight(Q: Floats, V: Floats) -> float:
    """What one label weighs in a weighted sample: sum of squares over sum."""
    return float(Q.sum() / V.sum())


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
    given = (table.label >= 0) & (table.weights > 0)
    who = np.full(len(table), -1) if table.annotator is None else table.annotator
    known = given & (who >= 0)
    J, C = len(table.annotator_ids), len(table.label_ids)
    counts = np.bincount(who[known] * C + table.label[known], minlength=J * C).reshape(J, C)
    counts = counts[counts.sum(axis=1) > 0]
    W = weights_of(weighting, C)
    rated, own, _ = _unit_agreement(np.asarray(table.counts(), dtype=np.float64), W)
    if len(counts) < 2 or not rated.any():
        return ChanceCorrected(*[float("nan")] * 4)
    share = counts / counts.sum(axis=1, keepdims=True)
    mean, r = share.mean(axis=0), len(share)
    spread = (share.T @ share - r * np.outer(mean, mean)) / (r - 1)
    expected = float((W * (np.outer(mean, mean) - spread / r)).sum())
    return _corrected(float(own[rated].mean()), expected)


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
    replicates: int = 200,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[Coefficient, ...]:
    """Percent agreement, AC1, Fleiss's kappa and alpha at each level of measurement, with intervals
    over annotators.

    Comparisons are read as one unit per pair with the labels first, tie, second.
    """
    labels = labels_from_pairs(table) if isinstance(table, Comparisons) else table
    rows = labels.answered()
    plain = (
        labels
        if labels.weight is None
        else labels.reweighted(1 / np.maximum(labels.weights, 1e-300))
    )
    V = plain.counts()
    units, n = int((V.sum(axis=1) >= 2).sum()), len(rows)
    values = _numbers(labels)
    measures: dict[str, Callable[[Floats, Floats], float]] = {
        "percent": lambda v, q: _weighted_percent(v, q),
    }
    for name in levels:
        measures[f"alpha ({name})"] = lambda v, q, kind=name: _alpha(v, q, kind, values)  # type: ignore[misc]
    measures["AC1"] = _weighted_ac1
    measures["Fleiss kappa"] = _weighted_fleiss
    bounds = _intervals(rows, measures, replicates, seed, level)
    return tuple(
        Coefficient(name, measure(V, V), *bounds[name], units, n)
        for name, measure in measures.items()
    )


def _weighted_percent(V: Floats, Q: Floats) -> float:
    pairs = (V.sum(axis=1) ** 2 - Q.sum(axis=1)).sum()
    return float((V**2 - Q).sum() / pairs) if pairs > 0 else float("nan")


def _numbers(table: Labels) -> Floats:
    """Values of the classes where they are numbers, else their order."""
    if all(isinstance(c, int | float) for c in table.label_ids):
        return np.array(table.label_ids, dtype=np.float64)
    return np.arange(table.n_classes, dtype=np.float64)


def _weighted_ac1(V: Floats, Q: Floats) -> float:
    rated, own, share = _weighted_units(V, Q)
    C = V.shape[1]
    if not rated.any() or C < 2:
        return gwet_ac(V).value
    pi = share.mean(axis=0)
    expected = float((pi * (1 - pi)).sum()) / (C - 1)
    return _corrected(float(own[rated].mean()), expected).value


def _weighted_fleiss(V: Floats, Q: Floats) -> float:
    rated, own, share = _weighted_units(V, Q)
    if not rated.any():
        return float("nan")
    pi = share.mean(axis=0)
    return _corrected(float(own[rated].mean()), float(pi @ pi)).value


def _weighted_units(V: Floats, Q: Floats) -> tuple[NDArray[np.bool_], Floats, Floats]:
    """As `_unit_agreement` for identity weights, with labels that weigh: Q holds their squares."""
    r = V.sum(axis=1)
    V, Q, r = V[r > 0], Q[r > 0], r[r > 0]
    pairs = r**2 - Q.sum(axis=1)
    rated = pairs > 1e-9 * r**2
    own = (V**2 - Q).sum(axis=1) / np.where(rated, pairs, 1.0)
    return rated, own, V / r[:, None]


def _intervals(
    rows: Labels,
    measures: dict[str, Callable[[Floats, Floats], float]],
    replicates: int,
    seed: int,
    level: float,
) -> dict[str, tuple[float, float]]:
    """Percentile bounds of all measures under the same reweightings of the annotators."""
    codes, count = rows.clusters
    if rows.annotator is None or len(np.unique(codes)) < 2 or not replicates:
        return dict.fromkeys(measures, (float("nan"), float("nan")))
    shape = (rows.n_units, rows.n_classes)
    key = rows.unit.astype(np.int64) * rows.n_classes + rows.label
    size = rows.n_units * rows.n_classes
    drawn: dict[str, list[float]] = {name: [] for name in measures}
    for weights in cluster_weights(seed, replicates, count):
        w = weights[codes]
        V: Floats = np.bincount(key, w, minlength=size).reshape(shape).astype(np.float64)
        Q: Floats = np.bincount(key, w**2, minlength=size).reshape(shape).astype(np.float64)
        for name, measure in measures.items():
            drawn[name].append(measure(V, Q))
    return {name: _bounds(values, level) for name, values in drawn.items()}


def _bounds(values: list[float], level: float) -> tuple[float, float]:
    known = np.array(values)[np.isfinite(values)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
