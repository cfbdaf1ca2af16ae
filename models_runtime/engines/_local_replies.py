"""What a model of this machine answers, from what was computed: replies with their usage, failures
with their sentences."""

import math
import time
from collections.abc import Sequence
from typing import Any

from annotation.phrases import say
from models_runtime.engines import (
    Cause,
    Decision,
    DecisionReply,
    DecisionRequest,
    EmbeddingReply,
    EmbeddingRequest,
    Failure,
    GenerationReply,
    RewardReply,
    RewardRequest,
    Sample,
    Sampling,
    Usage,
)
from models_runtime.engines._local_model import Loaded, Row, label_ids
from models_runtime.residency import TooLarge


def does_not_fit(model: str, refusal: TooLarge) -> str:
    size, budget, pinned = (each / 2**30 for each in (refusal.size, refusal.budget, refusal.pinned))
    held = (
        say(", of which %(pinned)s are pinned by other models", pinned=f"{pinned:.1f}")
        if pinned
        else ""
    )
    return say(
        "%(model)s needs %(size)s GB for its weights; %(budget)s GB are set "
        "aside for models here%(held)s. Choose a smaller model or dtype, or "
        "raise POLYPHONY_MODEL_MEMORY_GB.",
        model=model,
        size=f"{size:.1f}",
        budget=f"{budget:.1f}",
        held=held,
    )


def no_spread(loaded: Loaded) -> Failure:
    return Failure(
        Cause.UNSUPPORTED,
        say(
            "This model's rewards don't come from a plain last layer, so it can't "
            "say how sure they are. Choose another model, or ask without draws."
        ),
    )


def reward_reply(
    loaded: Loaded, request: RewardRequest, ids: Sequence[int], outcome: Any
) -> RewardReply:
    if isinstance(outcome, Failure):
        return RewardReply(request.key, failure=outcome)
    values, spreads = outcome
    names = loaded.labels if len(loaded.labels) > 1 else ("reward",)
    return RewardReply(
        request.key,
        dict(zip(names, values, strict=True)),
        dict(zip(names, spreads, strict=True)) if spreads else {},
        usage=Usage(len(ids), 0),
    )


def embedding_reply(
    request: EmbeddingRequest,
    encoded: Sequence[Sequence[int]],
    outcomes: Sequence[list[float] | Failure],
    began: float,
) -> EmbeddingReply:
    wall_ms = round((time.monotonic() - began) * 1000)
    vectors = tuple(each for each in outcomes if not isinstance(each, Failure))
    failure = next((each for each in outcomes if isinstance(each, Failure)), None)
    if failure is not None:
        return EmbeddingReply(request.key, wall_ms=wall_ms, failure=failure)
    usage = Usage(sum(map(len, encoded)))
    return EmbeddingReply(request.key, vectors, usage, len(vectors), wall_ms)


def generation_reply(
    loaded: Loaded, row: Row, got: dict[int, Sample | Failure], began: float
) -> GenerationReply:
    wall_ms = round((time.monotonic() - began) * 1000)
    outcomes = [got[place] for place in range(row.request.n)]
    samples = tuple(each for each in outcomes if isinstance(each, Sample))
    failure = next((each for each in outcomes if isinstance(each, Failure)), None)
    written = sum(
        max(1, len(loaded.tokenizer(sample.text, add_special_tokens=False).input_ids))
        + sample.tried
        for sample in samples
    )
    usage = Usage(len(row.ids) * row.request.n, written)
    return GenerationReply(
        row.request.key, () if failure else samples, usage, wall_ms, failure=failure
    )


def decision_reply(
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
                Cause.UNSUPPORTED,
                say("The label “%(label)s” is no single token of this model.", label=label),
            )
            return DecisionReply(request.key, wall_ms=wall_ms, failure=failure)
        sums[label] = math.fsum(math.exp(float(outcome[token])) for token in variants)
    mass = sum(sums.values())
    shares = {label: value / mass for label, value in sums.items()}
    return DecisionReply(request.key, Decision(shares, min(1.0, mass)), Usage(len(ids), 1), wall_ms)


def too_long(loaded: Loaded, length: int, sampling: Sampling) -> Failure:
    return Failure(
        Cause.TOO_LONG,
        say(
            "The text has %(length)s tokens and up to %(max_tokens)s more are asked "
            "for; this model takes %(longest)s.",
            length=length,
            max_tokens=sampling.max_tokens,
            longest=loaded.longest,
        ),
    )
