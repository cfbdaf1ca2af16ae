"""Model servers that speak the OpenAI chat protocol: vLLM, SGLang, llama.cpp, Ollama, hosted APIs.

A checkpoint is one `kind` of model: one that chats, an encoder behind /embeddings, or a reward
model behind one of vLLM's endpoints /pooling, /score and /rerank.

A server that accepts a setting and ignores it is noticed by its reply: fewer choices than asked for
are asked for again one by one, and missing log-probabilities are a failure, not a verdict.
"""

import math
import threading
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from annotation.phrases import say
from models_runtime.engines import (
    Capability,
    Cause,
    Conversation,
    Decision,
    DecisionReply,
    DecisionRequest,
    EmbeddingReply,
    EmbeddingRequest,
    Engine,
    EngineError,
    EngineInfo,
    Failure,
    Finish,
    GenerationReply,
    GenerationRequest,
    Message,
    ModelReference,
    RewardReply,
    RewardRequest,
    Sample,
    TokenLogprob,
    Usage,
)
from models_runtime.engines._flight import fly
from models_runtime.engines._options import read_options
from models_runtime.engines._server import Patience, Refused, Server

TOP_LOGPROBS = 20
KINDS = ("chat", "embeddings", "pooling", "score", "rerank")
LENGTH_FIELDS = ("max_model_len", "context_length", "context_window", "max_context_length")
MAX_TOKENS_FIELDS = ("max_tokens", "max_completion_tokens")


@dataclass(frozen=True, slots=True)
class OpenAIOptions:
    """How to talk to the server. Times are seconds; prices are per million tokens, any currency.

    `sends_samples` is for servers that honour `n`; `has_logprobs` for those that give the
    log-probabilities of the likeliest tokens; `sends_extra` adds top_k and min_p, which are not
    part of the original protocol. `kind` is chat, embeddings, pooling, score or rerank.
    """

    kind: str = "chat"
    timeout: float = 120.0
    retries: int = 4
    backoff: float = 0.5
    longest_wait: float = 60.0
    in_flight: int = 8
    sends_samples: bool = True
    has_logprobs: bool = True
    sends_extra: bool = False
    max_tokens_field: str = "max_tokens"
    price_in: float = 0.0
    price_out: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind is one of {', '.join(KINDS)}")
        if min(self.timeout, self.backoff, self.longest_wait) <= 0:
            raise ValueError("times must be above 0")
        if not 0 <= self.retries <= 10 or not 1 <= self.in_flight <= 256:
            raise ValueError("retries lie between 0 and 10, in_flight between 1 and 256")
        if self.max_tokens_field not in MAX_TOKENS_FIELDS:
            raise ValueError(f"max_tokens_field is {' or '.join(MAX_TOKENS_FIELDS)}")
        if self.price_in < 0 or self.price_out < 0:
            raise ValueError("prices can't be negative")

    @property
    def patience(self) -> Patience:
        return Patience(self.timeout, self.retries, self.backoff, self.longest_wait)


class OpenAIEngine(Engine):
    """A client of one model on one server."""

    def __init__(self, reference: ModelReference, options: OpenAIOptions) -> None:
        self.options = options
        self._model = reference.model
        self._closed = threading.Event()
        self._server = Server(
            base_url=reference.base_url,
            model=reference.model,
            secret=reference.secret,
            patience=options.patience,
        )
        self.info = EngineInfo(
            reference.model, reference.revision, _abilities(options), options.in_flight
        )

    def narrow(self, withheld: Mapping[Capability, str]) -> None:
        super().narrow(withheld)
        self.options = replace(
            self.options,
            sends_samples=self.options.sends_samples and Capability.SAMPLES not in withheld,
            has_logprobs=self.options.has_logprobs and Capability.LOGPROBS not in withheld,
        )

    def check(self) -> None:
        """Ask for the server's list of models, or for one token where it has no such list."""
        try:
            names = self._listed_models()
            if names and self._model not in names:
                raise self._server.model_missing()
            if not names:
                self._ask_for_little()
        except Refused as refusal:
            raise refusal.as_engine_error() from refusal

    def longest(self) -> int | None:
        """As the server's list of models says it (vLLM's max_model_len and others' names)."""
        try:
            listed = self._server.ask("GET", "models").get("data")
        except Refused:
            return None
        for entry in listed if isinstance(listed, list) else []:
            if isinstance(entry, dict) and entry.get("id") == self._model:
                told = (entry.get(name) for name in LENGTH_FIELDS)
                return next((n for n in told if isinstance(n, int) and n > 0), None)
        return None

    def samples_given(self) -> int | None:
        if not self.options.sends_samples:
            return None
        body = self._shortest_body() | {"n": 2}
        try:
            reply = self._server.ask("POST", "chat/completions", body)
            return len(self._samples(reply))
        except Refused as refusal:
            if refusal.failure.cause is Cause.BAD_REQUEST:
                return 0
            raise refusal.as_engine_error() from refusal

    def _ask_for_little(self) -> None:
        if self.options.kind == "chat":
            self._server.ask("POST", "chat/completions", self._shortest_body())
        elif self.options.kind == "embeddings":
            _insist(self._embed(EmbeddingRequest("check", ("Hello",))))
        else:
            told = (Message("user", "Hello"), Message("assistant", "Hello"))
            _insist(self._rate(RewardRequest("check", told)))

    def _listed_models(self) -> set[str]:
        """Names the server lists; empty where it has no list or fails to make one."""
        try:
            listed = self._server.ask("GET", "models").get("data")
        except Refused as refusal:
            if refusal.failure.cause in {Cause.MODEL_NOT_FOUND, Cause.SERVER_ERROR}:
                return set()
            raise
        entries = listed if isinstance(listed, list) else []
        return {str(entry["id"]) for entry in entries if isinstance(entry, dict) and "id" in entry}

    def _shortest_body(self) -> dict[str, Any]:
        return {
            "model": self._model,
            "messages": [{"role": "user", "content": "Hello"}],
            self.options.max_tokens_field: 1,
        }

    def generate(
        self, requests: Iterable[GenerationRequest]
    ) -> Generator[GenerationReply, None, None]:
        if Capability.GENERATE not in self.info.can:
            raise self._refusal(Capability.GENERATE)
        return fly(requests, self._generate, in_flight=self.options.in_flight, closed=self._closed)

    def decide(self, requests: Iterable[DecisionRequest]) -> Generator[DecisionReply, None, None]:
        if Capability.DECIDE not in self.info.can:
            raise self._refusal(Capability.DECIDE)
        return fly(requests, self._decide, in_flight=self.options.in_flight, closed=self._closed)

    def score(self, conversations: Sequence[Conversation]) -> list[float]:
        """One reward per conversation; raises EngineError if one fails."""
        requests = [RewardRequest(str(i), each) for i, each in enumerate(conversations)]
        values: dict[str, float] = {}
        for reply in self.rate(requests):
            if reply.failure is not None:
                raise EngineError(reply.failure.cause, reply.failure.sentence)
            values[reply.key] = next(iter(reply.values.values()))
        return [values[request.key] for request in requests]

    def rate(self, requests: Iterable[RewardRequest]) -> Generator[RewardReply, None, None]:
        if Capability.SCORE not in self.info.can:
            raise self._refusal(Capability.SCORE)
        return fly(requests, self._rate, in_flight=self.options.in_flight, closed=self._closed)

    def embed(self, requests: Iterable[EmbeddingRequest]) -> Generator[EmbeddingReply, None, None]:
        if Capability.EMBED not in self.info.can:
            raise self._refusal(Capability.EMBED)
        return fly(requests, self._embed, in_flight=self.options.in_flight, closed=self._closed)

    def close(self) -> None:
        self._closed.set()
        self._server.close()

    # --- Generating ---------------------------------------------------------------------------

    def _generate(self, request: GenerationRequest) -> GenerationReply:
        if refused := self._undecodable(request):
            return refused
        began = time.monotonic()
        samples: list[Sample] = []
        usage = Usage()
        try:
            while len(samples) < request.n:
                wanted = request.n - len(samples) if self.options.sends_samples else 1
                seed = None if request.seed is None else request.seed + len(samples)
                body = self._body(replace(request, n=wanted, seed=seed))
                reply = self._server.ask("POST", "chat/completions", body)
                usage += self._usage(reply)
                samples += self._samples(reply)[:wanted]
        except Refused as refusal:
            failure = refusal.failure
            return GenerationReply(request.key, (), usage, _since(began), failure)
        return GenerationReply(request.key, tuple(samples), usage, _since(began))

    def _body(self, request: GenerationRequest) -> dict[str, Any]:
        sampling = request.sampling
        settings: dict[str, Any] = {
            "model": self._model,
            "messages": _wire(request.messages),
            self.options.max_tokens_field: sampling.max_tokens,
            "temperature": sampling.temperature,
            "n": request.n if request.n > 1 else None,
            "top_p": sampling.top_p,
            "stop": list(sampling.stop) or None,
            "seed": None if request.seed is None else request.seed % 2**31,
            "logprobs": True if request.logprobs and self.options.has_logprobs else None,
        }
        if self.options.sends_extra:
            settings |= {"top_k": sampling.top_k, "min_p": sampling.min_p}
        return {name: value for name, value in settings.items() if value is not None}

    def _samples(self, reply: Mapping[str, Any]) -> list[Sample]:
        choices = reply.get("choices")
        if not isinstance(choices, list) or not choices:
            raise self._server.malformed(say("sent a reply without choices"))
        samples = [_sample(choice) for choice in choices if isinstance(choice, dict)]
        if not samples:
            raise self._server.malformed(say("sent choices that can't be read"))
        return samples

    def _usage(self, reply: Mapping[str, Any]) -> Usage:
        counted = reply.get("usage")
        counted = counted if isinstance(counted, dict) else {}
        tokens_in, tokens_out = (
            _count(counted.get(name)) for name in ("prompt_tokens", "completion_tokens")
        )
        cost = (tokens_in * self.options.price_in + tokens_out * self.options.price_out) / 1e6
        return Usage(tokens_in, tokens_out, max(cost, _price(counted.get("cost"))))

    # --- Deciding -----------------------------------------------------------------------------

    def _decide(self, request: DecisionRequest) -> DecisionReply:
        began = time.monotonic()
        body = {
            "model": self._model,
            "messages": _wire(request.messages),
            self.options.max_tokens_field: 1,
            "temperature": 0,
            "logprobs": True,
            "top_logprobs": TOP_LOGPROBS,
        }
        usage = Usage()
        try:
            reply = self._server.ask("POST", "chat/completions", body)
            usage = self._usage(reply)
            listed = _likeliest(reply)
            if not listed:
                raise Refused(
                    Cause.UNSUPPORTED,
                    say(
                        "The server accepted a request for log-probabilities and sent none. Use "
                        "a template that lets the model write its verdict."
                    ),
                )
        except Refused as refusal:
            return DecisionReply(request.key, None, usage, _since(began), refusal.failure)
        decision = decide_from(listed, request.labels)
        return DecisionReply(request.key, decision, usage, _since(began))

    # --- Rewards and vectors ------------------------------------------------------------------

    def _rate(self, request: RewardRequest) -> RewardReply:
        """The reward by the endpoint of this kind; see https://docs.vllm.ai (pooling models)."""
        kind = self.options.kind
        if request.draws:
            failure = Failure(
                Cause.UNSUPPORTED,
                say("A model server can't say how sure a reward is. Use a local model."),
            )
            return RewardReply(request.key, failure=failure)
        asked, text = _joined(request.messages[:-1]), request.messages[-1].content
        body: dict[str, Any] = {"model": self._model}
        if kind == "pooling":
            body["messages"] = _wire(request.messages)
        elif kind == "score":
            body |= {"text_1": asked, "text_2": text}
        else:
            body |= {"query": asked, "documents": [text]}
        usage = Usage()
        try:
            reply = self._server.ask("POST", self._server.beside(kind), body)
            usage = self._usage(reply)
            values = _rewards_in(reply, kind)
            if values is None:
                raise self._server.malformed(say("sent a reply without a reward"))
        except Refused as refusal:
            return RewardReply(request.key, usage=usage, failure=refusal.failure)
        return RewardReply(request.key, values, usage=usage)

    def _embed(self, request: EmbeddingRequest) -> EmbeddingReply:
        began = time.monotonic()
        texts, usage = list(request.texts), Usage()
        body = {"model": self._model, "input": texts, "encoding_format": "float"}
        try:
            reply = self._server.ask("POST", "embeddings", body)
            usage = self._usage(reply)
            vectors = self._vectors(reply, len(texts))
        except Refused as refusal:
            return EmbeddingReply(
                request.key, usage=usage, wall_ms=_since(began), failure=refusal.failure
            )
        return EmbeddingReply(request.key, vectors, usage, len(texts), _since(began))

    def _vectors(self, reply: Mapping[str, Any], count: int) -> tuple[list[float], ...]:
        try:
            entries = sorted(reply["data"], key=lambda entry: int(entry["index"]))
            vectors = [[float(x) for x in entry["embedding"]] for entry in entries]
        except (KeyError, TypeError, ValueError) as error:
            raise self._server.malformed(say("sent embeddings that can't be read")) from error
        if len(vectors) != count or not all(vectors):
            raise self._server.malformed(
                say("sent another number of embeddings than it was asked for")
            )
        return tuple(_of_length_one(vector) for vector in vectors)


def _insist(reply: EmbeddingReply | RewardReply) -> None:
    if reply.failure is not None:
        raise EngineError(reply.failure.cause, reply.failure.sentence)


def _abilities(options: OpenAIOptions) -> frozenset[Capability]:
    if options.kind == "embeddings":
        return frozenset({Capability.EMBED})
    if options.kind != "chat":
        return frozenset({Capability.SCORE})
    can = {Capability.GENERATE, Capability.SEED}
    if options.sends_samples:
        can.add(Capability.SAMPLES)
    if options.has_logprobs:
        can |= {Capability.LOGPROBS, Capability.DECIDE}
    return frozenset(can)


def _rewards_in(reply: Mapping[str, Any], kind: str) -> dict[str, float] | None:
    """The rewards of a reply by head, None if there are none. A reward model that gives a value
    per token has its last one read, where the text ends."""
    try:
        if kind == "rerank":
            return {"reward": float(reply["results"][0]["relevance_score"])}
        entry = reply["data"][0]
        if kind == "score":
            return {"reward": float(entry["score"])}
        data = entry["data"]
        while isinstance(data, list) and data and isinstance(data[0], list):
            data = data[-1]
        values = [float(x) for x in (data if isinstance(data, list) else [data])]
    except (KeyError, IndexError, TypeError, ValueError):
        return None
    if len(values) == 1:
        return {"reward": values[0]}
    return {f"head_{place}": value for place, value in enumerate(values)} or None


def _of_length_one(vector: list[float]) -> list[float]:
    length = math.sqrt(math.fsum(x * x for x in vector))
    return [x / length for x in vector] if length else vector


def _joined(messages: Conversation) -> str:
    if len(messages) == 1:
        return messages[0].content
    return "\n\n".join(f"{message.role}: {message.content}" for message in messages)


def decide_from(listed: Mapping[str, float], labels: tuple[str, ...]) -> Decision:
    """Label probabilities from the `listed` log-probabilities of the likeliest next tokens.

    Spellings of a label that differ in blanks or case are summed before normalising. A label that
    isn't listed gets the least listed log-probability, an upper bound, and is named in `bounded`;
    that bound doesn't count towards the mass.
    """
    sums = dict.fromkeys(labels, 0.0)
    for token, logprob in listed.items():
        for label in labels:
            if token.strip().lower() == label.lower():
                sums[label] += math.exp(logprob)
    mass = min(1.0, sum(sums.values()))
    missing = tuple(label for label, value in sums.items() if value == 0.0)
    for label in missing:
        sums[label] = math.exp(min(listed.values()))
    total = sum(sums.values())
    return Decision({label: value / total for label, value in sums.items()}, mass, missing)


def _likeliest(reply: Mapping[str, Any]) -> dict[str, float]:
    """The first token's alternatives with their log-probabilities; empty if the reply has none."""
    try:
        entries = reply["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        return {str(entry["token"]): float(entry["logprob"]) for entry in entries}
    except (KeyError, IndexError, TypeError, ValueError):
        return {}


def _sample(choice: Mapping[str, Any]) -> Sample:
    message = choice.get("message")
    text = message.get("content") if isinstance(message, dict) else None
    finish = {"length": Finish.LENGTH, "content_filter": Finish.REFUSED}.get(
        str(choice.get("finish_reason")), Finish.STOP
    )
    return Sample(text if isinstance(text, str) else "", finish, _token_logprobs(choice))


def _token_logprobs(choice: Mapping[str, Any]) -> tuple[TokenLogprob, ...] | None:
    try:
        return tuple(
            TokenLogprob(str(entry["token"]), float(entry["logprob"]))
            for entry in choice["logprobs"]["content"]
        )
    except (KeyError, TypeError, ValueError):
        return None


def _wire(messages: Conversation) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _price(value: object) -> float:
    """What some servers say a call cost; 0 where they don't. The dearer of it and our own sum is
    counted, so that a budget holds though the price was raised since the checkpoint was made."""
    told = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
    return told if math.isfinite(told) and told > 0 else 0.0


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


@dataclass(frozen=True)
class OpenAICompatible:
    title: str = "Model server with the OpenAI chat protocol (vLLM, Ollama, hosted APIs, …)"
    needs_url: bool = True
    is_scripted: bool = False
    options_class: type[Any] = field(default=OpenAIOptions)

    def unavailable_because(self) -> str | None:
        return None

    def open(self, reference: ModelReference) -> OpenAIEngine:
        if not reference.base_url:
            raise EngineError(
                Cause.BAD_OPTIONS,
                say("A model server needs its URL, such as http://127.0.0.1:8001/v1."),
            )
        if not reference.model:
            raise EngineError(Cause.MODEL_NOT_FOUND, say("A checkpoint needs a model name."))
        return OpenAIEngine(reference, read_options(OpenAIOptions, reference.options))


ENGINE = OpenAICompatible()
