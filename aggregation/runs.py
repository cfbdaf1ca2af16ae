"""Executing runs: claim, read the evidence, fit, store; and computing a stored run again."""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any

from django.conf import settings
from django.db import transaction

from aggregation import loading
from aggregation.catalogue import METHODS
from aggregation.embedding_columns import with_embeddings
from aggregation.evidence_columns import Part
from aggregation.loading import EvidenceTables, NothingToRead
from aggregation.method import Method
from aggregation.models import Run, Score
from aggregation.options import OptionError
from aggregation.personal.bench import Bench
from aggregation.recorded import Recorded
from aggregation.results import AggregateResult
from aggregation.streaming import AT_ONCE
from aggregation.tables import TableError
from aggregation.training_files import TrainingFiles
from aggregation.versions import code_version
from annotation.models import LeaseLost, WorkState
from annotation.phrases import say

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=15)  # longer than any single fit on the sizes in the benchmarks
MOST_ATTEMPTS = 3
NOTE_EVERY = 0.5  # seconds between two notes of progress

GAVE_UP = say(
    "The worker died {attempts} times while computing this, most likely for "
    "lack of memory. No result was stored. Choose a smaller selection or a "
    "machine with more memory, then start the run again."
)
UNEXPECTED = say(
    "“{method}” stopped with an error of its own: {error}. No result was "
    "stored; the judgments are untouched. The server's log has the details."
)


class Cancelled(Exception):
    """Somebody asked for this work to stop."""


@dataclass(frozen=True)
class Computed:
    """A result, how it is written down, and the evidence it came from."""

    result: AggregateResult
    text: str
    part: Part
    evidence: EvidenceTables


@dataclass(frozen=True)
class Rebuilt:
    """A stored run computed again. `identical` compares the bytes of the two results."""

    run: Run
    identical: bool
    same_evidence: bool
    sentence: str


def execute_run(pk: int) -> None:
    """Carry out run `pk` if it is claimable; do nothing if another worker has it or it is final.

    Result and scores are stored with the final state in one transaction. A refusal or an error of
    the method ends the run as failed with a sentence.
    """
    run = Run.objects.claim(pk, lease=LEASE)
    if run is None:
        return
    try:
        _execute(run)
    except LeaseLost:
        logger.warning("Run %s was taken over by another worker; nothing was written.", pk)


def _execute(run: Run) -> None:
    if run.attempt > MOST_ATTEMPTS:
        run.fail(GAVE_UP.format(attempts=MOST_ATTEMPTS))
        return
    files = training_files(run)
    try:
        _note_total(run)
        watching = _Watching(run)
        computed = compute(run, watch=watching.reading, bench=Bench(watching.training, files))
        _go_on(run, computed.evidence.judgments)
    except Cancelled:
        files.clear()
        run.finish(WorkState.CANCELLED)
    except (NothingToRead, OptionError, TableError) as refusal:
        files.clear()
        run.fail(str(refusal))
    except LeaseLost:
        raise
    except Exception as error:  # a method's own fault must end the run, or it would be retried
        logger.exception("Run %s failed", run.pk)
        files.clear()
        run.fail(UNEXPECTED.format(method=run.method, error=error or type(error).__name__))
    else:
        _store(run, computed)
        files.forget_checkpoint()


def training_files(run: Run) -> TrainingFiles:
    """Where a run that trains keeps its checkpoints and its model."""
    return TrainingFiles(Path(settings.VAR_DIR) / "training" / str(run.public_id))


def compute(
    run: Run, *, watch: Callable[[int], None] | None = None, bench: Bench | None = None
) -> Computed:
    """What the run asks for, computed from the log now; nothing is stored but, on a `bench`, the
    checkpoints and the model of a training.

    What was computed before, or repeats a run that was, takes its options from the record of that
    time and is written down in the same words. Raises NothingToRead, OptionError, TableError, and
    what `watch` raises.
    """
    if run.method not in METHODS:
        raise OptionError(say("There is no method “%(method)s” any more.", method=run.method))
    method = METHODS[run.method]
    recorded = _recorded(run)
    if recorded is None:
        options = method.options.parse({**run.options, "seed": run.seed})
    else:
        options = recorded.options(method)
    evidence = evidence_of(run, options, watch=watch)
    part = part_of(evidence, run, method, options)
    result = method.fit(part.table, options, bench=bench)
    result = replace(result, conversions=(*part.conversions, *result.conversions))
    text = result.to_json(timing=False) if recorded is None else recorded.written(result)
    return Computed(result, text, part, evidence)


def _recorded(run: Run) -> Recorded | None:
    """The result that the run already has or repeats."""
    text = run.result if run.replay_of is None else run.replay_of.result
    return None if text is None else Recorded.of(text)


def evidence_of(
    run: Run, options: Any, *, watch: Callable[[int], None] | None = None
) -> EvidenceTables:
    """The judgments a run reads, with a method's options. Raises what `loading.load` raises."""
    return loading.load(
        run.project,
        mark=run.mark,
        kinds=run.kinds,
        items=run.items,
        criterion=run.criterion,
        attribute=_declared_attribute(options),
        withdrawals=run.withdrawals,
        watch=watch,
    )


def part_of(evidence: EvidenceTables, run: Run, method: Method, options: Any) -> Part:
    """The table a method reads of them. Raises NothingToRead."""
    part = evidence.part_for(method)
    if not options.reads_embeddings:
        return part
    return with_embeddings(
        part,
        run.project,
        calibrate=getattr(options, "calibrate", False),
        as_features=getattr(options, "form", "") == "features",
    )


def _declared_attribute(options: Any) -> str | None:
    """The survey attribute by which a method on groups wants to read the votes, if it does."""
    if getattr(options, "by", None) != "attribute":
        return None
    if not options.attribute:
        raise OptionError(say("Name the survey attribute whose values are the groups."))
    return str(options.attribute)


def rebuild(run: Run) -> Rebuilt:
    """Compute a finished run again from the log and compare it, byte for byte, with what is stored.

    Raises NothingToRead, OptionError or TableError where it can't be computed any more.
    """
    computed = compute(run)
    identical = computed.text == run.result
    same_evidence = computed.result.input_digest == run.input_digest
    return Rebuilt(run, identical, same_evidence, _verdict(run, identical, same_evidence))


def _verdict(run: Run, identical: bool, same_evidence: bool) -> str:
    if identical:
        return say("Rebuilt from the log: identical to the stored result, byte for byte.")
    if not same_evidence:
        return say(
            "The log no longer gives the evidence this run read: a name was changed "
            "or rows were altered behind the application's back."
        )
    return say(
        "The evidence is the same but the result differs: it was computed by "
        "%(code_version)s, and now by %(code_version_2)s.%(versions_of_method)s",
        code_version=run.code_version,
        code_version_2=code_version(),
        versions_of_method=_versions_of_method(run),
    )


def _versions_of_method(run: Run) -> str:
    then, now = Recorded.of(run.result or "{}").version, METHODS[run.method].version
    if then == now:
        return ""
    return say(
        " The method itself was at version %(then)s then and is at version %(now)s now.",
        then=then,
        now=now,
    )


class _Watching:
    """Notes judgments read, then a training's steps on top, and looks whether to go on."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.read, self.total, self.noted_at = 0, 0, 0.0

    def reading(self, done: int) -> None:
        self.read = done
        if self._is_time():
            _go_on(self.run, done)

    def training(self, done: int, total: int) -> None:
        if not self._is_time():
            return
        if total != self.total:
            self.total = total
            mine = Run.objects.filter(pk=self.run.pk, attempt=self.run.attempt)
            mine.update(progress_total=self.read + total)
        _go_on(self.run, self.read + done)

    def _is_time(self) -> bool:
        now = monotonic()
        if now - self.noted_at < NOTE_EVERY:
            return False
        self.noted_at = now
        return True


def _note_total(run: Run) -> None:
    """Say how much there is to read, unless it is read in one go anyway."""
    if run.mark <= AT_ONCE:
        return
    total = loading.count(run.project, mark=run.mark, kinds=run.kinds, withdrawals=run.withdrawals)
    Run.objects.filter(pk=run.pk, attempt=run.attempt).update(progress_total=total)


def _go_on(run: Run, done: int) -> None:
    run.renew(lease=LEASE, done=done)
    if run.cancel_is_requested():
        raise Cancelled


def _store(run: Run, computed: Computed) -> None:
    result, evidence = computed.result, computed.evidence
    with transaction.atomic():
        run.renew(lease=LEASE)  # LeaseLost here keeps a slow worker from writing beside a quick one
        Score.objects.bulk_create(_scores(run, computed), batch_size=2_000)
        Run.objects.filter(pk=run.pk, attempt=run.attempt).update(
            result=computed.text,
            input_digest=result.input_digest,
            code_version=code_version(),
            judgments=evidence.judgments,
            progress_total=evidence.judgments,
            annotators=evidence.annotators,
            exclusions=evidence.exclusions,
        )
        run.finish()


def _scores(run: Run, computed: Computed) -> list[Score]:
    result, part = computed.result, computed.part
    method: Method = METHODS[run.method]
    judged = loading.judged_by_id(part.table, method)
    scores = []
    for place, key in enumerate(result.ids):
        item = part.items.get(key)
        scores.append(
            Score(
                run=run,
                position=place,
                item=item_name(key),
                system_id=item.system_id if item else None,
                candidate_id=item.candidate_id if item else None,
                judgments=judged.get(key, 0),
                score=_number(result.score, place),
                se=_number(result.se, place),
                lo=_number(result.lo, place),
                hi=_number(result.hi, place),
                rank=_rank(result.rank, place),
                rank_lo=_rank(result.rank_lo, place),
                rank_hi=_rank(result.rank_hi, place),
            )
        )
    return scores


def item_name(key: Any) -> str:
    """An item's id as people read it."""
    return " · ".join(map(str, key)) if isinstance(key, tuple) else str(key)


def _number(column: Any, place: int) -> float | None:
    if column is None or not math.isfinite(column[place]):
        return None
    return float(column[place])


def _rank(column: Any, place: int) -> int | None:
    return int(column[place]) or None if column is not None else None
