"""FOBAR: forward votes combined with how well the question can be found back from the answer.

P(answer) is proportional to P_f^alpha · P_b^(1-alpha): P_f its share of the votes, P_b its share of
the masked numbers that were recovered when the answer was given (smoothed by epsilon).
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
    check_samples,
    needed,
)


@dataclass(frozen=True, slots=True)
class FobarOptions:
    """`alpha` is the weight of the forward votes, from 0 to 1; `epsilon` smooths P_b."""

    alpha: float = 0.5
    epsilon: float = 1e-9

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= 1 or self.epsilon <= 0:
            raise ValueError("alpha lies between 0 and 1, epsilon above 0")


@dataclass(frozen=True)
class Fobar:
    """For prompts with numbers. Without any (`recovered` is None everywhere) it is plain
    self-consistency."""

    title: str = "FOBAR (forward and backward reasoning)"
    needs: frozenset[Need] = frozenset({Need.ANSWER, Need.RECOVERED})
    extra_calls: str = "distinct answers × numbers in the prompt × samples backwards"
    reference: str = "Jiang et al. 2023, arXiv:2308.07758"
    options_class: type[Any] = field(default=FobarOptions)

    def select(
        self, samples: Sequence[Sample], options: FobarOptions | None = None, extra: Extra = NOTHING
    ) -> Choice:
        check_samples(samples)
        options = options or FobarOptions()
        votes = Votes.count(samples)
        if all(sample.recovered is None for sample in samples):
            return votes.choose(samples, "“{answer}” has {votes} of {total} votes; no numbers.")
        recovered = {
            answer: _of_answer(group) + options.epsilon for answer, group in votes.voters.items()
        }
        forward, backward = sum(votes.totals.values()), sum(recovered.values())
        joint = {
            answer: (count / forward) ** options.alpha
            * (recovered[answer] / backward) ** (1 - options.alpha)
            for answer, count in votes.totals.items()
        }
        total = sum(joint.values())
        combined = Votes({answer: p / total for answer, p in joint.items()}, votes.voters)
        return combined.choose(samples, "“{answer}” has a joint probability of {votes}.")


def _of_answer(group: Sequence[Sample]) -> float:
    """The mean over the samples with one answer: each may have been asked about for itself."""
    return fmean(needed(sorted(group, key=lambda each: each.id), "recovered").values())


SELECTOR = Fobar()
