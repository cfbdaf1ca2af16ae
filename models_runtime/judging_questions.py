"""Carrying out judging jobs: from questions that are ready to a model's judgments.

Every call is kept as soon as it lands, so a judging that was cut off asks only what is missing.
"""

import hashlib
import json
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

from django.db import transaction

from annotation import submission
from annotation.errors import AnnotationError
from annotation.hashes import hash_text
from annotation.models import Judgment, Placement, Question, QuestionState
from models_runtime import shifts
from models_runtime.checkpoints import open_engine
from models_runtime.engines import (
    Capability,
    Cause,
    Conversation,
    Decision,
    DecisionReply,
    DecisionRequest,
    Engine,
    EngineError,
    Failure,
    GenerationReply,
    GenerationRequest,
    Sampling,
    Usage,
)
from models_runtime.generating import conversation_of, seed_for, storable
from models_runtime.judging.pairwise import (
    Call,
    CallKind,
    Order,
    Protocol,
    Step,
    Verdict,
    next_steps,
    read_decision,
    reduce_calls,
)
from models_runtime.models import ItemState, JudgeCall, JudgingItem, JudgingJob
from models_runtime.outcomes import Outcome
from models_runtime.prompting.fences import nonce_for
from models_runtime.prompting.pairwise import VERDICT, PairwiseTemplate
from models_runtime.prompting.parsing import ParseStatus, climb, strip_wrapping
from models_runtime.shifts import Hopeless, Shift

SLICE = 32
BATCH_SECONDS = 1.0
REASK_TEMPERATURE = 0.7
REPAIR_TOKENS = 40
REASON_LIMIT = 5000

JudgingShift = Shift[JudgingJob, JudgingItem]


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
        nothing="None of the {total} questions could be judged. {cause}",
        some="{failed} of {total} questions could not be judged and were set aside.",
    )


def _work(job: JudgingJob, length: timedelta) -> None:
    with open_engine(job.checkpoint) as engine:
        engine.check()
        if job.read_template().labels and Capability.DECIDE not in engine.info.can:
            raise EngineError(
                Cause.UNSUPPORTED,
                f"The template {job.template} needs label probabilities, which {job.checkpoint} "
                "doesn't give. Choose a template that lets the model write its verdict.",
            )
        slice_ = max(SLICE, engine.info.in_flight)
        rows = JudgingItem.objects.all()
        with JudgingShift(job, rows, stop=engine.close, length=length, slice_=slice_) as shift:
            shift.look_up()
            for items in shift.slices():
                Bench(shift, engine, items).judge()
                shift.look_up()


@dataclass
class Case:
    """One question on the bench: its item, what it shows, and the calls made so far."""

    item: JudgingItem
    question: Question
    conversation: Conversation
    texts: tuple[str, str]
    orders: tuple[Order, ...]
    calls: list[Call] = field(default_factory=list)
    raw: dict[Step, str] = field(default_factory=dict)
    failure: Failure | None = None

    @cached_property
    def content(self) -> str:
        """The hash of what is judged: the same job seed asks the same of it in any database."""
        return hash_text("\0".join((self.question.prompt.content_hash, *self.texts)))

    def shown(self, order: Order) -> tuple[str, str]:
        first, second = order.shown
        return self.texts[first], self.texts[second]


@dataclass(frozen=True)
class Asked:
    """A step that was sent, with what was sent."""

    case: Case
    step: Step
    messages: Conversation
    seed: int
    temperature: float


class Bench:
    """A slice of questions judged together, round by round, until each has what it needs."""

    def __init__(self, shift: JudgingShift, engine: Engine, items: Sequence[JudgingItem]) -> None:
        self.shift = shift
        self.engine = engine
        self.job = shift.job
        self.template: PairwiseTemplate = shift.job.read_template()
        self.protocol: Protocol = shift.job.protocol()
        self.cases = _open_cases(shift.job, items, self.protocol)
        self._unkept: list[JudgeCall] = []
        self._kept_at = time.monotonic()

    def judge(self) -> None:
        """Ask, keep and settle. A failure that concerns everything is raised as Hopeless, after
        what was answered has been kept and settled."""
        hopeless: Failure | None = None
        while hopeless is None and (asked := self._next_round()):
            hopeless = self._ask_round(asked)
        self._settle()
        if hopeless is not None:
            raise Hopeless(hopeless)

    def _next_round(self) -> list[Asked]:
        return [
            self._prepare(case, step)
            for case in self.cases
            if case.failure is None
            for step in next_steps(case.calls, case.orders, self.protocol)
        ]

    def _prepare(self, case: Case, step: Step) -> Asked:
        shown = case.shown(step.order)
        said = tuple(message.content for message in case.conversation)
        nonce = nonce_for(f"{self.job.seed}:{case.content}:{step.order}", said + shown)
        messages = self.template.render(case.conversation, shown, nonce)
        if step.kind is CallKind.REPAIR:
            before = Step(step.order, CallKind.ASK, step.sample)
            messages = self.template.render_repair(messages, case.raw.get(before, ""))
        seed = seed_for(self.job.seed, case.content, step.order, step.kind, step.sample)
        fresh = step.sample > 0 and step.kind is CallKind.ASK
        return Asked(case, step, messages, seed, REASK_TEMPERATURE if fresh else 0.0)

    def _ask_round(self, asked: Sequence[Asked]) -> Failure | None:
        """Send a round; returns a failure that concerns everything, if one came."""
        by_key = {str(place): each for place, each in enumerate(asked)}
        with closing(self._replies(by_key)) as replies:
            for key, reply in replies:
                if reply.failure is not None and reply.failure.cause.concerns_everything:
                    self._keep()
                    return reply.failure
                self._hear(by_key[key], reply)
                if time.monotonic() - self._kept_at > BATCH_SECONDS:
                    self._keep()
                    self.shift.look_up()
        self._keep()
        self.shift.look_up()
        return None

    def _replies(
        self, by_key: dict[str, Asked]
    ) -> Generator[tuple[str, GenerationReply | DecisionReply], None, None]:
        if self.template.labels:
            decisions = (
                DecisionRequest(key, asked.messages, self.template.labels)
                for key, asked in by_key.items()
            )
            with closing(self.engine.decide(decisions)) as decided:
                for reply in decided:
                    yield reply.key, reply
            return
        requests = (self._request(key, asked) for key, asked in by_key.items())
        with closing(self.engine.generate(requests)) as generated:
            for answer in generated:
                yield answer.key, answer

    def _request(self, key: str, asked: Asked) -> GenerationRequest:
        repair = asked.step.kind is CallKind.REPAIR
        limit = REPAIR_TOKENS if repair else self.template.max_tokens
        sampling = Sampling(max_tokens=limit, temperature=asked.temperature)
        return GenerationRequest(key, asked.messages, sampling, seed=asked.seed)

    # --- Hearing ------------------------------------------------------------------------------

    def _hear(self, asked: Asked, reply: GenerationReply | DecisionReply) -> None:
        case = asked.case
        row = _row(asked, reply.usage, reply.wall_ms)
        if reply.failure is not None:
            case.failure = reply.failure
            row.status = ParseStatus.ENGINE_ERROR.value
            row.failure = reply.failure.cause.value
        elif isinstance(reply, DecisionReply):
            assert reply.decision is not None
            case.calls.append(_hear_labels(asked.step, reply.decision, row))
        else:
            text = storable(reply.samples[0].text)
            case.raw[asked.step] = text
            case.calls.append(_hear_words(asked.step, reply, row, text))
        self._unkept.append(row)

    def _keep(self) -> None:
        JudgeCall.objects.bulk_create(self._unkept)
        self._unkept = []
        self._kept_at = time.monotonic()

    # --- Settling -----------------------------------------------------------------------------

    def _settle(self) -> None:
        """Turn what is complete into judgments, put back or set aside what failed."""
        complete = [
            case
            for case in self.cases
            if case.failure is None and not next_steps(case.calls, case.orders, self.protocol)
        ]
        failed = [(case.item, case.failure) for case in self.cases if case.failure is not None]
        for case in complete:
            self._settle_case(case)
        with transaction.atomic():
            held = self.shift.rows.lock_held([item for item, _ in failed], self.shift.worker)
            self.shift.settle_failures([each for each in failed if each[0].pk in held])
        last = failed[-1][1] if failed else None
        self.shift.count(successes=len(complete), failures=len(failed), last=last)

    def _settle_case(self, case: Case) -> None:
        verdict = reduce_calls(case.calls, case.orders, self.protocol)
        with transaction.atomic():
            if not self.shift.rows.lock_held([case.item], self.shift.worker):
                return
            if case.question.state == QuestionState.WITHDRAWN:
                end_row(case.item, state=ItemState.CANCELLED)
                return
            try:
                with transaction.atomic():
                    judgment = self._record(case, verdict)
            except AnnotationError as refusal:
                failure = Failure(Cause.BAD_REQUEST, str(refusal))
                self.shift.rows.set_aside([case.item.pk], failure)
                return
            end_row(
                case.item,
                state=ItemState.DONE,
                outcome=verdict.outcome.value,
                why=verdict.cause[:300],
                p_first=verdict.p_first,
                position_bias=verdict.position_bias,
                judgment=judgment,
            )

    def _record(self, case: Case, verdict: Verdict) -> Judgment | None:
        if verdict.payload is None:
            return None
        single = case.orders[0] if len(case.orders) == 1 else None
        kept = submission.record(
            question=case.question,
            annotator=self.job.annotator,
            payload=dict(verdict.payload),
            submission_key=f"model-{self.job.annotator.public_id}-{case.question.public_id}",
            source="model",
            shown_order=list(single.shown) if single else None,
            reason=_reason(case),
            confidence=verdict.confidence,
        )
        return kept.judgment


def end_row(item: JudgingItem, **fields: object) -> None:
    JudgingItem.objects.filter(pk=item.pk).update(worker="", lease_until=None, **fields)


def _open_cases(job: JudgingJob, items: Sequence[JudgingItem], protocol: Protocol) -> list[Case]:
    questions = Question.objects.select_related("prompt", "project").in_bulk(
        [item.question_id for item in items]
    )
    texts: dict[int, dict[int, str]] = {}
    for question_id, position, text in Placement.objects.filter(
        question_id__in=questions
    ).values_list("question_id", "position", "candidate__text"):
        texts.setdefault(question_id, {})[position] = text
    earlier = _calls_made(items)
    cases = []
    for item in items:
        question = questions[item.question_id]
        shown = texts[question.pk]
        case = Case(
            item,
            question,
            conversation_of(question.prompt),
            (shown[0], shown[1]),
            protocol.orders(str(question.public_id), job.seed),
        )
        for row in earlier.get(item.pk, []):
            step = Step(Order(row.order), CallKind(row.kind), row.sample)
            if step not in case.raw:
                case.raw[step] = row.raw
                case.calls.append(call_of(row))
        cases.append(case)
    return cases


def _calls_made(items: Iterable[JudgingItem]) -> dict[int, list[JudgeCall]]:
    """Calls of earlier attempts that came back, by item."""
    made: dict[int, list[JudgeCall]] = {}
    rows = JudgeCall.objects.filter(item__in=[item.pk for item in items]).order_by("id")
    for row in rows.exclude(status=ParseStatus.ENGINE_ERROR.value):
        made.setdefault(row.item_id, []).append(row)
    return made


def call_of(row: JudgeCall) -> Call:
    """A kept call as the protocol sees it."""
    return Call(
        Step(Order(row.order), CallKind(row.kind), row.sample),
        ParseStatus(row.status),
        Outcome(row.outcome) if row.outcome else None,
        row.p_first,
    )


def _row(asked: Asked, usage: Usage, wall_ms: int) -> JudgeCall:
    messages = [(message.role, message.content) for message in asked.messages]
    inputs = json.dumps(messages, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return JudgeCall(
        item=asked.case.item,
        attempt=asked.case.item.attempt,
        order=asked.step.order.value,
        kind=asked.step.kind.value,
        sample=asked.step.sample,
        inputs_hash=hashlib.sha256(inputs).hexdigest(),
        seed=asked.seed,
        temperature=asked.temperature,
        tokens_in=usage.tokens_in,
        tokens_out=usage.tokens_out,
        cost=usage.cost,
        wall_ms=wall_ms,
    )


def _hear_words(step: Step, reply: GenerationReply, row: JudgeCall, text: str) -> Call:
    parsed = climb(text, VERDICT, finish=reply.samples[0].finish)
    status = parsed.status
    if step.kind is CallKind.REPAIR and status is ParseStatus.OK:
        status = ParseStatus.REPAIRED
    row.raw = text
    row.status = status.value
    row.outcome = parsed.value.value if parsed.value else ""
    return Call(step, status, parsed.value)


def _hear_labels(step: Step, decision: Decision, row: JudgeCall) -> Call:
    status, outcome, p_first = read_decision(decision)
    row.status = status.value
    row.outcome = outcome.value if outcome else ""
    row.p_first = p_first
    row.label_probabilities = dict(decision.probabilities)
    row.label_mass = decision.mass
    return Call(step, status, outcome, p_first)


def _reason(case: Case) -> str:
    """What the judge wrote before its verdict, from the first order that it answered."""
    for call in case.calls:
        if call.status is ParseStatus.OK and case.raw.get(call.step):
            words = strip_wrapping(case.raw[call.step])
            return VERDICT.patterns[0].split(words)[0].strip()[:REASON_LIMIT]
    return ""
