"""Models on this machine, run by transformers: safetensors only, and never with code of their own.

Requests are pulled a window at a time, sorted by length and put into batches by a token budget, so
that little is padded. Sampling is seeded per row and not per batch: the same request and seed give
the same text whoever shares the batch (up to rounding). Log-probabilities come from a
teacher-forced pass in float32.

Nothing is downloaded. torch and transformers are imported when a model is first used, not before:
the web process registers checkpoints without them.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from annotation.phrases import say
from models_runtime.batching import batches, packs
from models_runtime.engines import (
    Capability,
    Cause,
    ContinuationLogprobs,
    ContinuationRequest,
    Conversation,
    DecisionReply,
    DecisionRequest,
    EmbeddingReply,
    EmbeddingRequest,
    Engine,
    EngineError,
    EngineInfo,
    Failure,
    GenerationReply,
    GenerationRequest,
    ModelReference,
    RewardReply,
    RewardRequest,
    Sample,
    Sampling,
    Usage,
)
from models_runtime.engines._decoders import write_decoded
from models_runtime.engines._local_model import (
    Loaded,
    Row,
    Wobble,
    continuation_rows,
    continue_rows,
    embed_rows,
    encode,
    load,
    next_token_logprobs,
    resolve_device,
    reward_rows,
    teacher_forced,
    with_texts,
    write_continuously,
)
from models_runtime.engines._local_replies import (
    decision_reply,
    does_not_fit,
    embedding_reply,
    generation_reply,
    no_spread,
    reward_reply,
    too_long,
)
from models_runtime.engines._options import read_options
from models_runtime.engines._packing import MASKED_BUDGET
from models_runtime.engines._waiting import (
    Pending,
    by_sampling,
    is_drawn,
    rows_by_sampling,
    way_of,
    windows,
)
from models_runtime.engines._weights import pin, weight_bytes
from models_runtime.residency import Residency, TooLarge

KINDS = ("causal", "reward", "encoder")
DTYPES = ("auto", "float32", "bfloat16")
PACKAGES = ("torch", "transformers", "safetensors")

logger = logging.getLogger(__name__)

R = TypeVar("R")
Encoded = tuple[tuple[int, ...], tuple[int, ...]]  # what stands before, and the continuation

CACHE_SHARE = 0.3  # of a GPU's memory for keys and values
WORKSPACE = 4 * 2**30
LEAK = 64 * 2**20
BATCH_TOKENS = 512  # tokens that continuous batching reads in one step on a CPU
PACKED_BUDGET = 2048  # tokens a packed row on a CPU: more no longer fits its caches


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """`kind` is causal (writes), reward (scores) or encoder (embeds). `device` is auto, cpu, cuda,
    cuda:1, …; `token_budget` bounds rows × longest of a batch, new tokens included; `max_batch`
    its rows. `packing` is auto or off: texts that are only read stand in one row, without padding,
    where the model was found to allow it. `batching` is auto (continuous where the library has it)
    or padded. `pinned` keeps the model in memory when others need room."""

    kind: str = "causal"
    device: str = "auto"
    dtype: str = "auto"
    token_budget: int = 16_384
    max_batch: int = 32
    packing: str = "auto"
    batching: str = "auto"
    pinned: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.dtype not in DTYPES:
            raise ValueError(f"kind is {', '.join(KINDS)}; dtype is {', '.join(DTYPES)}")
        if self.token_budget < 1 or not 1 <= self.max_batch <= 4096:
            raise ValueError("token_budget is at least 1, max_batch lies between 1 and 4096")
        if self.packing not in ("auto", "off") or self.batching not in ("auto", "padded"):
            raise ValueError("packing is auto or off; batching is auto or padded")


def _give_memory_back() -> None:
    """After a model was let go: hand its memory to the device, and say so where it stays."""
    import torch

    if not torch.cuda.is_available():
        return
    torch.cuda.empty_cache()
    left = torch.cuda.memory_allocated() - sum(map(_bytes_of, RESIDENT.keys()))
    if left > LEAK:
        logger.error("%d bytes of GPU memory stayed after a model was let go.", left)


def _bytes_of(key: Any) -> int:
    return int(key[-1])


RESIDENT: Residency[Loaded] = Residency(released=_give_memory_back)


def memory_budget(device: str) -> int:
    """Bytes that weights may take here: MODEL_MEMORY if it is set, else most of the device's
    memory, with room left for caches and working space."""
    told = os.environ.get("POLYPHONY_MODEL_MEMORY_GB", "").strip()
    if told:
        try:
            return round(float(told) * 2**30)
        except ValueError as error:
            raise EngineError(
                Cause.BAD_OPTIONS, say("POLYPHONY_MODEL_MEMORY_GB must be a number of gigabytes.")
            ) from error
    if device.startswith("cuda"):
        import torch

        total = torch.cuda.get_device_properties(device).total_memory
        return int(0.9 * total * (1 - CACHE_SHARE)) - WORKSPACE
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return round(0.6 * pages * size)


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
                Capability.DECODERS,
            },
            "reward": {Capability.SCORE, Capability.SPREAD},
            "encoder": {Capability.EMBED},
        }[options.kind]
        self.info = EngineInfo(
            reference.model,
            reference.revision or pin(reference.model),
            frozenset(can),
            in_flight=2 * options.max_batch,
        )

    def check(self) -> None:
        """Load the model, if it isn't."""
        self._loaded()

    def longest(self) -> int:
        return self._loaded().longest

    def close(self) -> None:
        """Stop what is running. The weights stay with the process until another model comes."""
        self._closed.set()

    def _loaded(self) -> Loaded:
        o = self.options
        size = weight_bytes(self._reference.model, self._reference.revision, o.dtype)
        key = (self._reference.model, self._reference.revision, o.kind, o.device, o.dtype, size)
        if key not in RESIDENT.keys():  # noqa: SIM118 - a method of Residency, not of a dict
            RESIDENT.budget = memory_budget(resolve_device(o.device))
        self.device = resolve_device(o.device)
        try:
            return RESIDENT.get(
                key,
                lambda: load(self._reference, kind=o.kind, device=o.device, dtype=o.dtype),
                size=size,
                pinned=o.pinned,
            )
        except TooLarge as refusal:
            raise EngineError(Cause.UNAVAILABLE, does_not_fit(self.info.model, refusal)) from None

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
        pending = Pending(requests)
        while window := pending.take(self.options.max_batch):
            loaded = self._loaded()
            way = way_of(window[0].sampling)
            several = len(window) > 1 or window[0].n > 1
            alike = all(way_of(request.sampling) == way for request in window)
            if alike and several and self._may_flow(loaded, way):
                yield from self._flow(loaded, pending.chain(window, partial(is_drawn, way)), way)
            else:
                for same in by_sampling(window):
                    yield from self._generate_alike(loaded, same)
            if self._closed.is_set():
                return

    def _may_flow(self, loaded: Loaded, sampling: Sampling) -> bool:
        """Whether to batch continuously; the library's loop knows neither stop texts nor
        decoders."""
        return (
            self.options.batching == "auto"
            and loaded.is_continuous
            and not (sampling.stop or sampling.decoder)
        )

    def _flow(
        self, loaded: Loaded, requests: Iterator[GenerationRequest], sampling: Sampling
    ) -> Iterator[GenerationReply]:
        """Replies by continuous batching; what it can't do is written in padded batches."""
        began: dict[str, float] = {}
        refused: list[GenerationReply] = []
        done: dict[str, dict[int, Sample | Failure]] = {}
        left: list[Row] = []

        def rows() -> Iterator[Row]:
            for request in requests:
                began[request.key] = time.monotonic()
                ids = encode(loaded, request.messages)
                if len(ids) + request.sampling.max_tokens > loaded.longest:
                    failure = too_long(loaded, len(ids), request.sampling)
                    refused.append(GenerationReply(request.key, failure=failure))
                    continue
                yield from (Row(request, place, ids) for place in range(request.n))

        written = write_continuously(
            loaded,
            rows(),
            sampling,
            cache_tokens=self._budget,
            batch_tokens=BATCH_TOKENS,
            in_flight=self.info.in_flight,
            closed=self._closed,
        )
        for row, sample in written:
            if sample is None:
                left.append(row)
            else:
                got = done.setdefault(row.request.key, {})
                got[row.place] = sample
                if len(got) == row.request.n:
                    yield generation_reply(loaded, row, got, began.pop(row.request.key))
            while refused:
                yield refused.pop()
        yield from refused
        for same in rows_by_sampling(left):
            yield from self._write_padded(loaded, same, done, began)

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
                yield GenerationReply(request.key, failure=too_long(loaded, len(ids), sampling))
                continue
            rows += [Row(request, place, ids) for place in range(request.n)]
        starts = {request.key: began for request in requests}
        yield from self._write_padded(loaded, rows, {}, starts)

    def _write_padded(
        self,
        loaded: Loaded,
        rows: Sequence[Row],
        done: dict[str, dict[int, Sample | Failure]],
        began: Mapping[str, float],
    ) -> Iterator[GenerationReply]:
        """Replies to rows that share their sampling, where `done` has the other samples."""
        if not rows:
            return
        sampling = rows[0].request.sampling
        write = write_decoded if sampling.decoder else continue_rows
        for batch in self._batches(rows, lambda row: len(row.ids), sampling.max_tokens):
            outcomes = self._shrinking(
                batch, lambda part: write(loaded, part, sampling, self._closed)
            )
            if self._closed.is_set():
                return
            for row, outcome in zip(batch, outcomes, strict=True):
                got = done.setdefault(row.request.key, {})
                got[row.place] = outcome
                if len(got) == row.request.n:
                    yield generation_reply(loaded, row, got, began[row.request.key])

    # --- Probabilities ------------------------------------------------------------------------

    def decide(self, requests: Iterable[DecisionRequest]) -> Generator[DecisionReply, None, None]:
        self._need(Capability.DECIDE)
        return self._decide(requests)

    def _decide(self, requests: Iterable[DecisionRequest]) -> Generator[DecisionReply, None, None]:
        for window in windows(requests, self.options.max_batch):
            loaded = self._loaded()
            encoded = [(request, encode(loaded, request.messages)) for request in window]
            for batch in self._batches(encoded, lambda pair: len(pair[1]), 1):
                began = time.monotonic()
                outcomes = self._shrinking(batch, self._next_tokens)
                for (request, ids), outcome in zip(batch, outcomes, strict=True):
                    yield decision_reply(loaded, request, ids, outcome, began)
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
        for window in windows(requests, 2 * self.options.max_batch):
            loaded = self._loaded()
            ready: list[tuple[str, Encoded]] = []
            for request in window:
                before = encode(loaded, request.messages)
                after = tuple(
                    loaded.tokenizer(request.continuation, add_special_tokens=False).input_ids
                )
                total = len(before) + len(after)
                if total > loaded.longest:
                    failure = too_long(loaded, total, Sampling(max_tokens=1))
                    yield ContinuationLogprobs(request.key, failure=failure)
                elif not after:
                    yield ContinuationLogprobs(request.key, certainty=())
                else:
                    ready.append((request.key, (before, after)))
            for batch in self._read_batches(loaded, ready, lambda row: sum(map(len, row[1]))):
                outcomes = self._shrinking(batch, self._continuations)
                for (key, (before, after)), outcome in zip(batch, outcomes, strict=True):
                    if isinstance(outcome, Failure):
                        yield ContinuationLogprobs(key, failure=outcome)
                        continue
                    logprobs, certainty = outcome
                    yield ContinuationLogprobs(
                        key,
                        with_texts(loaded, after, logprobs),
                        tuple(certainty),
                        usage=Usage(len(before) + len(after), 0),
                    )
                if self._closed.is_set():
                    return

    def _continuations(
        self, part: Sequence[tuple[str, Encoded]]
    ) -> Sequence[tuple[list[float], list[float]]]:
        loaded = self._loaded()
        rows = [row for _, row in part]
        if not loaded.has_plain_head:
            return [teacher_forced(loaded, before, after) for before, after in rows]
        return continuation_rows(loaded, rows, packed=bool(loaded.packing) and self._may_pack)

    # --- Scores and vectors -------------------------------------------------------------------

    def score(self, conversations: Sequence[Conversation]) -> list[float]:
        """One reward per conversation, read to its end; raises EngineError for one too long."""
        self._need(Capability.SCORE)
        requests = [RewardRequest(str(i), each) for i, each in enumerate(conversations)]
        values: dict[str, float] = {}
        for reply in self._rate(requests):
            if reply.failure is not None:
                raise EngineError(reply.failure.cause, reply.failure.sentence)
            values[reply.key] = next(iter(reply.values.values()))
        return [values[request.key] for request in requests]

    def rate(self, requests: Iterable[RewardRequest]) -> Generator[RewardReply, None, None]:
        self._need(Capability.SCORE)
        return self._rate(requests)

    def _rate(self, requests: Iterable[RewardRequest]) -> Generator[RewardReply, None, None]:
        for window in windows(requests, 8 * self.options.max_batch):
            loaded = self._loaded()
            rows: list[tuple[RewardRequest, tuple[int, ...]]] = []
            for request in window:
                ids = encode(loaded, request.messages, awaiting=False)
                if request.draws and not loaded.has_plain_head:
                    yield RewardReply(request.key, failure=no_spread(loaded))
                elif len(ids) > loaded.longest:
                    failure = too_long(loaded, len(ids), Sampling(max_tokens=1))
                    yield RewardReply(request.key, failure=failure)
                else:
                    rows.append((request, ids))
            for batch in self._read_batches(loaded, rows, lambda row: len(row[1])):
                outcomes = self._shrinking(batch, self._rewards)
                for (request, ids), outcome in zip(batch, outcomes, strict=True):
                    yield reward_reply(loaded, request, ids, outcome)
                if self._closed.is_set():
                    return

    def _rewards(
        self, part: Sequence[tuple[RewardRequest, tuple[int, ...]]]
    ) -> Sequence[tuple[list[float], list[float]]]:
        loaded = self._loaded()
        rows = [
            (ids, Wobble(each.draws, each.rate, each.seed) if each.draws else None)
            for each, ids in part
        ]
        return reward_rows(loaded, rows, packed=bool(loaded.packing) and self._may_pack)

    def embed(self, requests: Iterable[EmbeddingRequest]) -> Generator[EmbeddingReply, None, None]:
        """Means of the last hidden states, of length 1. Long texts are cut at the model's limit."""
        self._need(Capability.EMBED)
        return self._embed(requests)

    def _embed(self, requests: Iterable[EmbeddingRequest]) -> Generator[EmbeddingReply, None, None]:
        for request in requests:
            began = time.monotonic()
            loaded = self._loaded()
            cut = {"truncation": True, "max_length": loaded.longest}
            encoded = [tuple(loaded.tokenizer(text, **cut).input_ids) for text in request.texts]
            outcomes = self._embedded(loaded, encoded)
            yield embedding_reply(request, encoded, outcomes, began)
            if self._closed.is_set():
                return

    def _embedded(
        self, loaded: Loaded, encoded: Sequence[tuple[int, ...]]
    ) -> list[list[float] | Failure]:
        results: dict[int, list[float] | Failure] = {}
        for batch in self._batches(list(enumerate(encoded)), lambda pair: len(pair[1]), 0):
            outcomes = self._shrinking(
                batch, lambda part: embed_rows(loaded, [ids for _, ids in part])
            )
            results |= {place: it for (place, _), it in zip(batch, outcomes, strict=True)}
        return [results[place] for place in range(len(encoded))]

    # --- Batches ------------------------------------------------------------------------------

    def _batches(
        self, rows: Sequence[R], length: Callable[[R], int], new: int
    ) -> Iterator[list[R]]:
        return batches(
            rows, length, new=new, token_budget=self._budget, max_batch=self.options.max_batch
        )

    @property
    def _may_pack(self) -> bool:
        return self.options.packing == "auto"

    def _read_batches(
        self, loaded: Loaded, rows: Sequence[R], length: Callable[[R], int]
    ) -> Iterator[list[R]]:
        """Rows that are only read, not continued: packed where the model allows it."""
        if not loaded.packing or not self._may_pack:
            yield from self._batches(rows, length, 0)
            return
        most = PACKED_BUDGET if loaded.device == "cpu" else self._budget
        if loaded.packing == "masked":
            most = MASKED_BUDGET
        yield from packs(rows, length, token_budget=min(self._budget, most))

    def _shrinking(self, batch: list[R], compute: Callable[[list[R]], Sequence[Any]]) -> list[Any]:
        """`compute` of the batch; halves it, and the budget, when memory runs out. A row that
        doesn't fit alone becomes a Failure."""
        import torch

        try:
            return list(compute(batch))
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
        if len(batch) == 1:
            sentence = say(
                "%(model)s runs out of memory on this text alone.", model=self.info.model
            )
            return [Failure(Cause.OUT_OF_MEMORY, sentence)]
        self._budget = max(1, self._budget // 2)
        middle = len(batch) // 2
        return self._shrinking(batch[:middle], compute) + self._shrinking(batch[middle:], compute)


@dataclass(frozen=True)
class TransformersLocal:
    title: str = "Model on this machine (transformers)"
    needs_url: bool = False
    is_scripted: bool = False
    options_class: type[Any] = field(default=LocalOptions)

    def unavailable_because(self) -> str | None:
        missing = [name for name in PACKAGES if find_spec(name) is None]
        return (
            say("the package %(missing)s isn't installed", missing=missing[0]) if missing else None
        )

    def open(self, reference: ModelReference) -> LocalEngine:
        because = self.unavailable_because()
        if because:
            raise EngineError(
                Cause.UNAVAILABLE,
                say("Local models are unavailable: %(because)s.", because=because),
            )
        if not reference.model:
            raise EngineError(
                Cause.MODEL_NOT_FOUND, say("A checkpoint needs a model name or folder.")
            )
        folder = Path(reference.model)
        if folder.is_absolute() and not any(folder.glob("*.safetensors")):
            raise EngineError(
                Cause.MODEL_NOT_FOUND,
                say(
                    "The folder %(model)s holds no safetensors. Other formats are refused, "
                    "because reading them can run code.",
                    model=reference.model,
                ),
            )
        return LocalEngine(reference, read_options(LocalOptions, reference.options))


ENGINE = TransformersLocal()
