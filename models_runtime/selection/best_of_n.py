"""Best of n: the sample with the highest reward."""

from collections.abc import Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class NoOptions:
    """Nothing to set."""


@dataclass(frozen=True)
class BestOfN:
    """Follows the reward wherever it leads: with many samples also to what fools it."""

    title: str = "Best of n (highest reward)"
    needs: frozenset[Need] = frozenset({Need.REWARD})
    extra_calls: str = "one score per sample"
    reference: str = "Stiennon et al. 2020, arXiv:2009.01325"
    options_class: type[Any] = field(default=NoOptions)

    def select(
        self, samples: Sequence[Sample], options: NoOptions | None = None, extra: Extra = NOTHING
    ) -> Choice:
        check_samples(samples)
        rewards = needed(samples, "reward")
        chosen = best_by(samples, rewards)
        reason = f"Its reward of {rewards[chosen.id]:.4g} is the highest."
        return Choice(chosen.id, rewards, reason)


SELECTOR = BestOfN()
