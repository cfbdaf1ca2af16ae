"""What a worker process keeps loaded: one model at a time, reused until another is asked for. Pure.

Loading takes longer than a shift, so weights stay when an engine is closed. The one before is let
go before the next is loaded: two at once may not fit.
"""

import gc
import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Residency(Generic[T]):
    """Holds the most recently used thing. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._key: Hashable | None = None
        self._held: T | None = None

    def get(self, key: Hashable, load: Callable[[], T]) -> T:
        """What is held under `key`, loaded if it isn't; errors of `load` leave nothing held."""
        with self._lock:
            if self._held is None or self._key != key:
                self.evict()
                self._held = load()
                self._key = key
            return self._held

    def evict(self) -> None:
        """Let go of what is held."""
        with self._lock:
            self._key = self._held = None
            gc.collect()
