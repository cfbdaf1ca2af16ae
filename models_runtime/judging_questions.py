"""Carrying out judging jobs: from questions that are ready to a model's judgments.

Every call is kept as soon as it lands, so a judging that was cut off asks only what is missing.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import timedelta

from annotation.phrases import say
from models_runtime import shifts
from models_runtime.catalogue import PROTOCOLS
from models_runtime.checkpoints import open_engine
from models_runtime.device_time import on_device
from models_runtime.engines import (
    Capability,
    Cause,
    Conversation,
    DecisionReply,
    DecisionRequest,
    Engine,
    EngineError,
    Failure,
    GenerationReply,
)
from models_runtime.generating import seed_for
from models_runtime.judging.requests import judged_request, temperature_for
from models_runtime.judging.talk import Ask, CallKind, Step
from models_runtime.judging_cases import (
    STEP_LENGTH,
    Case,
    call_fields,
    fill_row,
    hash_of,
    heard,
    heard_of,
    open_cases,
)
from models_runtime.judging_verdicts import settle
from models_runtime.ledger import Ledger, in_rounds
from models_runtime.models import Checkpoint, JudgeCall, JudgingItem, JudgingJob
from models_runtime.prompting.parsing import ParseStatus
from models_runtime.shifts import Hopeless, Shift

SLICE = 32
MOST_UNKEPT = 256

JudgingShift = Shift[JudgingJob, JudgingItem]
Reply = GenerationReply | DecisionReply


def run_judging(pk: int, *, length: timedelta = shifts.SHIFT) -> timedelta | None:
    """Work a shift on judging job `pk`; do nothing if it is final.

    Judgments and calls already kept stay whatever happens. Returns how long to wait before
    somebody should look again, None if nobody needs to.
    """
    job = shifts.begin(JudgingJob, pk)
    if job is None:
        return None
    return shifts.carry_out(
        job,
        JudgingItem.objects.filter(job=job),
        lambda: _work(job, length),
        nothing=say("None of the {total} questions could be judged. {cause}"),
        some=say("{failed} of {total} questions could not be judged and were set aside."),
    )


def _work(job: JudgingJob, length: timedelta) -> None:
    if job.protocol not in PROTOCOLS:
        raise EngineError(
            Cause.UNAVAILABLE,
            say("This installation can no longer judge by “%(protocol)s”.", protocol=job.protocol),
        )
    with ExitStack() as stack:
        engines = open_seats(job.seated(), stack)
        stack.enter_context(on_device(job.project, list(engines.values())))
        for seat, engine in engines.items():
            engine.check()
            _check_needs(job, seat, engine)

        def close_all() -> None:
            for engine in engines.values():
                engine.close()

        slice_ = max(SLICE, *(engine.info.in_flight for engine in engines.values()))
        rows = JudgingItem.objects.all()
        with JudgingShift(job, rows, stop=close_all, length=length, slice_=slice_) as shift:
            shift.look_up()
            for items in shift.slices():
                Bench(shift, engines, items).judge()
                shift.look_up()


def open_seats(seated: Mapping[str, Checkpoint], stack: ExitStack) -> dict[str, Engine]:
    """An engine per seat; seats of one checkpoint share one. Closed with `stack`."""
    opened: dict[int, Engine] = {}
    for checkpoint in seated.values():
        if checkpoint.pk not in opened:
            opened[checkpoint.pk] = stack.enter_context(open_engine(checkpoint))
    return {seat: opened[checkpoint.pk] for seat, checkpoint in seated.items()}


def _check_needs(job: JudgingJob, seat: str, engine: Engine) -> None:
    lacking = job.read_protocol().needs(job.read_options()) - engine.info.can
    if Capability.DECIDE in lacking:
        raise EngineError(
            Cause.UNSUPPORTED,
            say(
                "The protocol %(way)s needs label probabilities, which %(model)s doesn't "
                "give. Choose a template that lets the model write its verdict.",
                way=job.way(),
                model=engine.info.model,
            ),
        )
    if lacking:
        raise EngineError(
            Cause.UNSUPPORTED,
            say(
                "%(model)s, asked as %(seat)s, can't %(names)s. Choose another checkpoint.",
                model=engine.info.model,
                seat=seat,
                names=", ".join(sorted(lacking)),
            ),
        )


@dataclass(frozen=True)
class Asked:
    """A step that was sent, with what was sent."""

    case: Case
    ask: Ask
    step: Step
    messages: Conversation
    seed: int
    temperature: float


class Bench:
    """A slice of items judged together, round by round, until each has what it needs."""

    def __init__(
        self, shift: JudgingShift, engines: Mapping[str, Engine], items: Sequence[JudgingItem]
    ) -> None:
        self.shift = shift
        self.engines = engines
        self.job = shift.job
        self.cases = open_cases(shift.job, items)
        self._heard = 0
        self._ledger = Ledger(JudgeCall, shift, most=MOST_UNKEPT)

    def judge(self) -> None:
        """Ask, keep and settle. A failure that concerns everything is raised as Hopeless, after
        what was answered has been kept and settled."""
        hopeless = in_rounds(self._next_round, self._ask_round, lambda: self._heard)
        settle(self.shift, self.cases)
        if hopeless is not None:
            raise Hopeless(hopeless)

    def _next_round(self) -> list[Asked]:
        asked = [
            self._prepare(case, ask, step)
            for case in self.cases
            if case.is_open
            for ask, step in case.course.wanted()
        ]
        return self._without_shared(asked)

    def _prepare(self, case: Case, ask: Ask, step: Step) -> Asked:
        messages = case.course.messages_of(ask, step)
        about = hash_of(messages) if ask.shared else case.subject.key
        seed = seed_for(self.job.seed, about, step.key, step.kind, step.sample)
        return Asked(case, ask, step, messages, seed, temperature_for(ask, step))

    def _without_shared(self, asked: Sequence[Asked]) -> list[Asked]:
        """Leave out asks that several cases share: answered from the job's earlier calls, or put
        off until the first of them has been answered. Goes on as long as that leads somewhere."""
        shared = [each for each in asked if each.ask.shared]
        if not shared:
            return list(asked)
        known = self._shared_calls({hash_of(each.messages) for each in shared})
        sent: set[tuple[str, Step]] = set()
        left: list[Asked] = []
        heard_any = False
        for each in asked:
            key = (hash_of(each.messages), each.step)
            if each.ask.shared and key in known:
                each.case.course.hear(each.step, heard_of(known[key]))
                heard_any = True
            elif not each.ask.shared or key not in sent:
                sent.add(key)
                left.append(each)
        return left if left or not heard_any else self._next_round()

    def _shared_calls(self, hashes: set[str]) -> dict[tuple[str, Step], JudgeCall]:
        rows = JudgeCall.objects.filter(item__job=self.job, inputs_hash__in=hashes).order_by("id")
        found: dict[tuple[str, Step], JudgeCall] = {}
        for row in rows.exclude(status=ParseStatus.ENGINE_ERROR.value):
            step = Step(row.step, CallKind(row.kind), row.sample)
            found.setdefault((row.inputs_hash, step), row)
        return found

    # --- Asking -------------------------------------------------------------------------------

    def _ask_round(self, asked: Sequence[Asked]) -> Failure | None:
        """Send a round; returns a failure that concerns everything, if one came."""
        for seat, labelled in sorted({(each.ask.seat, bool(each.ask.labels)) for each in asked}):
            some = {
                str(place): each
                for place, each in enumerate(asked)
                if (each.ask.seat, bool(each.ask.labels)) == (seat, labelled)
            }
            failure = self._ask_seat(self.engines[seat], some, labelled)
            if failure is not None:
                return failure
        return None

    def _ask_seat(
        self, engine: Engine, by_key: Mapping[str, Asked], labelled: bool
    ) -> Failure | None:
        for some in self.shift.portions(by_key, engine.info.in_flight):
            replies = _decided(engine, some) if labelled else _written(engine, some)
            with closing(replies):
                for key, reply in replies:
                    if reply.failure is not None and reply.failure.cause.concerns_everything:
                        self._ledger.keep_with_last(self._hear(some[key], reply))
                        return reply.failure
                    self._ledger.add(self._hear(some[key], reply))
            self._ledger.keep_and_look_up()
        return None

    def _hear(self, asked: Asked, reply: Reply) -> JudgeCall:
        self._heard += 1
        item, ask, step = asked.case.item, asked.ask, asked.step
        row = JudgeCall(
            item=item,
            attempt=item.attempt,
            step=step.key[:STEP_LENGTH],
            seat=ask.seat,
            **call_fields(ask, step, asked.messages, asked.seed, asked.temperature, reply),
        )
        if reply.failure is not None:
            asked.case.failure = reply.failure
        else:
            said = heard(reply)
            fill_row(row, ask, said, asked.case.course.hear(step, said))
        return row


def _decided(
    engine: Engine, by_key: Mapping[str, Asked]
) -> Generator[tuple[str, Reply], None, None]:
    requests = (
        DecisionRequest(key, asked.messages, tuple(asked.ask.labels))
        for key, asked in by_key.items()
    )
    with closing(engine.decide(requests)) as replies:
        for reply in replies:
            yield reply.key, reply


def _written(
    engine: Engine, by_key: Mapping[str, Asked]
) -> Generator[tuple[str, Reply], None, None]:
    requests = (
        judged_request(
            key, each.ask, each.step, each.messages, seed=each.seed, temperature=each.temperature
        )
        for key, each in by_key.items()
    )
    with closing(engine.generate(requests)) as replies:
        for reply in replies:
            yield reply.key, reply
