"""What attributes of the candidates do to their chance of being preferred (conjoint analysis).

Every comparison gives two profiles, one per candidate, with y = 1 for the preferred one, 0 for the
other and 1/2 each for a tie. The average marginal component effect (AMCE) of level l of an
attribute against its baseline is the change in E[y] when the attribute alone goes from the baseline
to l, averaged over what the other attributes and the rival were. It is estimated by weighted least
squares of y on dummies of all attributes at once,

    y = a + sum_k sum_(l != baseline) b_kl 1[attribute k is l],

with a sandwich covariance clustered by annotator (G/(G-1); a judgment without annotator is its own
cluster), because both profiles of a pair and all pairs of a person depend on each other. Marginal
means, E[y] at each level, need no baseline and are given beside it.

Identified only where attributes were given out at random and independently: then it is causal, and
an average over the distribution of profiles used. On responses that were merely found it describes
association, and attributes that go together can't be told apart; `overlap` (the largest Cramér's V
between two attributes) says how much they do. An effect that the design cannot identify, because
the level goes with others without exception, is NaN.

Source: Hainmueller, Hopkins & Yamamoto (2014), Political Analysis 22; marginal means: Leeper,
Hobolt & Tilley (2020), Political Analysis 28. Pure.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregation.tables import Comparisons, TableError
from aggregation.uncertainty import normal_quantile
from aggregation.warning_codes import ResultWarning, WarningCode, warn
from annotation.phrases import say

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
MOST_LEVELS = 500  # coefficients; more than that is a mistake, such as a text as an attribute


@dataclass(frozen=True)
class LevelEffect:
    """One level of one attribute. NaN where the data can't tell.

    effect  change of the chance to be preferred against the baseline, with its se and interval;
            exactly 0 with se 0 for the baseline itself
    mean    marginal mean, the share of its profiles preferred, with its se
    n       profiles with this level
    """

    attribute: str
    level: str
    baseline: bool
    effect: float
    se: float
    lo: float
    hi: float
    mean: float
    mean_se: float
    n: int


@dataclass(frozen=True)
class Effects:
    """All effects; how many pairs and annotators (clusters) they rest on, and pairs left out
    because an attribute of a candidate isn't known. `overlap`: (V, attribute, attribute) of the two
    that go together most, None with fewer than two.
    """

    levels: tuple[LevelEffect, ...]
    pairs: int
    clusters: int
    left_out: int
    overlap: tuple[float, str, str] | None
    warnings: tuple[ResultWarning, ...] = ()


def conjoint_effects(
    table: Comparisons,
    attributes: Mapping[str, Sequence[Hashable | None]],
    baselines: Mapping[str, Hashable] | None = None,
    level: float = 0.95,
) -> Effects:
    """AMCEs and marginal means of all levels.

    `attributes` gives one value per item of the table (None: unknown; such pairs are left out).
    The baseline is the named level, else the one of most profiles (ties: first in order of text).
    Raises TableError where an attribute has the wrong length or the baseline doesn't exist.
    """
    coded = {name: _codes(name, values, table) for name, values in attributes.items()}
    rows = np.ones(len(table), dtype=np.bool_) & (table.weights > 0)
    for codes, _ in coded.values():
        rows &= (codes[table.a] >= 0) & (codes[table.b] >= 0)
    left_out = int((table.weights > 0).sum() - rows.sum())
    item, y, weight, cluster = _profiles(table, rows)
    clusters = len(np.unique(cluster))
    found: list[ResultWarning] = []
    if not len(y) or not coded:
        found.append(warn(WarningCode.EMPTY, say("no pairs whose attributes are known")))
    elif clusters < 2:
        found.append(warn(WarningCode.SINGLE_ANNOTATOR))
    design = _Design.of({name: (codes[item], names) for name, (codes, names) in coded.items()})
    chosen = {name: _baseline(name, design, baselines or {}) for name in coded}
    effects, spread = _regression(design, chosen, y, weight, cluster)
    told = _levels(design, chosen, effects, spread, (y, weight, cluster), level)
    unknown = [f"{e.attribute} = {e.level}" for e in told if np.isnan(e.effect) and e.n]
    if unknown and len(y):
        found.append(warn(WarningCode.SEPARATION, say("levels that always go together"), unknown))
    return Effects(told, int(rows.sum()), clusters, left_out, _overlap(design), tuple(found))


def levels_from_numbers(values: Sequence[float | None], parts: int = 3) -> list[str | None]:
    """Numbers as levels: `parts` equally full ranges named by their bounds. None stays None.

    Equal numbers share a level, so there can be fewer. Raises ValueError for NaN.
    """
    known = np.array([v for v in values if v is not None], dtype=np.float64)
    if np.isnan(known).any():
        raise ValueError("A value is not a number; use None for what isn't known.")
    if not len(known):
        return [None] * len(values)
    cuts = np.unique(np.quantile(known, np.linspace(0, 1, parts + 1)[1:-1]))
    place = np.searchsorted(cuts, known, side="left")
    names: dict[int, str] = {}
    for part in np.unique(place).tolist():
        inside = known[place == part]
        low, high = f"{inside.min():g}", f"{inside.max():g}"
        names[part] = say("%(n)s to %(n_most)s", n=low, n_most=high)
    return [
        None if v is None else names[int(np.searchsorted(cuts, v, side="left"))] for v in values
    ]


@dataclass(frozen=True, eq=False)
class _Design:
    """Level codes int[N] per attribute and the levels' names."""

    codes: dict[str, Longs]
    names: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, coded: Mapping[str, tuple[Longs, tuple[str, ...]]]) -> "_Design":
        if sum(len(names) for _, names in coded.values()) > MOST_LEVELS:
            raise TableError(
                say(
                    "The attributes have more than %(most_levels)s levels together.",
                    most_levels=MOST_LEVELS,
                )
            )
        return cls({k: c for k, (c, _) in coded.items()}, {k: n for k, (_, n) in coded.items()})

    def counts(self, name: str) -> Longs:
        return np.bincount(self.codes[name], minlength=len(self.names[name])).astype(np.int64)


def _codes(
    name: str, values: Sequence[Hashable | None], table: Comparisons
) -> tuple[Longs, tuple[str, ...]]:
    if len(values) != table.n_items:
        raise TableError(
            say(
                "'%(name)s' has %(values)s values for %(n_items)s items.",
                name=name,
                values=len(values),
                n_items=table.n_items,
            )
        )
    names = sorted({str(value) for value in values if value is not None})
    place = {level: k for k, level in enumerate(names)}
    codes = [-1 if value is None else place[str(value)] for value in values]
    return np.array(codes, dtype=np.int64), tuple(names)


def _profiles(table: Comparisons, rows: Any) -> tuple[Longs, Floats, Floats, Longs]:
    """(item, y, weight, cluster) of both profiles of each pair."""
    a, b = table.a[rows].astype(np.int64), table.b[rows].astype(np.int64)
    won = (1.0 + np.sign(table.y[rows].astype(np.float64))) / 2
    who, _ = table.clusters
    return (
        np.concatenate([a, b]),
        np.concatenate([won, 1.0 - won]),
        np.tile(table.weights[rows], 2),
        np.tile(who[rows].astype(np.int64), 2),
    )


def _baseline(name: str, design: _Design, given: Mapping[str, Hashable]) -> int:
    names = design.names[name]
    if name in given:
        if str(given[name]) not in names:
            raise TableError(
                say(
                    "'%(name)s' has no level %(given)s to be the baseline.",
                    name=name,
                    given=f"{given[name]!r}",
                )
            )
        return names.index(str(given[name]))
    counts = design.counts(name)
    return int(counts.argmax()) if len(counts) else 0


def _regression(
    design: _Design, chosen: Mapping[str, int], y: Floats, weight: Floats, cluster: Longs
) -> tuple[dict[tuple[str, int], float], dict[tuple[str, int], float]]:
    """Coefficient and standard error per (attribute, level code), NaN where not identified."""
    keys = [
        (name, code)
        for name, names in design.names.items()
        for code in range(len(names))
        if code != chosen[name]
    ]
    X = np.ones((len(y), 1 + len(keys)))
    for column, (name, code) in enumerate(keys, start=1):
        X[:, column] = design.codes[name] == code
    bread = np.linalg.pinv((X * weight[:, None]).T @ X, rcond=1e-10, hermitian=True)
    beta = bread @ (X.T @ (weight * y))
    meat = _clustered(X * (weight * (y - X @ beta))[:, None], cluster)
    se = np.sqrt(np.maximum(np.diagonal(bread @ meat @ bread), 0.0))
    gram = (X * weight[:, None]).T @ X
    known = np.abs(bread @ gram - np.eye(len(beta))).max(axis=1, initial=0.0) < 1e-6
    effects = {k: float(beta[c]) if known[c] else np.nan for c, k in enumerate(keys, start=1)}
    spread = {k: float(se[c]) if known[c] else np.nan for c, k in enumerate(keys, start=1)}
    return effects, spread


def _clustered(scores: Floats, cluster: Longs) -> Floats:
    """G/(G-1) * sum over clusters of s s'; NaN with fewer than two."""
    codes, groups = np.unique(cluster, return_inverse=True)
    if len(codes) < 2:
        return np.full((scores.shape[1], scores.shape[1]), np.nan)
    sums = np.zeros((len(codes), scores.shape[1]))
    np.add.at(sums, groups, scores)
    return np.asarray(len(codes) / (len(codes) - 1) * sums.T @ sums)


def _levels(
    design: _Design,
    chosen: Mapping[str, int],
    effects: Mapping[tuple[str, int], float],
    spread: Mapping[tuple[str, int], float],
    sample: tuple[Floats, Floats, Longs],
    level: float,
) -> tuple[LevelEffect, ...]:
    z = normal_quantile(level)
    told = []
    for name, names in design.names.items():
        counts = design.counts(name)
        for code, said in enumerate(names):
            base = code == chosen[name]
            effect = 0.0 if base else effects[name, code]
            se = 0.0 if base else spread[name, code]
            mean, mean_se = _mean(design.codes[name] == code, *sample)
            told.append(
                LevelEffect(
                    name, said, base, effect, se, effect - z * se, effect + z * se, mean, mean_se,
                    int(counts[code]),
                )
            )  # fmt: skip
    return tuple(told)


def _mean(
    mine: NDArray[np.bool_], y: Floats, weight: Floats, cluster: Longs
) -> tuple[float, float]:
    """Weighted mean of y over some profiles and its clustered standard error."""
    total = float(weight[mine].sum())
    if total <= 0:
        return float("nan"), float("nan")
    mean = float(weight[mine] @ y[mine]) / total
    score = np.where(mine, weight * (y - mean), 0.0)
    return mean, float(np.sqrt(_clustered(score[:, None], cluster)[0, 0])) / total


def _overlap(design: _Design) -> tuple[float, str, str] | None:
    """Cramér's V of the two attributes that go together most."""
    names = list(design.codes)
    worst: tuple[float, str, str] | None = None
    for k, one in enumerate(names):
        for other in names[k + 1 :]:
            v = _cramer(design.codes[one], design.codes[other])
            if not np.isnan(v) and (worst is None or v > worst[0]):
                worst = (v, one, other)
    return worst


def _cramer(x: Longs, y: Longs) -> float:
    if not len(x):
        return float("nan")
    table = np.zeros((int(x.max()) + 1, int(y.max()) + 1))
    np.add.at(table, (x, y), 1.0)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    if min(table.shape) < 2:
        return float("nan")
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    chi2 = float(((table - expected) ** 2 / expected).sum())
    return float(np.sqrt(chi2 / table.sum() / (min(table.shape) - 1)))
