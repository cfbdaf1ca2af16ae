"""Engines: what a model can be asked, in one small language. Pure; one file per engine.

A caller asks for a capability, never for an engine by name, and gets back replies that carry
either a result or a failure named by its cause. Engines know nothing of Django, jobs or projects.
"""

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import TracebackType
from typing import Any, Protocol, Self

from annotation.phrases import say
from models_runtime.decoding import Decoder

__all__ = [
    "VERBS",
    "Capability",
    "Cause",
    "ContinuationLogprobs",
    "ContinuationRequest",
    "Decision",
    "DecisionReply",
    "DecisionRequest",
    "EmbeddingReply",
    "EmbeddingRequest",
    "Engine",
    "EngineError",
    "EngineInfo",
    "EnginePlugin",
    "Failure",
    "Finish",
    "GenerationReply",
    "GenerationRequest",
    "Message",
    "ModelReference",
    "RewardReply",
    "RewardRequest",
    "Sample",
    "Sampling",
    "TokenLogprob",
    "Usage",
    "embedding_requests",
]

TEXTS_AT_ONCE = 64  # most that an embedding request has


class Capability(StrEnum):
    """What an engine, with the model it has opened, can really do."""

    GENERATE = "generate"
    DECIDE = "decide"  # probabilities of single-token labels
    LOGLIK = "loglik"  # log-probabilities of a given continuation
    SCORE = "score"  # a reward per conversation
    EMBED = "embed"  # a vector per text
    SAMPLES = "samples"  # several samples in one request
    SEED = "seed"  # the same seed gives the same text
    LOGPROBS = "logprobs"  # log-probabilities of the tokens it generates
    SPREAD = "spread"  # how sure a reward is
    DECODERS = "decoders"  # cautious and deepening decoding, which need each token's distribution


VERBS = {
    Capability.GENERATE: say("generate texts"),
    Capability.DECIDE: say("give probabilities of labels"),
    Capability.LOGLIK: say("give log-probabilities of a text"),
    Capability.SCORE: say("score"),
    Capability.EMBED: say("embed"),
    Capability.SAMPLES: say("give several samples at once"),
    Capability.SEED: say("repeat a text by its seed"),
    Capability.LOGPROBS: say("give log-probabilities of what it writes"),
    Capability.SPREAD: say("say how sure a score is"),
    Capability.DECODERS: say("decode cautiously or by iterative deepening"),
}


class Cause(StrEnum):
    """Why a request or an engine failed."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    UNAUTHORISED = "unauthorised"
    MODEL_NOT_FOUND = "model_not_found"
    FORBIDDEN_ADDRESS = "forbidden_address"
    REDIRECTED = "redirected"
    BAD_REQUEST = "bad_request"
    TOO_LONG = "too_long"
    MALFORMED_REPLY = "malformed_reply"
    EMPTY_REPLY = "empty_reply"
    OUT_OF_MEMORY = "out_of_memory"
    UNSUPPORTED = "unsupported"
    UNAVAILABLE = "unavailable"  # a package or a file that the engine needs isn't there
    BAD_OPTIONS = "bad_options"
    CANCELLED = "cancelled"
    BUDGET_SPENT = "budget_spent"
    FAULT = "fault"  # of the program itself

    @property
    def concerns_everything(self) -> bool:
        """Whether asking again with another request would fail just so."""
        return self in _EVERYTHING

    @property
    def may_pass(self) -> bool:
        """Whether the same request may succeed later."""
        return self in _MAY_PASS


_EVERYTHING = frozenset(
    {
        Cause.UNREACHABLE,
        Cause.UNAUTHORISED,
        Cause.MODEL_NOT_FOUND,
        Cause.FORBIDDEN_ADDRESS,
        Cause.REDIRECTED,
        Cause.UNSUPPORTED,
        Cause.UNAVAILABLE,
        Cause.BAD_OPTIONS,
    }
)
_MAY_PASS = frozenset(
    {
        Cause.UNREACHABLE,
        Cause.TIMEOUT,
        Cause.RATE_LIMITED,
        Cause.SERVER_ERROR,
        Cause.MALFORMED_REPLY,
        Cause.EMPTY_REPLY,
        Cause.OUT_OF_MEMORY,
        Cause.CANCELLED,
    }
)


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, and a sentence for a person. Never holds a key or a server's own words."""

    cause: Cause
    sentence: str

    def __str__(self) -> str:
        return self.sentence


class EngineError(Exception):
    """An engine can't be opened or asked at all; carries the `failure`."""

    def __init__(self, cause: Cause, sentence: str) -> None:
        self.failure = Failure(cause, sentence)
        super().__init__(sentence)


class Finish(StrEnum):
    STOP = "stop"
    LENGTH = "length"  # cut off at max_tokens
    REFUSED = "refused"  # the server's content filter stepped in


@dataclass(frozen=True, slots=True)
class Message:
    role: str
    content: str


Conversation = tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn. None leaves a setting to the model's own default; without a `decoder`
    one token is drawn after the other."""

    max_tokens: int = 512
    temperature: float = 1.0
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    stop: tuple[str, ...] = ()
    decoder: Decoder | None = None

    def __post_init__(self) -> None:
        if self.max_tokens < 1:
            raise ValueError("max_tokens must be at least 1")
        if not 0 <= self.temperature <= 5:
            raise ValueError("temperature must lie between 0 and 5")
        for name, value in (("top_p", self.top_p), ("min_p", self.min_p)):
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"{name} must lie between 0 and 1")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError("top_k must be at least 1")


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens read and written, and the price in the currency of the checkpoint's price list."""

    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.cost + other.cost,
        )


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    token: str
    logprob: float


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """Continue `messages` in `n` independent samples; `key` is the caller's name for it."""

    key: str
    messages: Conversation
    sampling: Sampling = Sampling()
    n: int = 1
    seed: int | None = None
    logprobs: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """One generated text. `logprobs` is None where the engine gave none; `tried` counts tokens that
    a decoder drew and didn't keep."""

    text: str
    finish: Finish
    logprobs: tuple[TokenLogprob, ...] | None = None
    tried: int = 0


@dataclass(frozen=True, slots=True)
class GenerationReply:
    """`n` samples, or a failure. `wall_ms` is the time from asking to answer, retries included."""

    key: str
    samples: tuple[Sample, ...] = ()
    usage: Usage = Usage()
    wall_ms: int = 0
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class DecisionRequest:
    """The probability that the next token is one of `labels` (each a single token)."""

    key: str
    messages: Conversation
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """`probabilities` are normalised over the labels; `mass` is what they had together before.

    `bounded` names labels outside the list that the server gave, whose log-probability was set to
    the last one on that list: an upper bound.
    """

    probabilities: Mapping[str, float]
    mass: float
    bounded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DecisionReply:
    key: str
    decision: Decision | None = None
    usage: Usage = Usage()
    wall_ms: int = 0
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class ContinuationRequest:
    key: str
    messages: Conversation
    continuation: str


@dataclass(frozen=True, slots=True)
class ContinuationLogprobs:
    """Log-probability of each token of the continuation, given all before it (natural log).

    `certainty` is the self-certainty of each of these tokens, -mean_v log p_v - log V, which needs
    the whole vocabulary; None where the engine can't see it.
    """

    key: str
    tokens: tuple[TokenLogprob, ...] = ()
    certainty: tuple[float, ...] | None = None
    failure: Failure | None = None
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class RewardRequest:
    """Rate the last message of a conversation. With `draws` the reply also says how sure it is:
    each time a share `rate` of what the model found is left out, as `seed` draws it."""

    key: str
    messages: Conversation
    draws: int = 0
    rate: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.draws != 0 and not 2 <= self.draws <= 1000:
            raise ValueError("draws is 0, or lies between 2 and 1000")
        if not 0 < self.rate < 1:
            raise ValueError("rate must lie between 0 and 1")


@dataclass(frozen=True, slots=True)
class RewardReply:
    """A value per head, by its name (`reward` where there is only one); higher is better.

    `spreads` are standard deviations over the draws, empty where none were asked for.
    """

    key: str
    values: Mapping[str, float] = field(default_factory=dict)
    spreads: Mapping[str, float] = field(default_factory=dict)
    usage: Usage = Usage()
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    """Some texts to be embedded together: one call to a server."""

    key: str
    texts: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.texts) > TEXTS_AT_ONCE:
            raise ValueError(f"at most {TEXTS_AT_ONCE} texts are embedded at once")


@dataclass(frozen=True, slots=True)
class EmbeddingReply:
    """A unit-length vector per text, in order, or a failure. `computed` counts the texts that a
    model read: the others were known and cost nothing."""

    key: str
    vectors: tuple[list[float], ...] = ()
    usage: Usage = Usage()
    computed: int = 0
    wall_ms: int = 0
    failure: Failure | None = None


def embedding_requests(texts: Iterable[str]) -> list[EmbeddingRequest]:
    """Requests for all `texts`, each asked for once."""
    once = tuple(dict.fromkeys(texts))
    return [
        EmbeddingRequest(str(start), once[start : start + TEXTS_AT_ONCE])
        for start in range(0, len(once), TEXTS_AT_ONCE)
    ]


@dataclass(frozen=True, slots=True)
class ModelReference:
    """Which model to open, where, and how. `secret` is the key itself and is never shown."""

    model: str
    base_url: str = ""
    revision: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """An opened engine, described. `in_flight` requests are worked on at once."""

    model: str
    revision: str
    can: frozenset[Capability]
    in_flight: int = 1
    is_scripted: bool = False


class Engine:
    """An opened model. Subclasses override the verbs that `info.can` names; the rest refuse.

    `generate` and `decide` pull requests lazily (at most four times `info.in_flight` ahead), keep
    `info.in_flight` of them at work, and yield replies as they are done, in any order. They raise
    nothing for a single request's sake: its reply carries the failure. Closing the iterator
    abandons what is still at work.
    """

    info: EngineInfo
    device: str = ""  # of this machine's, that its model is on; "" before it is loaded or elsewhere
    _withheld: Mapping[Capability, str] = {}

    def narrow(self, withheld: Mapping[Capability, str]) -> None:
        """Stop offering what the model was seen not to do, each with the sentence that says so."""
        self._withheld = withheld
        self.info = replace(self.info, can=self.info.can - set(withheld))

    def check(self) -> None:
        """Raise EngineError, with a sentence, unless the model answers now."""
        raise NotImplementedError

    def generate(
        self, requests: Iterable[GenerationRequest]
    ) -> Generator[GenerationReply, None, None]:
        raise self._refusal(Capability.GENERATE)

    def decide(self, requests: Iterable[DecisionRequest]) -> Generator[DecisionReply, None, None]:
        raise self._refusal(Capability.DECIDE)

    def loglik(
        self, requests: Iterable[ContinuationRequest]
    ) -> Generator[ContinuationLogprobs, None, None]:
        raise self._refusal(Capability.LOGLIK)

    def score(self, conversations: Sequence[Conversation]) -> list[float]:
        """One reward per conversation, in order; higher is better."""
        raise self._refusal(Capability.SCORE)

    def rate(self, requests: Iterable[RewardRequest]) -> Generator[RewardReply, None, None]:
        """Rewards with their heads and spreads; a text that is too long fails alone."""
        raise self._refusal(Capability.SCORE)

    def embed(self, requests: Iterable[EmbeddingRequest]) -> Generator[EmbeddingReply, None, None]:
        """Unit-length vectors of texts; a request fails alone."""
        raise self._refusal(Capability.EMBED)

    def vectors(self, texts: Sequence[str]) -> list[list[float]]:
        """A unit-length vector per text, in order; raises EngineError if one fails."""
        requests = embedding_requests(texts)
        found: dict[str, list[float]] = {}
        asked = {request.key: request.texts for request in requests}
        for reply in self.embed(requests):
            if reply.failure is not None:
                raise EngineError(reply.failure.cause, reply.failure.sentence)
            found |= zip(asked.pop(reply.key), reply.vectors, strict=True)
        if asked:
            raise EngineError(Cause.CANCELLED, say("The embedding was given up: the job ended."))
        return [found[text] for text in texts]

    def longest(self) -> int | None:
        """Tokens that a text may have at most, prompt and answer together; None if unknown."""
        return None

    def samples_given(self) -> int | None:
        """Choices that come back where two are asked for in one request of the wire; None where
        several samples are never asked for at once."""
        return None

    def close(self) -> None:
        """Let go of connections and memory. Harmless when repeated.

        May be called from another thread to stop a running iterator: it ends soon, without the
        replies that are still outstanding.
        """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def require(self, needs: Iterable[Capability]) -> None:
        """Raise EngineError(UNSUPPORTED), with a sentence, unless it can do all of these."""
        for need in sorted(set(needs) - self.info.can):
            raise self._refusal(need)

    def _undecodable(self, request: GenerationRequest) -> GenerationReply | None:
        """The refusal of a request for a decoder that this engine doesn't have."""
        if request.sampling.decoder is None or Capability.DECODERS in self.info.can:
            return None
        return GenerationReply(request.key, failure=self._refusal(Capability.DECODERS).failure)

    def _refusal(self, capability: Capability) -> EngineError:
        seen = self._withheld.get(capability, "")
        because = say(" It was tried: %(seen)s", seen=seen) if seen else ""
        return EngineError(
            Cause.UNSUPPORTED,
            say(
                "%(model)s can't %(verbs)s.%(because)s Choose a checkpoint that can.",
                model=self.info.model,
                verbs=VERBS[capability],
                because=because,
            ),
        )


class EnginePlugin(Protocol):
    """What each module of this folder declares as ENGINE.

    `options_class` is a frozen dataclass of the checkpoint's options with defaults; forms are
    derived from it. `is_scripted` engines invent their answers and say so wherever they show.
    """

    @property
    def title(self) -> str: ...

    @property
    def needs_url(self) -> bool: ...

    @property
    def is_scripted(self) -> bool: ...

    @property
    def options_class(self) -> type[Any]: ...

    def unavailable_because(self) -> str | None:
        """Why this engine can't be used here, or None if it can."""

    def open(self, reference: ModelReference) -> Engine:
        """An engine for this model; raises EngineError."""
