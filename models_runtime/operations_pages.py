"""The operations page: for staff of the installation, whatever projects they belong to."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from annotation.views.entry import account, for_accounts, is_fragment
from models_runtime.operations import LOOK_BACK, SPENT_DAYS, overview, standing


@require_safe
@never_cache
@for_accounts
def operations(request: HttpRequest) -> HttpResponse:
    """The whole page; to htmx only what changes while one looks."""
    if not account(request).is_staff:
        raise Http404
    if is_fragment(request):
        now = {"standing": standing()}
        return render(request, "models_runtime/operations.html#standing", now)
    seen = overview()
    context: dict[str, Any] = {
        "seen": seen,
        "standing": seen.standing,
        "days": SPENT_DAYS,
        "hours": round(LOOK_BACK.total_seconds() / 3600),
    }
    return render(request, "models_runtime/operations.html", context)
