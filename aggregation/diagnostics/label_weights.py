"""Does learning how good annotators are buy anything here, or is the majority enough?

Three looks at the same labels, none of which knows more than the others:

certificate  for two classes: with the reliabilities of a one-coin model, for how many units no
             pattern of votes by their annotators exists on which the best rule differs from the
             majority (`majority_certificate`), and by how much the majority errs more on average;
             with known answers also for how many units that is so wherever reliabilities and the
             prior lie within their bounds, which hold all together with probability `level`.
changed      units on which the model's label isn't the majority's. Only there can it help.
gold         units with a known answer, which the model did not see: accuracy of both (a tie is
             right by its share), their paired difference with an interval over units.

`few` counts annotators who gave fewer labels than the model learns numbers about them, C(C-1) for
a full confusion matrix: what it learns of them is mostly noise, and with many such annotators EM
loses to the majority. Pure.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregation.diagnostics.majority_certificate import (
    ENUMERATED,
    hoeffding_bounds,
    majority_certificate,
    worst_margin,
)
from aggregation.results import AggregateResult
from aggregation.tables import Labels

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
MOST_PANELS = 500  # different sets of annotators that the certificate is worked out for
DRAWS = 2_000
EDGE = 1e-6  # nobody is certain


@dataclass(frozen=True)
class Certified:
    """Of `units` with at least one vote by known annotators, on how many the majority is the best
    rule whatever they say; `excess`: mean risk of the majority over the best rule's, NaN where a
    reliability isn't above one half (`unreliable` annotators); `sure`: units on which that is so by
    all reliabilities that known answers leave possible, None without any."""

    units: int
    optimal: int
    excess: float
    unreliable: int
    sure: int | None = None


@dataclass(frozen=True)
class Gold:
    """Accuracies on `units` with a known answer; `difference` is model minus majority."""

    units: int
    majority: float
    model: float
    difference: float
    lo: float
    hi: float


@dataclass(frozen=True)
class LabelWeights:
    """What the annotators gave, and what weights learned from it change."""

    units: int
    labels: int
    annotators: int
    classes: int
    labels_per_unit: float
    labels_per_annotator: float
    parameters: int
    few: int
    few_labels: int
    decided: int
    changed: int
    boundary: int
    certificate: Certified | None
    gold: Gold | None


def label_weights(
    table: Labels,
    majority: AggregateResult,
    model: AggregateResult,
    one_coin: AggregateResult,
    *,
    level: float = 0.95,
    seed: int = 0,
) -> LabelWeights:
    """The three looks. The results must come from the table without its gold."""
    given = (table.label >= 0) & (table.weights > 0)
    per_unit = np.bincount(table.unit[given], minlength=len(table.ids))
    who = table.annotator if table.annotator is not None else np.full(len(table), -1)
    known = given & (who >= 0)
    per_person = np.bincount(who[known], minlength=len(table.annotator_ids))
    C = len(table.label_ids)
    parameters = C * (C - 1)
    few = (per_person > 0) & (per_person < parameters)
    one, other = _labels(majority), _labels(model)
    both = (one >= 0) & (other >= 0)
    return LabelWeights(
        units=int((per_unit > 0).sum()),
        labels=int(given.sum()),
        annotators=int((per_person > 0).sum()),
        classes=C,
        labels_per_unit=_median(per_unit),
        labels_per_annotator=_median(per_person),
        parameters=parameters,
        few=int(few.sum()),
        few_labels=int(per_person[few].sum()),
        decided=int(both.sum()),
        changed=int((one[both] != other[both]).sum()),
        boundary=len(model.fit.boundary_params),
        certificate=_certified(table, known, one_coin, level) if C == 2 else None,
        gold=_gold(table, majority, model, level, seed),
    )


def _median(counts: Longs) -> float:
    return float(np.median(counts[counts > 0])) if (counts > 0).any() else float("nan")


def _labels(result: AggregateResult) -> Longs:
    assert result.label is not None
    return result.label


def _certified(
    table: Labels, known: NDArray[np.bool_], one_coin: AggregateResult, level: float
) -> Certified:
    """Per distinct panel of annotators, the certificate with their one-coin reliabilities."""
    quality = one_coin.annotators
    if quality is None or table.annotator is None:
        return Certified(0, 0, float("nan"), 0)
    p = np.clip(quality.ability, EDGE, 1 - EDGE)
    panels: dict[int, list[int]] = {}
    for unit, person in zip(
        table.unit[known].tolist(), table.annotator[known].tolist(), strict=True
    ):
        panels.setdefault(unit, []).append(person)
    counted = Counter(tuple(sorted(panel)) for panel in panels.values())
    prior, bounds = _prior(one_coin), _bounds(table, known, level)
    units = optimal = sure = 0
    excess: list[tuple[float, int]] = []
    for panel, times in counted.most_common(MOST_PANELS):
        good = p[list(panel)]
        units += times
        sure += times * (bounds is not None and bounds.certify(panel))
        if np.isnan(good).any() or (good <= 0.5).any():
            continue
        found = majority_certificate(
            good, prior, np.random.default_rng(0), DRAWS if len(panel) > ENUMERATED else 1
        )
        optimal += times * found.optimal
        excess.append((found.excess_risk, times))
    weight = sum(times for _, times in excess)
    mean = sum(risk * times for risk, times in excess) / weight if weight else float("nan")
    unreliable = int((p[quality.n > 0] <= 0.5).sum())
    return Certified(units, optimal, mean, unreliable, None if bounds is None else sure)


@dataclass(frozen=True, eq=False)
class Bounds:
    """Where annotators' reliabilities and the share of the first class lie, all at once."""

    low: Floats
    high: Floats
    prior: tuple[float, float]

    def certify(self, panel: Sequence[int]) -> bool:
        chosen = list(panel)
        return worst_margin(self.low[chosen], self.high[chosen], self.prior) >= -1e-12


def _bounds(table: Labels, known: NDArray[np.bool_], level: float) -> Bounds | None:
    """From units with a known answer; None where there is none."""
    if table.gold is None or table.annotator is None or not (table.gold >= 0).any():
        return None
    asked = known & (table.gold[table.unit] >= 0)
    J = len(table.annotator_ids)
    right = table.label == table.gold[table.unit]
    answered = np.bincount(table.annotator[asked], minlength=J)
    agreed = np.bincount(table.annotator[asked & right], minlength=J)
    tested = np.flatnonzero(answered > 0)
    gold = table.gold[table.gold >= 0]
    low, high = np.zeros(J), np.ones(J)
    bounds = hoeffding_bounds(
        [*agreed[tested], (gold == 0).sum()], [*answered[tested], len(gold)], level
    )
    low[tested], high[tested] = (np.clip(bound[:-1], EDGE, 1 - EDGE) for bound in bounds)
    first, last = (min(max(float(bound[-1]), EDGE), 1 - EDGE) for bound in bounds)
    return Bounds(low, high, (first, last))


def _prior(one_coin: AggregateResult) -> float:
    """The share of the first class, from the model's posterior."""
    posterior = one_coin.posterior
    if posterior is None or np.isnan(posterior[:, 0]).all():
        return 0.5
    share = float(np.nanmean(posterior[:, 0]))
    return min(max(share, EDGE), 1 - EDGE)


def _gold(
    table: Labels, majority: AggregateResult, model: AggregateResult, level: float, seed: int
) -> Gold | None:
    if table.gold is None or majority.posterior is None or model.posterior is None:
        return None
    judged = np.isfinite(majority.posterior).all(axis=1) & np.isfinite(model.posterior).all(axis=1)
    units = np.flatnonzero((table.gold >= 0) & judged)
    if len(units) < 2:
        return None
    right = [_credit(each.posterior[units], table.gold[units]) for each in (majority, model)
             if each.posterior is not None]  # fmt: skip
    gap = right[1] - right[0]
    rng = np.random.default_rng([seed, len(units)])
    weights = rng.standard_exponential((2_000, len(units)))
    drawn = weights @ gap / weights.sum(axis=1)
    tail = (1 - level) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    means: Sequence[float] = [float(each.mean()) for each in right]
    return Gold(len(units), means[0], means[1], float(gap.mean()), float(low), float(high))


def _credit(posterior: Floats, gold: NDArray[np.int32]) -> Floats:
    """1 for the right label, its share where several tie for the first place."""
    top = posterior >= posterior.max(axis=1, keepdims=True) - 1e-9
    return np.asarray(top[np.arange(len(gold)), gold] / top.sum(axis=1))
