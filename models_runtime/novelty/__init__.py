"""Candidates that must differ: when one is asked for again, and how to ask for another kind. Pure.

A candidate is *too like* those that are kept if it is a near-duplicate of one of them (by the
cosine of their vectors, or by edits), or if it leaves the Vendi score of the set too low for its
size. It is then asked for again, warmer each time, a bounded number of times, and in the end kept
and flagged. With *navigation* the model is shown what is kept and asked for something that differs
on a named axis. The bounds are design choices; iterative sampling and its gain in diversity are
studied in arXiv:2509.17570.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from annotation.phrases import say
from models_runtime.diversity import Matrix, Vectors, cosines_to, vendi_score
from models_runtime.diversity.duplicates import first_near

__all__ = ["Fault", "Rule", "fault_of", "vectors_of", "warmer"]

AXES = ("approach", "stance", "format", "style", "scope")
DIMENSIONS = 256
MOST_SHOWN = 8
HOTTEST = 2.0
_MOST_KEPT = 4096  # vectors of texts seen lately, 2 kB each


@dataclass(frozen=True, slots=True)
class Rule:
    """`tries` is how often one candidate is asked for again. Cosines of `most_cosine` or more and
    edits of a share of `least_edits` or less make a near-duplicate; `least_variety` is the least
    Vendi score by the number of candidates (0: not asked). With an `axis` the model is shown what
    is there and told to differ in that; without one it is only drawn again."""

    tries: int = 2
    most_cosine: float = 0.9
    least_edits: float = 0.1
    least_variety: float = 0.0
    axis: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.tries <= 10:
            raise ValueError("tries lies between 0 and 10")
        if not (0 <= self.most_cosine <= 1 and 0 <= self.least_edits <= 1):
            raise ValueError("most_cosine and least_edits lie between 0 and 1")
        if not 0 <= self.least_variety <= 1:
            raise ValueError("least_variety lies between 0 and 1")
        if self.axis and not re.fullmatch(r"[\w ,-]{1,60}", self.axis):
            raise ValueError("an axis is a word or a few, such as approach")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a candidate is too like the others, for a person."""

    sentence: str


def fault_of(
    text: str,
    kept: Sequence[str],
    rule: Rule,
    vectors: Vectors | None = None,
) -> Fault | None:
    """What is wrong with adding `text` to `kept`, None if nothing is. `vectors` are of `kept` and
    then of `text`; without any, vectors of their words are taken."""
    if not kept:
        return None
    texts = [*kept, text]
    found = vectors_of(texts) if vectors is None else vectors
    place = first_near(
        text,
        kept,
        cosines_to(found),
        least_cosine=rule.most_cosine,
        most_edits=rule.least_edits,
    )
    if place is not None:
        return Fault(say("It is nearly candidate %(place)s of this prompt.", place=place + 1))
    if not rule.least_variety:
        return None
    score = vendi_score(found)
    if score < rule.least_variety * len(texts):
        return Fault(
            say(
                "With it, %(texts)s candidates are as different as %(score)s would be.",
                texts=len(texts),
                score=f"{score:.2f}",
            )
        )
    return None


def vectors_of(texts: Sequence[str]) -> Matrix:
    """Counts of words and of pairs of words, hashed into a fixed number of places: enough to tell
    texts with the same words, without a model. A row for each text."""
    return np.array([_vector(text) for text in texts], dtype=np.float64)


@lru_cache(maxsize=_MOST_KEPT)
def _vector(text: str) -> Matrix:
    words = re.findall(r"\w+", text.casefold())
    counts = Counter([*words, *(f"{a} {b}" for a, b in pairwise(words))])
    vector = [0.0] * DIMENSIONS
    for word, count in counts.items():
        place = _place(word)
        vector[place // 2] += (1 if place % 2 else -1) * math.log1p(count)
    if not any(vector):
        vector[0] = 1.0
    kept: Matrix = np.array(vector, dtype=np.float64)
    kept.setflags(write=False)
    return kept


def _place(word: str) -> int:
    """From 0 to 2 · DIMENSIONS - 1, the same in every process (FNV-1a)."""
    found = 2166136261
    for byte in word.encode("utf-8", "surrogatepass"):
        found = (found ^ byte) * 16777619 & 0xFFFFFFFF
    return (found ^ found >> 15) % (2 * DIMENSIONS)


def warmer(temperature: float, asked_again: int) -> float:
    """The temperature of a new attempt: half as much again each time, no more than HOTTEST unless
    it was hotter from the start; one that drew nothing begins at 0.7."""
    if not asked_again:
        return temperature
    start = temperature or 0.7
    return max(start, min(HOTTEST, start * 1.5**asked_again))
