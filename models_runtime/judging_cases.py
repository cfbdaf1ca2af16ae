"""From rows to what a protocol sees: questions and prompts as subjects, kept calls as replies."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from annotation.hashes import hash_text
from annotation.judgment_types import AskedCriterion
from annotation.judgment_types.ranking import asks_for_best
from annotation.judgment_types.rating import Scale
from annotation.models import (
    Candidate,
    CriterionKind,
    Placement,
    Project,
    Prompt,
    Question,
    Rubric,
)
from annotation.submission import asked_by
from models_runtime.engines import (
    Conversation,
    Decision,
    DecisionReply,
    Failure,
    Finish,
    GenerationReply,
)
from models_runtime.generating import conversation_of
from models_runtime.judging.protocol import JudgingProtocol
from models_runtime.judging.reducers import first_wins
from models_runtime.judging.subject import Criterion, Subject
from models_runtime.judging.talk import Answer, Ask, CallKind, Course, Heard, Order, Step
from models_runtime.keeping_candidates import storable
from models_runtime.models import (
    AuditCall,
    Checkpoint,
    JudgeCall,
    JudgingItem,
    JudgingJob,
    StudyJob,
)
from models_runtime.outcomes import Outcome
from models_runtime.prompting.parsing import ParseStatus

STEP_LENGTH = 120


@dataclass
class Case:
    """One item on the bench: what is judged, the talk about it, and what failed."""

    item: JudgingItem
    subject: Subject
    course: Course[Any]
    question: Question | None = None
    prompt: Prompt | None = None
    failure: Failure | None = None

    @property
    def is_open(self) -> bool:
        return self.failure is None and not self.course.is_over


def open_cases(job: JudgingJob, items: Sequence[JudgingItem]) -> list[Case]:
    """The items' cases, each gone on as far as the calls kept earlier reach."""
    cases = _fresh_cases(job, items)
    kept = calls_made(items)
    for case in cases:
        rows = kept.get(case.item.pk, {})
        case.course.replay({step: heard_of(row) for step, row in rows.items()})
    return cases


def open_courses(
    job: JudgingJob, items: Sequence[JudgingItem]
) -> list[tuple[JudgingItem, Course[Any]]]:
    """The items' talks from their beginning, to be told again."""
    return [(case.item, case.course) for case in _fresh_cases(job, items)]


def _fresh_cases(job: JudgingJob, items: Sequence[JudgingItem]) -> list[Case]:
    protocol, options = job.read_protocol(), job.read_options()
    asked = _questions_of(job, items)
    prompts = Prompt.objects.in_bulk([item.prompt_id for item in items if item.prompt_id])
    cases = []
    for item in items:
        question: Question | None = None
        prompt: Prompt | None = None
        if item.question_id is not None:
            question, subject = asked[item.question_id]
        else:
            assert item.prompt_id is not None
            prompt = prompts[item.prompt_id]
            subject = subject_of_prompt(prompt, seed=job.seed)
        course: Course[Any] = Course(protocol.conduct(subject, options), protocol.patience(options))
        cases.append(Case(item, subject, course, question, prompt))
    return cases


# --- Subjects -------------------------------------------------------------------------------------


def _questions_of(
    job: JudgingJob, items: Sequence[JudgingItem]
) -> dict[int, tuple[Question, Subject]]:
    ids = [item.question_id for item in items if item.question_id]
    protocol, options = job.read_protocol(), job.read_options()
    return {
        question.pk: (question, subject)
        for question, subject in subjects_of(
            ids, protocol, options, seed=job.seed, seated=job.seated()
        )
    }


def subjects_of(
    ids: Sequence[int],
    protocol: JudgingProtocol,
    options: Any,
    *,
    seed: int,
    seated: Mapping[str, Checkpoint],
) -> list[tuple[Question, Subject]]:
    """Questions with what a protocol sees of them, in the order of `ids`."""
    kin = {seat: checkpoint.family for seat, checkpoint in seated.items()}
    found = (
        Question.objects.select_related("prompt", "project", "rubric")
        .prefetch_related("rubric__criteria")
        .in_bulk(ids)
    )
    placed: dict[int, list[Candidate]] = {}
    placements = Placement.objects.filter(question_id__in=found).order_by("position")
    for placement in placements.select_related("candidate__system"):
        placed.setdefault(placement.question_id, []).append(placement.candidate)
    questions = [found[pk] for pk in ids if pk in found]
    system = getattr(options, "reference_system", "")
    references = _references(questions, system) if system else {}
    wants = protocol.needs_criteria or protocol.uses_criteria
    checklists = _checklists(questions) if wants else {}
    mined = mined_rubric(questions[0].project) if questions and takes_mined(protocol) else None
    return [
        (
            question,
            subject_of(
                question,
                placed.get(question.pk, []),
                seed=seed,
                reference=references.get(question.prompt_id, ""),
                rubric=question.rubric or checklists.get(question.prompt_id) or mined,
                kin=kin,
            ),
        )
        for question in questions
    ]


def subject_of(
    question: Question,
    candidates: Sequence[Candidate],
    *,
    seed: int,
    reference: str = "",
    rubric: Rubric | None = None,
    kin: Mapping[str, str] | None = None,
) -> Subject:
    """A question as a protocol sees it. The same content and seed ask the same in any database."""
    texts = tuple(candidate.text for candidate in candidates)
    content = hash_text("\0".join((question.prompt.content_hash, *texts)))
    return Subject(
        key=content,
        secret=f"{seed}:{content}",
        conversation=conversation_of(question.prompt),
        common=str(seed),
        texts=texts,
        judgment_type=question.judgment_type,
        best_only=question.judgment_type == "ranking"
        and asks_for_best(asked_by(question, candidates=len(texts))),
        criteria=criteria_of(rubric),
        reference=reference,
        families=tuple(each.system.family if each.system else "" for each in candidates),
        systems=tuple(each.system.name if each.system else "" for each in candidates),
        kin=kin or {},
    )


def subject_of_prompt(prompt: Prompt, *, seed: int) -> Subject:
    """A prompt alone, for a protocol that makes something for it."""
    return Subject(
        key=prompt.content_hash,
        secret=f"{seed}:{prompt.content_hash}",
        conversation=conversation_of(prompt),
        common=str(seed),
        criteria=criteria_of(_newest(Rubric.objects.filter(prompt=prompt)).get(prompt.pk)),
    )


def criteria_of(rubric: Rubric | None) -> tuple[Criterion, ...]:
    """A rubric's criteria as protocols see them."""
    if rubric is None:
        return ()
    return tuple(
        Criterion(each.position, each.text, each.explanation, each.kind, each.weight)
        if each.kind == CriterionKind.YES_NO
        else _scaled(each)
        for each in rubric.criteria.all()
    )


def _scaled(criterion: Any) -> Criterion:
    asked = AskedCriterion(
        criterion.position, criterion.text, kind=criterion.kind, anchors=criterion.anchors
    )
    scale = Scale.of(asked)
    return Criterion(
        criterion.position, criterion.text, criterion.explanation, criterion.kind,
        criterion.weight, scale.low, scale.high, scale.step, dict(scale.labels),
    )  # fmt: skip


def _references(questions: Iterable[Question], system: str) -> dict[int, str]:
    """The newest response by `system` to each question's prompt, as the reference answer."""
    prompts = {question.prompt_id for question in questions}
    rows = Candidate.objects.filter(prompt__in=prompts, system__name=system).order_by("id")
    return dict(rows.values_list("prompt_id", "text"))


def _checklists(questions: Iterable[Question]) -> dict[int, Rubric]:
    """The newest frozen checklist of each prompt, for questions that carry no rubric."""
    prompts = {question.prompt_id for question in questions}
    return _newest(Rubric.objects.filter(prompt__in=prompts, frozen_at__isnull=False))


def takes_mined(protocol: JudgingProtocol) -> bool:
    """Whether a protocol compares pairs by criteria and so may use those mined for all prompts."""
    return protocol.needs_criteria == CriterionKind.YES_NO and protocol.judgment_types == {
        "pairwise"
    }


def mined_rubric(project: Project) -> Rubric | None:
    """The newest frozen version of criteria mined in a project, for prompts without a checklist."""
    names = StudyJob.objects.filter(project=project, rubric__isnull=False)
    rubrics = Rubric.objects.filter(
        project=project,
        prompt__isnull=True,
        frozen_at__isnull=False,
        name__in=names.values("rubric__name"),
    )
    return rubrics.order_by("-frozen_at", "-id").prefetch_related("criteria").first()


def _newest(rubrics: Any) -> dict[int, Rubric]:
    ordered = rubrics.order_by("version", "id").prefetch_related("criteria")
    return {rubric.prompt_id: rubric for rubric in ordered}


# --- Calls ----------------------------------------------------------------------------------------


def calls_made(items: Iterable[JudgingItem]) -> dict[int, dict[Step, JudgeCall]]:
    """Calls that were answered, by item and step; the first to a step counts."""
    made: dict[int, dict[Step, JudgeCall]] = {}
    rows = JudgeCall.objects.filter(item__in=[item.pk for item in items]).order_by("id")
    for row in rows.exclude(status=ParseStatus.ENGINE_ERROR.value):
        made.setdefault(row.item_id, {}).setdefault(step_of(row), row)
    return made


def step_of(row: JudgeCall) -> Step:
    return Step(row.step, CallKind(row.kind), row.sample)


def heard_of(row: JudgeCall | AuditCall) -> Heard:
    """A kept call as what came back then."""
    if row.label_probabilities is not None:
        decision = Decision(row.label_probabilities, row.label_mass or 0.0, tuple(row.bounded))
        return Heard(decision=decision)
    return Heard(row.raw, Finish(row.finish or "stop"))


def heard(reply: GenerationReply | DecisionReply) -> Heard:
    """What a reply says, as it will be kept."""
    if isinstance(reply, DecisionReply):
        assert reply.decision is not None
        return Heard(decision=reply.decision)
    return Heard(storable(reply.samples[0].text), reply.samples[0].finish)


def hash_of(messages: Conversation) -> str:
    told = [(message.role, message.content) for message in messages]
    text = json.dumps(told, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def call_fields(
    ask: Ask,
    step: Step,
    messages: Conversation,
    seed: int,
    temperature: float,
    reply: GenerationReply | DecisionReply,
) -> dict[str, Any]:
    """What every kept call says of what was sent and what it took; and, where the engine failed,
    how. What came back otherwise is for whoever reads it."""
    failure = reply.failure
    return {
        "template": ask.template.name,
        "order": ask.order.value,
        "kind": step.kind.value,
        "sample": step.sample,
        "inputs_hash": hash_of(messages),
        "seed": seed,
        "temperature": temperature,
        "tokens_in": reply.usage.tokens_in,
        "tokens_out": reply.usage.tokens_out,
        "cost": reply.usage.cost,
        "wall_ms": reply.wall_ms,
        "status": ParseStatus.ENGINE_ERROR.value if failure is not None else "",
        "failure": failure.cause.value if failure is not None else "",
    }


def fill_row(row: JudgeCall, ask: Ask, said: Heard, answer: Answer) -> None:
    """Note in a call's row what came back and what it was read as."""
    row.status = answer.status.value
    row.raw = said.text
    row.outcome = answer.value.value if isinstance(answer.value, Outcome) else ""
    if answer.value is not None and not isinstance(answer.value, Outcome):
        row.parsed = plain(answer.value)
    if said.decision is None:
        row.finish = said.finish.value
        return
    row.label_probabilities = dict(said.decision.probabilities)
    row.label_mass = said.decision.mass
    row.bounded = list(said.decision.bounded)
    if ask.order is not Order.NONE and answer.is_read:
        row.p_first = first_wins(said.decision.probabilities)


def plain(value: Any) -> Any:
    """A parsed value as JSON."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
