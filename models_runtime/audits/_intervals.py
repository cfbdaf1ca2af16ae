"""Shares, means and ratios with intervals that know that pairs of one prompt belong together. Pure.

Pairs of one prompt share its difficulty, so they aren't independent: clusters are prompts. With
one pair a prompt all of this is what it would be without clusters.
"""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from annotation.phrases import say

LEVEL = 0.98  # a card shows many intervals at once, so each is held to more than 95 %
RESAMPLES = 1000
Z = 2.3263478740408408
WILSON = say("Wilson, 98 %%, n reduced for pairs of one prompt")
CLUSTERED = say("t, 98 %%, standard error clustered by prompt")
BOOTSTRAP = say("bootstrap over prompts, 98 %%, %(resamples)s resamples", resamples=RESAMPLES)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with what it was made of. `estimate` is numerator / denominator where that has a
    meaning; `low` and `high` bound it, `method` says how. Without data all three are None."""

    name: str
    estimate: float | None
    low: float | None
    high: float | None
    numerator: float
    denominator: float
    method: str
    unit: str = ""

    @property
    def is_known(self) -> bool:
        return self.estimate is not None and self.low is not None and self.high is not None

    def known(self) -> tuple[float, float, float]:
        """(estimate, low, high). Raises ValueError where there is none."""
        if self.estimate is None or self.low is None or self.high is None:
            raise ValueError(f"{self.name} has no interval")
        return self.estimate, self.low, self.high


def unknown(name: str, *, n: float = 0, numerator: float = 0, method: str = "") -> Figure:
    return Figure(name, None, None, None, numerator, n, method)


def share(name: str, hits: Sequence[float], clusters: Sequence[Hashable]) -> Figure:
    """A share of hits (each between 0 and 1) with Wilson's interval.

    n is divided by the design effect: how much more the share varies between clusters than it would
    if everything were independent, never below 1.
    """
    n = len(hits)
    if not n:
        return unknown(name, method=WILSON)
    p = float(np.mean(hits))
    effective = n / _design_effect(np.asarray(hits, dtype=np.float64), clusters)
    zz = Z * Z
    middle = (p + zz / (2 * effective)) / (1 + zz / effective)
    half = Z / (1 + zz / effective) * math.sqrt(p * (1 - p) / effective + zz / (4 * effective**2))
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return Figure(name, p, min(low, p), max(high, p), float(np.sum(hits)), n, WILSON, "share")


def _design_effect(values: Floats, clusters: Sequence[Hashable]) -> float:
    spread = values - values.mean()
    alone = float(np.sum(spread**2))
    sums = _sums(spread, clusters)
    if alone == 0 or len(sums) < 2:
        return 1.0
    return max(1.0, float(np.sum(sums**2)) / alone)


def ratio(
    name: str,
    numerators: Sequence[float],
    denominators: Sequence[float],
    clusters: Sequence[Hashable],
    *,
    unit: str = "",
) -> Figure:
    """sum(numerators) / sum(denominators), linearised: the interval comes from how the residuals
    a - r·b add up by cluster, times G/(G-1), with Student's t on G-1 degrees of freedom."""
    a = np.asarray(numerators, dtype=np.float64)
    b = np.asarray(denominators, dtype=np.float64)
    below = float(b.sum()) if len(b) else 0.0
    if not below:
        return unknown(name, numerator=float(a.sum()) if len(a) else 0.0, method=CLUSTERED)
    estimate = float(a.sum()) / below
    low, high = around(estimate, (a - estimate * b) / below, clusters)
    return Figure(name, estimate, low, high, float(a.sum()), below, CLUSTERED, unit)


def mean(
    name: str, values: Sequence[float], clusters: Sequence[Hashable], *, unit: str = ""
) -> Figure:
    """The mean of values, clustered; see `ratio`."""
    return ratio(name, values, [1.0] * len(values), clusters, unit=unit)


def around(
    estimate: float, influences: Floats, clusters: Sequence[Hashable], *, level: float = LEVEL
) -> tuple[float | None, float | None]:
    """The interval of an estimate whose error is the sum of `influences`, None with one cluster."""
    sums = _sums(influences, clusters)
    count = len(sums)
    if count < 2:
        return None, None
    error = math.sqrt(count / (count - 1) * float(np.sum(sums**2)))
    half = float(stdtrit(count - 1, (1 + level) / 2)) * error
    return estimate - half, estimate + half


def slope(
    name: str,
    y: Sequence[float],
    x: Sequence[float],
    controls: Sequence[Sequence[float]],
    clusters: Sequence[Hashable],
    *,
    unit: str = "",
) -> Figure:
    """The least-squares coefficient of `x` for `y` beside `controls`, without an intercept: which
    of two texts has which place is arbitrary, so turning a row round must change nothing."""
    n = len(y)
    design = np.column_stack([np.asarray(each, dtype=np.float64) for each in (x, *controls)])
    if n <= design.shape[1] + 1 or np.linalg.matrix_rank(design) < design.shape[1]:
        return unknown(name, n=n, method=CLUSTERED)
    bread = np.linalg.inv(design.T @ design)
    target = np.asarray(y, dtype=np.float64)
    coefficients = bread @ design.T @ target
    residuals = target - design @ coefficients
    influences = (design @ bread)[:, 0] * residuals
    estimate = float(coefficients[0])
    low, high = around(estimate, influences, clusters)
    return Figure(name, estimate, low, high, estimate * n, n, CLUSTERED, unit)


def resampled(
    name: str,
    statistic: Callable[[NDArray[np.int64]], float],
    clusters: Sequence[Hashable],
    *,
    numerator: float = 0.0,
    seed: int = 0,
    unit: str = "",
    correct_bias: bool = False,
) -> Figure:
    """A statistic of rows (it takes row numbers) with the percentile interval of a bootstrap over
    clusters. With `correct_bias` the interval is mirrored round the estimate (the basic bootstrap)
    and the estimate moved by the bootstrap's bias: for statistics, such as a calibration error,
    that chance alone pushes up."""
    n = len(clusters)
    members = _members(clusters)
    if len(members) < 2:
        return unknown(name, n=n, method=BOOTSTRAP)
    rng = np.random.default_rng(seed)
    estimate = statistic(np.arange(n))
    draws = np.empty(RESAMPLES)
    for place in range(RESAMPLES):
        chosen = rng.integers(len(members), size=len(members))
        draws[place] = statistic(np.concatenate([members[each] for each in chosen]))
    low, high = (float(each) for each in np.nanpercentile(draws, [1.0, 99.0]))
    method = BOOTSTRAP
    if correct_bias:
        low, high = max(0.0, 2 * estimate - high), max(0.0, 2 * estimate - low)
        estimate = min(max(2 * estimate - float(np.nanmean(draws)), low), high)
        method = say("basic %(bootstrap)s, bias taken out", bootstrap=BOOTSTRAP)
    return Figure(name, estimate, low, high, numerator, n, method, unit)


def _members(clusters: Sequence[Hashable]) -> list[NDArray[np.int64]]:
    rows: dict[Hashable, list[int]] = {}
    for place, cluster in enumerate(clusters):
        rows.setdefault(cluster, []).append(place)
    return [np.asarray(each, dtype=np.int64) for each in rows.values()]


def _sums(values: Floats, clusters: Sequence[Hashable]) -> Floats:
    totals: dict[Hashable, float] = {}
    for cluster, value in zip(clusters, values, strict=True):
        totals[cluster] = totals.get(cluster, 0.0) + float(value)
    return np.asarray(list(totals.values()), dtype=np.float64)


# --- Agreement ------------------------------------------------------------------------------------


def kappa(first: Sequence[int], second: Sequence[int]) -> float:
    """Cohen's kappa of two raters over the same rows; nan where chance explains everything."""
    if not first:
        return math.nan
    a, b = np.asarray(first), np.asarray(second)
    agreed = float(np.mean(a == b))
    labels = set(first) | set(second)
    by_chance = sum(float(np.mean(a == each)) * float(np.mean(b == each)) for each in labels)
    return (agreed - by_chance) / (1 - by_chance) if by_chance < 1 else math.nan


def alpha(rows: Sequence[Mapping[int, int]]) -> float:
    """Krippendorff's nominal alpha of units given as label -> how often; nan where it isn't
    defined (all labels alike, or no unit with two)."""
    units = [row for row in rows if sum(row.values()) > 1]
    totals: dict[int, int] = {}
    differing = 0.0
    for row in units:
        size = sum(row.values())
        differing += sum(n * (size - n) for n in row.values()) / (size - 1)
        for label, n in row.items():
            totals[label] = totals.get(label, 0) + n
    n = sum(totals.values())
    expected = sum(count * (n - count) for count in totals.values())
    if not expected:
        return math.nan
    return 1 - differing * (n - 1) / expected
