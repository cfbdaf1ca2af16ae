"""Comparing what responses get with what copies of them get. Pure.

What a response gets is 0 … 1: of a judge that rates or checks, the mean of its cells, levels on
their scales and yes as 1; of one that ranks, the share of the others that it beats.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from annotation.phrases import say
from models_runtime.audits import RANKINGS, Material, Pair, Variant

EDGE = 1e-9
CHANGED = 2  # responses of a ranking that are changed, each in a copy of its own
UNITS = {RANKINGS: say("win share")}
SCALE = say("share of the scale")


def _any(_text: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Moved:
    """What a response gets as it is and in a copy."""

    pair: Pair
    place: int
    before: float
    after: float

    @property
    def prompt(self) -> str:
        return self.pair.prompt

    @property
    def shift(self) -> float:
        return self.after - self.before


def copies(
    of: str,
    pair: Pair,
    name: str,
    change: Callable[[str], str],
    *,
    where: Callable[[str], bool] = _any,
) -> list[Variant]:
    """Copies in which responses are changed. Those that are scored one by one are all changed in
    one copy, `name`. Those that are ranked stand against each other, so two of them are changed,
    each in a copy of its own, `name-place`."""
    if of != RANKINGS:
        if not any(map(where, pair.texts)):
            return []
        return [Variant(name, tuple(change(text) for text in pair.texts), pair.conversation)]
    return [
        Variant(f"{name}-{place}", _with(pair.texts, place, change), pair.conversation)
        for place in drawn(pair.texts, where)
    ]


def drawn(texts: Sequence[str], where: Callable[[str], bool] = _any) -> tuple[int, ...]:
    """The places of two of the texts, drawn by what they say and not by where they stand."""

    def number(place: int) -> str:
        return hashlib.sha256(texts[place].encode("utf-8", "surrogatepass")).hexdigest()

    return tuple(sorted(filter(lambda p: where(texts[p]), range(len(texts))), key=number)[:CHANGED])


def moved(material: Material, name: str) -> list[Moved]:
    """The responses of which it is known what they get both as they are and changed in a copy."""
    found: list[Moved] = []
    for pair in material.pairs:
        plain = material.trial(pair)
        before = plain.marks_by_place() if plain is not None else {}
        for place, after in _changed(material, pair, name):
            if place in before:
                found.append(Moved(pair, place, before[place], after))
    return found


def _changed(material: Material, pair: Pair, name: str) -> Iterator[tuple[int, float]]:
    whole = material.trial(pair, name)
    if whole is not None:
        yield from whole.marks_by_place().items()
        return
    for place in range(len(pair.texts)):
        copy = material.trial(pair, f"{name}-{place}")
        marks: Mapping[int, float] = {} if copy is None else copy.marks_by_place()
        if place in marks:
            yield place, marks[place]


def _with(texts: Sequence[str], place: int, change: Callable[[str], str]) -> tuple[str, ...]:
    return tuple(change(text) if each == place else text for each, text in enumerate(texts))


def distances(material: Material, one: str, other: str) -> dict[tuple[str, str], tuple[str, float]]:
    """How far each cell lies from itself in two trials, by (pair's key, cell), with its prompt."""
    found: dict[tuple[str, str], tuple[str, float]] = {}
    for pair in material.pairs:
        first, second = material.trial(pair, one), material.trial(pair, other)
        if first is not None and second is not None:
            for cell in first.cells.keys() & second.cells.keys():
                far = abs(first.cells[cell] - second.cells[cell])
                found[pair.key, cell] = (pair.prompt, far)
    return found
