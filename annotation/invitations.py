"""Links by which people join a project as annotators, with an account they have or a new one.

An account's name is made here, from what the person would like to be called and a part drawn at
random: it never collides, so nobody learns from a link who has an account.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.db.models import Count, F, QuerySet
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from annotation.access import annotator_of
from annotation.declaring import declare
from annotation.errors import AnnotationError
from annotation.models import Invitation, Joining, Membership, Project, Role, User
from annotation.project_rules import rules_of

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is taken for another
MOST_USES = 10_000
MOST_DAYS = 365
GROUP = "group"  # the attribute of a project whose rules name none


class InvitationSpent(AnnotationError):
    """The link is used up, has expired, was withdrawn, or never existed; which isn't said."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "This invitation can't be used: it may be mistyped, used up or over. "
                "Ask whoever sent it for a new one. Nothing was changed."
            )
        )


@dataclass(frozen=True, slots=True)
class Issued:
    """A new invitation and the secret in its link, which nobody can read again later."""

    invitation: Invitation
    secret: str


def invite(
    *,
    project: Project,
    by: User,
    name: str,
    days: int = 14,
    most_uses: int = 1,
    group: str = "",
    now: datetime | None = None,
) -> Issued:
    """A link for `most_uses` people within `days`; who comes by it declares `group`."""
    secret = secrets.token_urlsafe(24)
    attribute = rules_of(project).group_by or GROUP
    made = Invitation.objects.create(
        project=project,
        digest=_digest(secret),
        name=name,
        attributes={attribute: group.strip()} if group.strip() else {},
        most_uses=most_uses,
        created_by=by,
        expires_at=(now or timezone.now()) + timedelta(days=days),
    )
    return Issued(made, secret)


def withdraw(invitation: Invitation) -> None:
    """Let nobody else in by this link. Whoever came by it stays."""
    Invitation.objects.filter(pk=invitation.pk, withdrawn_at__isnull=True).update(
        withdrawn_at=timezone.now()
    )


def usable(*, now: datetime | None = None) -> QuerySet[Invitation]:
    return (
        Invitation.objects.annotate(uses=Count("joinings"))
        .filter(
            withdrawn_at__isnull=True,
            expires_at__gt=now or timezone.now(),
            uses__lt=F("most_uses"),
        )
        .select_related("project")
    )


def find(secret: str, *, now: datetime | None = None) -> Invitation:
    """The invitation of a link that can still be used. Raises InvitationSpent."""
    found = usable(now=now).filter(digest=_digest(secret)).first()
    if found is None:
        raise InvitationSpent
    return found


def join(*, secret: str, user: User, now: datetime | None = None) -> Project:
    """Make an account an annotator of the link's project; a member already stays what they are.

    Raises InvitationSpent. Of several people at once no more get in than the link is for.
    """
    with transaction.atomic():
        locked = Invitation.objects.select_for_update().filter(digest=_digest(secret)).first()
        if locked is None:
            raise InvitationSpent
        project = locked.project
        if project.memberships.filter(user=user).exists():
            return project
        find(secret, now=now)
        Membership.objects.create(user=user, project=project, role=Role.ANNOTATOR)
        Joining.objects.create(invitation=locked, user=user)
        annotator = annotator_of(project, user)
        if locked.attributes:
            current = annotator.current_profile()
            declared = dict(current.attributes) if current else {}
            declare(annotator=annotator, attributes=declared | locked.attributes)
        return project


def open_account(*, secret: str, called: str, password: str) -> User:
    """A new account that has joined by the link; its name is in `username`.

    Raises InvitationSpent, and ValidationError for a password that is too easy to guess.
    """
    with transaction.atomic():
        find(secret)
        user = User(username=_account_name(called))
        validate_password(password, user)
        user.set_password(password)
        user.save()
        join(secret=secret, user=user)
        return user


def _account_name(called: str) -> str:
    drawn = "".join(secrets.choice(LETTERS) for _ in range(6))
    return f"{slugify(called)[:40].strip('-') or 'person'}-{drawn}"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
