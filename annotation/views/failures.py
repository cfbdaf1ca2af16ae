"""When a request fails: what the reader is told, by page or by API, without asking the database."""

import sys
from http import HTTPStatus

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import requires_csrf_token

from annotation.api.problems import CONTENT_TYPE, FAILED, NO_DATABASE, body_of
from annotation.errors import LogBusy

SECONDS = 2  # after which it makes sense to try again


@requires_csrf_token
def server_error(request: HttpRequest) -> HttpResponse:
    """A database that is busy or away, such as a lock not given back in time, is a 503: nothing was
    half-done, and the same request is right in a moment. Everything else is a 500.
    """
    busy = isinstance(sys.exc_info()[1], OperationalError | LogBusy)
    status = HTTPStatus.SERVICE_UNAVAILABLE if busy else HTTPStatus.INTERNAL_SERVER_ERROR
    if request.path.startswith("/api/"):
        body = body_of(status, NO_DATABASE if busy else FAILED)
        response: HttpResponse = JsonResponse(body, status=status, content_type=CONTENT_TYPE)
    else:
        response = render(None, f"{status:d}.html", status=status)
    if busy:
        response["Retry-After"] = str(SECONDS)
    return response
