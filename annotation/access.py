"""Who may do what in a project. Another project's existence is never confirmed: it is not found."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser

from annotation.errors import NotAllowed
from annotation.models import Annotator, AnnotatorKind, Project, Role, User
from annotation.phrases import say
from annotation.statements import Columns, fetch

MANAGERS = (Role.OWNER, Role.MANAGER)
REVIEWERS = (Role.OWNER, Role.MANAGER, Role.REVIEWER)
EVERYONE = (Role.OWNER, Role.MANAGER, Role.REVIEWER, Role.ANNOTATOR)

Account = User | AnonymousUser

PROJECT = Columns(Project, "p")
ANNOTATOR = Columns(Annotator, "a")

# For statements in which the account is `u` and the project's slug `%(slug)s`; see `read_entrance`.
ENTRANCE = f"{PROJECT.sql}, m.role, {ANNOTATOR.sql}, s.is_due"
AT_THE_DOOR = """
LEFT JOIN annotation_project p ON p.slug = %(slug)s
LEFT JOIN annotation_membership m ON m.project_id = p.id AND m.user_id = u.id
LEFT JOIN annotation_annotator a ON a.project_id = p.id AND a.user_id = u.id
LEFT JOIN LATERAL (
  SELECT v.required AND v.items <> '[]'::jsonb AND NOT EXISTS (
    SELECT FROM annotation_surveyreply r WHERE r.survey_id = v.id AND r.annotator_id = a.id
  ) AS is_due
  FROM annotation_survey v WHERE v.project_id = p.id ORDER BY v.version DESC LIMIT 1
) s ON true
"""


@dataclass(frozen=True, slots=True)
class Entrance:
    """An account in a project: its role, and who it is as an annotator, if it ever judged there.

    `survey_due` says that a survey waits for it that must be answered or skipped before judging.
    """

    project: Project
    role: Role
    annotator: Annotator | None
    survey_due: bool = False


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
            say(
                "This needs the role %(wanted)s in “%(project_name)s”. Ask the project's "
                "owner if you should have it.",
                wanted=wanted,
                project_name=project.name,
            )
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


def entrance(user: Account, slug: str) -> Entrance:
    """The project, this account's role and annotator in it, in one statement.

    Raises Project.DoesNotExist if the account may not know of the project.
    """
    if isinstance(user, User) and user.is_active:
        sql = f"SELECT {ENTRANCE} FROM annotation_user u {AT_THE_DOOR} WHERE u.id = %(user)s"  # noqa: S608
        for row in fetch(sql, {"slug": slug, "user": user.pk}):
            found = read_entrance(iter(row), user)
            if found is not None:
                return found
    raise Project.DoesNotExist


def read_entrance(values: Iterator[Any], user: User) -> Entrance | None:
    """What ENTRANCE selected, None unless this account may enter; a superuser may, as an owner."""
    project, role, annotator = PROJECT.take(values), next(values), ANNOTATOR.take(values)
    survey_due = bool(next(values))
    if project is None or not (role or user.is_superuser):
        return None
    if annotator is not None:
        annotator.project, annotator.user = project, user
    role = Role.OWNER if user.is_superuser else Role(role)
    return Entrance(project, role, annotator, survey_due)


def project_and_role(user: Account, slug: str) -> tuple[Project, Role]:
    """The project and this account's role in it. Raises Project.DoesNotExist as `entrance` does."""
    found = entrance(user, slug)
    return found.project, found.role
