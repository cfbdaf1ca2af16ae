"""Pairs of texts that are nearly the same: by the cosine of their embeddings, by edits. Pure.

The normalised edit distance is Levenshtein's (insertions, deletions, substitutions of characters)
divided by the longer text's length: 0 for equal texts, 1 for texts with nothing in common. It is
computed bit-parallel (Myers 1999; Hyyrö 2003), after a bound that is quick to see: k edits change
at most 3k of a text's runs of three characters (Ukkonen 1992).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from models_runtime.diversity import cosines

RUN = 3


@dataclass(frozen=True, slots=True)
class NearPair:
    """Two places that are nearly the same, `first` < `second`. `cosine` is None without
    embeddings, `edits` None where it is above the limit and so wasn't needed exactly."""

    first: int
    second: int
    cosine: float | None
    edits: float | None


def near_duplicates(
    texts: Sequence[str],
    vectors: Sequence[Sequence[float]] | None = None,
    *,
    least_cosine: float = 0.9,
    most_edits: float = 0.1,
) -> list[NearPair]:
    """Pairs whose cosine is `least_cosine` or more, or whose normalised edit distance is
    `most_edits` or less, by place. Raises ValueError for limits outside 0 to 1 and for vectors that
    don't fit the texts."""
    if not (0 <= least_cosine <= 1 and 0 <= most_edits <= 1):
        raise ValueError("Both limits lie between 0 and 1.")
    if vectors is not None and len(vectors) != len(texts):
        raise ValueError("There must be a vector for every text.")
    near = cosines(vectors) if vectors else None
    runs = [_runs(text) for text in texts]
    found = []
    for first in range(len(texts)):
        for second in range(first + 1, len(texts)):
            cosine = None if near is None else float(near[first, second])
            edits = _edits_within(
                texts[first], texts[second], runs[first], runs[second], most_edits
            )
            if edits is not None or (cosine is not None and cosine >= least_cosine - 1e-12):
                found.append(NearPair(first, second, cosine, edits))
    return found


def normalised_edit_distance(a: str, b: str) -> float:
    """Levenshtein's distance by the longer text's length; 0 for two empty texts."""
    return edit_distance(a, b) / max(len(a), len(b), 1)


def edit_distance(a: str, b: str) -> int:
    """Levenshtein's distance in characters. Time grows with len(a) · len(b) / 64."""
    if not a or not b:
        return max(len(a), len(b))
    places: dict[str, int] = {}
    for place, letter in enumerate(a):
        places[letter] = places.get(letter, 0) | 1 << place
    full, last = (1 << len(a)) - 1, 1 << (len(a) - 1)
    up, down, distance = full, 0, len(a)  # vertical differences +1 and -1 of the column
    for letter in b:
        equal = places.get(letter, 0)
        diagonal = ((((equal & up) + up) ^ up) | equal | down) & full
        right_up = (down | ~(diagonal | up)) & full
        right_down = diagonal & up
        distance += bool(right_up & last) - bool(right_down & last)
        right_up = (right_up << 1 | 1) & full
        up = ((right_down << 1) | ~(diagonal | right_up)) & full
        down = right_up & diagonal
    return distance


def _runs(text: str) -> Counter[str]:
    return Counter(text[start : start + RUN] for start in range(len(text) - RUN + 1))


def _edits_within(
    a: str, b: str, runs_a: Counter[str], runs_b: Counter[str], most: float
) -> float | None:
    """The normalised edit distance, None if it is above `most`."""
    longer = max(len(a), len(b), 1)
    allowed = int(most * longer + 1e-9)
    if abs(len(a) - len(b)) > allowed:
        return None
    fewer, more = sorted((runs_a, runs_b), key=len)
    shared = sum(min(count, more[run]) for run, count in fewer.items())
    if max(runs_a.total(), runs_b.total()) - shared > RUN * allowed:
        return None
    distance = edit_distance(a, b)
    return distance / longer if distance <= allowed else None
