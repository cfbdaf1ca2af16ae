"""Universal self-consistency: a model is shown all samples and names the most consistent one.

Its pick stands if it is one of the samples; otherwise the medoid by cosine of embeddings, and
without embeddings the lowest id.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from models_runtime.selection import NOTHING, Choice, Extra, Need, Sample, best_by, check_samples


@dataclass(frozen=True, slots=True)
class NoOptions:
    """Nothing to set."""


@dataclass(frozen=True)
class UniversalSelfConsistency:
    """For texts without an answer that could be compared, such as summaries."""

    title: str = "Universal self-consistency (a model picks)"
    needs: frozenset[Need] = frozenset({Need.PICK})
    extra_calls: str = "one, with all samples in its prompt"
    reference: str = "Chen et al. 2023, arXiv:2311.17311"
    options_class: type[Any] = field(default=NoOptions)

    def select(
        self, samples: Sequence[Sample], options: NoOptions | None = None, extra: Extra = NOTHING
    ) -> Choice:
        check_samples(samples)
        ids = {sample.id for sample in samples}
        if extra.pick in ids:
            assert extra.pick is not None
            scores: dict[int, float | None] = {key: float(key == extra.pick) for key in ids}
            return Choice(extra.pick, scores, "A model that read all samples picked it.")
        if ids <= set(extra.embeddings):
            closeness = {sample.id: _closeness(sample, samples, extra) for sample in samples}
            medoid = best_by(samples, closeness)
            return Choice(medoid.id, closeness, "No pick could be read; it is closest to the rest.")
        lowest = min(ids)
        return Choice(lowest, dict.fromkeys(ids), "No pick could be read; it is the first.")


def _closeness(sample: Sample, samples: Sequence[Sample], extra: Extra) -> float:
    """Mean cosine to the other samples, 0 for a single one."""
    mine = extra.embeddings[sample.id]
    cosines = [
        sum(a * b for a, b in zip(mine, extra.embeddings[other.id], strict=True))
        for other in sorted(samples, key=lambda each: each.id)
        if other.id != sample.id
    ]
    return sum(cosines) / len(cosines) if cosines else 0.0


SELECTOR = UniversalSelfConsistency()
