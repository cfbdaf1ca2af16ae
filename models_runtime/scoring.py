"""Carrying out scoring jobs: from candidates that wait to measurements with their provenance."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction

from annotation.models import Candidate, Measurement
from annotation.phrases import say
from models_runtime import shifts
from models_runtime.catalogue import SCORERS
from models_runtime.checkpoints import open_engine
from models_runtime.device_time import on_device
from models_runtime.embedders import counted
from models_runtime.engines import (
    Capability,
    Cause,
    Engine,
    EngineError,
    Failure,
)
from models_runtime.engines._options import read_options
from models_runtime.generating import conversation_of, seed_for
from models_runtime.models import Checkpoint, Scoring, ScoringItem, ScoringJob
from models_runtime.rewards import Bench, Measured, Rival, Scorer, Subject, finite
from models_runtime.shifts import Hopeless, Shift

BATCH = 64
BATCH_SECONDS = 1.0
SCORING_SLICE = 256


def run_scoring(pk: int, *, length: timedelta = shifts.SHIFT) -> timedelta | None:
    """Work a shift on scoring job `pk`; do nothing if it is final.

    Measurements already written stay whatever happens. Returns how long to wait before somebody
    should look again, None if nobody needs to.
    """
    job = shifts.begin(ScoringJob, pk)
    if job is None:
        return None
    return shifts.carry_out(
        job,
        ScoringItem.objects.filter(job=job),
        lambda: _work(job, length),
        nothing=say("None of the {total} candidates could be measured. {cause}"),
        some=say("{failed} of {total} candidates could not be measured and were set aside."),
    )


def _work(job: ScoringJob, length: timedelta) -> None:
    scorer = SCORERS.get(job.scorer)
    if scorer is None:
        raise EngineError(
            Cause.UNAVAILABLE,
            say("This installation can no longer measure “%(scorer)s”.", scorer=job.scorer),
        )
    with ExitStack() as stack:
        opened = [
            stack.enter_context(_ready(each, scorer, job))
            for each in (job.checkpoint, job.partner)
            if each is not None
        ]
        stack.enter_context(on_device(job.project, opened))

        def stop() -> None:
            for engine in opened:
                engine.close()

        shift = stack.enter_context(
            Shift[ScoringJob, ScoringItem](
                job, ScoringItem.objects.all(), stop=stop, length=length, slice_=SCORING_SLICE
            )
        )
        shift.look_up()
        _measure_all(shift, scorer, Bench(*map(shift.thrifty, opened)))


def _ready(checkpoint: Checkpoint, scorer: Scorer, job: ScoringJob) -> Engine:
    """The checkpoint's engine, answering, with its embeddings counted."""
    engine = open_engine(checkpoint)
    try:
        engine.require(scorer.needs)
        engine.check()
    except EngineError:
        engine.close()
        raise
    if Capability.EMBED not in scorer.needs:
        return engine
    return counted(engine, checkpoint, job)


@dataclass
class _Desk:
    """Items with the engine, and what was found but isn't written yet."""

    most: int = BATCH
    asked: dict[str, ScoringItem] = field(default_factory=dict)
    found: list[tuple[ScoringItem, Measured]] = field(default_factory=list)
    since: float = field(default_factory=time.monotonic)

    @property
    def is_full(self) -> bool:
        waited = time.monotonic() - self.since
        return len(self.found) >= self.most or (bool(self.found) and waited > BATCH_SECONDS)


def _measure_all(shift: Shift[ScoringJob, ScoringItem], scorer: Scorer, bench: Bench) -> None:
    desk = _Desk(shift.batch(BATCH, bench.engine.info.in_flight))
    options = read_options(scorer.options_class, shift.job.settings)
    measured: Any = scorer.measure(_subjects(shift, desk), bench, options)
    with closing(measured):
        for each in measured:
            if each.failure is not None and each.failure.cause.concerns_everything:
                _write(shift, bench, desk)
                raise Hopeless(each.failure)
            desk.found.append((desk.asked.pop(each.key), finite(each)))
            if desk.is_full:
                _write(shift, bench, desk)
                shift.look_up(awaiting=True)
    _write(shift, bench, desk)
    shift.look_up()


def _subjects(shift: Shift[ScoringJob, ScoringItem], desk: _Desk) -> Iterator[Subject]:
    """Candidates of claimed items, one slice after the other, pulled as the scorer has room."""
    of_sets = SCORERS[shift.job.scorer].of_sets
    for items in shift.slices():
        ids = {item.candidate_id for item in items}
        candidates = {
            each.pk: each
            for each in Candidate.objects.filter(pk__in=ids)
            .select_related("prompt")
            .defer("html", "prompt__html")
        }
        rivals = _rivals(shift.job, candidates.values()) if of_sets else {}
        for item in items:
            if shift.purse.is_closed:
                return
            candidate = candidates[item.candidate_id]
            key = str(item.pk)
            desk.asked[key] = item
            yield Subject(
                key,
                conversation_of(candidate.prompt),
                candidate.text,
                seed_for(shift.job.seed, candidate.prompt.content_hash, candidate.content_hash),
                tuple(rivals.get(candidate.prompt_id, ())),
            )


def _rivals(job: ScoringJob, candidates: Iterable[Candidate]) -> dict[int, list[Rival]]:
    """All candidates of these candidates' prompts that were there when the job was asked for."""
    found: dict[int, list[Rival]] = defaultdict(list)
    rows = Candidate.objects.filter(
        prompt__in={each.prompt_id for each in candidates}, created_at__lte=job.created_at
    )
    for pk, prompt, text in rows.order_by("pk").values_list("pk", "prompt_id", "text"):
        found[prompt].append(Rival(str(pk), text))
    return found


def _write(shift: Shift[ScoringJob, ScoringItem], bench: Bench, desk: _Desk) -> None:
    """Keep what was found with its provenance, and what all of it took, in one transaction.

    Rows this worker no longer holds are left to whoever holds them; those that the engine was
    stopped for are given back untouched when the shift ends.
    """
    found, desk.found = desk.found, []
    desk.since = time.monotonic()
    with transaction.atomic():
        held = shift.rows.lock_held([item for item, _ in found], shift.worker)
        good = [pair for pair in found if pair[0].pk in held and pair[1].failure is None]
        bad = [
            (item, each.failure)
            for item, each in found
            if item.pk in held and each.failure is not None and not _is_cut_off(each.failure)
        ]
        _keep(shift.job, bench.engine.info.revision, good)
        shift.settle_failures(bad)
        kept = {item.pk for item, _ in good}
        shift.rows.pay((item.pk, each.usage) for item, each in found if item.pk not in kept)
    shift.purse.keep(each.usage for _, each in found)
    _count(shift, good, bad)


def _is_cut_off(failure: Failure) -> bool:
    return failure.cause is Cause.CANCELLED


def _count(
    shift: Shift[ScoringJob, ScoringItem],
    good: list[tuple[ScoringItem, Measured]],
    bad: list[tuple[ScoringItem, Failure]],
) -> None:
    shift.count(successes=len(good), failures=len(bad), last=bad[-1][1] if bad else None)


def _keep(job: ScoringJob, revision: str, good: list[tuple[ScoringItem, Measured]]) -> None:
    source = job.source
    rows = [
        (item, measurement)
        for item, measured in good
        for measurement in _measurements(item, measured, source)
    ]
    Measurement.objects.bulk_create([measurement for _, measurement in rows])
    Scoring.objects.bulk_create(
        Scoring(
            measurement=measurement,
            job=job,
            checkpoint_id=job.checkpoint_id,
            model_revision=revision,
            attempt=item.attempt,
        )
        for item, measurement in rows
    )
    for item, measured in good:
        item.state, item.worker, item.lease_until = "done", "", None
        item.tokens_in += measured.usage.tokens_in
        item.tokens_out += measured.usage.tokens_out
        item.cost += measured.usage.cost
    ScoringItem.objects.bulk_update(
        [item for item, _ in good],
        ["state", "worker", "lease_until", "tokens_in", "tokens_out", "cost"],
    )


def _measurements(item: ScoringItem, measured: Measured, source: str) -> list[Measurement]:
    about = {"candidate_id": item.candidate_id, "source": source}
    return [
        *(
            Measurement(candidate_id=int(key), name=name, number=number, source=source)
            for key, numbers in measured.of_rivals.items()
            for name, number in numbers.items()
        ),
        *(
            Measurement(name=name, number=number, **about)
            for name, number in measured.numbers.items()
        ),
        *(
            Measurement(name=name, vector=list(vector), **about)
            for name, vector in measured.vectors.items()
        ),
    ]
