"""Models on this machine, run by transformers: safetensors only, and never with code of their own.

Requests are pulled a window at a time, sorted by length and put into batches by a token budget, so
that little is padded. Sampling is seeded per row and not per batch: the same request and seed give
the same text whoever shares the batch (up to rounding). Log-probabilities come from a
teacher-forced pass in float32.

Nothing is downloaded. torch and transformers are imported when a model is first used, not before:
the web process registers checkpoints without them.
"""

import math
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from models_runtime.engines import (
    Capability,
    Cause,
    ContinuationLogprobs,
    ContinuationRequest,
    Conversation,
    Decision,
    DecisionReply,
    DecisionRequest,
    Engine,
    EngineError,
    EngineInfo,
    Failure,
    GenerationReply,
    GenerationRequest,
    ModelReference,
    Sample,
    Sampling,
    Usage,
)
from models_runtime.engines._local_model import (
    Loaded,
    Row,
    continue_rows,
    embed_rows,
    encode,
    label_ids,
    load,
    next_token_logprobs,
    score_rows,
    teacher_forced,
    with_texts,
)
from models_runtime.engines._options import read_options
from models_runtime.residency import Residency

KINDS = ("causal", "reward", "encoder")
DTYPES = ("auto", "float32", "bfloat16")
PACKAGES = ("torch", "transformers", "safetensors")

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """`kind` is causal (writes), reward (scores) or encoder (embeds). `device` is auto, cpu, cuda,
    cuda:1, …; `token_budget` bounds rows × longest of a batch, new tokens included; `max_batch`
    its rows."""

    kind: str = "causal"
    device: str = "auto"
    dtype: str = "auto"
    token_budget: int = 16_384
    max_batch: int = 32

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.dtype not in DTYPES:
            raise ValueError(f"kind is {', '.join(KINDS)}; dtype is {', '.join(DTYPES)}")
        if self.token_budget < 1 or not 1 <= self.max_batch <= 4096:
            raise ValueError("token_budget is at least 1, max_batch lies between 1 and 4096")


RESIDENT: Residency[Loaded] = Residency()


class LocalEngine(Engine):
    """One model of this machine. Loaded at its first use and kept by the process."""

    def __init__(self, reference: ModelReference, options: LocalOptions) -> None:
        self.options = options
        self._reference = reference
        self._closed = threading.Event()
        self._budget = options.token_budget
        can = {
            "causal": {
                Capability.GENERATE,
                Capability.DECIDE,
                Capability.LOGLIK,
                Capability.SAMPLES,
                Capability.SEED,
                Capability.LOGPROBS,
            },
            "reward": {Capability.SCORE},
            "encoder": {Capability.EMBED},
        }[options.kind]
        self.info = EngineInfo(
            reference.model, reference.revision, frozenset(can), in_flight=2 * options.max_batch
        )

    def check(self) -> None:
        """Load the model, if it isn't."""
        self._loaded()

    def close(self) -> None:
        """Stop what is running. The weights stay with the process until another model comes."""
        self._closed.set()

    def _loaded(self) -> Loaded:
        key = (
            self._reference.model,
            self._reference.revision,
            self.options.kind,
            self.options.device,
            self.options.dtype,
        )
        kind, device, dtype = self.options.kind, self.options.device, self.options.dtype
        return RESIDENT.get(
            key, lambda: load(self._reference, kind=kind, device=device, dtype=dtype)
        )

    def _need(self, capability: Capability) -> None:
        if capability not in self.info.can:
            raise self._refusal(capability)

    # --- Generating ---------------------------------------------------------------------------

    def generate(
        self, requests: Iterable[GenerationRequest]
    ) -> Generator[GenerationReply, None, None]:
        self._need(Capability.GENERATE)
        return self._generate(requests)

    def _generate(
        self, requests: Iterable[GenerationRequest]
    ) -> Generator[GenerationReply, None, None]:
        for window in _windows(requests, self.options.max_batch):
            loaded = self._loaded()
            for same in _by_sampling(window):
                yield from self._generate_alike(loaded, same)
            if self._closed.is_set():
                return

    def _generate_alike(
        self, loaded: Loaded, requests: Sequence[GenerationRequest]
    ) -> Iterator[GenerationReply]:
        """Replies to requests that share their sampling settings."""
        began = time.monotonic()
        sampling = requests[0].sampling
        rows: list[Row] = []
        for request in requests:
            ids = encode(loaded, request.messages)
            if len(ids) + sampling.max_tokens > loaded.longest:
                yield GenerationReply(request.key, failure=_too_long(loaded, len(ids), sampling))
                continue
            rows += [Row(request, place, ids) for place in range(request.n)]
        done: dict[str, dict[int, Sample | Failure]] = {}
        for batch in self._batches(rows, lambda row: len(row.ids), sampling.max_tokens):
            outcomes = self._shrinking(
                batch, lambda part: continue_rows(loaded, part, sampling, self._closed)
            )
            if self._closed.is_set():
                return
            for row, outcome in zip(batch, outcomes, strict=True):
                got = done.setdefault(row.request.key, {})
                got[row.place] = outcome
                if len(got) == row.request.n:
                    yield _reply(loaded, row, got, began)

    # --- Probabilities ------------------------------------------------------------------------

    def decide(self, requests: Iterable[DecisionRequest]) -> Generator[DecisionReply, None, None]:
        self._need(Capability.DECIDE)
        return self._decide(requests)

    def _decide(self, requests: Iterable[DecisionRequest]) -> Generator[DecisionReply, None, None]:
        for window in _windows(requests, self.options.max_batch):
            loaded = self._loaded()
            encoded = [(request, encode(loaded, request.messages)) for request in window]
            for batch in self._batches(encoded, lambda pair: len(pair[1]), 1):
                began = time.monotonic()
                outcomes = self._shrinking(batch, self._next_tokens)
                for (request, ids), outcome in zip(batch, outcomes, strict=True):
                    yield _decision_reply(loaded, request, ids, outcome, began)
                if self._closed.is_set():
                    return

    def _next_tokens(self, part: Sequence[tuple[DecisionRequest, tuple[int, ...]]]) -> list[Any]:
        return next_token_logprobs(self._loaded(), [ids for _, ids in part])

    def loglik(
        self, requests: Iterable[ContinuationRequest]
    ) -> Generator[ContinuationLogprobs, None, None]:
        self._need(Capability.LOGLIK)
        return self._loglik(requests)

    def _loglik(
        self, requests: Iterable[ContinuationRequest]
    ) -> Generator[ContinuationLogprobs, None, None]:
        for request in requests:
            loaded = self._loaded()
            before = encode(loaded, request.messages)
            after = tuple(
                loaded.tokenizer(request.continuation, add_special_tokens=False).input_ids
            )
            if len(before) + len(after) > loaded.longest:
                failure = _too_long(loaded, len(before) + len(after), Sampling(max_tokens=1))
                yield ContinuationLogprobs(request.key, failure=failure)
                continue
            logprobs, certainty = teacher_forced(loaded, before, after)
            yield ContinuationLogprobs(
                request.key, with_texts(loaded, after, logprobs), tuple(certainty)
            )
            if self._closed.is_set():
                return

    # --- Scores and vectors -------------------------------------------------------------------

    def score(self, conversations: Sequence[Conversation]) -> list[float]:
        """One reward per conversation, read to its end; raises EngineError for one too long."""
        self._need(Capability.SCORE)
        loaded = self._loaded()
        encoded = [encode(loaded, each, awaiting=False) for each in conversations]
        return self._in_order(encoded, loaded, score_rows)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Mean of the last hidden states, of length 1. Long texts are cut at the model's limit."""
        self._need(Capability.EMBED)
        loaded = self._loaded()
        encoded = [
            tuple(loaded.tokenizer(text, truncation=True, max_length=loaded.longest).input_ids)
            for text in texts
        ]
        return self._in_order(encoded, loaded, embed_rows)

    def _in_order(
        self,
        encoded: Sequence[tuple[int, ...]],
        loaded: Loaded,
        compute: Callable[[Loaded, list[tuple[int, ...]]], list[R]],
    ) -> list[R]:
        longest = max(map(len, encoded), default=0)
        if longest > loaded.longest:
            raise EngineError(Cause.TOO_LONG, _too_long(loaded, longest, Sampling()).sentence)
        results: dict[int, R] = {}
        for batch in self._batches(list(enumerate(encoded)), lambda pair: len(pair[1]), 0):
            outcomes = self._shrinking(
                batch, lambda part: compute(loaded, [ids for _, ids in part])
            )
            for (place, _), outcome in zip(batch, outcomes, strict=True):
                if isinstance(outcome, Failure):
                    raise EngineError(outcome.cause, outcome.sentence)
                results[place] = outcome
        return [results[place] for place in range(len(encoded))]

    # --- Batches ------------------------------------------------------------------------------

    def _batches(
        self, rows: Sequence[R], length: Callable[[R], int], new: int
    ) -> Iterator[list[R]]:
        return batches(
            rows, length, new=new, token_budget=self._budget, max_batch=self.options.max_batch
        )

    def _shrinking(self, batch: list[R], compute: Callable[[list[R]], Sequence[Any]]) -> list[Any]:
        """`compute` of the batch; halves it, and the budget, when memory runs out. A row that
        doesn't fit alone becomes a Failure."""
        import torch

        try:
            return list(compute(batch))
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
        if len(batch) == 1:
            sentence = f"{self.info.model} runs out of memory on this text alone."
            return [Failure(Cause.OUT_OF_MEMORY, sentence)]
        self._budget = max(1, self._budget // 2)
        middle = len(batch) // 2
        return self._shrinking(batch[:middle], compute) + self._shrinking(batch[middle:], compute)


def batches(
    rows: Sequence[R],
    length: Callable[[R], int],
    *,
    new: int,
    token_budget: int,
    max_batch: int,
) -> Iterator[list[R]]:
    """Rows, longest first, in batches whose rows × (longest + new) stay within the budget.

    A row that exceeds the budget alone is a batch of its own.
    """
    batch: list[R] = []
    longest = 0
    for row in sorted(rows, key=length, reverse=True):
        longest = longest or length(row) + new
        if batch and ((len(batch) + 1) * longest > token_budget or len(batch) >= max_batch):
            yield batch
            batch, longest = [], length(row) + new
        batch.append(row)
    if batch:
        yield batch


def _windows(requests: Iterable[R], size: int) -> Iterator[list[R]]:
    pending = iter(requests)
    while window := list(islice(pending, size)):
        yield window


def _by_sampling(requests: Sequence[GenerationRequest]) -> list[list[GenerationRequest]]:
    groups: dict[Sampling, list[GenerationRequest]] = {}
    for request in requests:
        groups.setdefault(request.sampling, []).append(request)
    return list(groups.values())


# --- Replies --------------------------------------------------------------------------------------


def _reply(
    loaded: Loaded, row: Row, got: dict[int, Sample | Failure], began: float
) -> GenerationReply:
    wall_ms = round((time.monotonic() - began) * 1000)
    outcomes = [got[place] for place in range(row.request.n)]
    samples = tuple(each for each in outcomes if isinstance(each, Sample))
    failure = next((each for each in outcomes if isinstance(each, Failure)), None)
    written = sum(
        max(1, len(loaded.tokenizer(sample.text, add_special_tokens=False).input_ids))
        for sample in samples
    )
    usage = Usage(len(row.ids) * row.request.n, written)
    return GenerationReply(
        row.request.key, () if failure else samples, usage, wall_ms, failure=failure
    )


def _decision_reply(
    loaded: Loaded, request: DecisionRequest, ids: Sequence[int], outcome: Any, began: float
) -> DecisionReply:
    wall_ms = round((time.monotonic() - began) * 1000)
    if isinstance(outcome, Failure):
        return DecisionReply(request.key, wall_ms=wall_ms, failure=outcome)
    sums: dict[str, float] = {}
    for label in request.labels:
        variants = label_ids(loaded, label)
        if not variants:
            failure = Failure(
                Cause.UNSUPPORTED, f"The label “{label}” is no single token of this model."
            )
            return DecisionReply(request.key, wall_ms=wall_ms, failure=failure)
        sums[label] = math.fsum(math.exp(float(outcome[token])) for token in variants)
    mass = sum(sums.values())
    shares = {label: value / mass for label, value in sums.items()}
    return DecisionReply(request.key, Decision(shares, min(1.0, mass)), Usage(len(ids), 1), wall_ms)


def _too_long(loaded: Loaded, length: int, sampling: Sampling) -> Failure:
    return Failure(
        Cause.TOO_LONG,
        f"The text has {length} tokens and up to {sampling.max_tokens} more are asked for; this "
        f"model takes {loaded.longest}.",
    )


@dataclass(frozen=True)
class TransformersLocal:
    title: str = "Model on this machine (transformers)"
    needs_url: bool = False
    is_scripted: bool = False
    options_class: type[Any] = field(default=LocalOptions)

    def unavailable_because(self) -> str | None:
        missing = [name for name in PACKAGES if find_spec(name) is None]
        return f"the package {missing[0]} isn't installed" if missing else None

    def open(self, reference: ModelReference) -> LocalEngine:
        because = self.unavailable_because()
        if because:
            raise EngineError(Cause.UNAVAILABLE, f"Local models are unavailable: {because}.")
        if not reference.model:
            raise EngineError(Cause.MODEL_NOT_FOUND, "A checkpoint needs a model name or folder.")
        folder = Path(reference.model)
        if folder.is_absolute() and not any(folder.glob("*.safetensors")):
            raise EngineError(
                Cause.MODEL_NOT_FOUND,
                f"The folder {reference.model} holds no safetensors. Other formats are refused, "
                "because reading them can run code.",
            )
        return LocalEngine(reference, read_options(LocalOptions, reference.options))


ENGINE = TransformersLocal()
