"""Cautious and deepening decoding on a model of this machine (see models_runtime.decoding).

A cautious text is written alone, its trials as one batch on copies of its cache; texts that deepen
share a batch in every round. Both draw from seeds of the row, so company changes nothing.
"""

import copy
import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from models_runtime.decoding import Cautious, Deepening, ends_phrase, entropy, least_perplexed
from models_runtime.engines import Sample, Sampling
from models_runtime.engines._local_model import (
    Loaded,
    Row,
    continued,
    ends_of,
    processors,
    sample_of,
)
from models_runtime.selection import extract_answer


def write_decoded(
    loaded: Loaded, rows: Sequence[Row], sampling: Sampling, closed: threading.Event
) -> list[Sample]:
    """One sample per row by the sampling's decoder."""
    decoder = sampling.decoder
    if isinstance(decoder, Cautious):
        return [_Cautiously(loaded, row, sampling, decoder, closed).write() for row in rows]
    assert isinstance(decoder, Deepening)
    return _deepen(loaded, rows, sampling, decoder, closed)


def _seed(*parts: object) -> int:
    digest = hashlib.sha256(":".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


# --- Iterative deepening --------------------------------------------------------------------------


@dataclass
class _Deepened:
    row: Row
    tokens: list[int]
    is_over: bool = False


def _deepen(
    loaded: Loaded,
    rows: Sequence[Row],
    sampling: Sampling,
    decoder: Deepening,
    closed: threading.Event,
) -> list[Sample]:
    trigger = list(loaded.tokenizer(decoder.trigger, add_special_tokens=False).input_ids)
    texts = [_Deepened(row, []) for row in rows]
    budgets = decoder.budgets(sampling.max_tokens)
    for round_, budget in enumerate(budgets):
        open_ = [each for each in texts if not each.is_over and len(each.tokens) < budget]
        for length in sorted({len(each.tokens) for each in open_}):
            alike = [each for each in open_ if len(each.tokens) == length]
            _go_on(loaded, alike, replace(sampling, max_tokens=budget - length), round_, closed)
        if closed.is_set():
            break
        for each in texts:
            each.is_over = each.is_over or _is_over(loaded, each.tokens, sampling)
            if not each.is_over and round_ + 1 < len(budgets):
                each.tokens += trigger[: sampling.max_tokens - len(each.tokens)]
    return [sample_of(loaded, each.row, each.tokens, sampling) for each in texts]


def _go_on(
    loaded: Loaded,
    texts: Sequence[_Deepened],
    sampling: Sampling,
    round_: int,
    closed: threading.Event,
) -> None:
    """Write on, each from where it is; the first round draws as plain decoding would."""
    rows = [replace(each.row, ids=(*each.row.ids, *each.tokens)) for each in texts]
    seeds = [
        row.seed if round_ == 0 or row.seed is None else _seed("deepen", row.seed, round_)
        for row in rows
    ]
    for each, tokens in zip(
        texts, continued(loaded, rows, sampling, closed, seeds=seeds), strict=True
    ):
        each.tokens += tokens


def _is_over(loaded: Loaded, tokens: list[int], sampling: Sampling) -> bool:
    """Whether the text has come to its end, to a stop text or to an answer."""
    if ends_of(loaded) & set(tokens):
        return True
    text = loaded.tokenizer.decode(tokens, skip_special_tokens=True)
    return any(stop in text for stop in sampling.stop) or extract_answer(text) is not None


# --- Cautious next-token prediction ---------------------------------------------------------------


class _Cautiously:
    """One text, written cautiously."""

    def __init__(
        self,
        loaded: Loaded,
        row: Row,
        sampling: Sampling,
        decoder: Cautious,
        closed: threading.Event,
    ) -> None:
        self._loaded = loaded
        self._row = row
        self._sampling = sampling
        self._decoder = decoder
        self._closed = closed
        self._ends = ends_of(loaded)
        self._one = processors([row.seed], sampling, loaded.device)
        self._tokens: list[int] = []
        self._tried = 0

    def write(self) -> Sample:
        import torch

        with torch.inference_mode():
            cache, scores = self._read(None, [list(self._row.ids)])
            while not self._is_over():
                kept = self._next(cache, scores)
                self._tokens += kept
                if self._is_over():
                    break
                cache, scores = self._read(cache, [kept])
        sample = sample_of(self._loaded, self._row, self._tokens, self._sampling)
        return replace(sample, tried=self._tried)

    def _is_over(self) -> bool:
        if self._closed.is_set() or len(self._tokens) >= self._sampling.max_tokens:
            return True
        if self._tokens and self._tokens[-1] in self._ends:
            return True
        if not self._sampling.stop or not self._tokens:
            return False
        text = self._loaded.tokenizer.decode(self._tokens, skip_special_tokens=True)
        return any(stop in text for stop in self._sampling.stop)

    def _read(self, cache: Any, rows: list[list[int]]) -> tuple[Any, Any]:
        """The cache after these tokens, and the next token's scores [rows, vocabulary]."""
        import torch

        ids = torch.tensor(rows, dtype=torch.long, device=self._loaded.device)
        out = self._loaded.model(
            input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1
        )
        return out.past_key_values, out.logits[:, -1].float()

    def _next(self, cache: Any, scores: Any) -> list[int]:
        """The tokens that are written next: one where the model is sure or nothing is drawn, else
        the best of some trials."""
        import torch

        count = self._decoder.trials(
            entropy(torch.log_softmax(scores[0].double(), dim=-1).tolist())
        )
        if count == 1 or self._sampling.temperature == 0:
            return [self._draw(self._one, [list(self._tokens)], scores)[0]]
        trials, surprises = self._try(cache, scores, count)
        best = least_perplexed(surprises)
        self._tried += sum(map(len, trials)) - len(trials[best])
        return trials[best]

    def _draw(self, steps: Sequence[Any], written: list[list[int]], scores: Any) -> list[int]:
        import torch

        so_far = torch.tensor(
            [[*self._row.ids, *each] for each in written], device=self._loaded.device
        )
        for step in steps:
            scores = step(so_far, scores)
        chosen: list[int] = scores.argmax(dim=-1).tolist()
        return chosen

    def _try(
        self, cache: Any, scores: Any, count: int
    ) -> tuple[list[list[int]], list[list[float]]]:
        """`count` continuations up to punctuation, with the log-probabilities of their tokens."""
        import torch

        place = len(self._tokens)
        seed = self._row.seed
        seeds = [None if seed is None else _seed("trial", seed, place, i) for i in range(count)]
        steps = processors(seeds, self._sampling, self._loaded.device)
        cache = copy.deepcopy(cache)
        cache.batch_repeat_interleave(count)
        scores = scores.repeat(count, 1)
        trials: list[list[int]] = [[] for _ in range(count)]
        surprises: list[list[float]] = [[] for _ in range(count)]
        going = set(range(count))
        most = min(self._decoder.longest, self._sampling.max_tokens - place)
        written = [list(self._tokens) for _ in range(count)]
        for _ in range(most):
            logprobs = torch.log_softmax(scores, dim=-1)
            drawn = self._draw(steps, written, scores)
            for i in range(count):
                written[i].append(drawn[i])
                if i in going:
                    trials[i].append(drawn[i])
                    surprises[i].append(min(0.0, float(logprobs[i, drawn[i]])))
            going = {i for i in going if not self._ends_trial(trials[i][-1])}
            if not going or self._closed.is_set():
                break
            cache, scores = self._read(cache, [[token] for token in drawn])
        return trials, surprises

    def _ends_trial(self, token: int) -> bool:
        return token in self._ends or ends_phrase(self._loaded.tokenizer.decode([token]))
