"""A model of this machine: loading it, and the arithmetic on its tokens.

torch and transformers are imported inside the functions that need them, never with this module.
"""

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models_runtime.engines import (
    Cause,
    Conversation,
    EngineError,
    Finish,
    GenerationRequest,
    ModelReference,
    Sample,
    Sampling,
    TokenLogprob,
)


@dataclass(frozen=True)
class Loaded:
    """A model with its tokenizer, where it runs, and how long a text it can take."""

    model: Any
    tokenizer: Any
    device: str
    longest: int


@dataclass(frozen=True, slots=True)
class Row:
    """One text to be continued: a sample of a request."""

    request: GenerationRequest
    place: int
    ids: tuple[int, ...]

    @property
    def seed(self) -> int | None:
        return None if self.request.seed is None else self.request.seed + self.place


# --- Loading --------------------------------------------------------------------------------------


def load(reference: ModelReference, *, kind: str, device: str, dtype: str) -> Loaded:
    """Read a model from this machine; raises EngineError with a sentence."""
    import torch
    import transformers

    known = {
        "pretrained_model_name_or_path": reference.model,
        "revision": reference.revision or None,
        "local_files_only": True,
        "trust_remote_code": False,
    }
    classes = {
        "causal": transformers.AutoModelForCausalLM,
        "reward": transformers.AutoModelForSequenceClassification,
        "encoder": transformers.AutoModel,
    }
    numbers = "auto" if dtype == "auto" else getattr(torch, dtype)
    device = _device(device)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(**known)
        model = classes[kind].from_pretrained(**known, use_safetensors=True, dtype=numbers)
    except (OSError, ValueError, ImportError, KeyError) as error:
        raise EngineError(
            Cause.MODEL_NOT_FOUND,
            f"{reference.model!r} can't be loaded from this machine as a {kind} model: it "
            "isn't here, has no safetensors, or asks to run code of its own, which is refused.",
        ) from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    if tokenizer.pad_token_id is None:
        raise EngineError(
            Cause.BAD_OPTIONS, f"The tokenizer of {reference.model!r} has no end of text."
        )
    model.config.pad_token_id = tokenizer.pad_token_id
    model = model.to(device).eval()
    limit = getattr(model.config, "max_position_embeddings", None) or 2**20
    return Loaded(model, tokenizer, device, int(limit))


def _device(wanted: str) -> str:
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted.startswith("cuda") and not torch.cuda.is_available():
        raise EngineError(Cause.UNAVAILABLE, "This worker sees no GPU. Choose the device cpu.")
    return wanted


def encode(loaded: Loaded, messages: Conversation, *, awaiting: bool = True) -> tuple[int, ...]:
    """A conversation as token ids, by the model's own chat template where it has one. With
    `awaiting` the model is to speak next."""
    tokenizer = loaded.tokenizer
    if tokenizer.chat_template:
        wire = [{"role": message.role, "content": message.content} for message in messages]
        text = tokenizer.apply_chat_template(wire, tokenize=False, add_generation_prompt=awaiting)
        return tuple(tokenizer(text, add_special_tokens=False).input_ids)
    text = "\n\n".join(f"{message.role}: {message.content}" for message in messages)
    return tuple(tokenizer(text + ("\n\nassistant:" if awaiting else "")).input_ids)


# --- Computing ------------------------------------------------------------------------------------


def padded(loaded: Loaded, rows: Sequence[Sequence[int]], *, left: bool) -> tuple[Any, Any]:
    """Ids and attention mask, padded on the left (to continue) or on the right (to read)."""
    import torch

    longest = max(map(len, rows))
    pad = loaded.tokenizer.pad_token_id
    ids = torch.full((len(rows), longest), pad, dtype=torch.long)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    for place, row in enumerate(rows):
        part = slice(longest - len(row), longest) if left else slice(0, len(row))
        ids[place, part] = torch.tensor(row, dtype=torch.long)
        mask[place, part] = 1
    return ids.to(loaded.device), mask.to(loaded.device)


def continue_rows(
    loaded: Loaded, rows: Sequence[Row], sampling: Sampling, closed: threading.Event
) -> list[Sample]:
    """One sample per row; cut short, between two tokens, once `closed` is set."""
    import torch

    ids, mask = padded(loaded, [row.ids for row in rows], left=True)
    settings: dict[str, Any] = {}
    if sampling.stop:
        settings = {"stop_strings": list(sampling.stop), "tokenizer": loaded.tokenizer}
    with torch.inference_mode():
        out = loaded.model.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=sampling.max_tokens,
            do_sample=False,
            logits_processor=_processors(rows, sampling, loaded.device),
            stopping_criteria=[_Abandoned(closed)],
            pad_token_id=loaded.tokenizer.pad_token_id,
            **settings,
        )
    written = out[:, ids.shape[1] :].tolist()
    return [
        _sample(loaded, row, tokens, sampling) for row, tokens in zip(rows, written, strict=True)
    ]


class _Abandoned:
    """Ends a batch between two tokens when the engine was closed."""

    def __init__(self, closed: threading.Event) -> None:
        self._closed = closed

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        import torch

        return torch.full(
            (input_ids.shape[0],), self._closed.is_set(), device=input_ids.device, dtype=torch.bool
        )


def _processors(rows: Sequence[Row], sampling: Sampling, device: str) -> list[Any]:
    """Steps from raw scores to those whose argmax is the next token."""
    import transformers

    if sampling.temperature == 0:
        return []
    steps: list[Any] = []
    if sampling.temperature != 1:
        steps.append(transformers.TemperatureLogitsWarper(float(sampling.temperature)))
    if sampling.top_k is not None:
        steps.append(transformers.TopKLogitsWarper(sampling.top_k))
    if sampling.top_p is not None and sampling.top_p < 1:
        steps.append(transformers.TopPLogitsWarper(sampling.top_p))
    if sampling.min_p is not None and sampling.min_p > 0:
        steps.append(transformers.MinPLogitsWarper(sampling.min_p))
    return [*steps, _Gumbel([row.seed for row in rows], device)]


class _Gumbel:
    """Adds Gumbel noise, after which the argmax is a draw from the distribution.

    Each row has a generator of its own, seeded by its request: its text doesn't depend on the
    batch it happened to be in.
    """

    def __init__(self, seeds: Sequence[int | None], device: str) -> None:
        import torch

        self._device = device
        self._generators = []
        for seed in seeds:
            generator = torch.Generator()
            if seed is None:
                generator.seed()
            else:
                generator.manual_seed(seed)
            self._generators.append(generator)

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        import torch

        uniform = torch.stack(
            [torch.rand(scores.shape[1], generator=each) for each in self._generators]
        )
        noise = -torch.log(-torch.log(uniform.clamp(1e-20, 1 - 1e-7)))
        return scores.float() + noise.to(scores.device)


def _sample(loaded: Loaded, row: Row, tokens: list[int], sampling: Sampling) -> Sample:
    ends = loaded.model.generation_config.eos_token_id
    ends = {loaded.tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])}
    length = next((place for place, token in enumerate(tokens) if token in ends), None)
    kept = tokens[:length]
    text = loaded.tokenizer.decode(kept, skip_special_tokens=True)
    stopped = length is not None
    for stop in sampling.stop:
        before, found, _ = text.partition(stop)
        text, stopped = before, stopped or bool(found)
    full = not stopped and len(tokens) >= sampling.max_tokens
    logprobs = None
    if row.request.logprobs and kept:
        values, _ = teacher_forced(loaded, row.ids, tuple(kept))
        logprobs = with_texts(loaded, kept, values)
    return Sample(text, Finish.LENGTH if full else Finish.STOP, logprobs)


def teacher_forced(
    loaded: Loaded, before: Sequence[int], after: Sequence[int]
) -> tuple[list[float], list[float]]:
    """Log-probability and self-certainty of every token of `after`, given all before it.

    Self-certainty is logsumexp(z) - mean(z) - log V of the logits z: no table of probabilities.
    """
    import torch

    if not after:
        return [], []
    ids = torch.tensor([[*before, *after]], dtype=torch.long, device=loaded.device)
    with torch.inference_mode():
        logits = loaded.model(input_ids=ids, logits_to_keep=len(after) + 1, use_cache=False).logits
    z = logits[0, -len(after) - 1 : -1].float()
    total = torch.logsumexp(z, dim=-1)
    chosen = z.gather(1, torch.tensor(after, device=z.device).unsqueeze(1)).squeeze(1)
    certainty = total - z.mean(dim=-1) - math.log(z.shape[-1])
    return (chosen - total).clamp(max=0).tolist(), certainty.tolist()


def next_token_logprobs(loaded: Loaded, rows: Sequence[Sequence[int]]) -> list[Any]:
    """The log-probabilities of every next token, a float32 row each."""
    import torch

    ids, mask = padded(loaded, rows, left=True)
    positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
    with torch.inference_mode():
        logits = loaded.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            logits_to_keep=1,
            use_cache=False,
        ).logits
    return list(torch.log_softmax(logits[:, -1].float(), dim=-1))


def score_rows(loaded: Loaded, rows: list[tuple[int, ...]]) -> list[float]:
    import torch

    ids, mask = padded(loaded, rows, left=False)
    with torch.inference_mode():
        logits = loaded.model(input_ids=ids, attention_mask=mask, use_cache=False).logits
    return [float(value) for value in logits[:, 0].float()]


def embed_rows(loaded: Loaded, rows: list[tuple[int, ...]]) -> list[list[float]]:
    import torch

    ids, mask = padded(
        loaded, [row or (loaded.tokenizer.pad_token_id,) for row in rows], left=False
    )
    with torch.inference_mode():
        hidden = loaded.model(input_ids=ids, attention_mask=mask).last_hidden_state.float()
    weights = mask.unsqueeze(-1).float()
    mean = (hidden * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)
    vectors: list[list[float]] = torch.nn.functional.normalize(mean, dim=1).tolist()
    return vectors


def label_ids(loaded: Loaded, label: str) -> set[int]:
    """The single tokens that spell a label, with or without a blank before it, in either case."""
    found = set()
    for spelling in {label, label.lower(), f" {label}", f" {label.lower()}"}:
        ids = loaded.tokenizer(spelling, add_special_tokens=False).input_ids
        if len(ids) == 1 and ids[0] != loaded.tokenizer.unk_token_id:
            found.add(int(ids[0]))
    return found


def with_texts(
    loaded: Loaded, ids: Sequence[int], logprobs: Sequence[float]
) -> tuple[TokenLogprob, ...]:
    return tuple(
        TokenLogprob(loaded.tokenizer.decode([token]), value)
        for token, value in zip(ids, logprobs, strict=True)
    )
