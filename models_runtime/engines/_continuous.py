"""Continuous batching: a text that is finished makes room for the next at once.

The library's own, where the installed version has it. What it does not do is done here:

- a request that doesn't fit the cache is refused before it is sent, for it would end the whole loop
- a cancelled request never reports, so we keep our own list of those on their way
- requests with a sampling of their own are drawn by a processor of ours, from a generator per
  request: the same request and seed give the same text whoever shares the batch
- when its loop dies, those on their way are reported as failed and it is built anew, once
"""

import dataclasses
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from models_runtime.engines import _attention

logger = logging.getLogger(__name__)

PAGE = 32  # tokens of a page on a CPU; on a GPU the library's own size
MARGIN = 2  # pages kept free
WAIT = 0.25  # seconds between looks at whether we were closed


class Died(Exception):
    """The loop ended by itself for the second time."""


@dataclass(frozen=True, slots=True)
class Job:
    """A text to be continued by at most `most` tokens."""

    key: str
    ids: tuple[int, ...]
    most: int
    seed: int | None


@dataclass(frozen=True, slots=True)
class Written:
    """The tokens of a job, the end of text included; `logprobs` only of greedy choices. Where
    `failed` the loop couldn't do it and it must be written in another way."""

    key: str
    tokens: list[int]
    logprobs: list[float] | None = None
    failed: bool = False


def is_there(model: Any) -> bool:
    """Whether the installed library batches continuously, and can do so with this model."""
    try:
        from transformers.generation.configuration_utils import ContinuousBatchingConfig
        from transformers.generation.continuous_batching import cb_logits_processors
    except ImportError:
        return False
    names = {field.name for field in dataclasses.fields(ContinuousBatchingConfig)}
    return (
        hasattr(model, "init_continuous_batching")
        and hasattr(cb_logits_processors, "ContinuousBatchingLogitsProcessor")
        and bool({"page_size", "block_size"} & names)
        and model.config._attn_implementation in {_attention.NAME, "sdpa", "eager", "paged|eager"}
        and not getattr(model.config, "is_encoder_decoder", False)
    )


class Loop:
    """A running loop for requests that share their warpers. Use as a context."""

    def __init__(
        self,
        model: Any,
        *,
        ends: tuple[int, ...],
        padding: int,
        warpers: list[Any] | None,
        cache_tokens: int,
        batch_tokens: int,
        in_flight: int,
        closed: threading.Event,
    ) -> None:
        self._model = model
        self._ends = list(ends) or [-1]  # -1 is no token: texts end at their length
        self._padding = padding
        self._warpers = warpers
        self._on_gpu = model.device.type == "cuda"
        self._pages = -(-cache_tokens // PAGE)
        self._batch_tokens = batch_tokens
        self._in_flight = in_flight
        self._closed = closed
        self._is_ours = _attention.is_installed(model)
        self._manager: Any = None
        self._restarts = 0

    @property
    def room(self) -> int:
        """Tokens that one request may need at most, prompt and continuation together."""
        if self._on_gpu:
            return 2**31  # the library sizes the cache from what is free; the model's limit holds
        return (self._pages - MARGIN) * PAGE

    def __enter__(self) -> "Loop":
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _start(self) -> None:
        from transformers import GenerationConfig
        from transformers.generation.configuration_utils import ContinuousBatchingConfig

        settings = GenerationConfig(
            do_sample=False, eos_token_id=self._ends, pad_token_id=self._padding
        )
        known = {field.name for field in dataclasses.fields(ContinuousBatchingConfig)}
        wanted: dict[str, Any] = {
            "return_logprobs": self._warpers is None,
            "allow_block_sharing": True,
            "max_requests_per_batch": self._in_flight,
        }
        if not self._on_gpu:  # sized by hand: the library would take most of the memory
            page = "page_size" if "page_size" in known else "block_size"
            wanted |= {
                page: PAGE,
                "num_blocks": self._pages,
                "max_batch_tokens": self._batch_tokens,
                "use_cuda_graph": False,
            }
        elif self._warpers is not None:
            wanted |= {"use_cuda_graph": False, "use_async_batching": False}
        config = ContinuousBatchingConfig(
            **{name: value for name, value in wanted.items() if name in known}
        )
        if self._is_ours:
            self._model.set_attn_implementation("sdpa")  # the only ones it takes are its own
        self._manager = self._model.init_continuous_batching(
            generation_config=settings, continuous_batching_config=config
        )
        if self._is_ours and not self._on_gpu:
            _attention.install(self._model)
        if self._warpers is not None:
            self._manager.logit_processor = _with_draws(self._warpers, self._model.device)
        self._manager.start()

    def _stop(self) -> None:
        if self._manager is not None:
            self._manager.stop(block=True, hard_stop=True)
            self._manager = None
            if self._is_ours:
                _attention.install(self._model)

    def run(self, jobs: Iterable[Job]) -> Iterator[Written]:
        """Every job's tokens as it ends, in any order. Jobs are pulled as there is room, at most
        `in_flight` on their way. Ends early when closed; raises Died after reporting all."""
        pending = iter(jobs)
        away: dict[str, int | None] = {}
        exhausted = False
        while not self._closed.is_set():
            while not exhausted and len(away) < self._in_flight:
                job = next(pending, None)
                if job is None:
                    exhausted = True
                elif job.ids and len(job.ids) + job.most <= self.room:
                    away[job.key] = self._send(job)
                else:
                    yield Written(job.key, [], failed=True)
            if not away:
                return
            result = self._manager.get_result(timeout=WAIT)
            if result is None:
                if not self._manager.is_running():
                    yield from (Written(key, [], failed=True) for key in away)
                    away.clear()
                    self._begin_anew()
            elif result.is_finished() or result.error is not None:
                yield from self._landed(result, away)

    def _send(self, job: Job) -> int | None:
        """Hand a job to the loop; the slot of its own generator, if it has one."""
        slot = None if self._warpers is None else self._draws.open(job.seed)
        self._manager.add_request(
            list(job.ids),
            request_id=job.key,
            max_new_tokens=job.most,
            eos_token_id=self._ends,
            **({} if slot is None else {"slot": slot}),
        )
        return slot

    def _landed(self, result: Any, away: dict[str, int | None]) -> Iterator[Written]:
        if result.request_id not in away:
            return
        slot = away.pop(result.request_id)
        if slot is not None:
            self._draws.shut(slot)
        if result.error is not None:
            yield Written(result.request_id, [], failed=True)
            return
        logprobs = list(result.logprobs) if self._warpers is None else None
        yield Written(result.request_id, list(result.generated_tokens), logprobs)

    @property
    def _draws(self) -> Any:
        return self._manager.logit_processor.logits_processor[-1]

    def _begin_anew(self) -> None:
        logger.warning("The loop of continuous batching ended by itself.")
        self._stop()
        if self._restarts:
            raise Died
        self._restarts += 1
        self._start()


def _with_draws(warpers: list[Any], device: Any) -> Any:
    from transformers import LogitsProcessorList
    from transformers.generation.continuous_batching.cb_logits_processors import (
        ContinuousBatchingLogitsProcessorList,
    )

    draws = _draws_class()(warpers, device)
    made = ContinuousBatchingLogitsProcessorList(LogitsProcessorList([draws]))
    made.tensors_required = 1
    return made


def _draws_class() -> Callable[..., Any]:
    """The processor's class, made when the library is there to inherit from."""
    import torch
    from transformers.generation.continuous_batching.cb_logits_processors import (
        ContinuousBatchingLogitsProcessor,
    )

    class Draws(ContinuousBatchingLogitsProcessor):  # type: ignore[misc]  # distributed untyped
        """Warps the scores and adds Gumbel noise from each request's own generator: the argmax is
        then a draw. A request's generator moves on by one draw per token."""

        supported_kwargs = {"slot": int}
        ignored_kwargs = ()

        def __init__(self, warpers: list[Any], device: Any) -> None:
            self._warpers = warpers
            self._device = device
            self._generators: dict[int, Any] = {}
            self._slots = 0

        def open(self, seed: int | None) -> int:
            slot = self._slots
            self._slots += 1
            generator = torch.Generator()
            if seed is None:
                generator.seed()
            else:
                generator.manual_seed(seed)
            self._generators[slot] = generator
            return slot

        def shut(self, slot: int) -> None:
            del self._generators[slot]

        def fill_defaults(self, int32_tensor: Any) -> None:
            int32_tensor.fill_(-1)

        def prepare_tensor_args(self, requests_with_new_token: list[Any]) -> Any:
            slots = [
                request.state.logit_processor_kwargs.get("slot", -1)
                for request in requests_with_new_token
            ]
            return torch.tensor(slots, dtype=torch.int32)

        def __call__(self, scores: Any, tensor_arg: Any) -> Any:
            for warper in self._warpers:
                scores = warper(None, scores)
            slots = tensor_arg[: scores.shape[0]].tolist()
            uniform = torch.stack(
                [
                    torch.rand(scores.shape[1], generator=self._generators[slot])
                    if slot in self._generators
                    else torch.full((scores.shape[1],), 0.5)
                    for slot in slots
                ]
            )
            noise = -torch.log(-torch.log(uniform.clamp(1e-20, 1 - 1e-7)))
            return scores.float() + noise.to(scores.device)

    return Draws
