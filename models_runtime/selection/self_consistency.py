"""Self-consistency: the answer that most samples give (Wang et al. 2022, arXiv:2203.11171)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from models_runtime.selection import NOTHING, Choice, Extra, Need, Sample, Votes, check_samples


@dataclass(frozen=True, slots=True)
class NoOptions:
    """Nothing to set."""


@dataclass(frozen=True)
class SelfConsistency:
    """Counts one vote per sample whose answer could be extracted; the others stay silent."""

    title: str = "Self-consistency (majority of answers)"
    needs: frozenset[Need] = frozenset({Need.ANSWER})
    extra_calls: str = "none"
    reference: str = "Wang et al. 2022, arXiv:2203.11171"
    options_class: type[Any] = field(default=NoOptions)

    def select(
        self, samples: Sequence[Sample], options: NoOptions | None = None, extra: Extra = NOTHING
    ) -> Choice:
        check_samples(samples)
        votes = Votes.count(samples)
        return votes.choose(samples, "“{answer}” is the answer of {votes} of {total} samples.")


SELECTOR = SelfConsistency()
