"""One uncertainty for all methods: clusters are annotators, and every method sees the same random
weights.

Votes of one person are not independent, so single votes are never resampled. Replicate b gives
cluster j the weight
G[b, j] ~ Exp(1) (the Bayesian bootstrap, Rubin 1981): every observed pair keeps a positive weight,
so a replicate never
falls apart where the data hold together. Because all methods share G, differences between them are
paired.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtrit

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

_STREAM = 0xB0075  # keeps the weights apart from any other use of the same seed
_PROMPTS = 0x96042
BLOCK = 1 << 14  # matrix entries treated at a time


def cluster_weights(seed: int, replicates: int, clusters: int) -> Floats:
    """G[B, J], independent standard exponential weights; the same for every method given seed, B
    and J.
    """
    return np.random.default_rng([_STREAM, seed]).standard_exponential((replicates, clusters))


def cluster_weight_rows(
    seed: int, replicates: int, clusters: int, block: int = 64
) -> Iterator[Floats]:
    """The rows of `cluster_weights` in blocks, so that a million clusters never stand in memory at
    once.
    """
    rng = np.random.default_rng([_STREAM, seed])
    for start in range(0, replicates, block):
        yield rng.standard_exponential((min(block, replicates - start), clusters))


def two_way_weight_rows(
    seed: int,
    replicates: int,
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    sizes: tuple[int, int],
    block: int = 16,
    vary: tuple[bool, bool] = (True, True),
) -> Iterator[Floats]:
    """Weights G1[b, rows[n]] * G2[b, columns[n]] in blocks [<= block, N]: annotator and prompt both
    vary (pigeonhole bootstrap, Owen 2007; product weights, Owen & Eckles 2012).

    `sizes` are the numbers of annotators and prompts. The annotators' factors are the very ones of
    `cluster_weights(seed)`, so one-way and two-way replicates are paired. `vary` leaves one of the
    two factors out, with the very same draws of the other. Products alone are conservative: see
    `two_way_shrunk`.
    """
    people = np.random.default_rng([_STREAM, seed])
    prompts = np.random.default_rng([_PROMPTS, seed])
    for start in range(0, replicates, block):
        size = min(block, replicates - start)
        first = people.standard_exponential((size, sizes[0]))
        second = prompts.standard_exponential((size, sizes[1]))
        if vary == (True, True):
            yield np.asarray(first[:, rows] * second[:, columns])
        else:
            yield np.asarray(first[:, rows] if vary[0] else second[:, columns])


def two_way_shrunk(both: Floats, first: Floats, second: Floats) -> Floats:
    """Replicates [B, K] under product weights, drawn nearer their mean to the variance they should
    have.

    With A, B and C the variances that stem from annotators, from prompts and from what is peculiar
    to an annotator on a prompt, votes' noise included, the truth is A + B + C. Factors of variance
    1 give the products A + B + 3C, and one factor alone A + C or B + C. So twice the sum of the
    last two less the first is right: V_A + V_B - V_AB of Cameron, Gelbach & Miller (2011), with no
    third resampling. Never less than the larger one-way variance, never more than the products'.
    """
    defined = np.isfinite(both).all(axis=0)
    shrunk = both.copy()
    spread, one, other = (
        np.var(part[:, defined], axis=0, ddof=1) for part in (both, first, second)
    )
    floor = np.minimum(np.maximum(one, other), spread)
    wanted = np.clip(2 * (one + other) - spread, floor, spread)
    factor = np.sqrt(np.divide(wanted, spread, out=np.ones_like(spread), where=spread > 0))
    centre = both[:, defined].mean(axis=0)
    shrunk[:, defined] = centre + factor * (both[:, defined] - centre)
    return shrunk


def sandwich(bread: Floats, scores: Floats, correct: bool = True) -> Floats:
    """C B C with B = G/(G-1) * U'U; scores U[G, P] are summed per cluster. All NaN with fewer than
    two clusters. Clusters without any score don't count, unless hardly one would be left.

    `correct=False` leaves G/(G-1) out, as for the model-robust sandwich over single votes.
    """
    if len(scores) < 2:
        return np.full_like(bread, np.nan)
    active = int((np.abs(scores).sum(axis=1) > 0).sum())
    G = active if active > 1 else len(scores)
    factor = G / (G - 1) if correct else 1.0
    return np.asarray(factor * bread @ (scores.T @ scores) @ bread)


def normal_quantile(level: float) -> float:
    return float(ndtri(0.5 + level / 2))


def standard_errors(cov: Floats) -> Floats:
    return np.sqrt(np.maximum(np.diagonal(cov), 0.0))


def expanded_level(level: float, clusters: int) -> float:
    """The level at which percentile bounds of `clusters` reweighted clusters cover `level`.

    Replicates vary by (G - 1)/G too little, and a normal quantile stands where Student's on G - 1
    degrees of freedom belongs: both are made good by 2 Phi(sqrt(G / (G - 1)) t_{G-1}) - 1
    (Hesterberg 2015, "expanded percentile"). The level itself with fewer than two clusters.
    """
    if clusters < 2:
        return level
    wide = np.sqrt(clusters / (clusters - 1)) * stdtrit(clusters - 1, 0.5 + level / 2)
    return float(2 * ndtr(wide) - 1)


def percentile_bounds(replicates: Floats, level: float) -> tuple[Floats, Floats]:
    """Lower and upper bound per column; NaN where a column is never defined."""
    tail = (1 - level) / 2
    bounds = np.full((2, replicates.shape[1]), np.nan)
    defined = np.isfinite(replicates).all(axis=0)
    if defined.any() and len(replicates):
        bounds[:, defined] = np.quantile(replicates[:, defined], [tail, 1 - tail], axis=0)
    return bounds[0], bounds[1]


def competition_ranks(score: Floats, component: Longs | None = None) -> Longs:
    """1 + number of items that score clearly higher within the same component; 0 where the score is
    NaN or the item belongs to no component (-1).

    Scores nearer than 1e-9 of the largest absolute score are equal: iterative fits don't decide
    ties.
    """
    if len(score) and np.isfinite(score).all() and (component is None or not component.any()):
        return _ranks_of_one_part(score)
    ranks = np.zeros(len(score), dtype=np.int64)
    placed = ~np.isnan(score) if component is None else ~np.isnan(score) & (component >= 0)
    defined = np.flatnonzero(placed)
    if not len(defined):
        return ranks
    part = np.zeros(len(defined), dtype=np.int64) if component is None else component[defined]
    order = np.lexsort((-score[defined], part))
    ordered, part = score[defined][order], part[order]
    start = np.concatenate([[True], part[1:] != part[:-1]])
    finite = np.abs(ordered, where=np.isfinite(ordered), out=np.zeros(len(ordered)))
    tolerance = 1e-9 * np.maximum(np.maximum.reduceat(finite, np.flatnonzero(start)), 1.0)
    which = np.cumsum(start) - 1
    with np.errstate(invalid="ignore"):
        drop = np.concatenate([[True], ordered[:-1] - ordered[1:] > tolerance[which[1:]]])
    place = np.arange(len(ordered))
    first = np.maximum.accumulate(np.where(start | drop, place, 0))
    ranks[defined[order]] = first - np.flatnonzero(start)[which] + 1
    return ranks


def _ranks_of_one_part(score: Floats) -> Longs:
    """The same where all scores are finite and all items comparable, which is usual."""
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    tolerance = 1e-9 * max(ordered[0], -ordered[-1], 1.0)
    place = np.arange(1, len(score) + 1)
    drop = ordered[:-1] - ordered[1:] > tolerance
    if not drop.all():
        place[1:][~drop] = 1
        np.maximum.accumulate(place, out=place)
    ranks = np.empty(len(score), dtype=np.int64)
    ranks[order] = place
    return ranks


def rank_bounds_from_replicates(
    replicates: Floats, level: float, component: Longs
) -> tuple[Longs, Longs]:
    """Percentile bounds of the rank within the component; 0 where it is undefined."""
    ranks = np.array([competition_ranks(row, component) for row in replicates], dtype=np.int64)
    tail = (1 - level) / 2
    low = np.quantile(ranks, tail, axis=0, method="inverted_cdf")
    high = np.quantile(ranks, 1 - tail, axis=0, method="inverted_cdf")
    undefined = (ranks == 0).any(axis=0)
    return np.where(undefined, 0, low).astype(np.int64), np.where(undefined, 0, high).astype(
        np.int64
    )


def rank_bounds_from_cov(
    score: Floats, cov: Floats, level: float, component: Longs
) -> tuple[Longs, Longs]:
    """rank_lo = 1 + number of items surely better, rank_hi = number of comparable items not surely
    worse.

    "Surely" means that the interval of the difference, from C_ii + C_jj - 2 C_ij, leaves out zero.
    """
    z, spread = normal_quantile(level), np.diagonal(cov)
    defined = np.isfinite(score) & np.isfinite(spread)
    same = defined.all() and (component == component[:1]).all()
    parts = None if same else component  # None: all can be compared with all
    low, high = np.empty((2, len(score)), dtype=np.int64)
    rows = max(1, BLOCK // max(len(score), 1))
    for start in range(0, len(score), rows):
        block = slice(start, start + rows)
        low[block], high[block] = _rank_bounds(score, parts, cov[block], spread, z, block)
    return np.where(defined, low, 0), np.where(defined, high, 0)


def _rank_bounds(
    score: Floats, parts: Longs | None, cov: Floats, spread: Floats, z: float, rows: slice
) -> tuple[Longs, Longs]:
    """The same for some rows; `spread` is the covariance's diagonal, `parts` who can be compared
    with whom.
    """
    margin = np.add.outer(spread[rows], spread)
    margin -= 2 * cov
    with np.errstate(invalid="ignore"):
        np.sqrt(np.maximum(margin, 0.0, out=margin), out=margin)
        margin *= z
        gap = score - score[rows, None]  # of column j over row i
        better = gap > margin
        worse = gap < np.negative(margin, out=margin)
    if parts is None:
        return 1 + better.sum(axis=1), len(score) - worse.sum(axis=1)
    comparable = (parts[rows, None] == parts) & np.isfinite(gap)
    better &= comparable
    worse &= comparable
    return 1 + better.sum(axis=1), comparable.sum(axis=1) - worse.sum(axis=1)


def best_from_replicates(replicates: Floats) -> Floats:
    """Share of replicates in which each item scores highest (ties shared); NaN scores never win."""
    filled = np.where(np.isnan(replicates), -np.inf, replicates)
    top = filled == filled.max(axis=1, keepdims=True)
    top &= np.isfinite(replicates)
    return np.asarray((top / np.maximum(top.sum(axis=1, keepdims=True), 1)).mean(axis=0))


def best_from_cov(
    score: Floats, cov: Floats, rng: np.random.Generator, draws: int = 4000
) -> Floats:
    """P(item scores highest) under a normal approximation, by simulation; NaN items get 0."""
    defined = np.flatnonzero(np.isfinite(score) & np.isfinite(np.diagonal(cov)))
    chance = np.zeros(len(score))
    if not len(defined):
        return np.full(len(score), np.nan)
    values, vectors = np.linalg.eigh(cov[np.ix_(defined, defined)])
    noise = rng.standard_normal((draws, len(defined))) * np.sqrt(np.maximum(values, 0.0))
    best = np.argmax(score[defined] + noise @ vectors.T, axis=1)
    chance[defined] = np.bincount(best, minlength=len(defined)) / draws
    return chance
