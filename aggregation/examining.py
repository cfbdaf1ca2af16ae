"""Examining runs: claim, read the run's evidence again, work out the report, store it."""

import logging
from collections.abc import Callable
from typing import Any

from django.db import transaction

from aggregation import loading
from aggregation.catalogue import METHODS
from aggregation.loading import NothingToRead, Watch
from aggregation.models import Examination, Items, Run
from aggregation.options import OptionError
from aggregation.reports import Report
from aggregation.response_attributes import response_attributes
from aggregation.runs import LEASE, MOST_ATTEMPTS, Cancelled, evidence_of, part_of
from aggregation.subjects import SUBJECTS, Case, Fitted
from aggregation.tables import Comparisons, TableError, can_convert
from aggregation.versions import code_version
from annotation.models import LeaseLost, WorkState
from annotation.phrases import say

logger = logging.getLogger(__name__)

GAVE_UP = say(
    "The worker died {attempts} times while working this out, most likely "
    "for lack of memory. Nothing was stored; the run itself is untouched."
)
UNEXPECTED = say(
    "This stopped with an error of its own: {error}. Nothing was stored; the "
    "run itself is untouched. The server's log has the details."
)


def execute_examination(pk: int) -> None:
    """Carry out examination `pk` if it is claimable; do nothing if another worker has it or it is
    final.

    The report is stored with the final state in one transaction. A refusal or an error ends it as
    failed with a sentence; a wish to cancel is seen between two steps.
    """
    examination = Examination.objects.claim(pk, lease=LEASE)
    if examination is None:
        return
    try:
        _execute(examination)
    except LeaseLost:
        logger.warning("Examination %s was taken over by another worker; nothing was written.", pk)


def _execute(examination: Examination) -> None:
    if examination.attempt > MOST_ATTEMPTS:
        examination.fail(GAVE_UP.format(attempts=MOST_ATTEMPTS))
        return
    try:
        report = examine(examination, watch=lambda done: _go_on(examination, done))
    except Cancelled:
        examination.finish(WorkState.CANCELLED)
    except (NothingToRead, OptionError, TableError) as refusal:
        examination.fail(str(refusal))
    except LeaseLost:
        raise
    except Exception as error:  # a fault of the mathematics must end it, or it would be retried
        logger.exception("Examination %s failed", examination.pk)
        examination.fail(UNEXPECTED.format(error=error or type(error).__name__))
    else:
        _store(examination, report)


def examine(
    examination: Examination, *, watch: Callable[[int | None], object] | None = None
) -> Report:
    """The report asked for, worked out from the log now; nothing is stored.

    `watch` is called with the steps done, or None while judgments are read; what it raises ends
    the work. Raises NothingToRead, OptionError and TableError.
    """
    watch = watch or (lambda _: None)
    subject, run = SUBJECTS[examination.subject], examination.run
    options = subject.options.parse({**examination.options, "seed": examination.seed})

    def reading(_: int) -> None:
        watch(None)

    fitted = [_fitted(each) for each in (run, *examination.beside.order_by("id"))]
    Examination.objects.filter(pk=examination.pk, attempt=examination.attempt).update(
        progress_total=subject.steps(options, len(fitted))
    )
    case = _CASES[subject.evidence](run, fitted, options, reading)
    return subject.examine(case, options, watch)


def _as_read(run: Run, fitted: list[Fitted], options: Any, reading: Watch) -> Case:
    """The judgments as each of the runs reads them."""
    evidence = evidence_of(run, fitted[0].options, watch=reading)
    tables = tuple(part_of(evidence, run, each.method, each.options).table for each in fitted)
    return Case(fitted[0], tables, tuple(fitted[1:]))


def _by_declaration(run: Run, fitted: list[Fitted], options: Any, reading: Watch) -> Case:
    """Comparisons whose contexts are what their annotators had declared."""
    if not options.attribute:
        raise OptionError(say("Name the survey attribute whose values are the groups."))
    evidence = loading.load(
        run.project,
        mark=run.mark,
        kinds=run.kinds,
        items=run.items,
        criterion=run.criterion,
        attribute=options.attribute,
        watch=reading,
    )
    if not evidence.parts:
        raise NothingToRead(say("Nobody compared anything here, so no choice can cost anybody."))
    return Case(fitted[0], (evidence.parts[0].table,), tuple(fitted[1:]))


def _by_response(run: Run, fitted: list[Fitted], options: Any, reading: Watch) -> Case:
    """Response by response, whatever the run pools, with what is known of each."""
    evidence = loading.load(
        run.project,
        mark=run.mark,
        kinds=run.kinds,
        items=Items.CANDIDATES,
        criterion=run.criterion,
        watch=reading,
    )
    for part in evidence.parts:
        if can_convert(type(part.table), (Comparisons,)):
            known = response_attributes(run.project, part.table.ids, options.more)
            return Case(fitted[0], (part.table,), tuple(fitted[1:]), known)
    raise NothingToRead(say("Nobody compared two responses here, so nothing can have an effect."))


_CASES: dict[str, Callable[[Run, list[Fitted], Any, Watch], Case]] = {
    "run": _as_read,
    "declared groups": _by_declaration,
    "responses": _by_response,
}


def _fitted(run: Run) -> Fitted:
    if run.method not in METHODS:
        raise OptionError(say("There is no method “%(method)s” any more.", method=run.method))
    method = METHODS[run.method]
    options: Any = method.options.parse({**run.options, "seed": run.seed})
    return Fitted(method, options, run.aggregate() if run.result is not None else None)


def _go_on(examination: Examination, done: int | None) -> None:
    examination.renew(lease=LEASE, done=done)
    if examination.cancel_is_requested():
        raise Cancelled


def _store(examination: Examination, report: Report) -> None:
    with transaction.atomic():
        examination.renew(lease=LEASE)  # LeaseLost keeps a slow worker from writing beside another
        Examination.objects.filter(pk=examination.pk, attempt=examination.attempt).update(
            report=report, code_version=code_version()
        )
        examination.finish()
