"""What measuring candidates would take before it starts: tokens read, money and time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet, Sum, TextField
from django.db.models.functions import Cast, Length

from annotation.models import Candidate, Project
from models_runtime import enqueue
from models_runtime.catalogue import SCORERS
from models_runtime.engines._options import read_options
from models_runtime.generation_estimates import ASSUMED_WRITTEN, LETTERS_PER_TOKEN, price_of
from models_runtime.models import Checkpoint, ItemState, ScoringJob
from models_runtime.pace import Pace, TakesTime, pace_of
from models_runtime.rewards import Scorer

ASSUMED_READ = 1_000.0  # tokens a second of a model that has measured nothing here yet


@dataclass(frozen=True, slots=True)
class ScoringEstimate(TakesTime):
    """`tokens_in` is what one model reads, at four letters a token, `tokens_out` what it writes;
    `models` is 2 where two are compared. `cost` is None where none of them has prices; `pace` is in
    tokens read and written a second."""

    candidates: int
    models: int
    tokens_in: int
    tokens_out: int
    cost: float | None
    time: timedelta
    pace: Pace


def estimate_scoring(
    project: Project,
    checkpoint: Checkpoint,
    *,
    scorer: str,
    settings: Mapping[str, Any] | None = None,
    partner: Checkpoint | None = None,
    again: bool = False,
) -> ScoringEstimate:
    """Of what `enqueue.request_scoring` is asked for. Raises NotPossible where it would refuse."""
    plain, chosen = enqueue.to_measure(
        project, checkpoint, scorer=scorer, settings=settings, partner=partner, again=again
    )
    plugin = SCORERS[scorer]
    options = read_options(plugin.options_class, plain)
    looked_at = _looked_at(plugin, chosen)
    read = _read_by(plugin, plain, looked_at)
    count = looked_at.count()
    written = plugin.writing(count, options)
    both = [each for each in (checkpoint, partner) if each is not None]
    costs = [cost for each in both if (cost := price_of(each, read, written)) is not None]
    pace = reading_pace(checkpoint, scorer, assumed=_assumed(read, written))
    return ScoringEstimate(
        candidates=count,
        models=len(both),
        tokens_in=read,
        tokens_out=written,
        cost=sum(costs) if costs else None,
        time=pace.time_for(read + written),
        pace=pace,
    )


def reading_pace(checkpoint: Checkpoint, scorer: str, *, assumed: float) -> Pace:
    """Tokens read and written a second in the newest jobs in which this model measured in this way,
    told by the same letters a token; where two are compared, the two together took that time."""
    ended = ScoringJob.objects.filter(
        checkpoint=checkpoint, scorer=scorer, finished_at__isnull=False
    )
    return pace_of(ended.order_by("-id"), _read_in, assumed=assumed)


def _assumed(read: int, written: int) -> float:
    """Tokens a second where nothing is known: reading is quick, writing is slow."""
    if not written:
        return ASSUMED_READ
    return (read + written) / (read / ASSUMED_READ + written / ASSUMED_WRITTEN)


def _read_in(job: ScoringJob) -> float:
    scorer = SCORERS[job.scorer]
    done = job.items.filter(state=ItemState.DONE).values("candidate")
    rows = _looked_at(scorer, Candidate.objects.filter(pk__in=done))
    options = read_options(scorer.options_class, job.settings)
    return _read_by(scorer, job.settings, rows) + scorer.writing(rows.count(), options)


def _looked_at(scorer: Scorer, chosen: QuerySet[Candidate]) -> QuerySet[Candidate]:
    """The candidates, or for a scorer of sets all those of their prompts."""
    if not scorer.of_sets:
        return chosen
    return Candidate.objects.filter(prompt__in=chosen.order_by().values("prompt"))


def _read_by(scorer: Scorer, settings: Mapping[str, Any], rows: QuerySet[Candidate]) -> int:
    sums = rows.order_by().aggregate(
        text=Sum(Length("text")), prompt=Sum(Length(Cast("prompt__messages", TextField())))
    )
    text, prompt = (round((sums[name] or 0) / LETTERS_PER_TOKEN) for name in ("text", "prompt"))
    return scorer.reading(prompt, text, read_options(scorer.options_class, settings))
