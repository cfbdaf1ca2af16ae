"""Talks carried through against an engine, and subjects for them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from models_runtime.engines import (
    Conversation,
    DecisionRequest,
    Engine,
    Finish,
    GenerationRequest,
    Message,
    ModelReference,
    Sampling,
)
from models_runtime.engines.scripted import ScriptedEngine, ScriptedOptions
from models_runtime.judging.protocol import JudgingProtocol
from models_runtime.judging.subject import Criterion, Subject
from models_runtime.judging.talk import Ask, Course, Heard, Patience, Step, Talk, hold

Reply = Callable[[Ask, Step, Conversation], Heard]
GOOD, BAD = "Ask them first, then agree on a time. ⟦u=1⟧", "It is what it is. ⟦u=-1⟧"
ASKED = (Message("user", "My neighbour's dog barks all night. What should I do?"),)
YES_NO = tuple(
    Criterion(n, text)
    for n, text in enumerate(("Does it name a next step?", "Is it kind?", "Is it safe?"))
)
SCALES = (
    Criterion(0, "How useful is it?", kind="scale", anchors={"1": "Useless", "5": "Very useful"}),
    Criterion(1, "How kind is it?", kind="scale"),
)


def subject(*texts: str, **fields: Any) -> Subject:
    made = Subject("key", "3:key", ASKED, common="3", texts=texts or (GOOD, BAD))
    return replace(made, **fields)


def fit_for(protocol: JudgingProtocol, **fields: Any) -> Subject:
    """A subject of a kind the protocol judges, with criteria where it needs some."""
    kind = "pairwise" if "pairwise" in protocol.judgment_types else ""
    kind = kind or next(iter(sorted(protocol.judgment_types)), "")
    criteria = {"yes_no": YES_NO, "scale": SCALES}.get(protocol.needs_criteria, ())
    made = subject(judgment_type=kind, criteria=criteria, reference="It answers. It is kind.")
    return replace(made if protocol.judgment_types else replace(made, texts=()), **fields)


def scripted(**options: Any) -> ScriptedEngine:
    return ScriptedEngine(ModelReference("amber"), ScriptedOptions(**options))


def by(engine: Engine) -> Reply:
    """Replies as this engine gives them."""

    def reply(ask: Ask, step: Step, messages: Conversation) -> Heard:
        if ask.labels:
            (decided,) = engine.decide([DecisionRequest("k", messages, tuple(ask.labels))])
            assert decided.decision is not None, decided.failure
            return Heard(decision=decided.decision)
        sampling = Sampling(ask.template.max_tokens, ask.temperature)
        seed = sum(map(ord, ask.key)) + step.sample
        (said,) = engine.generate([GenerationRequest("k", messages, sampling, seed=seed)])
        assert said.failure is None, said.failure
        return Heard(said.samples[0].text, said.samples[0].finish)

    return reply


def saying(words: Callable[[Ask, Conversation], str]) -> Reply:
    """Replies as a function of the ask and its messages."""
    return lambda ask, _, messages: Heard(words(ask, messages), Finish.STOP)


def conduct(
    protocol: JudgingProtocol, about: Subject, engine: Engine, **options: Any
) -> Course[Any]:
    chosen = protocol.options_class.parse(options)
    return hold(protocol.conduct(about, chosen), by(engine), protocol.patience(chosen))


def carried(talk: Talk[Any], reply: Reply, patience: Patience | None = None) -> Course[Any]:
    """`hold`, for tests that know what the talk comes to."""
    return hold(talk, reply, patience)
