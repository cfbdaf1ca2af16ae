"""Where a model trains: whom to tell of progress, and where to keep what was learned so far."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]


class Keeper(Protocol):
    """A place for one checkpoint. A new one replaces the old one whole or not at all."""

    def load(self) -> Arrays | None: ...

    def save(self, arrays: Arrays) -> None: ...

    def keep(self, arrays: Arrays) -> None:
        """Keep the finished model."""
        ...


def nobody(done: int, total: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True)
class Bench:
    """`watch(done, total)` is called between steps; what it raises ends the training.

    `keeper` holds the checkpoint, written after every `keep_every` steps and after every stage.
    """

    watch: Callable[[int, int], None] = nobody
    keeper: Keeper | None = None
    keep_every: int = 100

    def keep(self, arrays: Arrays) -> None:
        """Keep the finished model, where there is a place for it."""
        if self.keeper is not None:
            self.keeper.keep(arrays)


def text_array(text: str) -> NDArray[np.uint8]:
    """A text as an array of bytes, for checkpoints that hold arrays only."""
    return np.frombuffer(text.encode(), dtype=np.uint8)
