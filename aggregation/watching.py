"""Letting a long computation be watched: it says where it is, and whoever watches may end it.

Methods stay plain functions: deep inside, a loop calls `beat()`, or `step(done, total)` where it
knows how much there is, or `tick()` for each part of it. Without anybody watching all of them cost
next to nothing. What the watcher raises comes out of the computation, which is how a run is
cancelled between two steps. Pure.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

Watch = Callable[[int, int], object]


@dataclass
class _Watched:
    watch: Watch
    done: int = 0
    total: int = 0


_watched: ContextVar[_Watched | None] = ContextVar("watched", default=None)


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Within it, every step and beat of this thread calls `watch(done, total)`."""
    token = _watched.set(_Watched(watch))
    try:
        yield
    finally:
        _watched.reset(token)


def step(done: int, total: int) -> None:
    """So much of so much is done."""
    state = _watched.get()
    if state is not None:
        state.done, state.total = done, total
        state.watch(done, total)


def tick() -> None:
    """One more of what the last `step` said there is in all; a beat where it said nothing."""
    state = _watched.get()
    if state is not None:
        state.done = min(state.done + 1, state.total)
        state.watch(state.done, state.total)


def beat(*_: object) -> None:
    """Still going on; nothing new to say. Takes whatever an optimiser's callback is given."""
    state = _watched.get()
    if state is not None:
        state.watch(state.done, state.total)
