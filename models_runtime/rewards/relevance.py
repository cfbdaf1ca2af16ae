"""Relevance to the prompt, and the shortcuts by which a text can look relevant.

`relevance` is the cosine of the embeddings of the last message and of the text. It is easily won
by repeating the question, or oneself: so `repetition` (the share of three-word sequences that
occurred before in the text), `copied` (the share that stands in the prompt already) and `words` are
measured too, and `relevance_adjusted` takes them off:

    relevance - a·repetition - b·copied - c·|log(words / usual)|

where `usual` words cost nothing. Where a reward follows `relevance` and not `relevance_adjusted`,
it has learned the shortcut. The weights are a choice of ours, not a fit.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from models_runtime.engines import Capability
from models_runtime.rewards import Bench, Measured, OfTexts, Subject, vectors_of, windows

GRAM = 3


@dataclass(frozen=True, slots=True)
class RelevanceOptions:
    """Weights of the shortcuts, and how many words are usual."""

    repetition_weight: float = 0.5
    copied_weight: float = 0.5
    length_weight: float = 0.05
    usual_words: int = 120

    def __post_init__(self) -> None:
        if min(self.repetition_weight, self.copied_weight, self.length_weight) < 0:
            raise ValueError("weights can't be negative")
        if self.usual_words < 1:
            raise ValueError("usual_words is at least 1")


def grams(text: str) -> list[tuple[str, ...]]:
    """Sequences of three words; of all words where there are fewer."""
    words = re.findall(r"\w+", text.casefold())
    if not words:
        return []
    size = min(GRAM, len(words))
    return [tuple(words[i : i + size]) for i in range(len(words) - size + 1)]


def repetition(text: str) -> float:
    """Share of sequences that occurred before in the text: 0 says nothing twice."""
    found = grams(text)
    return 1 - len(set(found)) / len(found) if found else 0.0


def copied(text: str, prompt: str) -> float:
    """Share of the text's sequences that stand in the prompt."""
    found = grams(text)
    there = set(grams(prompt))
    return sum(each in there for each in found) / len(found) if found else 0.0


@dataclass(frozen=True)
class Relevance(OfTexts):
    title: str = "Relevance and shortcuts"
    summary: str = "Nearness to the prompt, with repetition, copying and length taken off."
    names: tuple[str, ...] = ("relevance", "relevance_adjusted", "repetition", "copied", "words")
    needs: frozenset[Capability] = frozenset({Capability.EMBED})
    partner: str = ""
    options_class: type[Any] = field(default=RelevanceOptions)

    def reading(self, prompt: int, text: int, options: RelevanceOptions) -> int:
        return prompt + text

    def measure(
        self, subjects: Iterable[Subject], bench: Bench, options: RelevanceOptions
    ) -> Iterator[Measured]:
        for window in windows(subjects):
            pairs = [(_asked(subject), subject.text) for subject in window]
            found, failed = vectors_of((text for pair in pairs for text in pair), bench.engine)
            for subject, (prompt, text) in zip(window, pairs, strict=True):
                if failure := failed.get(prompt, failed.get(text)):
                    yield Measured(subject.key, failure=failure)
                    continue
                cosine = sum(x * y for x, y in zip(found[prompt], found[text], strict=True))
                yield Measured(subject.key, _numbers(prompt, text, cosine, options))


def _asked(subject: Subject) -> str:
    return subject.messages[-1].content if subject.messages else ""


def _numbers(prompt: str, text: str, cosine: float, options: RelevanceOptions) -> dict[str, float]:
    words = len(re.findall(r"\w+", text))
    again, taken = repetition(text), copied(text, prompt)
    unusual = abs(math.log(max(1, words) / options.usual_words))
    adjusted = (
        cosine
        - options.repetition_weight * again
        - options.copied_weight * taken
        - options.length_weight * unusual
    )
    return {
        "relevance": cosine,
        "relevance_adjusted": adjusted,
        "repetition": again,
        "copied": taken,
        "words": float(words),
    }


SCORER = Relevance()
