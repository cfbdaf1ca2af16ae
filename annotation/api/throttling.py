"""How often one sender may ask: counted per token, per logged-in account, or per address.

A fixed window of a minute in the cache. With the default in-memory cache each web process counts
for itself; a shared cache makes the limit exact. What must hold across processes — guessing tokens
and passwords — is counted in the database instead (`annotation.attempts`).
"""

import time
from typing import Any

from django.conf import settings
from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from annotation.attempts import address_of
from annotation.models import ApiToken, User

WINDOW_SECONDS = 60


class SenderThrottle(BaseThrottle):
    """At most `settings.API_REQUESTS_PER_MINUTE`, a tenth of it without a login."""

    def allow_request(self, request: Request, view: Any) -> bool:
        sender, most = self._sender(request)
        now = time.time()
        self._left = WINDOW_SECONDS - now % WINDOW_SECONDS
        key = f"api-throttle:{sender}:{int(now // WINDOW_SECONDS)}"
        if cache.add(key, 1, timeout=2 * WINDOW_SECONDS):
            return True
        try:
            return cache.incr(key) <= most
        except ValueError:  # evicted between the two: a full cache forgets, and so do we
            return True

    def wait(self) -> float:
        return self._left

    def _sender(self, request: Request) -> tuple[str, int]:
        most = settings.API_REQUESTS_PER_MINUTE
        if isinstance(request.auth, ApiToken):
            return f"token-{request.auth.pk}", most
        if isinstance(request.user, User):
            return f"user-{request.user.pk}", most
        return f"address-{address_of(request)}", max(1, most // 10)
