"""How sure a reward model is: the spread of its reward.

`dropout` leaves out a share of the last hidden state before the head, many times, and takes the
standard deviation (Gal and Ghahramani 2016, on the last layer: one pass through the model however
many draws). `heads` takes the standard deviation over the heads of a model that was trained as an
ensemble (Coste et al. 2024); its mean is then the reward. Large spreads mark texts unlike those
the model was trained on, where its reward is easily gamed.
"""

import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from annotation.phrases import say
from models_runtime.engines import Capability, Cause, Failure, RewardReply
from models_runtime.rewards import Bench, Measured, OfTexts, Subject
from models_runtime.rewards.reward import named, request_for

METHODS = ("dropout", "heads")
ONE_HEAD = Failure(
    Cause.UNSUPPORTED,
    say("This model has a single head, so its heads can't disagree. Choose the method dropout."),
)


@dataclass(frozen=True, slots=True)
class SpreadOptions:
    """`method` is dropout or heads; `draws` and `rate` are dropout's."""

    method: str = "dropout"
    draws: int = 20
    rate: float = 0.1

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"method is {' or '.join(METHODS)}")
        if not 2 <= self.draws <= 1000 or not 0 < self.rate < 1:
            raise ValueError("draws lie between 2 and 1000, rate between 0 and 1")


@dataclass(frozen=True)
class RewardSpread(OfTexts):
    title: str = "Uncertainty of the reward"
    summary: str = "The reward and its spread, by dropout before the head or over several heads."
    names: tuple[str, ...] = ("reward", "reward_spread")
    needs: frozenset[Capability] = frozenset({Capability.SCORE, Capability.SPREAD})
    partner: str = ""
    options_class: type[Any] = field(default=SpreadOptions)

    def reading(self, prompt: int, text: int, options: SpreadOptions) -> int:
        return prompt + text  # draws are taken behind the last layer

    def measure(
        self, subjects: Iterable[Subject], bench: Bench, options: SpreadOptions
    ) -> Iterator[Measured]:
        draws = options.draws if options.method == "dropout" else 0
        requests = (request_for(each, draws=draws, rate=options.rate) for each in subjects)
        for reply in bench.engine.rate(requests):
            if reply.failure is not None:
                yield Measured(reply.key, usage=reply.usage, failure=reply.failure)
            elif options.method == "heads":
                yield _over_heads(reply)
            else:
                spreads = named(RewardReply(reply.key, reply.spreads), "reward_spread")
                yield Measured(reply.key, named(reply) | spreads, usage=reply.usage)


def _over_heads(reply: RewardReply) -> Measured:
    values = list(reply.values.values())
    if len(values) < 2:
        return Measured(reply.key, usage=reply.usage, failure=ONE_HEAD)
    numbers = {"reward": statistics.fmean(values), "reward_spread": statistics.stdev(values)}
    return Measured(reply.key, numbers, usage=reply.usage)


SCORER = RewardSpread()
