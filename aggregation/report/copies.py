"""Which items are near-copies of each other: welfare is measured against rivals; copies shift it.

Two responses are near-copies where the cosine of their word counts is above .98; two systems are
where at least half of the prompts that both answered got near-copies.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable
from itertools import combinations
from math import sqrt

ALIKE = 0.98
MOST_AT_ONCE = 200  # responses of one prompt that are compared pair by pair
WORD = re.compile(r"\w+|[^\w\s]")

Pair = tuple[Hashable, Hashable]


def near_copies(texts: Iterable[tuple[Hashable, Hashable, str]]) -> tuple[Pair, ...]:
    """Pairs of keys whose texts are near-copies, from rows (prompt, key, text), in order."""
    return tuple(sorted({p for _, p in _alike(texts)[0]}, key=str))


def systems_alike(texts: Iterable[tuple[Hashable, Hashable, str]]) -> tuple[Pair, ...]:
    """Pairs of systems that give near-copies on half of the prompts both answered, or more."""
    alike, asked = _alike(texts)
    copied = Counter(pair for _, pair in set(alike))
    return tuple(sorted((p for p, n in copied.items() if 2 * n >= asked[p]), key=str))


def _alike(
    texts: Iterable[tuple[Hashable, Hashable, str]],
) -> tuple[list[tuple[Hashable, Pair]], Counter[Pair]]:
    """(prompt, pair) of near-copies, and on how many prompts each pair was compared."""
    by_prompt: dict[Hashable, list[tuple[Hashable, Counter[str]]]] = defaultdict(list)
    for prompt, key, text in texts:
        words = Counter(WORD.findall(text.lower()))
        if words and len(by_prompt[prompt]) < MOST_AT_ONCE:
            by_prompt[prompt].append((key, words))
    found: list[tuple[Hashable, Pair]] = []
    asked: Counter[Pair] = Counter()
    for prompt, answers in by_prompt.items():
        met: set[Pair] = set()
        for (one, left), (two, right) in combinations(answers, 2):
            if one == two:
                continue
            pair = (one, two) if str(one) < str(two) else (two, one)
            met.add(pair)
            if _cosine(left, right) > ALIKE:
                found.append((prompt, pair))
        asked.update(met)
    return found, asked


def _cosine(left: Counter[str], right: Counter[str]) -> float:
    if len(right) < len(left):
        left, right = right, left
    shared = sum(n * right[word] for word, n in left.items())
    norms = sum(n * n for n in left.values()) * sum(n * n for n in right.values())
    return shared / sqrt(norms)
