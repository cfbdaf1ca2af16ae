"""Circles: how far judgments are from following one order, within a person and across people."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregation.tables import Comparisons, PairCounts

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Circles:
    """Circular triads among the triads whose three pairs were all decided.

    circular, complete: numbers of triads;  expected: of circular ones if every pair were a coin;
    consistency: zeta, 1 without circles and 0 with as many as possible, NaN unless every pair was
    decided.
    """

    circular: int
    complete: int
    expected: float
    consistency: float


def circular_triads(beats: ArrayLike) -> Circles:
    """Circles of a relation "i beats j" [K, K]; pairs that nobody decided are left out (Kendall &
    Babington Smith 1940).
    """
    T = np.asarray(beats, dtype=np.float64)
    met = T + T.T
    K = len(T)
    complete = round(float(np.trace(met @ met @ met)) / 6)
    circular = round(float(np.trace(T @ T @ T)) / 3)
    full = complete == K * (K - 1) * (K - 2) // 6 and K > 2
    most = (K**3 - K) / 24 if K % 2 else (K**3 - 4 * K) / 24
    zeta = 1 - circular / most if full else float("nan")
    return Circles(circular, complete, complete / 4, zeta)


def majority_circles(counts: PairCounts) -> Circles:
    """Circles of the majority relation; even pairs are undecided."""
    return circular_triads(np.asarray(counts.margins) > 0)


def circles_per_annotator(table: Comparisons) -> Iterator[tuple[object, Circles]]:
    """(annotator id, circles of his own majority per pair), for annotators who are known."""
    if table.annotator is None:
        return
    for j, name in enumerate(table.annotator_ids):
        yield name, majority_circles(table.take(table.annotator == j).pair_counts())


@dataclass(frozen=True)
class StochasticTransitivity:
    """Share of ordered triples with P_ij >= 1/2 and P_jk >= 1/2 that violate P_ik >= 1/2 (weak), >=
    min (moderate),
    >= max (strong) of the two; cycle_rate: mean chance of a circle when each pair is answered once
    more.
    """

    weak: float
    moderate: float
    strong: float
    cycle_rate: float
    triples: int


def stochastic_transitivity(counts: PairCounts, least: float = 1.0) -> StochasticTransitivity:
    """Violations among triples whose pairs each have at least `least` judgments; NaN without such
    triples. O(K^3).
    """
    n = np.asarray(counts.games)
    seen = n >= max(least, 1e-12)
    P = np.where(seen, np.asarray(counts.half_ties) / np.where(seen, n, 1.0), np.nan)
    with np.errstate(invalid="ignore"):
        chain = (P[:, :, None] >= 0.5) & (P[None, :, :] >= 0.5) & np.isfinite(P)[:, None, :]
        third = np.broadcast_to(P[:, None, :], chain.shape)
        low = np.minimum(P[:, :, None], P[None, :, :])
        high = np.maximum(P[:, :, None], P[None, :, :])
    chain = chain & np.isfinite(third)
    K = len(P)
    chain[np.arange(K), :, np.arange(K)] = False
    count = int(chain.sum())
    if not count:
        nan = float("nan")
        return StochasticTransitivity(nan, nan, nan, nan, 0)
    bounds = (np.full_like(low, 0.5), low, high)
    weak, moderate, strong = (float((third < bound)[chain].mean()) for bound in bounds)
    return StochasticTransitivity(weak, moderate, strong, _cycle_rate(P, seen), count)


def _cycle_rate(P: Floats, seen: NDArray[np.bool_]) -> float:
    """Mean chance that three items whose pairs are all seen come out as a circle."""
    triples = np.array(list(_triples(seen)), dtype=np.int64).reshape(-1, 3)
    if not len(triples):
        return float("nan")
    i, j, k = triples.T
    return float((P[i, j] * P[j, k] * P[k, i] + P[j, i] * P[k, j] * P[i, k]).mean())


def _triples(seen: NDArray[np.bool_]) -> Iterator[tuple[int, int, int]]:
    K = len(seen)
    for i in range(K):
        for j in range(i + 1, K):
            if seen[i, j]:
                yield from ((i, j, int(k)) for k in np.flatnonzero(seen[i] & seen[j]) if k > j)
