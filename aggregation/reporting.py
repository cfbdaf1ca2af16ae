"""Writing pluralistic reports: claim, read, resample people, store; and computing one again."""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

from django.db import transaction

from aggregation.loading import NothingToRead
from aggregation.models import Report
from aggregation.options import OptionError
from aggregation.report import ReportOptions, build, plain
from aggregation.report_loading import material
from aggregation.tables import TableError
from aggregation.versions import code_version
from aggregation.watching import watched
from annotation.models import LeaseLost, WorkState
from annotation.phrases import say

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=15)
SEARCH = 100  # steps of progress for seeking groups; each resample is one more
NOTE_EVERY = 1.0  # seconds between two looks for a wish to cancel within a fit
MOST_ATTEMPTS = 3

GAVE_UP = say(
    "The worker died {attempts} times while writing this report, most likely "
    "for lack of memory. Nothing was stored. Choose fewer resamples, or "
    "report on systems instead of responses."
)
UNEXPECTED = say(
    "The report stopped with an error of its own: {error}. Nothing was "
    "stored; the judgments are untouched. The server's log has the details."
)


class Cancelled(Exception):
    """Somebody asked for this work to stop."""


def execute_report(pk: int) -> None:
    """Write report `pk` if it is claimable; do nothing if another worker has it or it is final.

    The content is stored with the final state in one transaction. What can't be read ends it as
    failed with a sentence; a wish to cancel is looked for between resamples and, about once a
    second, between the steps of a fit.
    """
    report = Report.objects.claim(pk, lease=LEASE)
    if report is None:
        return
    try:
        _execute(report)
    except LeaseLost:
        logger.warning("Report %s was taken over by another worker; nothing was written.", pk)


def _execute(report: Report) -> None:
    if report.attempt > MOST_ATTEMPTS:
        report.fail(GAVE_UP.format(attempts=MOST_ATTEMPTS))
        return
    try:
        total = SEARCH + _options(report).replicates
        Report.objects.filter(pk=report.pk, attempt=report.attempt).update(progress_total=total)
        content = compute(report, watch=lambda done: _go_on(report, done))
        _go_on(report, total)
    except Cancelled:
        report.finish(WorkState.CANCELLED)
    except (NothingToRead, OptionError, TableError) as refusal:
        report.fail(str(refusal))
    except LeaseLost:
        raise
    except Exception as error:  # a fault of ours must end the report, or it would be retried
        logger.exception("Report %s failed", report.pk)
        report.fail(UNEXPECTED.format(error=error or type(error).__name__))
    else:
        _store(report, content)


def compute(report: Report, *, watch: Callable[[int], None] | None = None) -> str:
    """The report's content, computed from the log now; nothing is stored.

    `watch` hears how many steps are done: up to a hundred while groups are sought, then one per
    resample. Raises NothingToRead, OptionError, TableError, and
    what `watch` raises.
    """
    options = _options(report)
    read = material(
        report.project,
        mark=report.mark,
        kinds=report.kinds,
        level=report.level,
        attribute=options.attribute,
        withdrawals=report.withdrawals,
        watch=None if watch is None else lambda _: watch(0),
    )
    if watch is None:
        made = build(read, options)
    else:
        ear = _Ear(watch)
        with watched(ear.beat):
            made = build(read, options, ear.resampled)
    return json.dumps(plain(made), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


@dataclass
class _Ear:
    """Tells `watch` of every resample, and before, now and then, how far the search for groups is:
    it may take minutes.
    """

    watch: Callable[[int], None]
    done: int = 0
    noted_at: float = 0.0

    def resampled(self, done: int, _total: int) -> None:
        self.done = SEARCH + done
        self.watch(self.done)

    def beat(self, done: int, total: int) -> None:
        if self.done < SEARCH and total:
            self.done = max(self.done, min(SEARCH * done // total, SEARCH - 1))
        now = monotonic()
        if now - self.noted_at >= NOTE_EVERY:
            self.noted_at = now
            self.watch(self.done)


def rebuild(report: Report) -> bool:
    """Compute a finished report again from the log: is it the same, byte for byte?"""
    return compute(report) == report.content


def _options(report: Report) -> ReportOptions:
    return ReportOptions.parse({**report.options, "seed": report.seed})


def _go_on(report: Report, done: int) -> None:
    report.renew(lease=LEASE, done=done)
    if report.cancel_is_requested():
        raise Cancelled


def _store(report: Report, content: str) -> None:
    with transaction.atomic():
        report.renew(lease=LEASE)  # LeaseLost here keeps a slow worker from writing beside another
        Report.objects.filter(pk=report.pk, attempt=report.attempt).update(
            content=content, code_version=code_version()
        )
        report.finish()
