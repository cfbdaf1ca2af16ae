"""What a judge was shown and said, beside what people said: for trials and for looking closely."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from annotation.models import AnnotatorKind, Judgment, Project
from models_runtime.engines import Conversation
from models_runtime.judge_words import in_words
from models_runtime.judging.talk import Step
from models_runtime.judging_cases import (
    calls_made,
    hash_of,
    heard_of,
    open_courses,
    step_of,
)
from models_runtime.models import JudgeCall, JudgingItem, JudgingJob
from models_runtime.prompting.parsing import ParseStatus

MOST_HUMAN_ANSWERS = 12


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call: what was sent, word for word, and what came back."""

    step: str
    seat: str
    messages: Conversation
    call: JudgeCall

    @property
    def reply(self) -> str:
        if self.call.label_probabilities is None:
            return self.call.raw
        shares = self.call.label_probabilities.items()
        told = ", ".join(f"{label} {share:.3f}" for label, share in shares)
        return f"{told} (mass {self.call.label_mass:.3f})"


@dataclass(frozen=True, slots=True)
class Tried:
    """A question as the judge took it, beside the answers of people."""

    item: JudgingItem
    asked: str
    responses: Sequence[tuple[str, str]]
    verdict: str
    reason: str
    people: Sequence[tuple[str, int]]
    exchanges: Sequence[Exchange]


def tried(job: JudgingJob) -> list[Tried]:
    """The items of a trial that are done, in their order."""
    items = list(
        job.items.filter(state="done")
        .select_related("question__prompt", "prompt")
        .prefetch_related("question__placements__candidate")
        .order_by("id")
    )
    exchanges = retold(job, items)
    people = human_answers(job.project, [item.question_id for item in items if item.question_id])
    return [
        Tried(
            item=item,
            asked=_asked(item),
            responses=_responses(item),
            verdict=_verdict(item),
            reason=str(item.detail.get("reason", "")),
            people=people.get(item.question_id or 0, []),
            exchanges=exchanges.get(item.pk, []),
        )
        for item in items
    ]


def retold(job: JudgingJob, items: Sequence[JudgingItem]) -> dict[int, list[Exchange]]:
    """Every exchange of the items, the prompts rendered again as they were sent."""
    kept = calls_made(items)
    shared: dict[tuple[str, Step], JudgeCall] = {}
    rows = JudgeCall.objects.filter(item__job=job).exclude(status=ParseStatus.ENGINE_ERROR.value)
    for row in rows.order_by("id"):
        shared.setdefault((row.inputs_hash, step_of(row)), row)
    told: dict[int, list[Exchange]] = {}
    for item, course in open_courses(job, items):
        mine = kept.get(item.pk, {})
        found = told.setdefault(item.pk, [])
        going = True
        while going:
            going = False
            for ask, step in course.wanted():
                messages = course.messages_of(ask, step)
                call = mine.get(step) or shared.get((hash_of(messages), step))
                if call is not None:
                    found.append(Exchange(step.key, ask.seat, messages, call))
                    course.hear(step, heard_of(call))
                    going = True
    return told


def human_answers(project: Project, questions: Sequence[int]) -> dict[int, list[tuple[str, int]]]:
    """question → (answer in words, how many people gave it), the commonest first."""
    rows = (
        people_of(project)
        .filter(question__in=questions)
        .values_list("question_id", "judgment_type", "payload")
    )
    counts: dict[int, dict[str, int]] = {}
    for question, kind, payload in rows:
        told = counts.setdefault(question, {})
        words = in_words(kind, payload)
        told[words] = told.get(words, 0) + 1
    return {
        question: sorted(told.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_HUMAN_ANSWERS]
        for question, told in counts.items()
    }


def people_of(project: Project) -> "QuerySet[Judgment]":
    """Counted judgments of people: never a model's or a persona's; a simulation's only in a project
    that says it is one; nobody's who has withdrawn."""
    return _of_people(project).exclude(annotator__in=project.withdrawals.values("annotator"))


def of_withdrawn(project: Project) -> "QuerySet[Judgment]":
    """What `people_of` leaves out because its authors have withdrawn."""
    return _of_people(project).filter(annotator__in=project.withdrawals.values("annotator"))


def _of_people(project: Project) -> "QuerySet[Judgment]":
    kinds = [AnnotatorKind.PERSON]
    if project.is_simulated:
        kinds.append(AnnotatorKind.SIMULATED)
    judges = JudgingJob.objects.filter(project=project, annotator__isnull=False)
    return (
        Judgment.objects.counted()
        .filter(question__project=project, annotator__kind__in=kinds)
        .exclude(annotator__in=judges.values("annotator"))
    )


def _asked(item: JudgingItem) -> str:
    prompt = item.prompt or (item.question.prompt if item.question else None)
    return prompt.last_text() if prompt else ""


def _responses(item: JudgingItem) -> list[tuple[str, str]]:
    if item.question is None:
        return []
    placed = item.question.placements.all()
    return [("ABCDEFGHI"[each.position], each.candidate.text) for each in placed]


def _verdict(item: JudgingItem) -> str:
    if item.question is None:
        return "\n".join(item.detail.get("texts", [])) or item.why
    words = in_words(item.question.judgment_type, item.detail.get("payload"))
    return f"{words}: {item.why}" if item.why else words
