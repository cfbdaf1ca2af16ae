"""Soft self-consistency: score each sample by its own token probabilities, no votes needed."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from models_runtime.selection import (
    NOTHING,
    Choice,
    Extra,
    Need,
    Sample,
    best_by,
    check_samples,
    needed,
)

AGGREGATES: dict[str, Callable[[Sequence[float]], float]] = {
    "mean": lambda logprobs: fmean(map(math.exp, logprobs)),
    "min": lambda logprobs: math.exp(min(logprobs)),
    "product": lambda logprobs: math.exp(math.fsum(logprobs)),
    "geometric": lambda logprobs: math.exp(fmean(logprobs)),
}


@dataclass(frozen=True, slots=True)
class SoftOptions:
    """`aggregate` is mean, min, product or geometric; product favours short texts."""

    aggregate: str = "mean"

    def __post_init__(self) -> None:
        if self.aggregate not in AGGREGATES:
            raise ValueError(f"aggregate is one of {', '.join(AGGREGATES)}")


@dataclass(frozen=True)
class SoftSelfConsistency:
    """argmax of the aggregated token probabilities; which aggregate, a development set must say."""

    title: str = "Soft self-consistency (token probabilities)"
    needs: frozenset[Need] = frozenset({Need.LOGPROBS})
    extra_calls: str = "none"
    reference: str = "Wang et al. 2024, arXiv:2402.13212"
    options_class: type[Any] = field(default=SoftOptions)

    def select(
        self, samples: Sequence[Sample], options: SoftOptions | None = None, extra: Extra = NOTHING
    ) -> Choice:
        check_samples(samples)
        options = options or SoftOptions()
        aggregate = AGGREGATES[options.aggregate]
        scores = {key: aggregate(value) for key, value in needed(samples, "logprobs").items()}
        chosen = best_by(samples, scores)
        reason = f"Its {options.aggregate} token probability is {scores[chosen.id]:.4g}."
        return Choice(chosen.id, scores, reason)


SELECTOR = SoftSelfConsistency()
