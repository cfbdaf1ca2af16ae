"""The log-density ratio of a strong model over a weak one: log p_strong(y|x) - log p_weak(y|x).

A reward without a reward model: what a better-trained model finds likelier than its weaker version
does (Rafailov et al. 2023 read a preference-tuned policy so; Xu et al. 2024 score data by it). Per
token it doesn't grow with the text's length.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from annotation.phrases import say
from models_runtime.engines import (
    Capability,
    Cause,
    ContinuationLogprobs,
    EngineError,
    Failure,
    Usage,
)
from models_runtime.rewards import (
    STOPPED,
    Bench,
    Measured,
    OfTexts,
    Subject,
    continuations,
    windows,
)
from models_runtime.rewards.reward import NoOptions

EMPTY = Failure(Cause.BAD_REQUEST, say("An empty text has no log-probability."))


@dataclass(frozen=True)
class LogRatio(OfTexts):
    title: str = "Log-density ratio"
    summary: str = "How much likelier a strong model finds the text than a weak one."
    names: tuple[str, ...] = ("log_ratio", "log_ratio_per_token")
    needs: frozenset[Capability] = frozenset({Capability.LOGLIK})
    partner: str = "the weaker model"
    options_class: type[Any] = field(default=NoOptions)

    def reading(self, prompt: int, text: int, options: NoOptions) -> int:
        return prompt + text

    def measure(
        self, subjects: Iterable[Subject], bench: Bench, options: NoOptions
    ) -> Iterator[Measured]:
        if bench.partner is None:
            raise EngineError(Cause.BAD_OPTIONS, say("A log-density ratio needs a second model."))
        for window in windows(subjects):
            strong = continuations(window, bench.engine)
            weak = continuations(window, bench.partner)
            for subject in window:
                found = [each[subject.key] for each in (strong, weak) if subject.key in each]
                if len(found) == 2:
                    yield _ratio(*found)
                else:
                    usage = sum((reply.usage for reply in found), Usage())
                    yield Measured(subject.key, usage=usage, failure=STOPPED)


def _ratio(strong: ContinuationLogprobs, weak: ContinuationLogprobs) -> Measured:
    usage = strong.usage + weak.usage
    failure = strong.failure or weak.failure
    if failure is None and not (strong.tokens and weak.tokens):
        failure = EMPTY
    if failure is not None:
        return Measured(strong.key, usage=usage, failure=failure)
    ratio = sum(t.logprob for t in strong.tokens) - sum(t.logprob for t in weak.tokens)
    per_token = ratio / len(strong.tokens)
    return Measured(strong.key, {"log_ratio": ratio, "log_ratio_per_token": per_token}, usage=usage)


SCORER = LogRatio()
