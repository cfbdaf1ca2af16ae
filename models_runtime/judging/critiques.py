"""What critiques are worth: precision and recall of their claims, the step they blame, their use.
Pure.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean


@dataclass(frozen=True, slots=True)
class CritiqueScore:
    """Precision: the share of its claims that are right. Recall: the share of the reference's
    claims that it makes. Without claims precision is 0, without reference claims recall is 0."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """The harmonic mean, 0 where either is 0."""
        if not self.precision or not self.recall:
            return 0.0
        return 2 * self.precision * self.recall / (self.precision + self.recall)


def critique_score(right: int, claims: int, covered: int, reference: int) -> CritiqueScore:
    """From counts; raises ValueError where more are right than there are."""
    if right > claims or covered > reference:
        raise ValueError("more claims are right than were made")
    return CritiqueScore(
        right / claims if claims else 0.0, covered / reference if reference else 0.0
    )


def macro(scores: Sequence[CritiqueScore]) -> tuple[float, float, float]:
    """Mean precision, recall and F1 over critiques, each counting alike."""
    return (
        fmean(score.precision for score in scores),
        fmean(score.recall for score in scores),
        fmean(score.f1 for score in scores),
    )


_STEP = re.compile(
    r"(?:first (?:wrong|incorrect|erroneous) step|error (?:is )?in step|step)\D{0,12}(\d{1,3})"
    r"(?=[^.\n]*\b(?:wrong|incorrect|error|mistake|flaw)|\s*\]\])",
    re.I,
)
_FIRST = re.compile(r"first (?:wrong|incorrect|erroneous) step\D{0,12}(\d{1,3})", re.I)


def first_wrong_step(text: str) -> int | None:
    """The step a critique blames first: the one it names as the first wrong one, else the lowest
    that it calls wrong; None where it blames none."""
    named = _FIRST.findall(text)
    if named:
        return int(named[-1])
    blamed = [int(number) for number in _STEP.findall(text)]
    return min(blamed) if blamed else None


def utility(before: Sequence[float], after: Sequence[float]) -> float:
    """How much rewriting by a critique gained: the mean of score(after) - score(before)."""
    return fmean(b - a for a, b in zip(before, after, strict=True))
