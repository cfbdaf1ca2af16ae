"""Choosing one answer from several samples. Pure; one file per selector.

Every selector takes samples in any order and returns the same choice for every order of them:
ties go to the higher mean reward, then to the higher mean log-probability, then to the lowest id.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from statistics import fmean
from typing import Any, Protocol

from annotation.phrases import say

__all__ = [
    "NOTHING",
    "Choice",
    "Extra",
    "Need",
    "NotEnough",
    "Sample",
    "Selector",
    "Votes",
    "canonical",
    "extract_answer",
    "tie_key",
]


class Need(StrEnum):
    """What a selector needs to know of every sample, or of the set."""

    ANSWER = "answer"
    LOGPROBS = "logprobs"
    CERTAINTY = "certainty"
    REWARD = "reward"
    WEIGHT = "weight"
    RECOVERED = "recovered"
    LIKELIHOODS = "likelihoods"
    PREFERENCES = "preferences"
    PICK = "pick"


class NotEnough(ValueError):
    """The samples lack what the selector needs; the text says what."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One of several texts for the same prompt, with what is known of it.

    `answer` is the extracted answer, None where there is none. `logprobs` are natural logarithms,
    one per token; `certainty` is each token's self-certainty. `recovered` counts how often the
    masked number was found back from this answer. `p_correct`, `p_incorrect` are the generator's
    likelihoods of the text when asked for a correct and an incorrect answer (up to a factor each);
    `p_yes` is the discriminator's probability that it is correct.
    """

    id: int
    text: str = ""
    answer: str | None = None
    logprobs: tuple[float, ...] | None = None
    certainty: tuple[float, ...] | None = None
    reward: float | None = None
    weight: float | None = None
    language: str = ""
    recovered: float | None = None
    p_correct: float | None = None
    p_incorrect: float | None = None
    p_yes: float | None = None


@dataclass(frozen=True, slots=True)
class Extra:
    """What was learned by further calls about the set of samples.

    `prefer(a, b)` is the probability that a wins when a is shown first. `pick` is the id that a
    model chose, None where its reply couldn't be read. `embeddings` are unit vectors by id.
    """

    prefer: Callable[[Sample, Sample], float] | None = None
    pick: int | None = None
    embeddings: Mapping[int, Sequence[float]] = field(default_factory=dict)


NOTHING = Extra()


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen sample's id, every sample's score by id (None where it has none), and why."""

    id: int
    scores: Mapping[int, float | None]
    reason: str


class Selector(Protocol):
    """What each module of this folder declares as SELECTOR.

    `options_class` is a frozen dataclass with defaults. `extra_calls` says what it costs beyond
    the samples, in words. `reference` is where it comes from.
    """

    @property
    def title(self) -> str: ...

    @property
    def needs(self) -> frozenset[Need]: ...

    @property
    def extra_calls(self) -> str: ...

    @property
    def reference(self) -> str: ...

    @property
    def options_class(self) -> type[Any]: ...

    def select(self, samples: Sequence[Sample], options: Any = None, extra: Extra = ...) -> Choice:
        """Choose among at least one sample; raises NotEnough where something needed is missing."""


# --- Ties -----------------------------------------------------------------------------------------


def tie_key(sample: Sample) -> tuple[float, float, int]:
    """The larger, the sooner chosen: reward, mean log-probability, lowest id."""
    reward = -math.inf if sample.reward is None else sample.reward
    return reward, _mean_logprob(sample), -sample.id


def _mean_logprob(sample: Sample) -> float:
    return fmean(sample.logprobs) if sample.logprobs else -math.inf


def best_by(samples: Sequence[Sample], score: Mapping[int, float]) -> Sample:
    """The sample with the highest score; ties as the package says."""
    return max(samples, key=lambda sample: (_rounded(score[sample.id]), tie_key(sample)))


def _rounded(value: float) -> float:
    """Scores that differ only by the order of a summation are equal."""
    return value if not math.isfinite(value) else float(f"{value:.12g}")


def check_samples(samples: Sequence[Sample]) -> None:
    if not samples:
        raise NotEnough(say("There is nothing to choose from."))
    if len({sample.id for sample in samples}) != len(samples):
        raise ValueError("Two samples have the same id.")


def needed(samples: Sequence[Sample], name: str) -> dict[int, Any]:
    """The field `name` of every sample by id; raises NotEnough where one lacks it."""
    values = {sample.id: getattr(sample, name) for sample in samples}
    lacking = sorted(key for key, value in values.items() if value is None or value == ())
    if lacking:
        raise NotEnough(
            say(
                "Sample %(lacking)s has no %(replace)s.",
                lacking=lacking[0],
                replace=name.replace("_", " "),
            )
        )
    return values


# --- Votes ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Votes:
    """Votes for answers, by canonical answer, with the samples that gave each."""

    totals: Mapping[str, float]
    voters: Mapping[str, tuple[Sample, ...]]

    @classmethod
    def count(
        cls, samples: Sequence[Sample], weights: Mapping[int, float] | None = None
    ) -> "Votes":
        """A vote, or its weight, per sample with an answer; raises NotEnough if none has one."""
        voters: dict[str, list[Sample]] = {}
        for sample in sorted(samples, key=lambda sample: sample.id):
            if sample.answer is not None:
                voters.setdefault(canonical(sample.answer, sample.language), []).append(sample)
        if not voters:
            raise NotEnough(say("No sample has an answer that could be extracted."))
        totals = {
            answer: math.fsum(1.0 if weights is None else weights[each.id] for each in group)
            for answer, group in voters.items()
        }
        return cls(totals, {answer: tuple(group) for answer, group in voters.items()})

    def winner(self, among: Iterable[str] | None = None) -> str:
        """The answer with most votes; ties by mean reward, mean log-probability, lowest id."""
        return max(
            self.totals if among is None else among,
            key=lambda answer: (_rounded(self.totals[answer]), *group_key(self.voters[answer])),
        )

    def choose(self, samples: Sequence[Sample], reason: str) -> Choice:
        """The best sample of the winning answer; `reason` may name {answer}, {votes}, {total}."""
        answer = self.winner()
        chosen = max(self.voters[answer], key=tie_key)
        scores: dict[int, float | None] = {sample.id: None for sample in samples}
        for each, group in self.voters.items():
            scores.update({sample.id: self.totals[each] for sample in group})
        words = {
            "answer": self.voters[answer][0].answer,
            "votes": f"{self.totals[answer]:.4g}",
            "total": f"{math.fsum(self.totals.values()):.4g}",
        }
        return Choice(chosen.id, scores, reason.format(**words))


def group_key(group: Sequence[Sample]) -> tuple[float, float, int]:
    """The tie key of an answer: mean reward, mean log-probability, lowest id of its samples."""
    rewards = [sample.reward for sample in group if sample.reward is not None]
    logprobs = [_mean_logprob(sample) for sample in group if sample.logprobs]
    return (
        _rounded(fmean(rewards)) if rewards else -math.inf,
        _rounded(fmean(logprobs)) if logprobs else -math.inf,
        -min(sample.id for sample in group),
    )


# --- Answers --------------------------------------------------------------------------------------

_BOXED = re.compile(r"\\boxed\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
_SAID = re.compile(
    r"(?:final answer|answer)\s*(?:is|:|=)\s*(.{1,200}?)\s*(?:\.?\s*$|\.\s|\n)", re.IGNORECASE
)
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d+)?|\.\d+)(?:\s*/\s*\d+(?:\.\d+)?)?(?:e[-+]?\d{1,3})?")
_FRAC = re.compile(r"\\[dt]?frac\s*\{(-?\d+)\}\s*\{(\d+)\}")
DECIMAL_COMMA = frozenset({"de", "fr", "es", "it", "pt", "nl", "pl", "ru", "tr", "sv", "da", "cs"})


def extract_answer(text: str) -> str | None:
    """The last boxed answer, else the last "answer is …" or "answer: …", else None."""
    boxed = _BOXED.findall(text)
    if boxed:
        return str(boxed[-1]).strip() or None
    said = _SAID.findall(text)
    return str(said[-1]).strip() or None if said else None


def canonical(answer: str, language: str = "") -> str:
    """One spelling for answers that say the same: case, blanks, digits of any script, thousands
    separators, currency and percent signs, and numbers that are equal as fractions."""
    text = unicodedata.normalize("NFKC", answer).strip().strip("$*_`\"' ").rstrip(".,;:!")
    text = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)
    text = _FRAC.sub(r"\1/\2", text).replace("\\%", "%").replace("−", "-")
    number = _as_number(text, language)
    if number is not None:
        return str(number)
    return re.sub(r"\s+", " ", text).casefold()


def _as_number(text: str, language: str) -> Fraction | None:
    bare = re.sub(r"[\s€£¥$%°_]", "", text).lower()
    if language.partition("-")[0] in DECIMAL_COMMA:
        bare = bare.replace(".", "").replace(",", ".")
    elif re.fullmatch(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?", bare):
        bare = bare.replace(",", "")
    if not _NUMBER.fullmatch(bare):
        return None
    above, _, below = bare.partition("/")
    try:
        value = Fraction(above) / (Fraction(below) if below else 1)
    except ZeroDivisionError:
        return None
    return value / 100 if "%" in text else value
