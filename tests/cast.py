"""One cast for all tests: olga owns the project, ada and bob annotate, sam is a stranger."""

from dataclasses import dataclass

import pytest

from annotation.models import (
    Annotator,
    AnnotatorKind,
    Candidate,
    Membership,
    Placement,
    Project,
    ProjectState,
    Prompt,
    Question,
    Role,
    System,
    User,
)


def account(name: str) -> User:
    return User.objects.create_user(username=name, password=f"{name}-keeps-it-secret")


def member(project: Project, name: str, role: Role) -> User:
    user = account(name)
    Membership.objects.create(user=user, project=project, role=role)
    return user


@dataclass
class World:
    """A small open project with its people and a few pairs to judge."""

    project: Project
    olga: User
    ada: User
    bob: User
    sam: User
    annotator_ada: Annotator
    annotator_bob: Annotator
    questions: list[Question]


def make_project(slug: str = "advice", **fields: object) -> Project:
    defaults: dict[str, object] = {
        "name": "Everyday advice",
        "state": ProjectState.OPEN,
        "overlap": 2,
        "seed": 7,
    }
    return Project.objects.create(slug=slug, **(defaults | fields))


def make_annotator(project: Project, user: User) -> Annotator:
    return Annotator.objects.create(
        project=project,
        user=user,
        kind=AnnotatorKind.PERSON,
        external_id=f"person-{user.username}",
        display_name=user.username.title(),
    )


def make_people(project: Project, count: int) -> list[Annotator]:
    """Annotators p0, p1, … without accounts."""
    return [
        Annotator.objects.create(
            project=project, kind=AnnotatorKind.PERSON, external_id=f"p{number}"
        )
        for number in range(count)
    ]


def make_question(
    project: Project, name: str, *, candidates: int = 2, **fields: object
) -> Question:
    """A question about one prompt with `candidates` responses by systems named system-0, …"""
    prompt = Prompt.objects.create(
        project=project,
        external_id=f"prompt-{name}",
        messages=[{"role": "user", "content": f"What should I do about {name}?"}],
        content_hash=name,
        html=f"<p>What should I do about {name}?</p>",
    )
    question = Question.objects.create(
        project=project,
        prompt=prompt,
        judgment_type=str(fields.pop("judgment_type", project.judgment_type)),
        external_id=name,
        overlap=int(str(fields.pop("overlap", project.overlap))),
        **fields,
    )
    for position in range(candidates):
        system, _ = System.objects.get_or_create(project=project, name=f"system-{position}")
        text = f"Answer {position} to {name}."
        candidate = Candidate.objects.create(
            prompt=prompt,
            external_id=f"{name}-{position}",
            system=system,
            text=text,
            content_hash=text,
            html=f"<p>{text}</p>",
        )
        Placement.objects.create(question=question, candidate=candidate, position=position)
    return question


@pytest.fixture
def world(db: None) -> World:
    project = make_project()
    olga = member(project, "olga", Role.OWNER)
    ada = member(project, "ada", Role.ANNOTATOR)
    bob = member(project, "bob", Role.ANNOTATOR)
    return World(
        project=project,
        olga=olga,
        ada=ada,
        bob=bob,
        sam=account("sam"),
        annotator_ada=make_annotator(project, ada),
        annotator_bob=make_annotator(project, bob),
        questions=[make_question(project, name) for name in ("noise", "rent", "snow")],
    )
