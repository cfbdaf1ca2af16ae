"""Which differences are significant, and does that survive when fewer people judge?

A pair of items is significantly different when its two-sided p-value, from the difference of the
scores and its standard error (or from shared replicates), passes Holm's step-down test over all
comparable pairs (Holm 1979). Cheap judgments preserve significance when they call the same pairs
significant, in the same direction, as the full ones: a rank correlation near 1 can hide that most
of them were lost.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from aggregation.diagnostics.rank_agreement import kendall_tau_b
from aggregation.results import AggregateResult
from aggregation.tables import Table

Floats = NDArray[np.float64]
MOST_ITEMS = 1_000  # whose pairs are all tested
Signs = NDArray[np.int8]


def difference_variance(result: AggregateResult) -> Floats:
    """Variance of score[i] - score[j] as float64[K, K]; NaN where the result gives none."""
    K = len(result.ids)
    if result.replicates is not None and len(result.replicates) > 1:
        cov = np.cov(result.replicates.T, ddof=1).reshape(K, K)
    elif result.cov is not None:
        cov = result.cov
    else:
        return np.full((K, K), np.nan)
    variance = np.diagonal(cov)
    return np.asarray(np.maximum(variance[:, None] + variance[None, :] - 2 * cov, 0.0))


def p_values(result: AggregateResult) -> Floats:
    """Two-sided p-value per pair, float64[K, K] symmetric; NaN where two items can't be compared
    or nothing is known of their spread.
    """
    gap = result.score[:, None] - result.score[None, :]
    se = np.sqrt(difference_variance(result))
    with np.errstate(invalid="ignore", divide="ignore"):
        p = np.where(se > 0, 2 * ndtr(-np.abs(gap) / se), np.where(gap == 0, 1.0, np.nan))
    unknown = ~np.isfinite(gap) | ~np.isfinite(se) | np.isnan(p)
    if result.component is not None:
        unknown |= result.component[:, None] != result.component[None, :]
    p[unknown] = np.nan
    np.fill_diagonal(p, np.nan)
    return np.asarray(p)


def significant_pairs(result: AggregateResult, alpha: float = 0.05) -> Signs:
    """+1 where the row's item is significantly better than the column's, -1 worse, 0 neither."""
    p = p_values(result)
    rows, columns = np.triu_indices(len(p), 1)
    tested = np.isfinite(p[rows, columns])
    rows, columns = rows[tested], columns[tested]
    passed = holm(p[rows, columns], alpha)
    signs = np.zeros(p.shape, dtype=np.int8)
    gap = np.sign(result.score[rows] - result.score[columns]).astype(np.int8)
    signs[rows[passed], columns[passed]] = gap[passed]
    signs[columns[passed], rows[passed]] = -gap[passed]
    return signs


def holm(p: Floats, alpha: float) -> NDArray[np.bool_]:
    """Which hypotheses Holm's step-down test rejects at the family-wise level alpha."""
    order = np.argsort(p, kind="stable")
    m = len(p)
    fails = p[order] > alpha / (m - np.arange(m))
    first = int(np.argmax(fails)) if fails.any() else m
    rejected = np.zeros(m, dtype=np.bool_)
    rejected[order[:first]] = True
    return rejected


@dataclass(frozen=True)
class Preserved:
    """How far cheap judgments find the significant pairs of full ones.

    full, cheap   significant pairs under each;  kept  those in both, same direction;  flipped
                  significant in both but the other way round
    precision     kept / cheap;  recall  kept / full;  f1  their harmonic mean; NaN without any pair
    mcc           Gorodkin's R_K of the labels {better, worse, neither} over ordered pairs
    tau           Kendall's tau-b of the two orders
    """

    full: int
    cheap: int
    kept: int
    flipped: int
    precision: float
    recall: float
    f1: float
    mcc: float
    tau: float


def preserved(full: AggregateResult, cheap: AggregateResult, alpha: float = 0.05) -> Preserved:
    """Compare two results over the same items. Raises ValueError for different items."""
    if full.ids != cheap.ids:
        raise ValueError("Only results over the same items, in the same order, can be compared.")
    x, y = significant_pairs(full, alpha), significant_pairs(cheap, alpha)
    upper = np.triu_indices(len(x), 1)
    a, b = x[upper], y[upper]
    n_full, n_cheap = int((a != 0).sum()), int((b != 0).sum())
    kept, flipped = int(((a == b) & (a != 0)).sum()), int((a * b < 0).sum())
    precision = kept / n_cheap if n_cheap else float("nan")
    recall = kept / n_full if n_full else float("nan")
    f1 = 2 * kept / (n_full + n_cheap) if n_full + n_cheap else float("nan")
    off = ~np.eye(len(x), dtype=np.bool_)
    tau = kendall_tau_b(full.score, cheap.score)
    return Preserved(
        n_full, n_cheap, kept, flipped, precision, recall, f1, gorodkin(x[off], y[off]), tau
    )


def gorodkin(x: Signs, y: Signs) -> float:
    """R_K, Matthews's coefficient for several classes (Gorodkin 2004); NaN if one is constant."""
    labels = np.union1d(x, y)
    X = (x[:, None] == labels).astype(np.float64)
    Y = (y[:, None] == labels).astype(np.float64)
    X, Y = X - X.mean(axis=0), Y - Y.mean(axis=0)
    spread = float((X * X).sum() * (Y * Y).sum())
    return float((X * Y).sum() / np.sqrt(spread)) if spread > 0 else float("nan")


@dataclass(frozen=True)
class FewerJudges:
    """Means over `draws` random parts of the annotators; `people` of them judge in each."""

    share: float
    people: int
    draws: int
    full: float
    kept: float
    recall: float
    recall_lo: float
    recall_hi: float
    precision: float
    flipped: float
    tau: float


def under_fewer_judges(
    fit: Callable[[Any], AggregateResult],
    table: Table,
    *,
    shares: Sequence[float] = (0.25, 0.5, 0.75),
    draws: int = 20,
    alpha: float = 0.05,
    seed: int = 0,
    watch: Callable[[int], object] | None = None,
) -> tuple[FewerJudges, ...]:
    """Significance preserved when only a share of the annotators judges, drawn without replacement.

    Empty where the table doesn't say who judged, fewer than four people did, or there are more than
    MOST_ITEMS items. `watch` gets the
    number of fits done, out of 1 + len(shares) * draws.
    """
    watch = watch or (lambda _: None)
    who = getattr(table, "annotator", None)
    people = np.unique(who[who >= 0]) if who is not None else np.zeros(0)
    if len(people) < 4 or len(table.ids) > MOST_ITEMS:
        return ()
    full = fit(table)
    watch(1)
    rng = np.random.default_rng([0x51F, seed])
    rows, done = [], 1
    for share in shares:
        size = max(2, round(share * len(people)))
        found = []
        for _ in range(draws):
            chosen = rng.choice(people, size, replace=False)
            found.append(preserved(full, fit(_of(table, chosen)), alpha))
            done += 1
            watch(done)
        rows.append(_summary(share, size, found))
    return tuple(rows)


def _of(table: Any, people: NDArray[Any]) -> Any:
    return table.take(np.flatnonzero(np.isin(table.annotator, people)))


def _summary(share: float, size: int, found: Sequence[Preserved]) -> FewerJudges:
    recall = np.array([each.recall for each in found])
    known = recall[np.isfinite(recall)]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
    return FewerJudges(
        share,
        size,
        len(found),
        _mean(found, "full"),
        _mean(found, "kept"),
        _mean(found, "recall"),
        float(low),
        float(high),
        _mean(found, "precision"),
        _mean(found, "flipped"),
        _mean(found, "tau"),
    )


def _mean(found: Sequence[Preserved], name: str) -> float:
    values = np.array([getattr(each, name) for each in found], dtype=np.float64)
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
