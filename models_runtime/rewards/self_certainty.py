"""Self-certainty: how far the model's own next-token distributions are from uniform.

Per token -mean_v log p_v - log V, averaged over the text: 0 for uniform, growing with peakedness
(Kang et al. 2025). It needs the whole vocabulary, so only local models can give it. The mean
log-probability comes along: the two differ, and self-certainty likes long texts less.
"""

import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from annotation.phrases import say
from models_runtime.engines import Capability, Cause, ContinuationLogprobs, Failure
from models_runtime.rewards import Bench, Measured, OfTexts, Subject, continuations, windows
from models_runtime.rewards.log_ratio import EMPTY
from models_runtime.rewards.reward import NoOptions

BLIND = Failure(
    Cause.UNSUPPORTED,
    say(
        "This engine can't see the whole vocabulary, which self-certainty needs. Use a local model."
    ),
)


@dataclass(frozen=True)
class SelfCertainty(OfTexts):
    title: str = "Self-certainty"
    summary: str = "How sure the model is of every word, over its whole vocabulary."
    names: tuple[str, ...] = ("self_certainty", "mean_logprob")
    needs: frozenset[Capability] = frozenset({Capability.LOGLIK})
    partner: str = ""
    options_class: type[Any] = field(default=NoOptions)

    def reading(self, prompt: int, text: int, options: NoOptions) -> int:
        return prompt + text

    def measure(
        self, subjects: Iterable[Subject], bench: Bench, options: NoOptions
    ) -> Iterator[Measured]:
        for window in windows(subjects):
            for reply in continuations(window, bench.engine).values():
                yield _certainty(reply)


def _certainty(reply: ContinuationLogprobs) -> Measured:
    failure = reply.failure
    if failure is None and not reply.tokens:
        failure = EMPTY
    if failure is not None or reply.certainty is None:
        return Measured(reply.key, usage=reply.usage, failure=failure or BLIND)
    numbers = {
        "self_certainty": statistics.fmean(reply.certainty),
        "mean_logprob": statistics.fmean(token.logprob for token in reply.tokens),
    }
    return Measured(reply.key, numbers, usage=reply.usage)


SCORER = SelfCertainty()
