"""A tie, broken in public: committed to, drawn, settled and checked on one page. Nothing is kept.

The page makes no commitment for anybody: whoever plays keeps number and salt to themselves, so both
are drawn here only on request and shown once.
"""

import json
import secrets
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods

from aggregation.diagnostics.tie_break import commitment, verify
from aggregation.tie_break_form import DrawForm, GameForm, RecordForm
from annotation.views.entry import for_accounts

FORMS = {"draw": DrawForm, "settle": GameForm, "verify": RecordForm}


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@for_accounts
def tie_breaks(request: HttpRequest) -> HttpResponse:
    """Options, digest and question of a draw may come with the address, as from a run's page."""
    forms: dict[str, Any] = {
        "draw": DrawForm(initial=request.GET.dict()), "settle": GameForm(), "verify": RecordForm()
    }  # fmt: skip
    context: dict[str, Any] = {"forms": forms}
    if request.method != "POST":
        return render(request, "aggregation/tie_breaks.html", context)
    act = request.POST.get("act", "")
    if act == "commit":
        return render(request, "aggregation/tie_breaks.html", context | _committed())
    if act not in FORMS:
        return render(request, "aggregation/tie_breaks.html", context, status=422)
    form = forms[act] = FORMS[act](request.POST)
    if not form.is_valid():
        return render(request, "aggregation/tie_breaks.html", context, status=422)
    context["record"] = form.record
    context["verified"] = verify(form.record)
    context["text"] = json.dumps(form.record.plain(), ensure_ascii=False, indent=1)
    context["checked"] = act == "verify"
    return render(request, "aggregation/tie_breaks.html", context)


@sensitive_variables("number", "salt")
def _committed() -> dict[str, Any]:
    number, salt = secrets.randbits(53), secrets.token_hex(16)
    return {"publish": commitment(number, salt), "number": number, "salt": salt}
