"""Comparing a pair with copies of it in which one side was changed. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from models_runtime.audits import Material, Pair, Variant, share_of


def both_sides(
    pair: Pair, name: str, change: Callable[[str], str], *, only: Sequence[int] = (0, 1)
) -> list[Variant]:
    """A copy for each place in which the text there is changed: `name-0`, `name-1`."""
    return [
        Variant(
            f"{name}-{place}",
            (change(pair.texts[0]), pair.texts[1])
            if place == 0
            else (pair.texts[0], change(pair.texts[1])),
            pair.conversation,
        )
        for place in only
    ]


@dataclass(frozen=True, slots=True)
class Shift:
    """How a verdict moved towards the changed side, in log-odds (None without probabilities) and in
    win share."""

    pair: Pair
    place: int
    odds: float | None
    share: float
    before: float
    after: float


def shifts(material: Material, name: str) -> list[Shift]:
    """The shifts of all copies `name-0` and `name-1` that were read, as seen from the changed side;
    `before` and `after` are the verdict's numbers, + where the changed side is better."""
    found: list[Shift] = []
    for pair in material.pairs:
        plain = material.trial(pair)
        if plain is None or plain.number is None:
            continue
        for place in (0, 1):
            copy = material.trial(pair, f"{name}-{place}")
            if copy is None or copy.number is None:
                continue
            way = 1 if place == 0 else -1
            odds = None
            if plain.log_odds is not None and copy.log_odds is not None:
                odds = way * (copy.log_odds - plain.log_odds)
            before, after = way * plain.number, way * copy.number
            moved = share_of(after) - share_of(before)
            found.append(Shift(pair, place, odds, moved, before, after))
    return found
