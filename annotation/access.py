"""Who may do what in a project. Another project's existence is never confirmed: it is not found."""

import uuid

from django.contrib.auth.models import AnonymousUser

from annotation.errors import NotAllowed
from annotation.models import Annotator, AnnotatorKind, Membership, Project, Role, User

MANAGERS = (Role.OWNER, Role.MANAGER)
REVIEWERS = (Role.OWNER, Role.MANAGER, Role.REVIEWER)
EVERYONE = (Role.OWNER, Role.MANAGER, Role.REVIEWER, Role.ANNOTATOR)

Account = User | AnonymousUser


def role_in(project: Project, user: Account) -> Role | None:
    """The account's role; a superuser counts as owner; None for a stranger."""
    if not isinstance(user, User) or not user.is_active:
        return None
    if user.is_superuser:
        return Role.OWNER
    membership = project.memberships.filter(user=user).first()
    return Role(membership.role) if membership else None


def require_role(project: Project, user: Account, roles: tuple[Role, ...]) -> Role:
    """The account's role if it is one of `roles`; raises NotAllowed with a sentence otherwise."""
    role = role_in(project, user)
    if role is None or role not in roles:
        wanted = " or ".join(role.value for role in roles)
        raise NotAllowed(
            f"This needs the role {wanted} in “{project.name}”. "
            "Ask the project's owner if you should have it."
        )
    return role


def annotator_of(project: Project, user: User) -> Annotator:
    """This member as an annotator, made on first use under a name that reveals no account."""
    require_role(project, user, EVERYONE)
    annotator, _ = Annotator.objects.select_related("project").get_or_create(
        project=project,
        user=user,
        defaults={
            "kind": AnnotatorKind.PERSON,
            "external_id": f"person-{uuid.uuid4().hex[:12]}",
        },
    )
    return annotator


def project_and_role(user: Account, slug: str) -> tuple[Project, Role]:
    """The project and this account's role in it, in one query.

    Raises Project.DoesNotExist if the account may not know of the project.
    """
    if not isinstance(user, User) or not user.is_active:
        raise Project.DoesNotExist
    if user.is_superuser:
        return Project.objects.get(slug=slug), Role.OWNER
    membership = (
        Membership.objects.select_related("project").filter(user=user, project__slug=slug).first()
    )
    if membership is None:
        raise Project.DoesNotExist
    return membership.project, Role(membership.role)
