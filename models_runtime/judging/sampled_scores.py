"""Scores sampled k times for all responses at once, voted and guided by a meta score. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median


@dataclass(frozen=True, slots=True)
class Sampled:
    """One sample's scores by place; None where it couldn't be read."""

    scores: tuple[float, ...] | None


def meta_scores(samples: Sequence[tuple[float, ...]]) -> list[float]:
    """How well each sample agrees with the median of the others, by Spearman's correlation.

    A signal that needs no training: -1 to 1, 0 where a sample or the median has no order.
    """
    if len(samples) == 1:
        return [0.0]
    found = []
    for place, sample in enumerate(samples):
        others = [other for index, other in enumerate(samples) if index != place]
        middle = [median(other[i] for other in others) for i in range(len(sample))]
        found.append(spearman(sample, middle))
    return found


def vote(
    samples: Sequence[tuple[float, ...]],
    *,
    keep: int | None = None,
    meta: Sequence[float] | None = None,
) -> list[float]:
    """S_i, the sum over samples of the score of response i; with `keep`, over the samples with the
    highest meta scores (the earlier of equals). Raises ValueError without a sample."""
    if not samples:
        raise ValueError("there is no sample to vote")
    chosen = list(samples)
    if keep is not None and keep < len(samples):
        merit = meta_scores(samples) if meta is None else meta
        order = sorted(range(len(samples)), key=lambda place: (-merit[place], place))
        chosen = [samples[place] for place in order[:keep]]
    return [math.fsum(sample[i] for sample in chosen) for i in range(len(samples[0]))]


def spearman(x: Sequence[float], y: Sequence[float]) -> float:
    """The correlation of ranks, ties given their mean rank; 0 where one of them has no order."""
    rx, ry = _ranks(x), _ranks(y)
    mx, my = fmean(rx), fmean(ry)
    cov = math.fsum((a - mx) * (b - my) for a, b in zip(rx, ry, strict=True))
    vx = math.fsum((a - mx) ** 2 for a in rx)
    vy = math.fsum((b - my) ** 2 for b in ry)
    return cov / math.sqrt(vx * vy) if vx and vy else 0.0


def _ranks(values: Sequence[float]) -> list[float]:
    return [
        sum(other < value for other in values) + (sum(other == value for other in values) + 1) / 2
        for value in values
    ]
