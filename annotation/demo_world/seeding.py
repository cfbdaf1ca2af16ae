"""Making the two demo projects, with their people, questions and simulated judgments.

One transaction per project: it is there whole or not at all, and a second seeding finds it and
changes nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from annotation.demo_world.content import demo_criteria, demo_prompts, guideline_text
from annotation.demo_world.design import (
    ANSWERED_BY,
    CHECKED_BY,
    Planned,
    checked_prompts,
    plan_checklists,
    plan_pairs,
)
from annotation.demo_world.people import SimulatedPerson, simulated_people
from annotation.demo_world.simulation import answer_checklist, choose
from annotation.demo_world.writing import (
    Report,
    Told,
    write_candidates,
    write_judgments,
    write_questions,
)
from annotation.judgment_types import Asked, AskedCriterion
from annotation.models import Criterion, Membership, Project, ProjectState, Role, Rubric, User
from annotation.progress import ProjectProgress, project_progress
from annotation.projects import create_project

SEED = 7
OWNER, GUEST = "demo", "guest"

DESCRIPTION = (
    "Forty everyday questions on which people truly differ, with four answers each. Everything "
    "here is invented: the questions and answers were written for this demo, the four systems do "
    "not exist, and the annotators are simulated: three opinion groups of unequal size and a few "
    "who don't pay attention."
)
PAIRWISE: dict[str, Any] = {
    "slug": "everyday-advice",
    "name": "Everyday advice",
    "description": DESCRIPTION,
    "judgment_type": "pairwise",
    "overlap": ANSWERED_BY,
}
CHECKLIST: dict[str, Any] = {
    "slug": "everyday-advice-checklist",
    "name": "Everyday advice: checklist",
    "description": f"Six yes-or-no questions about every answer. {DESCRIPTION}",
    "judgment_type": "checklist",
    "overlap": CHECKED_BY,
}


Fill = Callable[[Project, Report], None]


@dataclass(frozen=True, slots=True)
class Seeded:
    """A demo project after seeding; `is_new` is False if it was there before."""

    project: Project
    is_new: bool
    progress: ProjectProgress
    annotators: int


def silently(what: str, done: int, total: int) -> None:
    """The report of a caller who doesn't want one."""


def seed_demo_world(report: Report = silently) -> list[Seeded]:
    """Both demo projects, made if they are missing. `report` is told of the slow steps."""
    owner, guest = demo_account(OWNER), demo_account(GUEST)
    return [
        _seed(fields, fill, owner, guest, report)
        for fields, fill in ((PAIRWISE, _fill_pairwise), (CHECKLIST, _fill_checklist))
    ]


def demo_account(username: str) -> User:
    """An account that nobody can log into by password; the demo prints a one-time link instead."""
    user, is_new = User.objects.get_or_create(username=username)
    if is_new:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return user


@transaction.atomic
def _seed(fields: dict[str, Any], fill: Fill, owner: User, guest: User, report: Report) -> Seeded:
    project = Project.objects.filter(slug=fields["slug"]).first()
    is_new = project is None
    if project is None:
        project = create_project(
            owner=owner,
            guideline=guideline_text(fields["judgment_type"]),
            state=ProjectState.OPEN,
            seed=SEED,
            is_simulated=True,
            **fields,
        )
        Membership.objects.create(project=project, user=guest, role=Role.ANNOTATOR)
        fill(project, report)
    return Seeded(project, is_new, project_progress(project), project.annotators.count())


def _fill_pairwise(project: Project, report: Report) -> None:
    people = simulated_people(SEED)
    candidates = write_candidates(project, demo_prompts(), report)
    planned = plan_pairs(demo_prompts(), people, seed=SEED)
    questions = write_questions(project, planned, candidates)
    asked = Asked(candidates=2, options=project.options)
    write_judgments(project, questions, asked, people, _tell_pairwise, report)


def _fill_checklist(project: Project, report: Report) -> None:
    people = simulated_people(SEED)
    prompts = checked_prompts(demo_prompts())
    candidates = write_candidates(project, prompts, report)
    rubric = _write_rubric(project)
    planned = plan_checklists(prompts, people, seed=SEED)
    questions = write_questions(project, planned, candidates, rubric=rubric)
    criteria = tuple(
        AskedCriterion(place, criterion.text, criterion.explanation)
        for place, criterion in enumerate(demo_criteria())
    )
    asked = Asked(candidates=1, criteria=criteria, options=project.options)
    write_judgments(project, questions, asked, people, _tell_checklist, report)


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


def _tell_pairwise(person: SimulatedPerson, plan: Planned) -> Told:
    first, second = plan.answers
    choice = choose(person, (first.qualities, second.qualities), key=plan.external_id, seed=SEED)
    return Told(
        payload=choice.as_payload(),
        shown_order=list(choice.shown_order),
        elapsed_ms=choice.elapsed_ms,
        reason=choice.reason,
    )


def _tell_checklist(person: SimulatedPerson, plan: Planned) -> Told:
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
    return Told(payload={"answers": {"0": answers}}, shown_order=[0])
