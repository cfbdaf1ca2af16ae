"""Designs: which of a prompt's candidates meet whom, in pairs or in slates. Pure and seeded.

A design returns pairs of places `(first, second)` among `count` candidates, `first` being shown at
placement 0. No pair comes twice, and a candidate comes first about as often as second, so that even
without a shuffle at the judging page no candidate owns a side.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from math import ceil, comb

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Design:
    """A named way to choose pairs.

    `per_prompt` is how many pairs a prompt gets: ignored by `all`, the number of rounds' worth of
    pairs otherwise (None: as many as needed for every candidate to be met at least once).
    """

    name: str = "all"
    per_prompt: int | None = None

    def __post_init__(self) -> None:
        if self.name not in DESIGNS:
            raise ValueError(f"there is no design “{self.name}”; there are {', '.join(DESIGNS)}")
        if self.per_prompt is not None and self.per_prompt < 1:
            raise ValueError("a prompt gets at least one pair")

    def pairs(self, count: int, rng: random.Random) -> list[Pair]:
        """The pairs among `count` candidates, in the order in which they should be asked."""
        if count < 2:
            return []
        return oriented(DESIGNS[self.name](count, self.per_prompt, rng), rng)


def most_pairs(count: int) -> int:
    """How many different pairs `count` candidates have."""
    return count * (count - 1) // 2


def all_pairs(count: int, per_prompt: int | None, rng: random.Random) -> list[Pair]:
    """Everybody meets everybody once, in random order."""
    pairs = list(combinations(range(count), 2))
    rng.shuffle(pairs)
    return pairs


def random_pairs(count: int, per_prompt: int | None, rng: random.Random) -> list[Pair]:
    """A uniform sample of different pairs. Some candidates may stay out."""
    wanted = min(per_prompt or (count + 1) // 2, most_pairs(count))
    return rng.sample(list(combinations(range(count), 2)), wanted)


def round_robin(count: int, per_prompt: int | None, rng: random.Random) -> list[Pair]:
    """Rounds in which everybody plays once, as in a tournament (circle method).

    After r whole rounds every candidate has met r others (or r - 1, if it had a bye). Cut off after
    `per_prompt` pairs, the numbers of meetings differ by at most one (by two with a bye).
    """
    places: list[int | None] = list(range(count))
    rng.shuffle(places)
    if count % 2:
        places.append(None)
    pairs: list[Pair] = []
    half = len(places) // 2
    for _ in range(len(places) - 1):
        for one, other in zip(places[:half], reversed(places[half:]), strict=True):
            if one is not None and other is not None:
                pairs.append((one, other))
        places = [places[0], places[-1], *places[1:-1]]
    return pairs[: per_prompt or (count + 1) // 2]


def balanced(count: int, per_prompt: int | None, rng: random.Random) -> list[Pair]:
    """Pairs chosen one by one so that meetings stay even and the comparison graph hangs together.

    Each step takes the pair whose candidates have met fewest so far; among equals one that joins
    two parts of the graph; among equals a random one. With at least `count` - 1 pairs the graph is
    connected, which scores need to be comparable, and meetings differ by at most two.
    """
    wanted = min(per_prompt or count - 1, most_pairs(count))
    left = list(combinations(range(count), 2))
    rng.shuffle(left)
    met = [0] * count
    part = list(range(count))
    parts = count
    chosen: list[Pair] = []
    while len(chosen) < wanted:
        must_join = wanted - len(chosen) <= parts - 1
        pair = min(left, key=lambda p: _cost(p, met, part, must_join=must_join))
        left.remove(pair)
        chosen.append(pair)
        one, other = pair
        met[one] += 1
        met[other] += 1
        if part[one] != part[other]:
            parts -= 1
            gone = part[other]
            part = [part[one] if p == gone else p for p in part]
    return chosen


def _cost(
    pair: Pair, met: list[int], part: list[int], *, must_join: bool
) -> tuple[bool, int, int, bool]:
    one, other = pair
    apart = part[one] != part[other]
    most = max(met[one], met[other])
    return must_join and not apart, most, met[one] + met[other], not apart


def oriented(pairs: list[Pair], rng: random.Random) -> list[Pair]:
    """The same pairs with first places handed out evenly."""
    first: dict[int, int] = {}
    turned: list[Pair] = []
    for one, other in pairs:
        ahead, behind = first.get(one, 0), first.get(other, 0)
        swap = ahead > behind or (ahead == behind and rng.random() < 0.5)
        pair = (other, one) if swap else (one, other)
        first[pair[0]] = first.get(pair[0], 0) + 1
        first[pair[1]] = first.get(pair[1], 0) - 1
        turned.append(pair)
    return turned


def slates(count: int, size: int, wanted: int | None, rng: random.Random) -> list[tuple[int, ...]]:
    """Different sets of `size` of the `count` candidates, each in a random order.

    As many as are `wanted` (None: as few as show every candidate), as far as there are different
    ones. Each candidate comes about as often as the others, and next to those it has met least.
    A slate of all of them where there are no more than `size`; none with fewer than two.
    """
    size = min(size, count)
    if size < 2:
        return []
    shown, met = [0] * count, [[0] * count for _ in range(count)]
    found: dict[frozenset[int], tuple[int, ...]] = {}
    for _ in range(min(wanted or ceil(count / size), comb(count, size))):
        slate = _slate(size, shown, met, rng)
        while frozenset(slate) in found:  # nearly all are taken: any other one
            slate = rng.sample(range(count), size)
        for place in slate:
            shown[place] += 1
            for other in slate:
                met[place][other] += place != other
        found[frozenset(slate)] = tuple(rng.sample(slate, size))
    return list(found.values())


def _slate(size: int, shown: list[int], met: list[list[int]], rng: random.Random) -> list[int]:
    chosen: list[int] = []
    while len(chosen) < size:
        left = [place for place in range(len(shown)) if place not in chosen]
        rng.shuffle(left)
        chosen.append(min(left, key=lambda p: (shown[p], sum(met[p][q] for q in chosen))))
    return chosen


DESIGNS: dict[str, Callable[[int, int | None, random.Random], list[Pair]]] = {
    "all": all_pairs,
    "random": random_pairs,
    "round_robin": round_robin,
    "balanced": balanced,
}
