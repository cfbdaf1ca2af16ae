"""What calls of a model would take, as its newest calls here went, or by an assumption that is said
to be one. For jobs that consist of questions to a model: judging, audits, studies."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from typing import Any

from django.db.models import Count, Sum

from models_runtime.generation_estimates import price_of
from models_runtime.models import (
    AuditCall,
    AuditJob,
    Checkpoint,
    Job,
    JudgeCall,
    JudgingJob,
    StudyCall,
    StudyJob,
)
from models_runtime.pace import Pace, TakesTime, pace_of

LOOKED_AT = 500  # newest calls of each kind
ASSUMED_IN, ASSUMED_OUT = 800, 200  # tokens of a call to a model that has answered nothing here yet
ASSUMED_CALLS = 0.5  # a second
KINDS: tuple[tuple[type[Job], type[Any]], ...] = (
    (JudgingJob, JudgeCall), (AuditJob, AuditCall), (StudyJob, StudyCall),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CallsEstimate(TakesTime):
    """For the `most` calls that are expected, repairs and new attempts not counted. `seen` calls
    say how many tokens one has, 0 where that is assumed; `pace` is in calls a second. `cost` is
    None where the model has no prices."""

    calls: int
    tokens_in: int
    tokens_out: int
    seen: int
    cost: float | None
    time: timedelta
    pace: Pace

    @property
    def tokens(self) -> int:
        return self.tokens_in + self.tokens_out


def estimate_calls(checkpoint: Checkpoint, calls: int) -> CallsEstimate:
    """A protocol's further seats count as in the calls looked at, else as `checkpoint`."""
    seen, read, written, paid = _usual(checkpoint)
    tokens_in, tokens_out = round(calls * read), round(calls * written)
    pace = pace_of(_ended(checkpoint), _calls_of, assumed=ASSUMED_CALLS)
    return CallsEstimate(
        calls=calls,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        seen=seen,
        cost=calls * paid if paid else price_of(checkpoint, tokens_in, tokens_out),
        time=pace.time_for(calls),
        pace=pace,
    )


def _usual(checkpoint: Checkpoint) -> tuple[int, float, float, float]:
    """(calls, tokens read, tokens written and money of one) in jobs of this model."""
    sums = dict.fromkeys(("n", "read", "written", "paid"), 0.0)
    for _job, call in KINDS:
        newest = call._default_manager.filter(item__job__checkpoint=checkpoint).order_by("-id")
        found = newest[:LOOKED_AT].aggregate(
            n=Count("pk"), read=Sum("tokens_in"), written=Sum("tokens_out"), paid=Sum("cost")
        )
        for name in sums:
            sums[name] += found[name] or 0
    n = sums["n"]
    if not n:
        return 0, ASSUMED_IN, ASSUMED_OUT, 0.0
    return round(n), sums["read"] / n, sums["written"] / n, sums["paid"] / n


def _ended(checkpoint: Checkpoint) -> Iterator[Job]:
    """Jobs of calls that have ended, those of judging first, the newest first."""
    kinds = (kind for kind, _call in KINDS)
    return chain.from_iterable(
        kind._default_manager.filter(checkpoint=checkpoint, finished_at__isnull=False).order_by(
            "-id"
        )
        for kind in kinds
    )


def _calls_of(job: Job) -> float:
    call = dict(KINDS)[type(job)]
    return float(call._default_manager.filter(item__job=job).count())
