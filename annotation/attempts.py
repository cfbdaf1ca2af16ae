"""Doors that were tried in vain: counted per address and per account, and shut for a while.

Counts live in the database, so that every web process sees the same ones and a restart forgets
nothing. They are kept under a keyed hash: the table names neither accounts nor addresses.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.crypto import salted_hmac

from annotation.models import FailedAttempts


@dataclass(frozen=True, slots=True)
class Door:
    """One thing that can be tried: after `most` failures within `window` it stays shut."""

    name: str
    most: int
    window: timedelta


LOGIN_BY_ADDRESS_AND_NAME = Door("login-address-name", 5, timedelta(minutes=5))
LOGIN_BY_ADDRESS = Door("login-address", 30, timedelta(minutes=15))
LOGIN_BY_NAME = Door("login-name", 50, timedelta(hours=1))
LOGIN_LINK = Door("login-link", 20, timedelta(minutes=15))
INVITATION = Door("invitation", 20, timedelta(minutes=15))
NEW_ACCOUNT = Door("new-account", 10, timedelta(hours=1))
API_TOKEN = Door("api-token", 30, timedelta(minutes=5))


class Asked(Protocol):
    """A request, as far as its sender's address is concerned."""

    @property
    def META(self) -> dict[str, str]: ...


def address_of(request: Asked) -> str:
    """The sender's address. Behind a proxy, the one the proxy itself wrote down, never the sender.

    A proxy appends what it saw to X-Forwarded-For, so only the last entry can be believed.
    """
    direct = request.META.get("REMOTE_ADDR", "")
    if settings.SECURE_PROXY_SSL_HEADER is None:
        return direct
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    return forwarded.rpartition(",")[2].strip()[:64] or direct


def wait_for(door: Door, who: str, *, now: datetime | None = None) -> float:
    """Seconds until `who` may try `door` again; 0 when they may try now."""
    now = now or timezone.now()
    row = FailedAttempts.objects.filter(
        key=_key(door, who), window_until__gt=now, failures__gte=door.most
    ).first()
    return (row.window_until - now).total_seconds() if row else 0.0


def record_failure(door: Door, who: str, *, now: datetime | None = None) -> float:
    """Count one failure; the seconds to wait if that was one too many, else 0.

    One statement, so that failures arriving at the same instant are all counted.
    """
    now = now or timezone.now()
    table = FailedAttempts._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {table} AS kept (key, failures, window_until) VALUES (%(key)s, 1, %(until)s)
            ON CONFLICT (key) DO UPDATE SET
                failures = CASE WHEN kept.window_until > %(now)s THEN kept.failures + 1 ELSE 1 END,
                window_until = CASE WHEN kept.window_until > %(now)s
                    THEN kept.window_until ELSE excluded.window_until END
            RETURNING failures, window_until
            """,  # noqa: S608 - the table's name is ours
            {"key": _key(door, who), "now": now, "until": now + door.window},
        )
        failures, until = cursor.fetchone()
    forget_old(now=now)
    return float((until - now).total_seconds()) if failures > door.most else 0.0


def forget(door: Door, who: str) -> None:
    """The right key was used: start counting afresh."""
    FailedAttempts.objects.filter(key=_key(door, who)).delete()


def forget_old(*, now: datetime | None = None) -> None:
    """Delete a handful of windows that are over; called at each failure, so none pile up."""
    now = now or timezone.now()
    over = FailedAttempts.objects.filter(window_until__lte=now).order_by("window_until")[:10]
    FailedAttempts.objects.filter(pk__in=over.values("pk"), window_until__lte=now).delete()


def _key(door: Door, who: str) -> str:
    return salted_hmac(f"annotation.attempts.{door.name}", who, algorithm="sha256").hexdigest()
