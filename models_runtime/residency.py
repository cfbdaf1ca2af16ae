"""What a worker process keeps loaded, within a budget of memory. Pure.

Loading takes longer than a shift, so weights stay when an engine is closed. Before something is
loaded, the least recently used others are let go until it fits; what is pinned stays.
"""

import gc
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Held(Generic[T]):
    thing: T
    size: int
    pinned: bool


class TooLarge(Exception):
    """Something doesn't fit into the budget, even after letting go of all that may go."""

    def __init__(self, size: int, budget: int, pinned: int) -> None:
        self.size = size
        self.budget = budget
        self.pinned = pinned
        super().__init__(f"{size} bytes don't fit into {budget}, of which {pinned} are pinned")


class Residency(Generic[T]):
    """Holds things by key. Safe to use from several threads.

    `budget` is in bytes; None holds one thing at a time, because two may not fit. `released` is
    called after something was let go, to give memory back to the machine.
    """

    def __init__(
        self, budget: int | None = None, *, released: Callable[[], None] | None = None
    ) -> None:
        self.budget = budget
        self._released = released or (lambda: None)
        self._lock = threading.RLock()
        self._held: dict[Hashable, _Held[T]] = {}  # the least recently used first

    def get(
        self, key: Hashable, load: Callable[[], T], *, size: int = 0, pinned: bool = False
    ) -> T:
        """What is held under `key`, loaded if it isn't; errors of `load` leave it unheld.

        `size` is in bytes. Raises TooLarge before loading.
        """
        with self._lock:
            if key in self._held:
                found = self._held.pop(key)
                self._held[key] = found
                return found.thing
            self._make_room(size)
            thing = load()
            self._held[key] = _Held(thing, size, pinned)
            return thing

    @property
    def used(self) -> int:
        """Bytes that are held."""
        return sum(each.size for each in self._held.values())

    def keys(self) -> list[Hashable]:
        """What is held, the least recently used first."""
        return list(self._held)

    def evict(self, key: Hashable | None = None) -> None:
        """Let go of `key`, or of everything, pinned or not."""
        with self._lock:
            if key is None:
                self._held.clear()
            else:
                self._held.pop(key, None)
            self._give_back()

    def _make_room(self, size: int) -> None:
        pinned = sum(each.size for each in self._held.values() if each.pinned)
        if self.budget is not None and pinned + size > self.budget:
            raise TooLarge(size, self.budget, pinned)
        leaving = []
        left = self.used
        for key, each in self._held.items():
            if self.budget is not None and left + size <= self.budget:
                break
            if not each.pinned:
                leaving.append(key)
                left -= each.size
        for key in leaving:
            del self._held[key]
        if leaving:
            self._give_back()

    def _give_back(self) -> None:
        gc.collect()
        self._released()
