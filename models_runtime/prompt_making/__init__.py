"""New prompts from few seeds, and prompts in other words: what is kept, and why not. Pure.

Seeds are shown to a model, which writes more of the kind (self-instruct, Wang et al. 2023,
arXiv:2212.10560). Each idea passes through filters in a fixed order: form, novelty (ROUGE-L against
everything there is), quality (a rating by the model), difficulty (how far its own answers agree).
Every idea that is dropped has one reason, the first that applied.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from annotation.phrases import say
from models_runtime.selection import canonical

__all__ = ["Drop", "PromptOptions", "form_fault", "majority_share", "nearest", "read_ideas"]


class Drop(StrEnum):
    """Why an idea was not kept; "" for one that was."""

    KEPT = ""
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    NEEDS_MORE = "needs_more"
    REPEATED = "repeated"
    LOW_QUALITY = "low_quality"
    TOO_EASY = "too_easy"
    TOO_HARD = "too_hard"
    NO_ANSWER = "no_answer"
    SAME_WORDS = "same_words"
    OTHER_MEANING = "other_meaning"
    UNREADABLE = "unreadable"


DROP_WORDS = {
    Drop.KEPT: say("Kept"),
    Drop.TOO_SHORT: say("Too short"),
    Drop.TOO_LONG: say("Too long"),
    Drop.NEEDS_MORE: say("Needs a picture, a file or a link that isn't there"),
    Drop.REPEATED: say("Too near to a prompt that is there"),
    Drop.LOW_QUALITY: say("Rated too low"),
    Drop.TOO_EASY: say("Too easy: its answers agree too much"),
    Drop.TOO_HARD: say("Too hard: its answers agree too little"),
    Drop.NO_ANSWER: say("No answer to it could be read"),
    Drop.SAME_WORDS: say("Hardly other words than the original"),
    Drop.OTHER_MEANING: say("Asks for something else than the original"),
    Drop.UNREADABLE: say("A verdict on it could not be read"),
}


@dataclass(frozen=True, slots=True)
class PromptOptions:
    """`per_call` ideas are asked for after `shown` seeds. An idea has `fewest_words` to
    `most_words` words, a ROUGE-L of less than `most_overlap` with every prompt there is, a rating
    of `least_quality` or more of 10 (0: not asked), and, with `rollouts` answers of its own, a
    share of the commonest answer between `hardest` and `easiest`."""

    per_call: int = 4
    shown: int = 6
    fewest_words: int = 3
    most_words: int = 150
    most_overlap: float = 0.7
    least_quality: int = 6
    rollouts: int = 0
    hardest: float = 0.2
    easiest: float = 0.9

    def __post_init__(self) -> None:
        if not (1 <= self.per_call <= 20 and 1 <= self.shown <= 20):
            raise ValueError("per_call and shown lie between 1 and 20")
        if not 1 <= self.fewest_words <= self.most_words <= 5000:
            raise ValueError("words: 1 ≤ fewest_words ≤ most_words ≤ 5000")
        if not 0 < self.most_overlap <= 1:
            raise ValueError("most_overlap lies above 0 and up to 1")
        if not 0 <= self.least_quality <= 10:
            raise ValueError("least_quality lies between 0 and 10")
        if self.rollouts != 0 and not 2 <= self.rollouts <= 64:
            raise ValueError("rollouts is 0, or lies between 2 and 64")
        if not 0 <= self.hardest < self.easiest <= 1:
            raise ValueError("shares: 0 ≤ hardest < easiest ≤ 1")


_LISTED = re.compile(r"^\s*(?:\d{1,3}[.)]|[-*•])\s+(.*\S)\s*$")
_MISSING = re.compile(
    r"\b(?:image|picture|photo|graph|chart|video|audio|attached|attachment|file|link|url|table)s?"
    r" (?:below|above|attached|provided|shown|here)\b|\b(?:attached|following|given) "
    r"(?:image|picture|photo|graph|chart|video|audio|file|link|url)\b",
    re.IGNORECASE,
)


def read_ideas(reply: str) -> list[str]:
    """The entries of a list, numbered or with dashes; a line without a mark goes on with the entry
    before it."""
    ideas: list[str] = []
    for line in reply.splitlines():
        if entry := _LISTED.match(line):
            ideas.append(entry[1])
        elif ideas and line.strip():
            ideas[-1] += "\n" + line.strip()
    return ideas


def form_fault(text: str, options: PromptOptions) -> Drop:
    """What is wrong with a prompt by itself; KEPT if nothing is."""
    count = len(words_of(text))
    if count < options.fewest_words:
        return Drop.TOO_SHORT
    if count > options.most_words:
        return Drop.TOO_LONG
    return Drop.NEEDS_MORE if _MISSING.search(text) else Drop.KEPT


def words_of(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def rouge_l(first: Sequence[str], second: Sequence[str]) -> float:
    """The F1 of the longest common subsequence of words: 1 for the same words, 0 for none."""
    if not first or not second:
        return float(not first and not second)
    row = [0] * (len(second) + 1)
    for word in first:
        before = 0
        for place, other in enumerate(second, 1):
            kept = row[place]
            row[place] = before + 1 if word == other else max(row[place], row[place - 1])
            before = kept
    return 2 * row[-1] / (len(first) + len(second))


def nearest(text: str, pool: Sequence[Sequence[str]], *, limit: float) -> tuple[int, float] | None:
    """(place, ROUGE-L) of the prompt in `pool` that is nearest to `text`, if it is as near as
    `limit`; texts that can't be so near by the words they share aren't compared."""
    words = words_of(text)
    counts = Counter(words)
    best: tuple[int, float] | None = None
    for place, other in enumerate(pool):
        least = limit if best is None else best[1]
        total = len(words) + len(other)
        if not total or 2 * min(len(words), len(other)) < least * total:
            continue
        if 2 * (counts & Counter(other)).total() < least * total:
            continue
        overlap = rouge_l(words, other)
        if overlap >= limit and (best is None or overlap > best[1]):
            best = (place, overlap)
    return best


def majority_share(answers: Sequence[str | None]) -> float | None:
    """The share of the commonest answer among all, those without an answer included; None where
    none has one."""
    said = Counter(canonical(answer) for answer in answers if answer is not None)
    return max(said.values()) / len(answers) if said else None


def difficulty_fault(share: float | None, options: PromptOptions) -> Drop:
    if share is None:
        return Drop.NO_ANSWER
    if share > options.easiest:
        return Drop.TOO_EASY
    return Drop.TOO_HARD if share < options.hardest else Drop.KEPT
