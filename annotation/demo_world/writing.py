"""Rows of a demo project in bulk, under the same constraints and triggers as any other.

For a project that nobody else can see yet: whoever calls this holds the transaction in which the
project is made. Every payload is checked by its judgment type as if it had been submitted.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.utils import timezone

from annotation.catalogue import JUDGMENT_TYPES
from annotation.demo_world.content import SYSTEMS, DemoPrompt
from annotation.demo_world.design import Planned
from annotation.demo_world.people import SimulatedPerson
from annotation.hashes import hash_messages, hash_text
from annotation.judgment_types import Asked, Payload
from annotation.models import (
    Annotator,
    AnnotatorKind,
    Candidate,
    Judgment,
    Placement,
    Profile,
    Project,
    Prompt,
    Question,
    QuestionState,
    Rubric,
    System,
)
from annotation.rendering import render_markdown, render_messages

SIMULATED = "simulated"  # the source of every judgment written here
FAMILY = "invented for the demo"
BATCH = 500

Report = Callable[[str, int, int], None]  # what is being done, how many are done, of how many


@dataclass(frozen=True, slots=True)
class Told:
    """One simulated answer, ready to be kept."""

    payload: Payload
    shown_order: list[int]
    elapsed_ms: int | None = None
    reason: str = ""


Tell = Callable[[SimulatedPerson, Planned], Told]


def write_candidates(
    project: Project, prompts: Sequence[DemoPrompt], report: Report
) -> dict[str, Candidate]:
    """Prompts, systems and candidates of a new project; the candidates by external id."""
    systems = {
        system.name: system
        for system in System.objects.bulk_create(
            System(project=project, name=name, family=FAMILY) for name in SYSTEMS
        )
    }
    rows = Prompt.objects.bulk_create(
        Prompt(
            project=project,
            external_id=prompt.external_id,
            messages=prompt.as_messages(),
            content_hash=hash_messages(prompt.as_messages()),
            html=render_messages(prompt.as_messages()),
        )
        for prompt in prompts
    )
    candidates = []
    for done, (row, prompt) in enumerate(zip(rows, prompts, strict=True), 1):
        candidates += [
            Candidate(
                prompt=row,
                external_id=answer.external_id,
                system=systems[answer.system],
                text=answer.text,
                content_hash=hash_text(answer.text),
                html=render_markdown(answer.text),
            )
            for answer in prompt.answers
        ]
        report(f"Rendering the answers of “{project}”", done, len(prompts))
    return {row.external_id: row for row in Candidate.objects.bulk_create(candidates)}


def write_questions(
    project: Project,
    planned: Sequence[Planned],
    candidates: Mapping[str, Candidate],
    *,
    rubric: Rubric | None = None,
) -> list[tuple[Question, Planned]]:
    """One question per plan, its answers placed in order."""
    questions = Question.objects.bulk_create(
        Question(
            project=project,
            prompt=candidates[plan.answers[0].external_id].prompt,
            judgment_type=project.judgment_type,
            rubric=rubric,
            external_id=plan.external_id,
            overlap=project.overlap,
            priority=_priority(plan.prompt),
        )
        for plan in planned
    )
    pairs = list(zip(questions, planned, strict=True))
    Placement.objects.bulk_create(
        Placement(question=question, candidate=candidates[answer.external_id], position=position)
        for question, plan in pairs
        for position, answer in enumerate(plan.answers)
    )
    return pairs


def _priority(prompt: DemoPrompt) -> float:
    """Where people differ most comes first, what not everyone can read comes last."""
    if prompt.language != "en":
        return -2.0
    return -1.0 if prompt.factual else 0.0


def write_annotators(
    project: Project, people: Sequence[SimulatedPerson]
) -> dict[str, tuple[Annotator, Profile]]:
    """The simulated people as annotators who say that they are simulated, with their profiles."""
    annotators = Annotator.objects.bulk_create(
        Annotator(
            project=project,
            kind=AnnotatorKind.SIMULATED,
            external_id=person.external_id,
            display_name=f"Simulated person {number}",
        )
        for number, person in enumerate(people, 1)
    )
    profiles = Profile.objects.bulk_create(
        Profile(annotator=annotator, version=1, attributes=person.attributes)
        for annotator, person in zip(annotators, people, strict=True)
    )
    return {profile.annotator.external_id: (profile.annotator, profile) for profile in profiles}


def write_judgments(
    project: Project,
    questions: Sequence[tuple[Question, Planned]],
    asked: Asked,
    people: Sequence[SimulatedPerson],
    tell: Tell,
    report: Report,
) -> None:
    """What the planned people say to the new questions of a new project, and which are answered.

    Each question is written within its overlap, so nobody is parked.
    """
    annotators = write_annotators(project, people)
    guideline = project.current_guideline()
    judgment_type = JUDGMENT_TYPES[project.judgment_type]
    now = timezone.now()
    rows, answered = [], []
    for question, plan in questions:
        if len(plan.judged_by) > question.overlap:
            raise ValueError(f"{plan.external_id}: more judgments planned than its overlap")
        for person in plan.judged_by:
            annotator, profile = annotators[person.external_id]
            told = tell(person, plan)
            judgment_type.check(told.payload, asked)
            rows.append(
                Judgment(
                    question=question,
                    annotator=annotator,
                    profile=profile,
                    guideline=guideline,
                    judgment_type=project.judgment_type,
                    payload=told.payload,
                    shown_order=told.shown_order,
                    reason=told.reason,
                    elapsed_ms=told.elapsed_ms,
                    submission_key=f"demo/{question.public_id}/{person.external_id}",
                    source=SIMULATED,
                    created_at=now,
                )
            )
        if len(plan.judged_by) == question.overlap:
            answered.append(question.pk)
    for start in range(0, len(rows), BATCH):
        Judgment.objects.bulk_create(rows[start : start + BATCH])
        report(f"Keeping judgments of “{project}”", min(start + BATCH, len(rows)), len(rows))
    Question.objects.filter(pk__in=answered).update(state=QuestionState.ANSWERED)
