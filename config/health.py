"""/healthz: does this process answer, and does its database?"""

import logging

from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

log = logging.getLogger(__name__)


@require_safe
@never_cache
def healthz(_request: HttpRequest) -> JsonResponse:
    """200 when a query comes back; 503 when the database cannot be reached."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
    except Error:
        log.exception("The database does not answer.")
        return JsonResponse({"status": "unavailable", "database": "unreachable"}, status=503)
    return JsonResponse({"status": "ok"})
