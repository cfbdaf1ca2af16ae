"""What writing candidates would take before it starts: calls, tokens, money and time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Avg, Sum, TextField
from django.db.models.functions import Cast, Length

from annotation.models import Project, Prompt
from models_runtime import enqueue
from models_runtime.engines import Sampling
from models_runtime.models import Checkpoint, Generation, GenerationJob
from models_runtime.pace import Pace, TakesTime, pace_of

LETTERS_PER_TOKEN = 4  # of English, for models that haven't read anything here yet
ASSUMED_WRITTEN = 50.0  # tokens a second of a model that has written nothing here yet


@dataclass(frozen=True, slots=True)
class GenerationEstimate(TakesTime):
    """`tokens_out` is what candidates of this model had on average, at most what is allowed;
    `most_tokens_out` if every candidate is as long as allowed and every retry and trial is used.
    Costs are None where the model has no prices. `pace` is in tokens written a second.
    """

    candidates: int
    fewest_calls: int
    most_calls: int
    tokens_in: int
    tokens_out: int
    most_tokens_out: int
    cost: float | None
    most_cost: float | None
    time: timedelta
    pace: Pace
    thing: str = "candidates"


def estimate_generation(
    project: Project,
    checkpoint: Checkpoint,
    *,
    per_prompt: int,
    sampling: Sampling,
    prompts: Sequence[str] | None = None,
    retries: int = 0,
    embedder: Checkpoint | None = None,
) -> GenerationEstimate:
    """`retries` is how often one candidate may be asked for again. An `embedder` reads all that is
    written; its price is in the costs, its tokens aren't among the writer's."""
    chosen = Prompt.objects.filter(project=project)
    if prompts is not None:
        chosen = chosen.filter(external_id__in=prompts)
    count = chosen.count() * per_prompt
    letters = chosen.aggregate(n=Sum(Length(Cast("messages", TextField()))))["n"] or 0
    tokens_in = per_prompt * letters // LETTERS_PER_TOKEN
    usual = Generation.objects.filter(checkpoint=checkpoint).aggregate(n=Avg("tokens_out"))["n"]
    per_candidate = min(sampling.max_tokens, round(usual or sampling.max_tokens))
    work = sampling.decoder.most_work if sampling.decoder else 1
    tokens_out = count * per_candidate
    most_out = count * sampling.max_tokens * work * (1 + retries)
    pace = writing_pace(checkpoint)
    return GenerationEstimate(
        candidates=count,
        fewest_calls=count,
        most_calls=count * (1 + retries),
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        most_tokens_out=most_out,
        cost=_price_of_both(checkpoint, embedder, tokens_in, tokens_out),
        most_cost=_price_of_both(checkpoint, embedder, tokens_in * (1 + retries), most_out),
        time=pace.time_for(tokens_out),
        pace=pace,
    )


def estimate_of(project: Project, asked: Mapping[str, Any]) -> GenerationEstimate:
    """The estimate of what `enqueue.request_generation` is asked for. Raises NotPossible where it
    would refuse the model."""
    enqueue.check_writer(project, asked["checkpoint"], asked["sampling"])
    return estimate_generation(
        project,
        asked["checkpoint"],
        per_prompt=asked["per_prompt"],
        sampling=asked["sampling"],
        retries=asked["novelty"].tries if asked["novelty"] else 0,
        embedder=asked["embedder"],
    )


def _price_of_both(
    writer: Checkpoint, embedder: Checkpoint | None, tokens_in: int, tokens_out: int
) -> float | None:
    """What writing costs, and embedding what was written; None where neither has prices."""
    embedding = price_of(embedder, tokens_out, 0) if embedder else None
    costs = (price_of(writer, tokens_in, tokens_out), embedding)
    known = [cost for cost in costs if cost is not None]
    return sum(known) if known else None


def price_of(checkpoint: Checkpoint, tokens_in: int, tokens_out: int) -> float | None:
    """By the checkpoint's prices per million tokens; None where it has none."""
    prices = [float(checkpoint.options.get(name) or 0) for name in ("price_in", "price_out")]
    if not any(prices):
        return None
    return (prices[0] * tokens_in + prices[1] * tokens_out) / 1e6


def writing_pace(checkpoint: Checkpoint) -> Pace:
    """Tokens a second that this model wrote over its newest jobs, or what is assumed."""
    ended = GenerationJob.objects.filter(checkpoint=checkpoint, finished_at__isnull=False)
    return pace_of(
        ended.order_by("-id"), lambda job: job.spent().tokens_out, assumed=ASSUMED_WRITTEN
    )
