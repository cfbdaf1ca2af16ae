"""Ties in rules that fill one seat after the other: all ways through them, or one in public order.

Nothing is broken by the number of an item. All slates that some order of breaking ties would give
are listed (parallel universes); where they are more than a limit, one path is followed that takes
tied items in the public order, and the list is marked as incomplete.
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from aggregation.watching import beat

Floats = NDArray[np.float64]
State = TypeVar("State")
Step = Callable[[State], list[State]]
Committee = tuple[int, ...]

MOST_TIES = 512  # slates followed at once
CLOSE = 1e-9  # relative distance below which two numbers tie


@dataclass(frozen=True)
class Slates:
    """Tied slates, each ascending, in ascending order; not `complete`: one of more."""

    committees: tuple[Committee, ...]
    complete: bool = True

    @classmethod
    def of(cls, found: Iterable[Iterable[int]], complete: bool = True) -> "Slates":
        return cls(tuple(sorted({tuple(sorted(map(int, c))) for c in found})), complete)


def follow(
    start: State, step: Step[State], key: Callable[[State], Hashable], limit: int = MOST_TIES
) -> tuple[list[State], bool]:
    """End states reached from `start` by all successors, and whether these are all.

    `step` lists successors in the public order, none at the end. States of equal key are the same.
    """
    ends: dict[Hashable, State] = {}
    open_: dict[Hashable, State] = {key(start): start}
    while open_:
        beat()
        reached: dict[Hashable, State] = {}
        for state in open_.values():
            successors = step(state)
            if not successors:
                ends[key(state)] = state
            for each in successors:
                reached.setdefault(key(each), each)
            if len(reached) + len(ends) > limit:
                return [_first_path(start, step)], False
        open_ = reached
    return list(ends.values()), True


def _first_path(start: State, step: Step[State]) -> State:
    state = start
    while successors := step(state):
        state = successors[0]
    return state


def best(values: Floats, allowed: NDArray[np.bool_], priority: NDArray[np.int64]) -> list[int]:
    """Allowed items of the highest value (within rounding), in public order."""
    where = np.flatnonzero(allowed)
    if not len(where):
        return []
    top = float(values[where].max())
    slack = CLOSE * max(1.0, abs(top)) if np.isfinite(top) else 0.0
    tied = where[values[where] >= top - slack]
    return [int(item) for item in tied[np.argsort(priority[tied])]]


def rounded(values: Floats) -> bytes:
    """A key for states whose numbers differ by rounding only."""
    return (np.round(values, 10) + 0.0).tobytes()
