"""Carrying out studies: one long talk, round by round, every call kept as soon as it lands.

A study that was cut off is replayed from its calls and asks only what is missing.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction

from annotation.phrases import say
from models_runtime import shifts
from models_runtime.engines import (
    Conversation,
    Engine,
    Failure,
    Finish,
    GenerationReply,
    GenerationRequest,
    Sampling,
)
from models_runtime.generating import seed_for
from models_runtime.judging.requests import REPAIR_TOKENS, temperature_for
from models_runtime.judging.talk import Ask, CallKind, Course, Heard, Step
from models_runtime.judging_cases import call_fields, heard
from models_runtime.judging_questions import open_seats
from models_runtime.ledger import Ledger
from models_runtime.models import ItemState, StudyCall, StudyItem, StudyJob
from models_runtime.prompting.parsing import ParseStatus
from models_runtime.shifts import Hopeless, Shift
from models_runtime.study_material import material_of

MOST_UNKEPT = 64

StudyShift = Shift[StudyJob, StudyItem]


def run_study(pk: int, *, length: timedelta = shifts.SHIFT) -> timedelta | None:
    """Work a shift on study `pk`; do nothing if it is final.

    Returns how long to wait before somebody should look again, None if nobody needs to.
    """
    job = shifts.begin(StudyJob, pk)
    if job is None:
        return None
    return shifts.carry_out(
        job,
        StudyItem.objects.filter(job=job),
        lambda: _work(job, length),
        nothing=say("The study came to nothing. {cause}"),
        some="{cause}",
    )


def _work(job: StudyJob, length: timedelta) -> None:
    with ExitStack() as stack:
        engines = open_seats(job.seated(), stack)
        for engine in engines.values():
            engine.check()

        def close_all() -> None:
            for engine in engines.values():
                engine.close()

        rows = StudyItem.objects.all()
        with StudyShift(job, rows, stop=close_all, length=length, slice_=1) as shift:
            shift.look_up()
            for items in shift.slices():
                Table(shift, engines, items[0]).talk()
                shift.look_up()


@dataclass(frozen=True)
class _Asked:
    ask: Ask
    step: Step
    messages: Conversation
    seed: int
    temperature: float


class Table:
    """A study's talk, carried as far as its engines answer."""

    def __init__(self, shift: StudyShift, engines: Mapping[str, Engine], item: StudyItem) -> None:
        self.shift = shift
        self.engines = engines
        self.item = item
        study, options = shift.job.read_study(), shift.job.read_options()
        talk = study.conduct(material_of(shift.job), options)
        self.course: Course[dict[str, Any]] = Course(talk, study.patience(options))
        self.course.replay(_calls_made(item))
        self._failure: Failure | None = None
        self._heard = 0
        self._ledger = Ledger(StudyCall, shift, most=MOST_UNKEPT)

    def talk(self) -> None:
        """Ask round after round, then keep the result. A failure that concerns everything is raised
        as Hopeless; a round without any reply means that the engines were stopped from outside."""
        while self._failure is None and (asked := self._next_round()):
            before = self._heard
            for seat in sorted({each.ask.seat for each in asked}):
                self._ask(seat, [each for each in asked if each.ask.seat == seat])
            if self._heard == before:
                break
        self._settle()

    def _next_round(self) -> list[_Asked]:
        return [self._prepare(ask, step) for ask, step in self.course.wanted()]

    def _prepare(self, ask: Ask, step: Step) -> _Asked:
        messages = self.course.messages_of(ask, step)
        seed = seed_for(self.shift.job.seed, step.key, step.kind, step.sample)
        return _Asked(ask, step, messages, seed, temperature_for(ask, step))

    def _ask(self, seat: str, asked: Sequence[_Asked]) -> None:
        by_key = {str(place): each for place, each in enumerate(asked)}
        engine = self.engines[seat]
        for some in self.shift.portions(by_key, engine.info.in_flight):
            requests = (_request(key, each) for key, each in some.items())
            with closing(engine.generate(requests)) as replies:
                for reply in replies:
                    if reply.failure is not None and reply.failure.cause.concerns_everything:
                        self._ledger.keep_with_last(self._hear(some[reply.key], reply))
                        raise Hopeless(reply.failure)
                    self._ledger.add(self._hear(some[reply.key], reply))
            self._ledger.keep_and_look_up()

    def _hear(self, asked: _Asked, reply: GenerationReply) -> StudyCall:
        self._heard += 1
        ask, step = asked.ask, asked.step
        row = StudyCall(
            item=self.item,
            attempt=self.item.attempt,
            step=step.key,
            seat=ask.seat,
            **call_fields(ask, step, asked.messages, asked.seed, asked.temperature, reply),
        )
        if reply.failure is not None:
            self._failure = reply.failure
        else:
            said = heard(reply)
            row.raw, row.finish = said.text, said.finish.value
            row.status = self.course.hear(step, said).status.value
        return row

    def _settle(self) -> None:
        with transaction.atomic():
            held = self.shift.rows.lock_held([self.item], self.shift.worker)
            if not held:
                return
            if self._failure is not None:
                self.shift.settle_failures([(self.item, self._failure)])
            elif self.course.is_over:
                StudyItem.objects.filter(pk=self.item.pk).update(
                    state=ItemState.DONE, worker="", lease_until=None, result=self.course.result
                )


def _calls_made(item: StudyItem) -> dict[Step, Heard]:
    """Calls that were answered; the first to a step counts."""
    made: dict[Step, Heard] = {}
    rows = StudyCall.objects.filter(item=item).order_by("id")
    for row in rows.exclude(status=ParseStatus.ENGINE_ERROR.value):
        step = Step(row.step, CallKind(row.kind), row.sample)
        made.setdefault(step, Heard(row.raw, Finish(row.finish or "stop")))
    return made


def _request(key: str, asked: _Asked) -> GenerationRequest:
    limit = asked.ask.template.max_tokens
    if asked.step.kind is CallKind.REPAIR and asked.ask.template.max_tokens > REPAIR_TOKENS:
        limit = max(REPAIR_TOKENS, limit // 2)  # a list that is written again is longer than a word
    sampling = Sampling(max_tokens=limit, temperature=asked.temperature)
    return GenerationRequest(key, asked.messages, sampling, seed=asked.seed)
