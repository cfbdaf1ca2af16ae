"""Links that log one account in once: for the first start, or for a person without a password."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.errors import AnnotationError
from annotation.models import LoginLink, User

LIFETIME = timedelta(hours=24)


class LinkSpent(AnnotationError):
    """The link was used, has expired, or never existed; which of them isn't said."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "This login link has been used or has expired. "
                "Ask whoever sent it for a new one, or log in with your password."
            )
        )


def create_link(user: User, *, lifetime: timedelta = LIFETIME, now: datetime | None = None) -> str:
    """The secret of a new link for `user`. Only its digest is kept."""
    secret = secrets.token_urlsafe(32)
    LoginLink.objects.create(
        user=user, digest=_digest(secret), expires_at=(now or timezone.now()) + lifetime
    )
    return secret


def redeem(secret: str, *, now: datetime | None = None) -> User:
    """The account of an unused link, which is used from now on. Raises LinkSpent.

    One conditional update decides, so of two clicks at once only one gets in.
    """
    now = now or timezone.now()
    link = LoginLink.objects.filter(digest=_digest(secret))
    if not link.filter(used_at__isnull=True, expires_at__gt=now).update(used_at=now):
        raise LinkSpent
    user = link.select_related("user").get().user
    if not user.is_active:
        raise LinkSpent
    return user


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
