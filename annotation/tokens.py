"""API tokens: made once, shown once, kept only as a digest, and narrow by default.

A secret is `pol_` and 256 random bits, so a plain SHA-256 digest is enough to keep: there is
nothing to guess, and a copied database opens no door. What a token may do is the smaller of what
its scopes allow and what its user's role in the project allows.
"""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotation import access
from annotation.errors import AnnotationError
from annotation.models import ApiToken, Project, User
from annotation.phrases import say
from annotation.statements import Columns, fetch

MARK = "pol_"  # every secret begins so, for people and for scanners of leaked keys
SECRET_LENGTH = len(MARK) + 43
SHOWN_LENGTH = len(MARK) + 6
LIFETIME = timedelta(days=90)
LONGEST_LIFETIME = timedelta(days=366)
MOST_TOKENS = 100
USE_NOTED_EVERY = timedelta(minutes=1)


class Scope(models.TextChoices):
    """What a token may be used for, within its user's role."""

    READ = "read", _("Read what its user may see")
    JUDGE = "judge", _("Ask for questions and submit judgments")
    REVIEW = "review", _("Adjudicate, remark, and ask again")
    IMPORT = "import", _("Upload prompts, candidates and judgments")
    MANAGE = "manage", _("Change projects and their guidelines")
    AGGREGATE = "aggregate", _("Start aggregation runs")
    PUBLISH = "publish", _("Publish releases")
    RUN_MODELS = "run_models", _("Start jobs on models")


class TokenRefused(AnnotationError):
    """A token that opens nothing; the sentence says why to whoever holds it."""


class InvalidToken(AnnotationError):
    """A token that can't be made as asked."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token and its secret, which nobody can read again later."""

    token: ApiToken
    secret: str

    def __repr__(self) -> str:
        return f"Issued({self.token})"  # the secret stays out of logs and tracebacks


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def issue(
    *,
    user: User,
    name: str,
    scopes: Collection[str],
    project: Project | None = None,
    lifetime: timedelta = LIFETIME,
    now: datetime | None = None,
) -> Issued:
    """Make a token for `user`, narrowed to `project` if given. Raises InvalidToken."""
    now = now or timezone.now()
    name = name.strip()
    _check(user, name, scopes, project, lifetime)
    if ApiToken.objects.filter(user=user).usable(now).count() >= MOST_TOKENS:
        raise InvalidToken(
            _("You already have %(n)s tokens that work. Revoke one that isn't needed.")
            % {"n": MOST_TOKENS}
        )
    secret = MARK + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        user=user,
        project=project,
        name=name,
        prefix=secret[:SHOWN_LENGTH],
        digest=digest_of(secret),
        scopes=sorted(set(scopes)),
        expires_at=now + lifetime,
    )
    return Issued(token, secret)


def _check(
    user: User,
    name: str,
    scopes: Collection[str],
    project: Project | None,
    lifetime: timedelta,
) -> None:
    if not user.is_active:
        raise InvalidToken(_("This account is switched off, so it gets no tokens."))
    if not 1 <= len(name) <= 100:
        raise InvalidToken(_("Give the token a name of 1 to 100 characters, such as what uses it."))
    if not scopes:
        raise InvalidToken(_("Choose at least one thing the token may be used for."))
    unknown = sorted(set(scopes) - set(Scope.values))
    if unknown:
        raise InvalidToken(
            say(
                "There is no scope “%(unknown)s”. Scopes are %(names)s.",
                unknown=unknown[0],
                names=", ".join(Scope.values),
            )
        )
    if not timedelta(0) < lifetime <= LONGEST_LIFETIME:
        raise InvalidToken(_("A token lasts from 1 to %(n)s days.") % {"n": LONGEST_LIFETIME.days})
    if project is not None and not Project.objects.seen_by(user).filter(pk=project.pk).exists():
        raise InvalidToken(_("There is no such project among yours."))


def verify(secret: str, *, now: datetime | None = None) -> ApiToken:
    """The token behind a secret, its user with it; one statement. Raises TokenRefused."""
    token, _ = enter(secret, slug="", now=now)
    return token


def enter(
    secret: str, *, slug: str, now: datetime | None = None
) -> tuple[ApiToken, access.Entrance | None]:
    """The token behind a secret and its user's entrance to a project, in one statement.

    The entrance is None if the user may not know of the project. Raises TokenRefused.
    """
    now = now or timezone.now()
    if len(secret) != SECRET_LENGTH or not secret.startswith(MARK):
        raise TokenRefused(say("This isn't a Polyphony token: those begin with pol_."))
    rows = fetch(ENTER, {"digest": digest_of(secret), "slug": slug})
    if not rows:
        raise TokenRefused(say("This token is unknown. Check that it was copied whole."))
    row = iter(rows[0])
    token, user = TOKEN.need(row), USER.need(row)
    token.user = user
    if token.revoked_at is not None:
        raise TokenRefused(say("This token was revoked. Make a new one on your token page."))
    if token.expires_at <= now:
        raise TokenRefused(say("This token has expired. Make a new one on your token page."))
    if not user.is_active:
        raise TokenRefused(say("The account of this token is switched off."))
    return token, access.read_entrance(row, user)


TOKEN = Columns(ApiToken, "t")
USER = Columns(User, "u")
ENTER = f"""
SELECT {TOKEN.sql}, {USER.sql}, {access.ENTRANCE}
FROM annotation_apitoken t JOIN annotation_user u ON u.id = t.user_id {access.AT_THE_DOOR}
WHERE t.digest = %(digest)s
"""  # noqa: S608 - built of names of columns


def note_use(token: ApiToken, *, now: datetime | None = None) -> None:
    """Remember that the token was used, at most once a minute so that reading stays cheap."""
    now = now or timezone.now()
    before = now - USE_NOTED_EVERY
    if token.last_used_at is not None and token.last_used_at > before:
        return
    ApiToken.objects.filter(pk=token.pk).filter(
        Q(last_used_at__isnull=True) | Q(last_used_at__lte=before)
    ).update(last_used_at=now)
    token.last_used_at = now


def revoke(token: ApiToken, *, now: datetime | None = None) -> None:
    """Make a token useless from now on. Revoking twice keeps the first time."""
    now = now or timezone.now()
    ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=now)
    token.refresh_from_db(fields=["revoked_at"])
