"""Self-certainty with Borda votes: samples that were surer of every token vote more.

A token's certainty is -(1/V) sum_v log p_v - log V: 0 for a uniform distribution, larger the more
it peaks. Samples are ranked by their mean; rank r of N gives (N - r + 1)^p votes to its answer.
p = 0 counts plain votes, a large p is best-of-n by certainty.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from models_runtime.selection import (
    NOTHING,
    Choice,
    Extra,
    Need,
    Sample,
    Votes,
    best_by,
    check_samples,
    needed,
    tie_key,
)


@dataclass(frozen=True, slots=True)
class CertaintyOptions:
    """`power` is the Borda exponent p, 0 or more."""

    power: float = 0.5

    def __post_init__(self) -> None:
        if self.power < 0:
            raise ValueError("power is 0 or more")


@dataclass(frozen=True)
class SelfCertainty:
    """Samples without an extractable answer keep their rank and cast no vote; without any answer
    at all the surest sample is chosen."""

    title: str = "Self-certainty with Borda votes"
    needs: frozenset[Need] = frozenset({Need.CERTAINTY})
    extra_calls: str = "none, or one teacher-forced pass per sample"
    reference: str = "Kang et al. 2025, arXiv:2502.18581"
    options_class: type[Any] = field(default=CertaintyOptions)

    def select(
        self,
        samples: Sequence[Sample],
        options: CertaintyOptions | None = None,
        extra: Extra = NOTHING,
    ) -> Choice:
        check_samples(samples)
        options = options or CertaintyOptions()
        certainty = {key: fmean(value) for key, value in needed(samples, "certainty").items()}
        if all(sample.answer is None for sample in samples):
            surest = best_by(samples, certainty)
            return Choice(surest.id, certainty, "No sample has an answer; this one is the surest.")
        ranked = sorted(
            samples, key=lambda sample: (certainty[sample.id], tie_key(sample)), reverse=True
        )
        weights = {
            sample.id: float(len(ranked) - place) ** options.power
            for place, sample in enumerate(ranked)
        }
        votes = Votes.count(samples, weights)
        return votes.choose(samples, "“{answer}” has {votes} of {total} votes by certainty.")


SELECTOR = SelfCertainty()
