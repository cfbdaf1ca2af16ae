"""Writing the demo world into the database: two projects, their people, questions and judgments.

One transaction per project: it is there whole or not at all, and a second seeding finds it and
changes nothing. Rows are written in bulk, under the same constraints and triggers as any other, and
every payload is checked by its judgment type as if it had been submitted.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from annotation.catalogue import JUDGMENT_TYPES
from annotation.content import hash_messages, hash_text
from annotation.demo_world.content import (
    SYSTEMS,
    DemoPrompt,
    demo_criteria,
    demo_prompts,
    guideline_text,
)
from annotation.demo_world.design import (
    ANSWERED_BY,
    CHECKED_BY,
    CHECKED_PROMPTS,
    Planned,
    plan_checklists,
    plan_pairs,
)
from annotation.demo_world.people import SimulatedPerson, simulated_people
from annotation.demo_world.simulation import answer_checklist, choose
from annotation.judgment_types import Asked, AskedCriterion, Payload
from annotation.models import (
    Annotator,
    AnnotatorKind,
    Candidate,
    Criterion,
    Guideline,
    Judgment,
    Membership,
    Placement,
    Profile,
    Project,
    ProjectState,
    Prompt,
    Question,
    QuestionState,
    Role,
    Rubric,
    System,
    User,
)
from annotation.rendering import render_markdown, render_messages

SEED = 7
OWNER, GUEST = "demo", "guest"
SIMULATED = "simulated"  # the source of every judgment written here
FAMILY = "invented for the demo"

PAIRWISE_SLUG, CHECKLIST_SLUG = "everyday-advice", "everyday-advice-checklist"
DESCRIPTION = (
    "Forty everyday questions on which people truly differ, with four answers each. Everything "
    "here is invented: the questions and answers were written for this demo, the four systems do "
    "not exist, and the annotators are simulated: three opinion groups of unequal size and a few "
    "who don't pay attention."
)

Report = Callable[[str, int, int], None]  # what is being done, how many are done, of how many


@dataclass(frozen=True, slots=True)
class Seeded:
    """What a project holds after seeding; `is_new` is False if it was there before."""

    project: Project
    is_new: bool
    prompts: int
    candidates: int
    questions: int
    open_questions: int
    annotators: int
    judgments: int


@dataclass(frozen=True, slots=True)
class _Told:
    """One simulated answer, ready to be kept."""

    payload: Payload
    shown_order: list[int]
    elapsed_ms: int | None = None
    reason: str = ""


Tell = Callable[[SimulatedPerson, Planned], _Told]


def silently(what: str, done: int, total: int) -> None:
    """The report of a caller who doesn't want one."""


def seed_demo_world(report: Report = silently) -> list[Seeded]:
    """Both demo projects, made if they are missing. `report` is told of the slow steps."""
    owner, guest = _account(OWNER), _account(GUEST)
    people = simulated_people(SEED)
    members = {owner: Role.OWNER, guest: Role.ANNOTATOR}
    return [
        _seed_pairwise(members, people, report),
        _seed_checklist(members, people, report),
    ]


def _account(username: str) -> User:
    """An account that nobody can log into by password; the demo prints a one-time link instead."""
    user, is_new = User.objects.get_or_create(username=username)
    if is_new:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return user


# --- The two projects -------------------------------------------------------------------------


@transaction.atomic
def _seed_pairwise(
    members: Mapping[User, Role], people: Sequence[SimulatedPerson], report: Report
) -> Seeded:
    project, is_new = Project.objects.get_or_create(
        slug=PAIRWISE_SLUG,
        defaults={
            "name": "Everyday advice",
            "description": DESCRIPTION,
            "state": ProjectState.OPEN,
            "judgment_type": "pairwise",
            "overlap": ANSWERED_BY,
            "seed": SEED,
            "is_simulated": True,
        },
    )
    if is_new:
        _write_frame(project, members, "pairwise")
        candidates = write_candidates(project, demo_prompts(), report)
        planned = plan_pairs(demo_prompts(), people, seed=SEED)
        questions = write_questions(project, planned, candidates)
        asked = Asked(candidates=2, options=project.options)
        write_judgments(project, questions, asked, people, tell_pairwise, report)
    return _seeded(project, is_new=is_new)


@transaction.atomic
def _seed_checklist(
    members: Mapping[User, Role], people: Sequence[SimulatedPerson], report: Report
) -> Seeded:
    project, is_new = Project.objects.get_or_create(
        slug=CHECKLIST_SLUG,
        defaults={
            "name": "Everyday advice: checklist",
            "description": f"Six yes-or-no questions about every answer. {DESCRIPTION}",
            "state": ProjectState.OPEN,
            "judgment_type": "checklist",
            "overlap": CHECKED_BY,
            "seed": SEED,
            "is_simulated": True,
        },
    )
    if is_new:
        _write_frame(project, members, "checklist")
        english = [prompt for prompt in demo_prompts() if prompt.language == "en"]
        candidates = write_candidates(project, english[:CHECKED_PROMPTS], report)
        rubric = _write_rubric(project)
        planned = plan_checklists(demo_prompts(), people, seed=SEED)
        questions = write_questions(project, planned, candidates, rubric=rubric)
        criteria = tuple(
            AskedCriterion(place, criterion.text, criterion.explanation)
            for place, criterion in enumerate(demo_criteria())
        )
        asked = Asked(candidates=1, criteria=criteria, options=project.options)
        write_judgments(project, questions, asked, people, _tell_checklist, report)
    return _seeded(project, is_new=is_new)


def _seeded(project: Project, *, is_new: bool) -> Seeded:
    questions = Question.objects.filter(project=project)
    return Seeded(
        project=project,
        is_new=is_new,
        prompts=project.prompts.count(),
        candidates=Candidate.objects.filter(prompt__project=project).count(),
        questions=questions.count(),
        open_questions=questions.filter(state=QuestionState.OPEN).count(),
        annotators=project.annotators.count(),
        judgments=Judgment.objects.counted().filter(question__project=project).count(),
    )


def _write_frame(project: Project, members: Mapping[User, Role], name: str) -> None:
    Membership.objects.bulk_create(
        Membership(project=project, user=user, role=role) for user, role in members.items()
    )
    text = guideline_text(name)
    Guideline.objects.create(project=project, version=1, text=text, html=render_markdown(text))


def _write_rubric(project: Project) -> Rubric:
    rubric = Rubric.objects.create(
        project=project, name="What makes advice good", written_by="written for the demo"
    )
    Criterion.objects.bulk_create(
        Criterion(
            rubric=rubric,
            position=place,
            text=criterion.text,
            explanation=criterion.explanation,
        )
        for place, criterion in enumerate(demo_criteria())
    )
    return rubric


# --- Rows in bulk -----------------------------------------------------------------------------


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
    """One question per plan, its answers placed in order. English ones come first in the queue."""
    questions = Question.objects.bulk_create(
        Question(
            project=project,
            prompt=candidates[plan.answers[0].external_id].prompt,
            judgment_type=project.judgment_type,
            rubric=rubric,
            external_id=plan.external_id,
            overlap=project.overlap,
            priority=0.0 if plan.prompt.language == "en" else -1.0,
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
    for start in range(0, len(rows), 500):
        Judgment.objects.bulk_create(rows[start : start + 500])
        report(f"Keeping judgments of “{project}”", min(start + 500, len(rows)), len(rows))
    Question.objects.filter(pk__in=answered).update(state=QuestionState.ANSWERED)


def tell_pairwise(person: SimulatedPerson, plan: Planned) -> _Told:
    first, second = plan.answers
    choice = choose(person, (first.qualities, second.qualities), key=plan.external_id, seed=SEED)
    return _Told(
        payload=choice.as_payload(),
        shown_order=list(choice.shown_order),
        elapsed_ms=choice.elapsed_ms,
        reason=choice.reason,
    )


def _tell_checklist(person: SimulatedPerson, plan: Planned) -> _Told:
    (answer,) = plan.answers
    given = answer_checklist(
        person,
        answer.qualities,
        demo_criteria(),
        factual=plan.prompt.factual,
        key=plan.external_id,
        seed=SEED,
    )
    answers = {str(place): value for place, value in enumerate(given)}
    return _Told(payload={"answers": {"0": answers}}, shown_order=[0])
