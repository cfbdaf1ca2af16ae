"""A benchmark held as an election: a score table in, every rule's ranking out. Nothing is kept."""

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from aggregation.elections import Election
from aggregation.elections_form import ElectionForm
from aggregation.elections_report import (
    as_csv,
    headline,
    order,
    plain,
    prospect_rows,
    rule_rows,
)
from annotation.views.entry import for_accounts


@require_http_methods(["GET", "HEAD", "POST"])
@for_accounts
def elections(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return render(request, "aggregation/elections.html", {"form": ElectionForm()})
    form = ElectionForm(request.POST, request.FILES)
    if not form.is_valid():
        return render(request, "aggregation/elections.html", {"form": form}, status=422)
    wanted = request.POST.get("format")
    if wanted in ("csv", "json"):
        return _download(form.election, wanted)
    context = {"form": form, **_told(form.election)}
    return render(request, "aggregation/elections.html", context)


def _told(election: Election) -> dict[str, object]:
    table = election.table
    rows = rule_rows(election)
    cautions: dict[str, list[str]] = {}
    for row in rows:
        for sentence in row.cautions:
            cautions.setdefault(sentence, []).append(row.title)
    return {
        "election": election,
        "headline": headline(election),
        "systems": [table.systems[system] for system in order(election)],
        "rows": rows,
        "prospects": prospect_rows(election),
        "cautions": list(cautions.items()),
    }


def _download(election: Election, kind: str) -> HttpResponse:
    if kind == "csv":
        response = HttpResponse(as_csv(election), content_type="text/csv; charset=utf-8")
    else:
        text = json.dumps(plain(election), ensure_ascii=False, indent=1)
        response = HttpResponse(text, content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="election.{kind}"'
    return response
