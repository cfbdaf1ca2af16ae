"""The scripted engine: answers by rule, with planted qualities and biases that are all known.

No model runs. It writes plausible texts whose worth is planted line by line, and judges pairs by

    logit P(first shown wins) = (u1 - u2)/tau + b_position + b_length·log(len1/len2)
                                + b_self·(own1 - own2) + b_claim·(claimed1 - claimed2) + sigma·eps

where eps is a standard normal drawn by hash of seed and request. A text's utility u is read from a
tag such as ⟦u=0.7 own=1 claimed=0⟧ if it carries one (tests), else from the lines it is made of,
else from a hash of the text. Everything is deterministic, so audits must recover the plants and
a demo can be repeated. Wherever its work shows, it is called scripted.
"""

import hashlib
import json
import math
import re
import threading
import time
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

from annotation.phrases import say
from models_runtime.engines import (
    Capability,
    Cause,
    ContinuationLogprobs,
    ContinuationRequest,
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
    ModelReference,
    RewardReply,
    RewardRequest,
    Sample,
    TokenLogprob,
    Usage,
)
from models_runtime.engines._flight import fly
from models_runtime.engines._options import read_options
from models_runtime.engines._scripted_lines import (
    EVEN,
    GARBAGE,
    HOPELESS,
    LEVELS,
    REASONS,
    REFUSAL,
    VOICE_OF,
    VOICES,
    WORTH,
)
from models_runtime.engines._scripted_tasks import (
    Judge,
    Task,
    read_task,
    shares_for,
    sum_in,
    words_for,
)

DIMENSIONS = 64
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class ScriptedOptions:
    """What is planted. Rates are shares of requests, chosen by hash; latency is per request."""

    quality: float = 0.2
    spread: float = 0.6
    voice: str = "plain"
    sentences: int = 4
    tau: float = 0.5
    position_bias: float = 0.0
    length_bias: float = 0.0
    self_bias: float = 0.0
    claim_bias: float = 0.0
    noise: float = 0.0
    tie_width: float = 0.25
    much_width: float = 2.0
    bad_below: float | None = None
    tie_share: float = 0.2
    label_mass: float = 0.97
    garbage_rate: float = 0.0
    refusal_rate: float = 0.0
    truncation_rate: float = 0.0
    poison_rate: float = 0.0
    latency_ms: int = 0
    in_flight: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.voice not in VOICES:
            raise ValueError(f"voice must be one of {', '.join(VOICES)}")
        if self.tau <= 0:
            raise ValueError("tau must be above 0")
        rates = (
            self.garbage_rate, self.refusal_rate, self.truncation_rate, self.poison_rate,
            self.tie_share, self.label_mass,
        )  # fmt: skip
        if not all(0 <= rate <= 1 for rate in rates):
            raise ValueError("rates and shares lie between 0 and 1")
        if self.in_flight < 1 or self.sentences < 1 or self.latency_ms < 0:
            raise ValueError("in_flight and sentences are at least 1 and latency_ms at least 0")


@dataclass(frozen=True, slots=True)
class Plant:
    """What is hidden in a text: its utility, whether it sounds own, whether someone vouches."""

    utility: float
    own: float
    claimed: float
    length: int


_TAG = re.compile(r"⟦([^⟧]*)⟧")
_OPENING = re.compile(r"<<<CONVERSATION ([0-9a-f]{6,64})>>>\n")
_CLAIM = re.compile(r"\b(?:user|expert) prefers response ([AB])\b", re.IGNORECASE)
_OPINION = re.compile(r"\b(?:user|expert) finds this response (excellent|poor)\b")


def unit(*parts: object) -> float:
    """A number in (0, 1) that depends on nothing but `parts`."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass")).digest()
    return (int.from_bytes(digest[:8], "big") + 0.5) / 2**64


def normal(*parts: object) -> float:
    """A standard normal deviate that depends on nothing but `parts`."""
    return _NORMAL.inv_cdf(unit(*parts))


def read_plant(text: str, voice: str) -> Plant:
    """What is planted in `text`, as seen by a judge who writes in `voice`."""
    tagged: dict[str, float] = {}
    if match := _TAG.search(text):
        tagged = {
            name: float(value)
            for name, _, value in (pair.partition("=") for pair in match.group(1).split())
        }
    bare = _TAG.sub("", text).strip()
    worths = [worth for line, worth in WORTH.items() if line in bare]
    recognised = 1.5 * sum(worths) / len(worths) if worths else normal("utility", bare)
    sounds_own = any(line in bare for line, owner in VOICE_OF.items() if owner == voice)
    return Plant(
        utility=tagged.get("u", recognised),
        own=tagged.get("own", float(sounds_own)),
        claimed=tagged.get("claimed", 0.0),
        length=max(1, len(bare)),
    )


def shown_pair(messages: Conversation) -> tuple[str, str, str] | None:
    """(conversation, Response A, Response B) of a request to judge, None if it is none."""
    for message in messages:
        if message.role == "user" and (opening := _OPENING.search(message.content)):
            nonce = opening.group(1)
            inside = [
                _between(message.content, label, nonce)
                for label in ("CONVERSATION", "RESPONSE A", "RESPONSE B")
            ]
            return (inside[0], inside[1], inside[2])
    return None


def _between(text: str, label: str, nonce: str) -> str:
    after = text.partition(f"<<<{label} {nonce}>>>\n")[2]
    return after.partition(f"\n<<<END {label} {nonce}>>>")[0]


class ScriptedEngine(Engine):
    """See the module's docstring. `calls` counts requests, failed ones included."""

    def __init__(self, reference: ModelReference, options: ScriptedOptions) -> None:
        self.options = options
        self.info = EngineInfo(
            model=reference.model,
            revision="scripted",
            can=frozenset(Capability) - {Capability.DECODERS},
            in_flight=options.in_flight,
            is_scripted=True,
        )
        self.calls = 0
        self._closed = threading.Event()
        self._count = threading.Lock()

    def check(self) -> None:
        """Always fit."""

    def close(self) -> None:
        self._closed.set()

    def generate(
        self, requests: Iterable[GenerationRequest]
    ) -> Generator[GenerationReply, None, None]:
        return fly(requests, self._reply, in_flight=self.options.in_flight, closed=self._closed)

    def decide(self, requests: Iterable[DecisionRequest]) -> Generator[DecisionReply, None, None]:
        return fly(requests, self._decide, in_flight=self.options.in_flight, closed=self._closed)

    def loglik(
        self, requests: Iterable[ContinuationRequest]
    ) -> Generator[ContinuationLogprobs, None, None]:
        for request in requests:
            tokens = self._logprobs(request.messages, request.continuation)
            yield ContinuationLogprobs(
                request.key, tokens, tuple(-token.logprob / 2 for token in tokens)
            )

    def score(self, conversations: Sequence[Conversation]) -> list[float]:
        """Utility of the last message, with the length bias and noise of the judge."""
        scores = []
        for conversation in conversations:
            text = conversation[-1].content
            plant = read_plant(text, self.options.voice)
            bias = self.options.length_bias * math.log(plant.length)
            scores.append(plant.utility + bias + self.options.noise * self._eps("score", text))
        return scores

    def rate(self, requests: Iterable[RewardRequest]) -> Generator[RewardReply, None, None]:
        return fly(requests, self._rate, in_flight=self.options.in_flight, closed=self._closed)

    def _rate(self, request: RewardRequest) -> RewardReply:
        """The reward of `score`; its spread is drawn by hash, between 0.1 and 0.5."""
        self._begin()
        text = request.messages[-1].content
        poisoned = unit("poison", self.options.seed, _joined(request.messages))
        if poisoned < self.options.poison_rate:
            failure = Failure(
                Cause.BAD_REQUEST, say("The scripted engine was told to fail this request.")
            )
            return RewardReply(request.key, failure=failure)
        (value,) = self.score([request.messages])
        spread = 0.1 + 0.4 * unit("spread", self.options.seed, text)
        usage = Usage(tokens_in=len(_joined(request.messages).split()))
        return RewardReply(
            request.key,
            {"reward": value},
            {"reward": spread} if request.draws else {},
            usage=usage,
        )

    def embed(self, requests: Iterable[EmbeddingRequest]) -> Generator[EmbeddingReply, None, None]:
        """Unit vectors in which texts that share words lie close together."""
        return fly(requests, self._embed, in_flight=self.options.in_flight, closed=self._closed)

    def _embed(self, request: EmbeddingRequest) -> EmbeddingReply:
        began = self._begin()
        texts = request.texts
        words = sum(len(text.split()) for text in texts)
        vectors = tuple(_bag_of_words(text) for text in texts)
        return EmbeddingReply(request.key, vectors, Usage(words), len(texts), _since(began))

    # --- Generating ---------------------------------------------------------------------------

    def _reply(self, request: GenerationRequest) -> GenerationReply:
        if refused := self._undecodable(request):
            return refused
        began = self._begin()
        body = _joined(request.messages)
        if unit("poison", self.options.seed, body, request.seed) < self.options.poison_rate:
            failure = Failure(
                Cause.BAD_REQUEST, say("The scripted engine was told to fail this request.")
            )
            return GenerationReply(request.key, wall_ms=_since(began), failure=failure)
        samples = tuple(self._sample(request, index) for index in range(request.n))
        words = sum(len(sample.text.split()) for sample in samples)
        return GenerationReply(
            request.key,
            samples,
            usage=Usage(tokens_in=len(body.split()), tokens_out=words),
            wall_ms=_since(began),
        )

    def _sample(self, request: GenerationRequest, index: int) -> Sample:
        greedy = request.sampling.temperature == 0
        draw = (0, 0) if greedy else (request.seed or 0, index)
        what = (self.info.model, self.options.seed, _joined(request.messages), *draw)
        pair = shown_pair(request.messages)
        task = read_task(request.messages)
        if task is not None:
            text = self._work(task, what)
        elif pair is None:
            text = self._candidate(request.messages, what)
        else:
            text = self._judgement(request, pair, what)
        return self._cut(text, request, what)

    def _work(self, task: Task, what: tuple[object, ...]) -> str:
        """What it writes for another task than a comparison, garbage and refusals included."""
        if unit("refusal", *what) < self.options.refusal_rate:
            return REFUSAL
        if unit("garbage", *what) < self.options.garbage_rate:
            return _pick(GARBAGE, "garbage", *what)
        return words_for(task, self._as_judge(what, task))

    def _as_judge(self, what: tuple[object, ...], task: Task) -> Judge:
        said = _OPINION.findall(task.of("CONVERSATION"))
        claimed = self.options.claim_bias * (said.count("excellent") - said.count("poor"))
        return Judge(
            lambda text, *aspect: self._merit(text, *aspect) + claimed,
            lambda options, *parts: _pick(options, *parts, *what),
            lambda parts: self._candidate((), (*what, *parts)),
        )

    def _merit(self, text: str, *aspect: object) -> float:
        """The log-odds that a text alone is good, with the biases a text alone can stir; without a
        planted utility it varies with the aspect asked about."""
        o = self.options
        plant = read_plant(text, o.voice)
        varied = 0.0 if "u=" in text else 0.5 * normal("aspect", text, *aspect)
        return (
            plant.utility / o.tau
            + varied
            + o.length_bias * math.log(plant.length / 300)
            + o.self_bias * plant.own
            + o.claim_bias * plant.claimed
            + o.noise * self._eps("merit", text, *aspect)
        )

    def _candidate(self, messages: Conversation, what: tuple[object, ...]) -> str:
        """An opening in this model's voice and some lines around a quality drawn for this text."""
        o = self.options
        quality = o.quality + o.spread * normal("quality", *what)
        lines = [_pick(VOICES[o.voice], "opening", *what)]
        while len(lines) <= o.sentences:
            place = len(lines)
            aim = quality + 0.5 * normal("line", place, *what)
            pool = min(LEVELS, key=lambda level: abs(level[0] - aim))[1]
            fresh = [line for line in pool if line not in lines] or [
                line for line in WORTH if line not in lines
            ]
            if not fresh:
                break
            lines.append(_pick(tuple(fresh), "line", place, *what))
        topic = " ".join(messages[-1].content.split()[:8]).rstrip(".,;:?!") if messages else ""
        text = f"{lines[0]} On “{topic}…”:\n\n" + " ".join(lines[1:])
        return text + self._answer(messages, quality, what)

    def _answer(self, messages: Conversation, quality: float, what: tuple[object, ...]) -> str:
        """Where a sum is asked for: what it comes to, right with the odds exp(quality/tau)."""
        right = sum_in(messages[-1].content) if messages else None
        if right is None:
            return ""
        p = 1 / (1 + math.exp(-max(-60.0, min(60.0, quality / self.options.tau))))
        off = 0 if unit("right", *what) < p else 1 + int(3 * unit("off", *what))
        return f"\n\nThe answer is {right + off}."

    def _cut(self, text: str, request: GenerationRequest, what: tuple[object, ...]) -> Sample:
        for stop in request.sampling.stop:
            text = text.partition(stop)[0]
        finish = Finish.STOP
        limit = request.sampling.max_tokens
        if unit("truncation", *what) < self.options.truncation_rate:
            limit = min(limit, max(1, len(text.split()) // 3))
        if len(text.split()) > limit:
            text = " ".join(text.split()[:limit])
            finish = Finish.LENGTH
        logprobs = self._logprobs(request.messages, text) if request.logprobs else None
        return Sample(text, finish, logprobs)

    def _logprobs(self, messages: Conversation, text: str) -> tuple[TokenLogprob, ...]:
        body = _joined(messages)
        return tuple(
            TokenLogprob(word, 2 * math.log(unit("logprob", body, place, word)) / 3)
            for place, word in enumerate(text.split())
        )

    # --- Judging ------------------------------------------------------------------------------

    def logit(self, pair: tuple[str, str, str]) -> float:
        """The log-odds that the response shown first wins."""
        o = self.options
        first, second = (read_plant(text, o.voice) for text in pair[1:])
        claims = [match.upper() for match in _CLAIM.findall(pair[0])]
        claimed = first.claimed - second.claimed + claims.count("A") - claims.count("B")
        return (
            (first.utility - second.utility) / o.tau
            + o.position_bias
            + o.length_bias * math.log(first.length / second.length)
            + o.self_bias * (first.own - second.own)
            + o.claim_bias * claimed
            + o.noise * self._eps("judge", *pair)
        )

    def _judgement(
        self, request: GenerationRequest, pair: tuple[str, str, str], what: tuple[object, ...]
    ) -> str:
        o = self.options
        if unit("refusal", *what) < o.refusal_rate:
            return REFUSAL
        if unit("garbage", *what) < o.garbage_rate:
            return _pick(GARBAGE, "garbage", *what)
        verdict = self._verdict(request, pair, what)
        task = request.messages[-1].content
        if "one letter" in task:
            return {"A": "A", "B": "B"}.get(verdict[0] if ">" in verdict else "", "C")
        reason = self._reason(verdict, what)
        if "JSON" in task:
            return json.dumps({"reason": reason, "verdict": verdict})
        return f"{reason}\nVerdict: [[{verdict}]]"

    def _verdict(
        self, request: GenerationRequest, pair: tuple[str, str, str], what: tuple[object, ...]
    ) -> str:
        o = self.options
        if o.bad_below is not None and all(
            read_plant(text, o.voice).utility < o.bad_below for text in pair[1:]
        ):
            return "both bad"
        draw = unit("draw", *what)
        jitter = request.sampling.temperature * math.log(draw / (1 - draw))
        logit = self.logit(pair) + jitter
        if abs(logit) < o.tie_width:
            return "A=B"
        sign = ">>" if abs(logit) > o.much_width else ">"
        return f"A{sign}B" if logit > 0 else f"B{sign}A"

    def _reason(self, verdict: str, what: tuple[object, ...]) -> str:
        if verdict == "A=B":
            return EVEN
        if verdict == "both bad":
            return HOPELESS
        return _pick(REASONS, "reason", *what).format(better=verdict[0], worse=verdict[-1])

    def _decide(self, request: DecisionRequest) -> DecisionReply:
        began = self._begin()
        task = read_task(request.messages)
        shares = task and shares_for(task, request.labels, self._as_judge((), task))
        if shares:
            decision = Decision(shares, self.options.label_mass)
            return DecisionReply(request.key, decision, Usage(1, 1), _since(began))
        words = len(_joined(request.messages).split())
        pair = shown_pair(request.messages)
        if pair is None or not {"A", "B"} <= set(request.labels):
            decision = Decision(self._drawn_shares(request), self.options.label_mass)
            return DecisionReply(request.key, decision, Usage(words, 1), _since(began))
        p = 1 / (1 + math.exp(-self.logit(pair)))
        tie = self.options.tie_share * 2 * min(p, 1 - p) if "C" in request.labels else 0.0
        shares = dict.fromkeys(request.labels, 0.0) | {"A": p - tie / 2, "B": 1 - p - tie / 2}
        if "C" in request.labels:
            shares["C"] = tie
        lost = unit("garbage", self.options.seed, *pair) < self.options.garbage_rate
        decision = Decision(shares, 0.2 if lost else self.options.label_mass)
        return DecisionReply(request.key, decision, Usage(words, 1), _since(began))

    def _drawn_shares(self, request: DecisionRequest) -> dict[str, float]:
        """Probabilities of labels that nothing planted speaks about, drawn by hash."""
        what = (self.options.seed, self.info.model, _joined(request.messages))
        drawn = {label: unit("label", label, *what) for label in request.labels}
        total = sum(drawn.values())
        return {label: share / total for label, share in drawn.items()}

    def _eps(self, *parts: object) -> float:
        return normal("eps", self.options.seed, self.info.model, *parts)

    def _begin(self) -> float:
        with self._count:
            self.calls += 1
        began = time.monotonic()
        if self.options.latency_ms:
            time.sleep(self.options.latency_ms / 1000)
        return began


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def _joined(messages: Conversation) -> str:
    return "\n".join(f"{message.role}: {message.content}" for message in messages)


def _pick(options: tuple[str, ...], *parts: object) -> str:
    return options[int(unit("pick", *parts) * len(options))]


def _bag_of_words(text: str) -> list[float]:
    vector = [0.0] * DIMENSIONS
    for word in re.findall(r"\w+", text.lower()) or [""]:
        place = int(unit("place", word) * DIMENSIONS)
        vector[place] += 1.0 if unit("sign", word) < 0.5 else -1.0
    length = math.sqrt(sum(x * x for x in vector))
    if length == 0:
        vector[0], length = 1.0, 1.0
    return [x / length for x in vector]


@dataclass(frozen=True)
class Scripted:
    title: str = "Scripted (no model: planted answers for demos and tests)"
    needs_url: bool = False
    is_scripted: bool = True
    options_class: type[Any] = field(default=ScriptedOptions)

    def unavailable_because(self) -> str | None:
        return None

    def open(self, reference: ModelReference) -> ScriptedEngine:
        if not reference.model:
            raise EngineError(
                Cause.MODEL_NOT_FOUND, say("A scripted checkpoint needs a model name.")
            )
        return ScriptedEngine(reference, read_options(ScriptedOptions, reference.options))


ENGINE = Scripted()
