"""Setting up a project and steering it: creation, guidelines, opening and closing, its people."""

from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from annotation.constraints import violated
from annotation.errors import AnnotationError, NotAllowed
from annotation.models import (
    Annotator,
    Guideline,
    Membership,
    Project,
    ProjectState,
    Role,
    User,
    Withdrawal,
)
from annotation.pausing import resume
from annotation.phrases import say
from annotation.rendering import render_markdown


class NameTaken(AnnotationError):
    """Another project already answers to this address."""

    def __init__(self, slug: str) -> None:
        super().__init__(
            say(
                "There is already a project at /projects/%(slug)s/. Choose another address.",
                slug=slug,
            )
        )


class NoSuchAccount(AnnotationError):
    def __init__(self, username: str) -> None:
        super().__init__(
            say(
                "There is no account called “%(username)s” on this server, so nobody was "
                "added. Check the spelling; accounts are made by whoever runs the server.",
                username=username,
            )
        )


def may_create(user: User) -> bool:
    """Staff, and whoever already runs a project. Annotators' accounts don't make projects."""
    runs_one = user.memberships.filter(role__in=[Role.OWNER, Role.MANAGER])
    return user.is_staff or user.is_superuser or runs_one.exists()


def create_project(*, owner: User, guideline: str = "", **fields: Any) -> Project:
    """A draft project with its owner and, if given, the first version of its guidelines.

    Raises NameTaken when the slug is in use.
    """
    try:
        with transaction.atomic():
            project = Project.objects.create(**fields)
            Membership.objects.create(user=owner, project=project, role=Role.OWNER)
            if guideline.strip():
                revise_guideline(project=project, text=guideline)
            return project
    except IntegrityError as error:
        if "slug" in violated(error):
            raise NameTaken(fields["slug"]) from error
        raise


def revise_guideline(*, project: Project, text: str) -> Guideline:
    """A new version of the guidelines; the same text again stays the version it is."""
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        current = project.current_guideline()
        if current is not None and current.text == text:
            return current
        return Guideline.objects.create(
            project=project,
            version=current.version + 1 if current else 1,
            text=text,
            html=render_markdown(text),
        )


def set_state(*, project: Project, state: ProjectState) -> Project:
    """Open, pause or close. Leases in hand stay; answers that come late are kept, not counted."""
    project.state = state
    project.save(update_fields=["state"])
    return project


def set_role(*, project: Project, username: str, role: Role) -> Membership:
    """Give an account a role in the project, a new one or another.

    Raises NoSuchAccount, and NotAllowed for an owner, so that no project is left without one.
    """
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise NoSuchAccount(username)
    if project.memberships.filter(user=user, role=Role.OWNER).exists():
        raise NotAllowed(say("%(user)s owns this project, so the role was not changed.", user=user))
    membership, _ = Membership.objects.update_or_create(
        project=project, user=user, defaults={"role": role}
    )
    return membership


def set_paused(*, annotator: Annotator, paused: bool) -> Annotator:
    """Stop giving questions to an annotator, or start again. What they answered stays.

    Raises NotAllowed to start again with somebody who has withdrawn: that was their decision.
    """
    if not paused and Withdrawal.objects.filter(annotator=annotator).exists():
        raise NotAllowed(
            say(
                "%(annotator)s has withdrawn from this project, so nothing was changed.",
                annotator=annotator,
            )
        )
    if paused:
        annotator.paused_at, annotator.paused_because = timezone.now(), ""
        annotator.save(update_fields=["paused_at", "paused_because"])
    elif annotator.paused_at is not None:
        resume(annotator, timezone.now())
    return annotator
