"""Scorers: what a model can measure about a candidate. Pure; one file per scorer.

A scorer asks engines for what it needs and yields, for every subject, numbers or vectors by name,
or a failure. It knows nothing of jobs and databases, and reads no clock.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol, TypeVar

from annotation.phrases import say
from models_runtime.engines import (
    Capability,
    Cause,
    ContinuationLogprobs,
    ContinuationRequest,
    Conversation,
    EmbeddingRequest,
    Engine,
    Failure,
    Usage,
    embedding_requests,
)

__all__ = [
    "STOPPED",
    "Bench",
    "Measured",
    "OfTexts",
    "Rival",
    "Scorer",
    "Subject",
    "continuations",
    "finite",
    "vectors_of",
    "windows",
]

WINDOW = 64
ONE_SPOILS_ALL = frozenset({Cause.TOO_LONG, Cause.BAD_REQUEST})  # for one text of a request
STOPPED = Failure(Cause.CANCELLED, "The engine was stopped before this was measured.")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rival:
    """One of all the candidates of a prompt, by a name of the caller's."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Subject:
    """A candidate: what was asked, and the text that answers it. `key` is the caller's name.

    For a scorer of sets it stands for all candidates of its prompt, which `rivals` holds, itself
    included.
    """

    key: str
    messages: Conversation
    text: str
    seed: int = 0
    rivals: tuple[Rival, ...] = ()


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found about a subject, by name; or why nothing was. A scorer of sets puts it into
    `of_rivals`, by the rival's key."""

    key: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    of_rivals: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    vectors: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Bench:
    """The engines a scorer works with. `partner` is the second model of those that compare two."""

    engine: Engine
    partner: Engine | None = None


class Scorer(Protocol):
    """What each module of this folder declares as SCORER.

    `needs` are capabilities of the model (and of the partner, which `partner` describes; "" if
    there is none). `options_class` is a frozen dataclass with defaults. `names` says which
    measurements come out, for people. A scorer `of_sets` is asked once per prompt, about all its
    candidates together.
    """

    @property
    def title(self) -> str: ...

    @property
    def summary(self) -> str: ...

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def needs(self) -> frozenset[Capability]: ...

    @property
    def partner(self) -> str: ...

    @property
    def options_class(self) -> type[Any]: ...

    @property
    def of_sets(self) -> bool: ...

    def reading(self, prompt: int, text: int, options: Any) -> int:
        """Tokens that a model reads for texts of `text` tokens answering `prompt` tokens in all;
        linear in both, as it is asked about many candidates at once."""

    def writing(self, candidates: int, options: Any) -> int:
        """Tokens that a model writes for so many candidates."""

    def measure(
        self, subjects: Iterable[Subject], bench: Bench, options: Any
    ) -> Iterator[Measured]:
        """One Measured per subject, in any order; subjects are pulled lazily."""


class OfTexts:
    """A scorer that looks at one text at a time and writes nothing: what most of them are."""

    @property
    def of_sets(self) -> bool:
        return False

    def writing(self, candidates: int, options: Any) -> int:
        return 0


def windows(things: Iterable[T], size: int = WINDOW) -> Iterator[list[T]]:
    pending = iter(things)
    while window := list(islice(pending, size)):
        yield window


def finite(measured: Measured) -> Measured:
    """`measured`, or a failure if a number in it is none."""
    told = (measured.numbers, *measured.of_rivals.values())
    numbers = ((name, x) for each in told for name, x in each.items())
    bad = next((name for name, x in numbers if not math.isfinite(x)), None)
    bad = bad or next(
        (name for name, v in measured.vectors.items() if not all(map(math.isfinite, v))), None
    )
    if bad is None:
        return measured
    sentence = say(
        "The model's %(bad)s isn't a finite number. Check its numeric precision.", bad=bad
    )
    return Measured(
        measured.key, usage=measured.usage, failure=Failure(Cause.MALFORMED_REPLY, sentence)
    )


def continuations(
    subjects: Iterable[Subject], engine: Engine
) -> Mapping[str, ContinuationLogprobs]:
    """The log-probabilities of every subject's text, given what was asked."""
    requests = (ContinuationRequest(each.key, each.messages, each.text) for each in subjects)
    return {reply.key: reply for reply in engine.loglik(requests)}


def vectors_of(
    texts: Iterable[str], engine: Engine
) -> tuple[Mapping[str, list[float]], Mapping[str, Failure]]:
    """Every text's vector, each computed once; and of every other why it has none.

    Servers refuse all texts of a request for one that is too long, so refused ones are asked for
    again by halves. Where the engine was stopped, what wasn't answered fails as STOPPED.
    """
    found: dict[str, list[float]] = {}
    requests = embedding_requests(texts)
    failed = {text: STOPPED for request in requests for text in request.texts}
    while requests:
        asked = {request.key: request for request in requests}
        requests = []
        for reply in engine.embed(asked.values()):
            request = asked[reply.key]
            if reply.failure is None:
                found |= zip(request.texts, reply.vectors, strict=True)
            elif reply.failure.cause in ONE_SPOILS_ALL and len(request.texts) > 1:
                requests += _halves(request)
            else:
                failed |= dict.fromkeys(request.texts, reply.failure)
    return found, {text: failure for text, failure in failed.items() if text not in found}


def _halves(request: EmbeddingRequest) -> Iterator[EmbeddingRequest]:
    middle = len(request.texts) // 2
    yield EmbeddingRequest(f"{request.key}<", request.texts[:middle])
    yield EmbeddingRequest(f"{request.key}>", request.texts[middle:])
