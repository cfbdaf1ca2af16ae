"""Embeddings: a vector of length 1 per candidate, by a sentence encoder.

Reimers and Gurevych 2019. Equal texts have equal vectors, so each is computed once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from models_runtime.engines import Capability
from models_runtime.rewards import Bench, Measured, OfTexts, Subject, vectors_of, windows
from models_runtime.rewards.reward import NoOptions


@dataclass(frozen=True)
class Embedding(OfTexts):
    title: str = "Embedding"
    summary: str = "A vector per candidate; near texts have near vectors."
    names: tuple[str, ...] = ("embedding",)
    needs: frozenset[Capability] = frozenset({Capability.EMBED})
    partner: str = ""
    options_class: type[Any] = field(default=NoOptions)

    def reading(self, prompt: int, text: int, options: NoOptions) -> int:
        return text

    def measure(
        self, subjects: Iterable[Subject], bench: Bench, options: NoOptions
    ) -> Iterator[Measured]:
        for window in windows(subjects):
            found, failed = vectors_of((subject.text for subject in window), bench.engine)
            for subject in window:
                if subject.text in found:
                    yield Measured(subject.key, vectors={"embedding": tuple(found[subject.text])})
                else:
                    yield Measured(subject.key, failure=failed[subject.text])


SCORER = Embedding()
