"""Comparing the scores of responses with those of copies of them. Pure.

A response's score is the mean of its cells, 0 … 1: levels on their scales, yes as 1.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from models_runtime.audits import Material, Pair, Variant

EDGE = 1e-9


@dataclass(frozen=True, slots=True)
class Moved:
    """A response's score as it is and in a copy."""

    pair: Pair
    place: str
    before: float
    after: float

    @property
    def prompt(self) -> str:
        return self.pair.prompt

    @property
    def shift(self) -> float:
        return self.after - self.before


def changed_texts(pair: Pair, name: str, change: Callable[[str], str]) -> Variant:
    """A copy in which every response is changed; they are scored one by one."""
    return Variant(name, tuple(change(text) for text in pair.texts), pair.conversation)


def moved(material: Material, name: str) -> list[Moved]:
    """The responses whose score is known both as they are and in the copy `name`."""
    found: list[Moved] = []
    for pair, before, after in _both(material, name):
        found += [
            Moved(pair, place, score, after[place])
            for place, score in before.items()
            if place in after
        ]
    return found


def _both(
    material: Material, name: str
) -> Iterator[tuple[Pair, dict[str, float], dict[str, float]]]:
    for pair in material.pairs:
        plain, copy = material.trial(pair), material.trial(pair, name)
        if plain is not None and copy is not None:
            yield pair, plain.marks_by_place(), copy.marks_by_place()


def cells_changed(
    material: Material, name: str, *, by_more_than: float
) -> tuple[list[float], list[str]]:
    """Whether each cell changed by more than a share of its scale (1 or 0), and its prompt."""
    changed: list[float] = []
    prompts: list[str] = []
    for pair in material.pairs:
        plain, copy = material.trial(pair), material.trial(pair, name)
        if plain is None or copy is None:
            continue
        for cell in plain.cells.keys() & copy.cells.keys():
            changed.append(float(abs(plain.cells[cell] - copy.cells[cell]) > by_more_than + EDGE))
            prompts.append(pair.prompt)
    return changed, prompts
