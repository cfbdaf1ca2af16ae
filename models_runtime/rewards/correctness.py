"""What the consensus game between generator and discriminator starts from.

`p_correct` and `p_incorrect` are how likely the model finds the text when it is told to give a
correct and an incorrect answer, per token (the geometric mean, so that long texts don't vanish;
Jacob et al. 2023, arXiv:2310.09139, normalise over the candidates, for which a factor doesn't
matter). `p_yes` is its probability that the text is correct when it is asked. The selector
`equilibrium_ranking` reads all three; `p_yes` alone can weigh votes, as P(True) does.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from models_runtime.engines import (
    Capability,
    ContinuationLogprobs,
    ContinuationRequest,
    Conversation,
    DecisionReply,
    DecisionRequest,
    Message,
    Usage,
)
from models_runtime.prompting.rewards import VERIFICATION_LABEL
from models_runtime.prompting.templates import Fenced, transcript
from models_runtime.rewards import STOPPED, Bench, Measured, OfTexts, Subject, windows
from models_runtime.rewards.log_ratio import EMPTY
from models_runtime.rewards.reward import NoOptions

KINDS = {"p_correct": "a correct", "p_incorrect": "an incorrect"}
READINGS = 3  # each text is read under either demand, and judged


@dataclass(frozen=True)
class Correctness(OfTexts):
    title: str = "Correct or incorrect, as generator and discriminator"
    summary: str = "How likely the text is when a right and a wrong answer is asked for; and a yes."
    names: tuple[str, ...] = ("p_correct", "p_incorrect", "p_yes")
    needs: frozenset[Capability] = frozenset({Capability.LOGLIK, Capability.DECIDE})
    partner: str = ""
    options_class: type[Any] = field(default=NoOptions)

    def reading(self, prompt: int, text: int, options: NoOptions) -> int:
        return READINGS * (prompt + text)

    def measure(
        self, subjects: Iterable[Subject], bench: Bench, options: NoOptions
    ) -> Iterator[Measured]:
        for window in windows(subjects):
            likely = {
                name: {
                    reply.key: reply
                    for reply in bench.engine.loglik(
                        ContinuationRequest(each.key, _demand(each.messages, kind), each.text)
                        for each in window
                    )
                }
                for name, kind in KINDS.items()
            }
            judged = {reply.key: reply for reply in bench.engine.decide(map(_asked, window))}
            for subject in window:
                generated = {name: replies.get(subject.key) for name, replies in likely.items()}
                decided = judged.get(subject.key)
                yield _measured(subject.key, generated, decided)


def _demand(messages: Conversation, kind: str) -> Conversation:
    """The conversation with a system message that asks for this kind of answer."""
    return (Message("system", f"Give {kind} answer to the last message."), *messages)


def _asked(subject: Subject) -> DecisionRequest:
    parts = [
        Fenced("CONVERSATION", transcript(subject.messages)),
        Fenced("SOLUTION", subject.text),
    ]
    messages = VERIFICATION_LABEL.put(parts, f"{subject.seed}:correctness")
    return DecisionRequest(subject.key, messages, VERIFICATION_LABEL.labels)


def _measured(
    key: str, generated: Mapping[str, ContinuationLogprobs | None], decided: DecisionReply | None
) -> Measured:
    found = {name: reply for name, reply in generated.items() if reply is not None}
    usage = decided.usage if decided else Usage()
    failure = decided.failure if decided else None
    for reply in found.values():
        usage += reply.usage
        failure = failure or reply.failure or (None if reply.tokens else EMPTY)
    if failure is not None:
        return Measured(key, usage=usage, failure=failure)
    if decided is None or decided.decision is None or len(found) < len(generated):
        return Measured(key, usage=usage, failure=STOPPED)
    numbers = {
        name: math.exp(sum(token.logprob for token in reply.tokens) / len(reply.tokens))
        for name, reply in found.items()
    }
    yes = decided.decision.probabilities.get("Yes", 0.0)
    return Measured(key, numbers | {"p_yes": yes}, usage=usage)


SCORER = Correctness()
