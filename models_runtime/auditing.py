"""Carrying out audits of judges: pairs and their copies are judged, then the findings are written.

Every call is kept as soon as it lands, so an audit that was cut off asks only what is missing. It
leaves no judgment behind.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction

from annotation.phrases import say
from models_runtime import shifts
from models_runtime.audit_catalogue import AUDITS
from models_runtime.audit_material import (
    bare_pair,
    kept_trial,
    left_out_of,
    material_of,
    variants_of,
)
from models_runtime.audit_talk import Tried, audit_talk, shows_both_orders
from models_runtime.audits import Figure
from models_runtime.checkpoints import open_engine
from models_runtime.device_time import on_device
from models_runtime.engines import (
    Cause,
    Conversation,
    DecisionReply,
    DecisionRequest,
    Engine,
    EngineError,
    Failure,
    GenerationReply,
    GenerationRequest,
)
from models_runtime.generating import seed_for
from models_runtime.judging.requests import judged_request, temperature_for
from models_runtime.judging.talk import Ask, CallKind, Course, Heard, Step
from models_runtime.judging_cases import (
    STEP_LENGTH,
    call_fields,
    heard,
    heard_of,
    subjects_of,
)
from models_runtime.ledger import Ledger, in_rounds
from models_runtime.models import AuditCall, AuditFinding, AuditItem, AuditJob, ItemState
from models_runtime.prompting.parsing import ParseStatus
from models_runtime.shifts import Hopeless, Shift

SLICE = 8
MOST_UNKEPT = 256

AuditShift = Shift[AuditJob, AuditItem]


def run_audit(pk: int, *, length: timedelta = shifts.SHIFT) -> timedelta | None:
    """Work a shift on audit `pk`; do nothing if it is final.

    Returns how long to wait before somebody should look again, None if nobody needs to.
    """
    job = shifts.begin(AuditJob, pk)
    if job is None:
        return None
    return shifts.carry_out(
        job,
        AuditItem.objects.filter(job=job),
        lambda: _work(job, length),
        nothing=say("None of the {total} pairs could be judged, so there is no card. {cause}"),
        some=say("{failed} of {total} pairs could not be judged and were left out."),
    )


def _work(job: AuditJob, length: timedelta) -> None:
    with open_engine(job.checkpoint) as engine, on_device(job.project, [engine]):
        engine.check()
        lacking = job.read_protocol().needs(job.read_options()) - engine.info.can
        if lacking:
            raise EngineError(
                Cause.UNSUPPORTED,
                say(
                    "%(model)s can't %(names)s, which the protocol %(way)s needs. Choose "
                    "another template or checkpoint.",
                    model=engine.info.model,
                    names=", ".join(sorted(lacking)),
                    way=job.way(),
                ),
            )
        rows = AuditItem.objects.all()
        with AuditShift(job, rows, stop=engine.close, length=length, slice_=SLICE) as shift:
            shift.look_up()
            for items in shift.slices():
                Bench(shift, engine, items).judge()
                shift.look_up()
    rows = AuditItem.objects.filter(job=job)
    if not rows.open().exists() and rows.filter(state=ItemState.DONE).exists():
        write_findings(job)


def write_findings(job: AuditJob) -> None:
    """What the job's audits find in its trials; those written before stay as they are."""
    material = material_of(job)
    findings = []
    for slug in job.audits:
        audit = AUDITS[slug]
        limit = float(job.limits.get(slug, audit.limit))
        found = audit.examine(material, limit)
        findings.append(
            AuditFinding(
                job=job,
                audit=slug,
                grade=found.grade.value,
                figures=[_kept(figure) for figure in found.figures],
                limit=limit,
                rule=found.rule,
                sentence=found.sentence,
                detail=dict(found.detail),
            )
        )
    with transaction.atomic():
        if not AuditFinding.objects.filter(job=job).exists():
            job.left_out = left_out_of(job)
            job.save(update_fields=["left_out"])
        AuditFinding.objects.bulk_create(findings, ignore_conflicts=True)


def _kept(figure: Figure) -> dict[str, Any]:
    """A figure as JSON, which has no infinities and nothing that is not a number."""
    told = dataclasses.asdict(figure)
    numbers = [told[name] for name in ("estimate", "low", "high")]
    if not all(each is None or math.isfinite(each) for each in numbers):
        told |= {"estimate": None, "low": None, "high": None}
    return told


@dataclass
class _Case:
    item: AuditItem
    key: str
    course: Course[list[Tried]]
    failure: Failure | None = None

    @property
    def is_open(self) -> bool:
        return self.failure is None and not self.course.is_over


@dataclass(frozen=True)
class _Asked:
    case: _Case
    ask: Ask
    step: Step
    messages: Conversation
    seed: int
    temperature: float


class Bench:
    """Some pairs with all their copies judged together, round by round."""

    def __init__(self, shift: AuditShift, engine: Engine, items: Sequence[AuditItem]) -> None:
        self.shift = shift
        self.engine = engine
        self.job = shift.job
        self.cases = _open_cases(shift.job, items)
        self._heard = 0
        self._ledger = Ledger(AuditCall, shift, most=MOST_UNKEPT)

    def judge(self) -> None:
        """Ask, keep and settle. A failure that concerns everything is raised as Hopeless, after
        what was answered has been kept and settled."""
        hopeless = in_rounds(self._next_round, self._ask_round, lambda: self._heard)
        self._settle()
        if hopeless is not None:
            raise Hopeless(hopeless)

    def _ask_round(self, asked: Sequence[_Asked]) -> Failure | None:
        """Send a round; returns a failure that concerns everything, if one came."""
        for labelled in (True, False):
            some = {
                str(place): each
                for place, each in enumerate(asked)
                if bool(each.ask.labels) is labelled
            }
            if (failure := self._send(some, labelled)) is not None:
                return failure
        return None

    def _next_round(self) -> list[_Asked]:
        return [
            self._prepare(case, ask, step)
            for case in self.cases
            if case.is_open
            for ask, step in case.course.wanted()
        ]

    def _prepare(self, case: _Case, ask: Ask, step: Step) -> _Asked:
        messages = case.course.messages_of(ask, step)
        seed = seed_for(self.job.seed, case.key, step.key, step.kind, step.sample)
        return _Asked(case, ask, step, messages, seed, temperature_for(ask, step))

    def _send(self, asked: Mapping[str, _Asked], labelled: bool) -> Failure | None:
        for some in self.shift.portions(asked, self.engine.info.in_flight):
            replies: Any = (
                self.engine.decide(_labelled(key, each) for key, each in some.items())
                if labelled
                else self.engine.generate(_written(key, each) for key, each in some.items())
            )
            with closing(replies):
                for reply in replies:
                    if reply.failure is not None and reply.failure.cause.concerns_everything:
                        self._ledger.keep_with_last(self._hear(some[reply.key], reply))
                        failure: Failure = reply.failure
                        return failure
                    self._ledger.add(self._hear(some[reply.key], reply))
            self._ledger.keep_and_look_up()
        return None

    def _hear(self, asked: _Asked, reply: GenerationReply | DecisionReply) -> AuditCall:
        self._heard += 1
        item, ask, step = asked.case.item, asked.ask, asked.step
        row = AuditCall(
            item=item,
            attempt=item.attempt,
            step=step.key[:STEP_LENGTH],
            **call_fields(ask, step, asked.messages, asked.seed, asked.temperature, reply),
        )
        if reply.failure is not None:
            asked.case.failure = reply.failure
            return row
        said = heard(reply)
        row.status = asked.case.course.hear(step, said).status.value
        row.raw = said.text
        if said.decision is None:
            row.finish = said.finish.value
        else:
            row.label_probabilities = dict(said.decision.probabilities)
            row.label_mass = said.decision.mass
            row.bounded = list(said.decision.bounded)
        return row

    def _settle(self) -> None:
        complete = [case for case in self.cases if case.failure is None and case.course.is_over]
        failed = [(case.item, case.failure) for case in self.cases if case.failure is not None]
        with transaction.atomic():
            held = self.shift.rows.lock_held([case.item for case in complete], self.shift.worker)
            for case in complete:
                if case.item.pk in held:
                    trials = {each.variant: kept_trial(each.trial) for each in case.course.result}
                    AuditItem.objects.filter(pk=case.item.pk).update(
                        state=ItemState.DONE, worker="", lease_until=None, trials=trials
                    )
        with transaction.atomic():
            held = self.shift.rows.lock_held([item for item, _ in failed], self.shift.worker)
            self.shift.settle_failures([each for each in failed if each[0].pk in held])
        last = failed[-1][1] if failed else None
        self.shift.count(successes=len(complete), failures=len(failed), last=last)


def _open_cases(job: AuditJob, items: Sequence[AuditItem]) -> list[_Case]:
    """The items' talks, each gone on as far as the calls kept earlier reach."""
    protocol, options = job.read_protocol(), job.read_options()
    seated = dict.fromkeys(protocol.seats, job.checkpoint)
    ids = [item.question_id for item in items]
    told = subjects_of(ids, protocol, options, seed=job.seed, seated=seated)
    subjects = {question.pk: (question, subject) for question, subject in told}
    both = {pk: shows_both_orders(s, protocol, options) for pk, (_, s) in subjects.items()}
    kept = _calls_made(items)
    cases = []
    for item in items:
        question, subject = subjects[item.question_id]
        pair = bare_pair(question, subject.texts)
        variants = variants_of(pair, job.audits, both_orders=both[question.pk])
        talk = audit_talk(subject, variants, protocol, options)
        course: Course[list[Tried]] = Course(talk, protocol.patience(options))
        course.replay(kept.get(item.pk, {}))
        cases.append(_Case(item, subject.key, course))
    return cases


def _calls_made(items: Sequence[AuditItem]) -> dict[int, dict[Step, Heard]]:
    """Calls that were answered, by item and step; the first to a step counts."""
    made: dict[int, dict[Step, Heard]] = {}
    rows = AuditCall.objects.filter(item__in=[item.pk for item in items]).order_by("id")
    for row in rows.exclude(status=ParseStatus.ENGINE_ERROR.value):
        step = Step(row.step, CallKind(row.kind), row.sample)
        made.setdefault(row.item_id, {}).setdefault(step, heard_of(row))
    return made


def _labelled(key: str, asked: _Asked) -> DecisionRequest:
    return DecisionRequest(key, asked.messages, tuple(asked.ask.labels))


def _written(key: str, asked: _Asked) -> GenerationRequest:
    return judged_request(
        key, asked.ask, asked.step, asked.messages, seed=asked.seed, temperature=asked.temperature
    )
