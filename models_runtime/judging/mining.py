"""How well a criterion explains people's choices, and what becomes of it (CritiQ). Pure.

A worker sees a pair in both orders; where the two disagree, or it sees no difference, the criterion
abstains. Accuracy = right / (decided + unreadable): a reply that couldn't be read counts as wrong,
an abstention not at all, so a floor on coverage keeps criteria out that decide next to nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from models_runtime.judging.councils import weights_from_agreement
from models_runtime.judging.reducers import Game, both_orders

Z = 1.959963984540054


class Fate(StrEnum):
    KEEP = "keep"
    REFINE = "refine"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Tally:
    """A criterion on some pairs: right of those decided, pairs that couldn't be read, and all."""

    right: int = 0
    decided: int = 0
    unread: int = 0
    pairs: int = 0

    @property
    def accuracy(self) -> float:
        """0 where nothing was decided."""
        counted = self.decided + self.unread
        return self.right / counted if counted else 0.0

    @property
    def coverage(self) -> float:
        return self.decided / self.pairs if self.pairs else 0.0


def place_of(games: Sequence[Game]) -> int | None:
    """The place that both orders name, None where they don't agree on one."""
    winner = both_orders(games).outcome.winner
    return winner if winner in (0, 1) else None


def tally(votes: Mapping[str, int | None], unread: int, winners: Mapping[str, int]) -> Tally:
    """`votes` by pair (None abstains) beside the place that people prefer."""
    decided = {pair: place for pair, place in votes.items() if place is not None}
    right = sum(place == winners[pair] for pair, place in decided.items())
    return Tally(right, len(decided), unread, len(votes) + unread)


def fate_of(found: Tally, *, low: float = 0.5, high: float = 0.75) -> Fate:
    """Keep from `high`, drop up to `low`, refine between."""
    if found.accuracy >= high:
        return Fate.KEEP
    return Fate.DROP if found.accuracy <= low else Fate.REFINE


def vote(
    votes: Sequence[int | None], weights: Sequence[float] | None = None, *, margin: float = 0.0
) -> int | None:
    """The place that more (of the weight) of the criteria stand for by more than `margin`."""
    used = [1.0] * len(votes) if weights is None else weights
    lead = math.fsum(
        weight * (1 if place == 0 else -1)
        for place, weight in zip(votes, used, strict=True)
        if place is not None
    )
    if abs(lead) <= margin + 1e-12:
        return None
    return 0 if lead > 0 else 1


def weights_of(accuracies: Sequence[float]) -> list[float]:
    """log(a / (1 - a)), a clipped to [0.05, 0.95]; a coin weighs nothing."""
    found = weights_from_agreement({str(n): each for n, each in enumerate(accuracies)})
    return [found[str(n)] for n in range(len(accuracies))]


def wilson(hits: int, n: int) -> tuple[float, float] | None:
    """Wilson's interval at 95 % for `hits` of `n`; None without any."""
    if not n:
        return None
    p, z2 = hits / n, Z * Z
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)
