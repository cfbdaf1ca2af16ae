"""Finding out what a model really does, by asking it a few small things.

A server that accepts a setting and ignores it looks capable until its replies are read. Each
question below is answered by what came back, never by what was promised.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from annotation.phrases import say
from models_runtime.engines import (
    Capability,
    Cause,
    DecisionRequest,
    Engine,
    EngineError,
    GenerationRequest,
    Message,
    RewardRequest,
    Sample,
    Sampling,
)

QUESTION = (Message("user", "Name a colour and say in a few words why you like it."),)
LETTER = (Message("user", "Answer with one letter, A or B. Which comes first in the alphabet?"),)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was asked, whether it was so, and a sentence. `holds` is None where nobody can tell."""

    name: str
    holds: bool | None
    sentence: str


@dataclass
class Findings:
    """All findings with the latency of a short request, in milliseconds, and the model's length in
    tokens where it is known."""

    checks: list[Finding] = field(default_factory=list)
    latency_ms: int | None = None
    longest: int | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "checks": [
                {"name": each.name, "holds": each.holds, "sentence": each.sentence}
                for each in self.checks
            ],
            "latency_ms": self.latency_ms,
            "longest": self.longest,
        }


DENIES = {
    "samples": Capability.SAMPLES,
    "seed": Capability.SEED,
    "logprobs": Capability.LOGPROBS,
    "labels": Capability.DECIDE,
}
"""Which ability a finding that doesn't hold takes away. That a text was empty, or two rewards
alike, may be chance: that is shown and takes nothing away."""


def withheld_by(findings: Mapping[str, Any]) -> dict[Capability, str]:
    """What a model was seen not to do, with the sentence that says so; from findings as JSON."""
    return {
        DENIES[check["name"]]: str(check["sentence"])
        for check in findings.get("checks", [])
        if check["holds"] is False and check["name"] in DENIES
    }


def probe(engine: Engine, go_on: Callable[[], None] = lambda: None) -> Findings:
    """Ask a few small things; `go_on` is called between them and may raise to stop.

    Raises EngineError where the model doesn't answer at all.
    """
    engine.check()
    found = Findings(longest=engine.longest())
    for check in _checks(engine, found):
        found.checks.append(check)
        go_on()
    return found


def _checks(engine: Engine, found: Findings) -> Iterator[Finding]:
    can = engine.info.can
    if Capability.GENERATE in can:
        yield from _writing(engine, found)
    if Capability.DECIDE in can:
        yield _deciding(engine)
    if Capability.SCORE in can:
        yield _rating(engine, found)
    if Capability.EMBED in can:
        yield _embedding(engine, found)


def _ask(engine: Engine, **fields: Any) -> tuple[Sample, ...]:
    sampling = Sampling(max_tokens=12, temperature=fields.pop("temperature", 1.0))
    (reply,) = engine.generate([GenerationRequest("probe", QUESTION, sampling, **fields)])
    if reply.failure is not None:
        raise EngineError(reply.failure.cause, reply.failure.sentence)
    return reply.samples


def _writing(engine: Engine, found: Findings) -> Iterator[Finding]:
    began = time.monotonic()
    first = _ask(engine, seed=1)[0]
    found.latency_ms = round((time.monotonic() - began) * 1000)
    wrote = bool(first.text.strip())
    yield Finding(
        "writes", wrote, say("It writes.") if wrote else say("It answered with an empty text.")
    )
    again = _ask(engine, seed=1)[0]
    same = first.text == again.text
    yield Finding(
        "seed",
        same,
        say("The same seed gave the same text.")
        if same
        else say("The same seed gave another text: what it writes can't be repeated."),
    )
    others = {_ask(engine, seed=seed)[0].text for seed in (2, 3)}
    varies = others != {first.text}
    yield Finding(
        "varies",
        varies,
        say("Other seeds gave other texts.")
        if varies
        else say("Other seeds gave the same text at temperature 1: several samples are one."),
    )
    yield _samples(engine)
    yield _logprobs(engine)


def _samples(engine: Engine) -> Finding:
    given = engine.samples_given()
    if given is None:
        return Finding("samples", None, say("Several samples are asked for one by one."))
    return Finding(
        "samples",
        given >= 2,
        say("Two samples came from one request.")
        if given >= 2
        else say(
            "It accepts n and ignores it: one sample came where two were asked for. "
            "Samples are asked for one by one."
        ),
    )


def _logprobs(engine: Engine) -> Finding:
    if Capability.LOGPROBS not in engine.info.can:
        return Finding("logprobs", None, say("Log-probabilities are switched off in its options."))
    (sample,) = _ask(engine, seed=1, logprobs=True)
    given = bool(sample.logprobs)
    return Finding(
        "logprobs",
        given,
        say("It gives log-probabilities.")
        if given
        else say("It accepts a request for log-probabilities and sends none."),
    )


def _deciding(engine: Engine) -> Finding:
    (reply,) = engine.decide([DecisionRequest("probe", LETTER, ("A", "B"))])
    if reply.decision is not None:
        mass = reply.decision.mass
        return Finding(
            "labels",
            True,
            say("Labels have probabilities; together %(mass)s.", mass=f"{mass:.0%}"),
        )
    assert reply.failure is not None
    if reply.failure.cause in {Cause.UNSUPPORTED, Cause.BAD_REQUEST}:
        return Finding("labels", False, reply.failure.sentence)
    raise EngineError(reply.failure.cause, reply.failure.sentence)


def _rating(engine: Engine, found: Findings) -> Finding:
    began = time.monotonic()
    talks = [(*QUESTION, Message("assistant", text)) for text in ("Blue, it is calm.", "No.")]
    replies = {
        reply.key: reply
        for reply in engine.rate(RewardRequest(str(i), talk) for i, talk in enumerate(talks))
    }
    found.latency_ms = round((time.monotonic() - began) * 1000)
    for reply in replies.values():
        if reply.failure is not None:
            raise EngineError(reply.failure.cause, reply.failure.sentence)
    apart = dict(replies["0"].values) != dict(replies["1"].values)
    heads = ", ".join(replies["0"].values)
    return Finding(
        "scores",
        apart,
        say("It rates (%(heads)s).", heads=heads)
        if apart
        else say("Two different texts got the very same reward."),
    )


def _embedding(engine: Engine, found: Findings) -> Finding:
    began = time.monotonic()
    first, second, other = engine.vectors(["A cat sleeps.", "A cat sleeps.", "Taxes rise."])
    found.latency_ms = round((time.monotonic() - began) * 1000)
    nearer = sum(map(_times, first, second)) > sum(map(_times, first, other))
    return Finding(
        "embeds",
        nearer,
        say("It embeds in %(first)s dimensions.", first=len(first))
        if nearer
        else say("Different texts lie as near as equal ones."),
    )


def _times(a: float, b: float) -> float:
    return a * b
