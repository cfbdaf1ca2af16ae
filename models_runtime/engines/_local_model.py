"""A model of this machine: loading it, and the arithmetic on its tokens.

torch and transformers are imported inside the functions that need them, never with this module.
"""

import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from annotation.phrases import say
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
from models_runtime.engines._continuous import Died, Job, Loop, is_there
from models_runtime.engines._packing import choose_way, hidden_states
from models_runtime.engines._weights import FINGERPRINT, pin

LOGITS = 2048  # tokens whose logits are held at once: 1.2 GB for a vocabulary of 152,000


@dataclass(frozen=True)
class Loaded:
    """A model with its tokenizer, where it runs, and how long a text it can take.

    `packing` is how its texts can be read in one row (see _packing), "" if they can't, and
    `packing_trouble` says why not better. `padding` is the id that the model itself takes for
    padding: its reward is read at the last token that isn't one. `labels` are the names of what a
    reward model's heads measure. `has_plain_head` says that the last
    layer alone makes scores or words of a hidden state, with nothing done to them afterwards.
    `is_continuous` says that the library can write several texts without waiting for the longest.
    """

    model: Any
    tokenizer: Any
    device: str
    longest: int
    packing: str = ""
    packing_trouble: str = ""
    padding: int | None = None
    labels: tuple[str, ...] = ()
    has_plain_head: bool = False
    is_continuous: bool = False


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

    of_files = reference.revision.startswith(FINGERPRINT)
    if of_files and pin(reference.model) != reference.revision:
        raise EngineError(
            Cause.MODEL_NOT_FOUND,
            say(
                "The files in %(model)s aren't those that were registered. Register the "
                "folder anew.",
                model=f"{reference.model!r}",
            ),
        )
    known = {
        "pretrained_model_name_or_path": reference.model,
        "revision": None if of_files else reference.revision or None,
        "local_files_only": True,
        "trust_remote_code": False,
    }
    classes = {
        "causal": transformers.AutoModelForCausalLM,
        "reward": transformers.AutoModelForSequenceClassification,
        "encoder": transformers.AutoModel,
    }
    numbers = "auto" if dtype == "auto" else getattr(torch, dtype)
    device = resolve_device(device)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(**known)
        model = classes[kind].from_pretrained(**known, use_safetensors=True, dtype=numbers)
    except (OSError, ValueError, ImportError, KeyError) as error:
        raise EngineError(
            Cause.MODEL_NOT_FOUND,
            say(
                "%(model)s can't be loaded from this machine as a %(kind)s model: it "
                "isn't here, has no safetensors, or asks to run code of its own, which "
                "is refused.",
                model=f"{reference.model!r}",
                kind=kind,
            ),
        ) from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    if tokenizer.pad_token_id is None:
        raise EngineError(
            Cause.BAD_OPTIONS,
            say("The tokenizer of %(model)s has no end of text.", model=f"{reference.model!r}"),
        )
    padding = getattr(model.config, "pad_token_id", None)
    model.config.pad_token_id = tokenizer.pad_token_id
    model = model.to(device).eval()
    limit = getattr(model.config, "max_position_embeddings", None) or 2**20
    packing, trouble = _packing_of(model, kind)
    return Loaded(
        model,
        tokenizer,
        device,
        int(limit),
        packing=packing,
        packing_trouble=trouble,
        padding=padding,
        labels=_labels_of(model) if kind == "reward" else (),
        has_plain_head=kind != "encoder" and _has_plain_head(model),
        is_continuous=kind == "causal" and is_there(model),
    )


def _has_plain_head(model: Any) -> bool:
    """Whether head(hidden state) is what the whole model says; some scale or bend it afterwards."""
    import torch

    head = head_of(model)
    if head is None:
        return False
    row = [3, 1, 2]
    with torch.inference_mode():
        ids = torch.tensor([row], device=next(model.parameters()).device)
        whole = model(input_ids=ids, use_cache=False).logits
        mine = head(_hidden_alone(model, row))
    return bool(torch.allclose(whole.reshape(-1, whole.shape[-1])[-1], mine[-1], rtol=1e-3))


def _packing_of(model: Any, kind: str) -> tuple[str, str]:
    """How this model's texts can be packed; see `choose_way`."""
    if kind == "encoder" or head_of(model) is None:
        return "", say("its texts look both ways, or its head isn't a plain one")
    return choose_way(model, alone=lambda row: _hidden_alone(model, row))


def _hidden_alone(model: Any, row: Sequence[int]) -> Any:
    import torch

    ids = torch.tensor([list(row)], device=next(model.parameters()).device)
    with torch.inference_mode():
        return model.base_model(input_ids=ids, use_cache=False).last_hidden_state[0]


def head_of(model: Any) -> Any:
    """The layer that makes scores of a hidden state, or words; None if the model has no such."""
    return getattr(model, "score", None) or model.get_output_embeddings()


def _labels_of(model: Any) -> tuple[str, ...]:
    """Names of the heads of a reward model, by its own configuration; LABEL_0 says nothing."""
    count = int(model.config.num_labels)
    named = getattr(model.config, "id2label", None) or {}
    names = [str(named.get(place, named.get(str(place), ""))) for place in range(count)]
    return tuple(
        f"head_{place}" if not name or name.startswith("LABEL_") else name
        for place, name in enumerate(names)
    )


def resolve_device(wanted: str) -> str:
    """Where a model runs that is wanted on `auto`, cpu, cuda, cuda:1, …; raises EngineError."""
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted.startswith("cuda") and not torch.cuda.is_available():
        raise EngineError(Cause.UNAVAILABLE, say("This worker sees no GPU. Choose the device cpu."))
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
    written = continued(loaded, rows, sampling, closed, seeds=[row.seed for row in rows])
    return [
        sample_of(loaded, row, tokens, sampling) for row, tokens in zip(rows, written, strict=True)
    ]


def continued(
    loaded: Loaded,
    rows: Sequence[Row],
    sampling: Sampling,
    closed: threading.Event,
    *,
    seeds: Sequence[int | None],
) -> list[list[int]]:
    """The tokens that follow each row; what comes after the end of a text is padding."""
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
            logits_processor=processors(seeds, sampling, loaded.device),
            stopping_criteria=[_Abandoned(closed)],
            pad_token_id=loaded.tokenizer.pad_token_id,
            **settings,
        )
    written: list[list[int]] = out[:, ids.shape[1] :].tolist()
    return written


class _Abandoned:
    """Ends a batch between two tokens when the engine was closed."""

    def __init__(self, closed: threading.Event) -> None:
        self._closed = closed

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        import torch

        return torch.full(
            (input_ids.shape[0],), self._closed.is_set(), device=input_ids.device, dtype=torch.bool
        )


def processors(seeds: Sequence[int | None], sampling: Sampling, device: str) -> list[Any]:
    """Steps from raw scores to those whose argmax is the next token."""
    if sampling.temperature == 0:
        return []
    return [*_warpers(sampling), _Gumbel(seeds, device)]


def _warpers(sampling: Sampling) -> list[Any]:
    """What shapes the distribution before a token is drawn from it."""
    import transformers

    steps: list[Any] = []
    if sampling.temperature != 1:
        steps.append(transformers.TemperatureLogitsWarper(float(sampling.temperature)))
    if sampling.top_k is not None:
        steps.append(transformers.TopKLogitsWarper(sampling.top_k))
    if sampling.top_p is not None and sampling.top_p < 1:
        steps.append(transformers.TopPLogitsWarper(sampling.top_p))
    if sampling.min_p is not None and sampling.min_p > 0:
        steps.append(transformers.MinPLogitsWarper(sampling.min_p))
    return steps


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


def ends_of(loaded: Loaded) -> set[int]:
    """The tokens that end a text."""
    ends = loaded.model.generation_config.eos_token_id
    found = {loaded.tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])}
    return {token for token in found if token is not None}


def sample_of(
    loaded: Loaded,
    row: Row,
    tokens: list[int],
    sampling: Sampling,
    known: Sequence[float] | None = None,
) -> Sample:
    """The sample that was written as `tokens`; their log-probabilities are computed unless they
    are `known`."""
    ends = ends_of(loaded)
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
        if known is None:
            known, _ = teacher_forced(loaded, row.ids, tuple(kept))
        logprobs = with_texts(loaded, kept, [min(0.0, each) for each in known[: len(kept)]])
    return Sample(text, Finish.LENGTH if full else Finish.STOP, logprobs)


def write_continuously(
    loaded: Loaded,
    rows: Iterator[Row],
    sampling: Sampling,
    *,
    cache_tokens: int,
    batch_tokens: int,
    in_flight: int,
    closed: threading.Event,
) -> Iterator[tuple[Row, Sample | None]]:
    """Samples of `rows` as they end, None for those that must be written in another way. `sampling`
    says how tokens are drawn; how many and where to stop is each row's own."""
    on_the_way: dict[str, Row] = {}

    def jobs() -> Iterator[Job]:
        for row in rows:
            key = f"{len(on_the_way)}-{row.place}-{row.request.key}"
            on_the_way[key] = row
            yield Job(key, row.ids, row.request.sampling.max_tokens, row.seed)

    loop = Loop(
        loaded.model,
        ends=tuple(sorted(ends_of(loaded))),
        padding=loaded.tokenizer.pad_token_id,
        warpers=None if sampling.temperature == 0 else _warpers(sampling),
        cache_tokens=cache_tokens,
        batch_tokens=batch_tokens,
        in_flight=in_flight,
        closed=closed,
    )
    try:
        with loop:
            for written in loop.run(jobs()):
                row = on_the_way[written.key]
                sample = None
                if not written.failed:
                    own = row.request.sampling
                    sample = sample_of(loaded, row, written.tokens, own, written.logprobs)
                yield row, sample
    except Died:
        for row in rows:
            yield row, None


def teacher_forced(
    loaded: Loaded, before: Sequence[int], after: Sequence[int]
) -> tuple[list[float], list[float]]:
    """Log-probability and self-certainty of every token of `after`, given all before it."""
    import torch

    if not after:
        return [], []
    ids = torch.tensor([[*before, *after]], dtype=torch.long, device=loaded.device)
    with torch.inference_mode():
        logits = loaded.model(input_ids=ids, logits_to_keep=len(after) + 1, use_cache=False).logits
    z = logits[0, -len(after) - 1 : -1].float()
    total = torch.logsumexp(z, dim=-1)
    chosen = z.gather(1, torch.tensor(after, device=z.device).unsqueeze(1)).squeeze(1)
    return (chosen - total).clamp(max=0).tolist(), self_certainty(z).tolist()


def self_certainty(z: Any) -> Any:
    """-mean_v log p_v - log V of each row of logits z: logsumexp(z) - mean(z) - log V, so that no
    table of probabilities is made. 0 for a uniform distribution."""
    import torch

    return torch.logsumexp(z, dim=-1) - z.mean(dim=-1) - math.log(z.shape[-1])


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


def hidden_rows(loaded: Loaded, rows: Sequence[Sequence[int]], *, packed: bool) -> list[Any]:
    """The last hidden states of every row, [tokens, size]: of one packed row, or a padded batch."""
    import torch

    if packed:
        return hidden_states(loaded.model, rows, way=loaded.packing)
    ids, mask = padded(loaded, rows, left=False)
    with torch.inference_mode():
        hidden = loaded.model.base_model(
            input_ids=ids, attention_mask=mask, use_cache=False
        ).last_hidden_state
    return [states[: len(row)] for states, row in zip(hidden, rows, strict=True)]


@dataclass(frozen=True, slots=True)
class Wobble:
    """How to find out how sure a reward is: `draws` times a share `rate` of the hidden state's
    numbers is dropped before the head (Gal and Ghahramani 2016, on the last layer only). Drawn
    from `seed`, so that it doesn't depend on the batch."""

    draws: int
    rate: float
    seed: int


def reward_rows(
    loaded: Loaded,
    rows: Sequence[tuple[tuple[int, ...], Wobble | None]],
    *,
    packed: bool,
) -> list[tuple[list[float], list[float]]]:
    """(value per head, spread per head) of every row; no spreads where no wobble is asked for."""
    import torch

    head = head_of(loaded.model)
    if not loaded.has_plain_head:
        return _whole_model_rewards(loaded, [row for row, _ in rows])
    hidden = hidden_rows(loaded, [row for row, _ in rows], packed=packed)
    found = []
    with torch.inference_mode():
        states = [each[_read_at(loaded, row)] for each, (row, _) in zip(hidden, rows, strict=True)]
        values = head(torch.stack(states)).float().tolist()
        for state, value, (_, wobble) in zip(states, values, rows, strict=True):
            found.append((value, [] if wobble is None else _spread(head, state, wobble)))
    return found


def _read_at(loaded: Loaded, row: Sequence[int]) -> int:
    """Where the library itself reads the reward: at the last token that isn't padding."""
    for place in range(len(row) - 1, -1, -1):
        if row[place] != loaded.padding:
            return place
    return len(row) - 1


def _spread(head: Any, state: Any, wobble: Wobble) -> list[float]:
    import torch

    generator = torch.Generator().manual_seed(wobble.seed)
    kept = torch.rand((wobble.draws, state.shape[-1]), generator=generator) >= wobble.rate
    drawn = head(state * kept.to(state) / (1 - wobble.rate)).float()
    spread: list[float] = drawn.std(dim=0, correction=1).tolist()
    return spread


def _whole_model_rewards(
    loaded: Loaded, rows: Sequence[tuple[int, ...]]
) -> list[tuple[list[float], list[float]]]:
    import torch

    ids, mask = padded(loaded, rows, left=False)
    with torch.inference_mode():
        logits = loaded.model(input_ids=ids, attention_mask=mask).logits
    return [(value, []) for value in logits.float().tolist()]


def continuation_rows(
    loaded: Loaded,
    rows: Sequence[tuple[tuple[int, ...], tuple[int, ...]]],
    *,
    packed: bool,
) -> list[tuple[list[float], list[float]]]:
    """(log-probability, self-certainty) of every token of the second half of each row, given all
    before it. The words' logits are made only where they are needed, LOGITS tokens at a time."""
    import torch

    hidden = hidden_rows(loaded, [(*before, *after) for before, after in rows], packed=packed)
    head = head_of(loaded.model)
    needed = torch.cat(
        [
            states[len(before) - 1 : len(before) + len(after) - 1]
            for states, (before, after) in zip(hidden, rows, strict=True)
        ]
    )
    tokens = torch.tensor([token for _, after in rows for token in after], device=needed.device)
    logprobs: list[float] = []
    certainty: list[float] = []
    with torch.inference_mode():
        for states, chosen in zip(needed.split(LOGITS), tokens.split(LOGITS), strict=True):
            z = head(states).float()
            total = torch.logsumexp(z, dim=-1)
            picked = z.gather(1, chosen.unsqueeze(1)).squeeze(1)
            logprobs += (picked - total).clamp(max=0).tolist()
            certainty += self_certainty(z).tolist()
    found, start = [], 0
    for _, after in rows:
        end = start + len(after)
        found.append((logprobs[start:end], certainty[start:end]))
        start = end
    return found


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
