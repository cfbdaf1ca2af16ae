"""A worker's shift on a job: short, alive while it lasts, and harmless when it is cut off.

A shift claims items in slices, keeps their leases and the job's alive from a second thread, ends
after some seconds so that its worker can hear other calls, and gives back what it didn't touch.
Nothing it holds in memory matters: whatever isn't written is claimed again by somebody.
"""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from types import TracebackType
from typing import Generic, Self, TypeVar

from django.db import Error, close_old_connections, connection
from django.db.models import Min
from django.utils import timezone

from annotation.models import LeaseLost, WorkState
from annotation.phrases import say
from models_runtime.engines import Cause, Engine, EngineError, Failure
from models_runtime.models import Item, ItemQuerySet, ItemState, Job
from models_runtime.models.items import MOST_ATTEMPTS
from models_runtime.thrift import Purse, Thrifty

logger = logging.getLogger(__name__)

SHIFT = timedelta(seconds=20)
SLICE = 64
BEAT = 2.0  # seconds; how soon a cancelled job stops
MOST_TROUBLES = 4
FIRST_WAIT = timedelta(seconds=5)
ITEM_WAIT = timedelta(seconds=2)
UNEXPECTED = say(
    "The job stopped with an error of the program itself ({error}). What was "
    "written is kept. The server's log has the details."
)
HOPELESS_AFTER = 40  # failures in one shift without a single success

J = TypeVar("J", bound=Job)
A = TypeVar("A")
I = TypeVar("I", bound=Item)  # noqa: E741 - the item


class Over(Exception):
    """This shift has nothing more to do: the job was cancelled, ended, or is with others."""


class Hopeless(Exception):
    """The job can't go on; carries the failure."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.sentence)


def begin(manager: "type[J]", pk: int) -> J | None:
    """Claim the job's row, or join those who are already at it; None if there is nothing to do."""
    jobs = manager._default_manager
    row = jobs.filter(pk=pk).first()
    if row is None or row.is_final:
        return None
    claimed: J | None = jobs.claim(pk, lease=row.lease)  # type: ignore[attr-defined]
    if claimed is not None:
        return claimed
    row.refresh_from_db()
    return row if row.state == WorkState.RUNNING else None


class Shift(Generic[J, I]):
    """One worker's time on one job. `stop` is called, from another thread, when the job was
    cancelled or ended elsewhere while this worker waits for its engine."""

    def __init__(
        self,
        job: J,
        items: "ItemQuerySet[I]",
        *,
        stop: Callable[[], None],
        length: timedelta = SHIFT,
        slice_: int = SLICE,
    ) -> None:
        self.job = job
        self.purse = Purse(job)
        self.worker = uuid.uuid4().hex
        self.successes = 0
        self.failures = 0
        self._counted_at = 0.0
        self._items = items
        self._stop = stop
        self._slice = slice_
        self._deadline = time.monotonic() + length.total_seconds()
        self._heartbeat = Heartbeat(self._beat, every=min(BEAT, job.lease_seconds / 3))

    @property
    def rows(self) -> "ItemQuerySet[I]":
        """The job's items."""
        return self._items.filter(job_id=self.job.pk)

    def __enter__(self) -> Self:
        self.rows.reap()
        self._heartbeat.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._heartbeat.stop()
        self.rows.release(self.worker)

    def slices(self) -> Iterator[list[I]]:
        """Slices of claimed items until none is ready or the time is up."""
        while True:
            if time.monotonic() > self._deadline:
                return
            claimed = self._items.claim(
                self.job.pk, worker=self.worker, count=self._slice, lease=self.job.lease
            )
            if not claimed and not self.rows.reap():
                return
            if claimed:
                yield claimed

    def thrifty(self, engine: Engine) -> Engine:
        """The engine, kept within the job's money cap if it has one. For calls that are kept with
        what comes of them; tell `purse` when they are."""
        return engine if self.job.max_cost is None else Thrifty(engine, self.purse)

    def batch(self, most: int, in_flight: int) -> int:
        """Replies to keep at once: where a money cap is set, no more than are on their way
        together, so that they are kept before others are sent."""
        return most if self.job.max_cost is None else min(most, in_flight)

    def portions(self, asked: Mapping[str, A], in_flight: int) -> Iterator[Mapping[str, A]]:
        """What to send at once: everything; where a money cap is set, no more than the engine has
        in flight, so that the cap is overrun by no more than that and every call that was paid for
        is kept before another is sent. For calls that have rows of their own."""
        if self.job.max_cost is None:
            yield asked
            return
        keys = list(asked)
        for start in range(0, len(keys), in_flight):
            yield {key: asked[key] for key in keys[start : start + in_flight]}

    def look_up(self, *, awaiting: bool = False) -> None:
        """Between batches: renew the job's lease, note progress, see whether to stop.

        Raises Over when the job was cancelled or is final, Hopeless when it has spent its budget;
        the latter not while `awaiting` calls, which are paid for and kept before it ends.
        """
        if self.job.cancel_is_requested():
            raise Over
        if self.successes and self.job.troubles:
            self.job.note(troubles=0, notice="")
        try:
            self.job.renew(lease=self.job.lease, done=self._counted())
        except LeaseLost as lost:
            raise Over from lost
        if not awaiting and self.purse.is_spent():
            raise Hopeless(
                Failure(
                    Cause.BUDGET_SPENT,
                    say(
                        "The job has spent its budget of %(max_cost)s and was stopped. What it "
                        "wrote is kept. Start another job for the rest.",
                        max_cost=f"{self.job.max_cost:g}",
                    ),
                )
            )

    def _counted(self) -> int | None:
        """Rows done so far; None if they were counted a moment ago (a million take a while)."""
        now = time.monotonic()
        if now - self._counted_at < BEAT:
            return None
        self._counted_at = now
        return self.rows.filter(state=ItemState.DONE).count()

    def count(self, *, successes: int, failures: int, last: Failure | None = None) -> None:
        """Note how a batch went. Raises Hopeless when nothing but failures came in this shift."""
        self.successes += successes
        self.failures += failures
        if last is not None and not self.successes and self.failures >= HOPELESS_AFTER:
            raise Hopeless(
                Failure(
                    last.cause,
                    say(
                        "The first %(failures)s requests failed. %(sentence)s",
                        failures=self.failures,
                        sentence=last.sentence,
                    ),
                )
            )

    def settle_failures(self, failed: Sequence[tuple[I, Failure]]) -> None:
        """Put rows back to be tried again where the failure may pass, set the others aside.

        Call inside a transaction that has locked them.
        """
        for item, failure in failed:
            if failure.cause.may_pass and item.attempt < MOST_ATTEMPTS:
                self.rows.put_back([item.pk], wait=ITEM_WAIT * 2**item.attempt)
            else:
                self.rows.set_aside([item.pk], failure)

    def _beat(self) -> bool:
        """Renew the leases; False, after stopping the work, when there is no point any more."""
        self.rows.renew(self.worker, lease=self.job.lease)
        try:
            self.job.renew(lease=self.job.lease)
        except LeaseLost:
            self._stop()
            return False
        if self.job.cancel_is_requested():
            self._stop()
            return False
        return True


class Heartbeat:
    """Calls `beat` every so often, while it is true, in a thread with its own connection."""

    def __init__(self, beat: Callable[[], bool], *, every: float) -> None:
        self._beat = beat
        self._every = every
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._every):
            close_old_connections()
            try:
                if not self._beat():
                    return
            except Error:
                logger.warning("The heartbeat missed a beat.", exc_info=True)
            finally:
                connection.close()


def carry_out(
    job: Job,
    rows: "ItemQuerySet[I]",
    work: Callable[[], None],
    *,
    nothing: str,
    some: str,
) -> timedelta | None:
    """Do a shift's `work` and leave the job as it should be afterwards.

    Returns how long to wait before somebody should look again, None if nobody needs to. Trouble
    with the database is raised: the leases run out and another worker goes on.
    """
    try:
        work()
    except Over:
        end_if_cancelled(job, rows)
    except Hopeless as trouble:
        meet_trouble(job, trouble.failure)
    except EngineError as error:
        meet_trouble(job, error.failure)
    except Error:
        raise
    except Exception as error:  # a fault of ours must end the job, or it would be repeated
        logger.exception("Job %s failed", job.pk)
        meet_trouble(job, Failure(Cause.FAULT, UNEXPECTED.format(error=type(error).__name__)))
    else:
        end_if_complete(job, rows, nothing=nothing, some=some)
    return next_look(job, rows)


def end_if_cancelled(job: Job, rows: "ItemQuerySet[I]") -> None:
    """End a job whose cancel was requested, with its open rows; leave any other as it is."""
    job.refresh_from_db()
    if job.is_final or job.cancel_requested_at is None:
        return
    rows.cancel_open()
    try:
        job.finish(WorkState.CANCELLED)
    except LeaseLost:
        logger.info("Job %s was already ended by another worker.", job.pk)


def end_if_complete(job: Job, rows: "ItemQuerySet[I]", *, nothing: str, some: str) -> bool:
    """End the job if no row is open. Failed if every row was set aside (`nothing`, with the
    commonest cause), else done, with a notice (`some`) where rows were set aside.

    The sentences may name {failed}, {total} and {cause}.
    """
    counts = rows.counts()
    if counts["ready"] or counts["running"]:
        return False
    total = sum(counts.values())
    causes = rows.causes()
    words = {"failed": counts["failed"], "total": total, "cause": causes[0][1] if causes else ""}
    try:
        if counts["failed"] and counts["failed"] == total:
            job.fail(nothing.format(**words))
        else:
            notice = some.format(**words) if counts["failed"] else ""
            job.note(progress_done=counts["done"], notice=notice)
            job.finish()
    except LeaseLost:
        logger.info("Job %s was already ended by another worker.", job.pk)
    return True


def meet_trouble(job: Job, failure: Failure) -> None:
    """The whole job met a failure: wait and try again if it may pass, else end it as failed."""
    try:
        if not failure.cause.may_pass or job.troubles >= MOST_TROUBLES:
            job.fail(failure.sentence)
            return
        until = timezone.now() + FIRST_WAIT * 2**job.troubles
        job.note(
            troubles=job.troubles + 1,
            notice=say(
                "%(sentence)s Trying again at %(until)s UTC.",
                sentence=failure.sentence,
                until=f"{until:%H:%M:%S}",
            ),
        )
        job.postpone(until=until)
    except LeaseLost:
        logger.info("Job %s was already ended or taken over.", job.pk)


def next_look(job: Job, rows: "ItemQuerySet[I]") -> timedelta | None:
    """How long to wait before somebody should look at the job again; None if nobody needs to.

    Rows that others hold are theirs to finish; should they die, the sweeper comes.
    """
    job.refresh_from_db()
    now = timezone.now()
    if job.state == WorkState.QUEUED:
        return max(timedelta(), (job.not_before or now) - now)
    if job.is_final:
        return None
    ready = rows.filter(state=ItemState.READY)
    if ready.filter(not_before__isnull=True).exists():
        return timedelta()
    due = ready.aggregate(due=Min("not_before"))["due"]
    return max(timedelta(), due - now) if due else None
