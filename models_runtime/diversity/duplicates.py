"""Pairs of texts that are nearly the same: by the cosine of their embeddings, by edits. Pure.

The normalised edit distance is Levenshtein's (insertions, deletions, substitutions of characters)
divided by the longer text's length: 0 for equal texts, 1 for texts with nothing in common. It is
computed bit-parallel (Myers 1999; Hyyrö 2003), after a bound that is quick to see: k edits change
at most 3k of a text's runs of three characters (Ukkonen 1992). The runs are counted in BUCKETS by
hash, so that one text is held against all others in one sweep; two runs in one bucket only make the
bound weaker, never wrong.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from models_runtime.diversity import Matrix, Vectors, cosines

RUN = 3
BUCKETS = 512
_MOST_KEPT = 4096  # counts of runs of texts seen lately, 1 kB each
_SLACK = 1e-12

Counts = np.ndarray[Any, np.dtype[np.int16]]


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
    vectors: Vectors | None = None,
    *,
    least_cosine: float = 0.9,
    most_edits: float = 0.1,
    most: int | None = None,
) -> list[NearPair]:
    """Pairs whose cosine is `least_cosine` or more, or whose normalised edit distance is
    `most_edits` or less, by place; the first `most` of them. Raises ValueError for limits outside 0
    to 1 and for vectors that don't fit the texts."""
    _check(least_cosine, most_edits)
    if vectors is not None and len(vectors) != len(texts):
        raise ValueError("There must be a vector for every text.")
    near = cosines(vectors) if vectors is not None and len(texts) else None
    counts = np.stack([_runs(text) for text in texts]) if texts else None
    found: list[NearPair] = []
    for first in range(len(texts) - 1):
        assert counts is not None
        row = None if near is None else near[first, first + 1 :]
        ahead = texts[first + 1 :]
        for place, cosine, edits in _near(
            texts[first], ahead, counts[first], counts[first + 1 :], row, least_cosine, most_edits
        ):
            found.append(NearPair(first, first + 1 + place, cosine, edits))
            if len(found) == most:
                return found
    return found


def first_near(
    text: str,
    others: Sequence[str],
    to_others: Matrix,
    *,
    least_cosine: float = 0.9,
    most_edits: float = 0.1,
) -> int | None:
    """The first place of `others` that `text` nearly is, by `to_others`, its cosine to each, or by
    edits; None if there is none."""
    _check(least_cosine, most_edits)
    if not others:
        return None
    counts = np.stack([_runs(other) for other in others])
    pairs = _near(text, others, _runs(text), counts, to_others, least_cosine, most_edits)
    return next((place for place, _cosine, _edits in pairs), None)


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


def _check(least_cosine: float, most_edits: float) -> None:
    if not (0 <= least_cosine <= 1 and 0 <= most_edits <= 1):
        raise ValueError("Both limits lie between 0 and 1.")


def _near(
    text: str,
    others: Sequence[str],
    mine: Counts,
    theirs: Counts,
    cosine: Matrix | None,
    least_cosine: float,
    most_edits: float,
) -> Iterator[tuple[int, float | None, float | None]]:
    """(place, cosine, edits) of those of `others` that are near, in their order."""
    sizes = np.fromiter(map(len, others), dtype=np.int64, count=len(others))
    longer = np.maximum(np.maximum(sizes, len(text)), 1)
    allowed = (most_edits * longer + 1e-9).astype(np.int64)
    unshared = np.maximum(theirs.sum(1, dtype=np.int64), mine.sum(dtype=np.int64)) - np.minimum(
        theirs, mine
    ).sum(1, dtype=np.int64)
    maybe = (np.abs(sizes - len(text)) <= allowed) & (unshared <= RUN * allowed)
    alike = None if cosine is None else cosine >= least_cosine - _SLACK
    for place in np.flatnonzero(maybe if alike is None else maybe | alike).tolist():
        edits = None
        if maybe[place]:
            distance = edit_distance(text, others[place]) if text != others[place] else 0
            edits = distance / int(longer[place]) if distance <= allowed[place] else None
        if edits is not None or (alike is not None and alike[place]):
            yield place, None if cosine is None else float(cosine[place]), edits


@lru_cache(maxsize=_MOST_KEPT)
def _runs(text: str) -> Counts:
    """How many of the text's runs of three characters fall into each bucket."""
    letters = np.frombuffer(text.encode("utf-32-le", "surrogatepass") or bytes(4), dtype=np.uint32)
    codes, runs = letters.astype(np.int64), max(0, len(text) - RUN + 1)
    a, b, c = (codes[start : start + runs] for start in range(RUN))
    places = (a * 1_000_003 + b * 8_191 + c * 131) % BUCKETS
    counts = np.bincount(places, minlength=BUCKETS)
    kept = np.minimum(counts, np.iinfo(np.int16).max).astype(np.int16)
    kept.setflags(write=False)
    return kept
