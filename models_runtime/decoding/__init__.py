"""Decoders beyond drawing one token after the other: their settings and their arithmetic. Pure.

*Cautious next-token prediction* looks at the entropy of the next token and, where the model is
unsure, tries several continuations up to the next punctuation mark and keeps the one of the lowest
perplexity (Wang et al. 2025, arXiv:2507.03038). *Iterative deepening* writes under a budget of
tokens that grows by a factor; at each boundary the model is told to check itself and goes on, until
it has given an answer (Chen et al. 2025, arXiv:2502.05449).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

__all__ = [
    "Cautious",
    "Decoder",
    "Deepening",
    "ends_phrase",
    "entropy",
    "least_perplexed",
    "read_decoder",
    "told",
]

PUNCTUATION = frozenset(".,;:!?…\n。、，；：！？")
CHECK_YOURSELF = "\n\nWait. I may have made a mistake; let me check this from the beginning.\n\n"


@dataclass(frozen=True, slots=True)
class Cautious:
    """How many continuations are tried, by the entropy H (in nats) of the next token:

        n = fewest + floor((most - fewest) · clip((H - low) / (high - low), 0, 1)).

    A trial ends at punctuation, at the end of the text or after `longest` tokens. With `most` = 1,
    or at temperature 0, the text is what plain decoding writes.
    """

    fewest: int = 1
    most: int = 10
    low: float = 0.01
    high: float = 1.5
    longest: int = 48

    def __post_init__(self) -> None:
        if not 1 <= self.fewest <= self.most <= 64:
            raise ValueError("trials: 1 ≤ fewest ≤ most ≤ 64")
        if not 0 <= self.low < self.high:
            raise ValueError("entropies: 0 ≤ low < high")
        if not 1 <= self.longest <= 1024:
            raise ValueError("a trial has 1 to 1024 tokens")

    def trials(self, entropy: float) -> int:
        share = min(1.0, max(0.0, (entropy - self.low) / (self.high - self.low)))
        return self.fewest + math.floor((self.most - self.fewest) * share)

    @property
    def most_work(self) -> int:
        """Tokens computed per token kept, at most."""
        return self.most + 1


@dataclass(frozen=True, slots=True)
class Deepening:
    """Budgets first · growth^i, the last cut to what may be written in all. `trigger` is what is
    put into the text at a boundary; it counts as written. With a `first` budget that is never
    reached, or no trigger at temperature 0, the text is what plain decoding writes.
    """

    first: int = 128
    growth: float = 2.0
    trigger: str = CHECK_YOURSELF

    def __post_init__(self) -> None:
        if self.first < 1:
            raise ValueError("the first budget is at least 1 token")
        if not 1.1 <= self.growth <= 100:
            raise ValueError("a budget grows by a factor from 1.1 to 100")
        if len(self.trigger) > 2000:
            raise ValueError("what starts a check has at most 2000 characters")

    def budgets(self, most: int) -> list[int]:
        """The boundaries in tokens from the beginning of the text, the last being `most`."""
        found: list[int] = []
        budget = float(self.first)
        while int(budget) < most:
            if not found or int(budget) > found[-1]:
                found.append(int(budget))
            budget *= self.growth
        return [*found, most]

    @property
    def most_work(self) -> int:
        """Tokens computed per token kept: none is thrown away."""
        return 1


Decoder = Cautious | Deepening
KINDS: dict[str, type[Cautious] | type[Deepening]] = {"cautious": Cautious, "deepening": Deepening}


def told(decoder: Decoder | None) -> dict[str, Any] | None:
    """A decoder as JSON; `read_decoder` is the way back."""
    if decoder is None:
        return None
    kind = next(name for name, each in KINDS.items() if isinstance(decoder, each))
    return {"kind": kind, **asdict(decoder)}


def read_decoder(given: Mapping[str, Any] | None) -> Decoder | None:
    """Raises ValueError for settings that don't fit."""
    if given is None:
        return None
    fields = dict(given)
    kind = KINDS.get(fields.pop("kind", ""))
    if kind is None:
        raise ValueError(f"a decoder is one of {', '.join(KINDS)}")
    return kind(**fields)


def entropy(logprobs: Sequence[float]) -> float:
    """Shannon's entropy in nats of a distribution, given as natural logarithms."""
    return -math.fsum(math.exp(x) * x for x in logprobs if x > -math.inf)


def ends_phrase(text: str) -> bool:
    """Whether a token's text ends at a punctuation mark."""
    bare = text.rstrip(" ")
    return bool(bare) and bare[-1] in PUNCTUATION


def least_perplexed(trials: Sequence[Sequence[float]]) -> int:
    """The place of the trial with the lowest perplexity exp(-mean log-probability), the first of
    equals. Raises ValueError where a trial has no token."""
    if not trials or not all(trials):
        raise ValueError("Every trial has at least one token.")
    surprise = [-math.fsum(each) / len(each) for each in trials]
    return min(range(len(trials)), key=lambda place: (round(surprise[place], 9), place))
