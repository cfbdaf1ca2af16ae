"""Refusals as JSON that says what happened: RFC 9457 problem details.

    {"type": "about:blank", "title": "Conflict", "status": 409, "detail": "You have already …"}

A refused form adds `errors`: field names to lists of sentences, the same that the page shows.
Acts in other apps raise their own refusals; their endpoints turn them into `Problem`s.
"""

import logging
import math
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.signals import got_request_exception
from django.db import OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from annotation import errors
from annotation.intake.refusals import ImportBusy
from annotation.invitations import InvitationSpent
from annotation.projects import NameTaken

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
NOT_FOUND = "There is nothing at this address, or nothing that you may see."

FAILED = (
    "Something went wrong on our side and was logged. Nothing was half-done; "
    "if you were submitting, send the same answer with the same key again."
)
NO_DATABASE = (
    "The database didn't answer. Wait a moment and send the request again; "
    "an answer with the same key is kept once."
)

# The more particular class first.
STATUS_OF: tuple[tuple[type[errors.AnnotationError], HTTPStatus], ...] = (
    (errors.NotAllowed, HTTPStatus.FORBIDDEN),
    (errors.NotYourAssignment, HTTPStatus.NOT_FOUND),
    (errors.AlreadyAnswered, HTTPStatus.CONFLICT),
    (errors.KeyReused, HTTPStatus.CONFLICT),
    (errors.JudgingStopped, HTTPStatus.CONFLICT),
    (errors.AmendmentRefused, HTTPStatus.CONFLICT),
    (InvitationSpent, HTTPStatus.GONE),
    (ImportBusy, HTTPStatus.CONFLICT),
    (NameTaken, HTTPStatus.CONFLICT),
    (errors.AnnotationError, HTTPStatus.BAD_REQUEST),
)


class Problem(exceptions.APIException):
    """A refusal with its status and a sentence.

    `errors` maps fields to sentences; `wait` is after how many seconds it makes sense to try again;
    `code` names the refusal to programs.
    """

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        errors: dict[str, list[str]] | None = None,
        wait: int = 0,
        code: str = "",
    ) -> None:
        super().__init__(detail)
        self.wait, self.code = wait, code
        self.status_code = int(status)
        self.errors = errors


class ProblemResponse(Response):
    """The answer to a refused request."""

    def __init__(self, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        super().__init__(body, status=body["status"], headers=headers, content_type=CONTENT_TYPE)


def body_of(
    status: int, detail: str, errors: dict[str, list[str]] | None = None, code: str = ""
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
    }
    if code:
        body["code"] = code
    if errors:
        body["errors"] = errors
    return body


def answer(error: Exception, context: dict[str, Any]) -> Response:
    """REST framework's exception handler."""
    set_rollback()
    refusal = _refusal(error) or _failure(error, context)
    return ProblemResponse(
        body_of(
            refusal.status_code,
            _sentence(refusal),
            _errors(refusal),
            getattr(refusal, "code", ""),
        ),
        _headers(refusal),
    )


def _refusal(error: Exception) -> exceptions.APIException | None:
    if isinstance(error, exceptions.APIException):
        return error
    if isinstance(error, Http404):
        return exceptions.NotFound(NOT_FOUND)
    if isinstance(error, PermissionDenied):
        return exceptions.PermissionDenied(str(error) or None)
    if isinstance(error, errors.LogBusy):
        return Problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), wait=5)
    for kind, status in STATUS_OF:
        if isinstance(error, kind):
            fields = error.errors if isinstance(error, errors.InvalidAnswer) else None
            return Problem(status, gettext(str(error)), errors=fields, code=error.code)
    return None


def _failure(error: Exception, context: dict[str, Any]) -> Problem:
    """What nobody foresaw: logged with its cause, which stays inside."""
    request = context["request"]._request
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    got_request_exception.send(sender=None, request=request)
    if isinstance(error, OperationalError):
        return Problem(HTTPStatus.SERVICE_UNAVAILABLE, NO_DATABASE, wait=2)
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, FAILED)


def _sentence(refusal: exceptions.APIException) -> str:
    if isinstance(refusal, exceptions.ValidationError):
        return " ".join(text for texts in _flat(refusal.detail).values() for text in texts)
    if isinstance(refusal, exceptions.NotAuthenticated):
        return (
            "Log in, or send an API token in the header “Authorization: Bearer pol_…”. "
            "You make tokens on the page /account/tokens/."
        )
    if isinstance(refusal, exceptions.Throttled):
        return (
            "Too many requests. "
            + (f"Wait {_wait(refusal)} seconds, then go on. " if _wait(refusal) else "")
            + "Nothing was done."
        )
    return str(refusal.detail)


def _errors(refusal: exceptions.APIException) -> dict[str, list[str]] | None:
    if isinstance(refusal, Problem):
        return refusal.errors
    if isinstance(refusal, exceptions.ValidationError):
        return _flat(refusal.detail)
    return None


def _flat(detail: Any, path: str = "") -> dict[str, list[str]]:
    """Nested validation errors as one level: {"answer.choice": ["…"]}."""
    if isinstance(detail, dict):
        pairs = [(str(name), part) for name, part in detail.items()]
    elif isinstance(detail, list) and any(isinstance(part, dict | list) for part in detail):
        pairs = [(str(place), part) for place, part in enumerate(detail) if part]
    else:
        texts = detail if isinstance(detail, list) else [detail]
        return {path or "request": [str(text) for text in texts]}
    found: dict[str, list[str]] = {}
    for name, part in pairs:
        inner = path if name == "non_field_errors" else f"{path}.{name}".strip(".")
        found |= _flat(part, inner)
    return found


def _headers(refusal: exceptions.APIException) -> dict[str, str]:
    headers: dict[str, str] = {}
    challenge = getattr(refusal, "auth_header", None)
    if challenge:
        headers["WWW-Authenticate"] = challenge
    if _wait(refusal):
        headers["Retry-After"] = str(_wait(refusal))
    return headers


def _wait(refusal: exceptions.APIException) -> int:
    """Whole seconds after which to try again, rounded up; 0 where waiting doesn't help."""
    return math.ceil(getattr(refusal, "wait", None) or 0)


@csrf_exempt
def nothing_here(request: HttpRequest) -> JsonResponse:
    """The answer at an address under /api/ that no endpoint serves."""
    response = JsonResponse(
        body_of(HTTPStatus.NOT_FOUND, NOT_FOUND), status=404, content_type=CONTENT_TYPE
    )
    patch_vary_headers(response, ("Accept", "Authorization"))
    return response
