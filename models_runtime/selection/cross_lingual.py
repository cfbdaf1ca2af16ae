"""Cross-lingual consistency: votes across samples in several languages.

Answers are made comparable by each language's way of writing numbers; a language with many samples
doesn't outvote one with few, because every language casts one vote, shared by its samples.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from models_runtime.selection import NOTHING, Choice, Extra, Need, Sample, Votes, check_samples


@dataclass(frozen=True, slots=True)
class CrossLingualOptions:
    """`equal_languages` False lets every sample vote alike."""

    equal_languages: bool = True


@dataclass(frozen=True)
class CrossLingual:
    """Words are compared as written: translate them before, where answers are words."""

    title: str = "Cross-lingual consistency"
    needs: frozenset[Need] = frozenset({Need.ANSWER})
    extra_calls: str = "languages × samples each"
    reference: str = "Cross-lingual consistency (CLC), judging specification §1.9"
    options_class: type[Any] = field(default=CrossLingualOptions)

    def select(
        self,
        samples: Sequence[Sample],
        options: CrossLingualOptions | None = None,
        extra: Extra = NOTHING,
    ) -> Choice:
        check_samples(samples)
        options = options or CrossLingualOptions()
        voters = Counter(sample.language for sample in samples if sample.answer is not None)
        weights = {
            sample.id: 1 / voters[sample.language]
            if options.equal_languages and sample.answer is not None
            else 1.0
            for sample in samples
        }
        votes = Votes.count(samples, weights)
        return votes.choose(samples, "“{answer}” has {votes} of {total} votes over all languages.")


SELECTOR = CrossLingual()
