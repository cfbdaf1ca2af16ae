"""Weighted self-consistency: votes weighted by a reward, P(True) or a stated confidence."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from annotation.phrases import say
from models_runtime.selection import (
    NOTHING,
    Choice,
    Extra,
    Need,
    NotEnough,
    Sample,
    Votes,
    check_samples,
    needed,
)


@dataclass(frozen=True, slots=True)
class NoOptions:
    """Nothing to set."""


@dataclass(frozen=True)
class WeightedSelfConsistency:
    """Adds up `weight` per answer. Weights may not be negative: a vote can't count against."""

    title: str = "Weighted self-consistency"
    needs: frozenset[Need] = frozenset({Need.ANSWER, Need.WEIGHT})
    extra_calls: str = "as many as the weights take: none to one per sample"
    reference: str = "Wang et al. 2022, arXiv:2203.11171, weighted sum"
    options_class: type[Any] = field(default=NoOptions)

    def select(
        self, samples: Sequence[Sample], options: NoOptions | None = None, extra: Extra = NOTHING
    ) -> Choice:
        check_samples(samples)
        weights = needed(samples, "weight")
        if any(weight < 0 for weight in weights.values()):
            raise NotEnough(say("A weight is negative; weights are 0 or more."))
        votes = Votes.count(samples, weights)
        return votes.choose(samples, "“{answer}” has a weight of {votes} of {total}.")


SELECTOR = WeightedSelfConsistency()
