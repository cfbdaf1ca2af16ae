"""Self-judge tournament: single elimination by pairwise preferences, both orders per match."""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from annotation.phrases import say
from models_runtime.selection import (
    NOTHING,
    Choice,
    Extra,
    Need,
    NotEnough,
    Sample,
    check_samples,
    tie_key,
)

_EDGE = 1e-9


@dataclass(frozen=True, slots=True)
class TournamentOptions:
    """`seed` draws the bracket, by hash of each sample's id."""

    seed: int = 0


@dataclass(frozen=True)
class Tournament:
    """A match is won by the mean log-odds of both orders, so a liking for a place cancels. A
    sample's score is the number of matches it won; 2(N - 1) preferences are asked."""

    title: str = "Self-judge tournament"
    needs: frozenset[Need] = frozenset({Need.PREFERENCES})
    extra_calls: str = "2(N - 1) comparisons"
    reference: str = "Single elimination; judging specification §1.9"
    options_class: type[Any] = field(default=TournamentOptions)

    def select(
        self,
        samples: Sequence[Sample],
        options: TournamentOptions | None = None,
        extra: Extra = NOTHING,
    ) -> Choice:
        check_samples(samples)
        if extra.prefer is None:
            raise NotEnough(say("A tournament needs preferences between samples."))
        seed = (options or TournamentOptions()).seed
        remaining = sorted(samples, key=lambda sample: (_draw(seed, sample.id), sample.id))
        wins: dict[int, float | None] = {sample.id: 0.0 for sample in samples}
        while len(remaining) > 1:
            winners = [
                _match(first, second, extra.prefer)
                for first, second in zip(remaining[::2], remaining[1::2], strict=False)
            ]
            for winner in winners:
                wins[winner.id] = (wins[winner.id] or 0.0) + 1
            bye = remaining[-1:] if len(remaining) % 2 else []
            remaining = [*bye, *winners]
        return Choice(remaining[0].id, wins, f"It won its {wins[remaining[0].id]:.0f} matches.")


def _draw(seed: int, key: int) -> bytes:
    return hashlib.sha256(f"{seed}:{key}".encode()).digest()


def _match(first: Sample, second: Sample, prefer: Callable[[Sample, Sample], float]) -> Sample:
    log_odds = (_logit(prefer(first, second)) - _logit(prefer(second, first))) / 2
    if abs(log_odds) < _EDGE:
        return max(first, second, key=tie_key)
    return first if log_odds > 0 else second


def _logit(p: float) -> float:
    p = min(max(p, _EDGE), 1 - _EDGE)
    return math.log(p / (1 - p))


SELECTOR = Tournament()
