"""The reward of a sequence-classification model: one number, or one per head.

A model with several heads (helpfulness, correctness, …) gives a measurement for each, named
`reward/<head>`, so that they can be weighed afterwards. Liu et al. 2024 (Skywork-Reward); Wang et
al. 2024 (ArmoRM) for several heads.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from models_runtime.engines import Capability, Message, RewardReply, RewardRequest
from models_runtime.rewards import Bench, Measured, OfTexts, Subject


@dataclass(frozen=True, slots=True)
class NoOptions:
    """There is nothing to choose."""


def request_for(subject: Subject, *, draws: int = 0, rate: float = 0.1) -> RewardRequest:
    messages = (*subject.messages, Message("assistant", subject.text))
    return RewardRequest(subject.key, messages, draws=draws, rate=rate, seed=subject.seed)


def named(reply: RewardReply, base: str = "reward") -> dict[str, float]:
    """Measurement names: `reward`, or `reward/<head>` where there are several."""
    if len(reply.values) == 1:
        return {base: next(iter(reply.values.values()))}
    return {f"{base}/{head}"[:100]: value for head, value in reply.values.items()}


@dataclass(frozen=True)
class Reward(OfTexts):
    title: str = "Reward"
    summary: str = "A reward model reads the conversation to its end; higher is better."
    names: tuple[str, ...] = ("reward", "reward/<head>")
    needs: frozenset[Capability] = frozenset({Capability.SCORE})
    partner: str = ""
    options_class: type[Any] = field(default=NoOptions)

    def reading(self, prompt: int, text: int, options: NoOptions) -> int:
        return prompt + text

    def measure(
        self, subjects: Iterable[Subject], bench: Bench, options: NoOptions
    ) -> Iterator[Measured]:
        for reply in bench.engine.rate(map(request_for, subjects)):
            if reply.failure is not None:
                yield Measured(reply.key, usage=reply.usage, failure=reply.failure)
            else:
                yield Measured(reply.key, named(reply), usage=reply.usage)


SCORER = Reward()
