"""Stated confidence: what it earns, how well it is calibrated, and how it weighs votes. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

BINS = 10


def calibration_reward(*, correct: bool, confidence: float) -> float:
    """RLCR: 1[correct] - (q - 1[correct])²."""
    hit = float(correct)
    return hit - (confidence - hit) ** 2


def brier(confidences: Sequence[float], correct: Sequence[bool]) -> float:
    """The mean of (q - 1[correct])²; 0 is perfect."""
    return fmean((q - hit) ** 2 for q, hit in zip(confidences, correct, strict=True))


@dataclass(frozen=True, slots=True)
class Bin:
    """Verdicts with a confidence in one of ten ranges: how many, how sure, how often right."""

    low: float
    n: int
    confidence: float
    accuracy: float


def reliability(confidences: Sequence[float], correct: Sequence[bool]) -> list[Bin]:
    """The bins that hold anything, from the least confidence to the most."""
    filled: dict[int, list[tuple[float, bool]]] = {}
    for q, hit in zip(confidences, correct, strict=True):
        filled.setdefault(min(int(q * BINS), BINS - 1), []).append((q, hit))
    return [
        Bin(place / BINS, len(rows), fmean(q for q, _ in rows), fmean(hit for _, hit in rows))
        for place, rows in sorted(filled.items())
    ]


def calibration_error(confidences: Sequence[float], correct: Sequence[bool]) -> float:
    """ECE: the mean gap between confidence and accuracy over ten bins, weighted by their size."""
    bins = reliability(confidences, correct)
    total = sum(each.n for each in bins)
    return sum(each.n * abs(each.confidence - each.accuracy) for each in bins) / total


def weighted_votes(votes: Sequence[tuple[str, float]]) -> dict[str, float]:
    """The sum of confidences behind each answer."""
    sums: dict[str, float] = {}
    for answer, confidence in votes:
        sums[answer] = sums.get(answer, 0.0) + confidence
    return sums
