"""When a question has answers enough, and when it should be put to one more person."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import comb

from annotation.assignment.agreement import Outcomes
from annotation.assignment.rules import AssignmentRules


class Step(StrEnum):
    WAIT = "wait"
    ENOUGH = "enough"
    ASK_MORE = "ask_more"


@dataclass(frozen=True, slots=True)
class Stopping:
    """What to do with a question now, and how sure its leading answer is."""

    step: Step
    certainty: float


def majority_certainty(leading: int, others: int) -> float:
    """The posterior probability that the leading answer is the majority's.

    Each person gives the leading answer with an unknown probability p, uniform a priori; then
    p > 1/2 has probability P(Binomial(leading + others + 1, 1/2) <= leading), the upper half of a
    Beta(leading + 1, others + 1). Without answers it is 1/2; two of two give 7/8.
    """
    people = leading + others + 1
    return float(sum(comb(people, k) for k in range(leading + 1)) / 2**people)


def certainty_of(answers: Sequence[Outcomes]) -> float:
    """The certainty of the most doubtful of the things asked, 1/2 before anybody answered."""
    by_key: dict[Hashable, Counter[Hashable]] = {}
    for answer in answers:
        for key, outcome in answer.items():
            by_key.setdefault(key, Counter())[outcome] += 1
    if not by_key:
        return 0.5
    return min(_certainty(counts) for counts in by_key.values())


def _certainty(counts: Counter[Hashable]) -> float:
    leading = max(counts.values())
    return majority_certainty(leading, counts.total() - leading)


def next_step(rules: AssignmentRules, answers: Sequence[Outcomes], *, overlap: int) -> Stopping:
    """Whether a question that asks for `overlap` answers ends, waits, or asks one more person."""
    certainty = certainty_of(answers)
    count = len(answers)
    if count < rules.overlap_least:
        return Stopping(Step.WAIT, certainty)
    if certainty >= rules.certainty or count >= rules.overlap_most:
        return Stopping(Step.ENOUGH, certainty)
    return Stopping(Step.ASK_MORE if count >= overlap else Step.WAIT, certainty)
