"""Downloads: every table of a run's page and of a comparison, as CSV and JSON."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from aggregation.comparing import compare as compare_results
from aggregation.findings import newest_examination
from aggregation.models import Run
from aggregation.tabulating import TABLES, Sheet, groups_sheet, kendall_sheet, ranks_sheet
from aggregation.views.runs import compared, run_of
from annotation.access import REVIEWERS
from annotation.models import Project, Role, WorkState
from annotation.views.entry import for_members


@require_safe
@for_members(*REVIEWERS)
def run_table(
    request: HttpRequest, project: Project, role: Role, public_id: str, table: str, form: str
) -> HttpResponse:
    """One table of a finished run's page."""
    found = run_of(project, public_id)
    if found.state != WorkState.DONE or table not in TABLES:
        raise Http404
    return _download(TABLES[table](found), f"{project.slug}-{found.method}", form)


@require_safe
@for_members(*REVIEWERS)
def compare_table(
    request: HttpRequest, project: Project, role: Role, table: str, form: str
) -> HttpResponse:
    """Ranks under several rules, or how alike their orders are."""
    chosen: list[Run] = compared(request, project)
    sheets: dict[str, Any] = {"ranks": ranks_sheet, "kendall": kendall_sheet}
    if chosen and table == "groups":
        found = newest_examination(chosen[0], "groups", beside=chosen[1:])
        return _download(groups_sheet(found.report if found else None), project.slug, form)
    if not chosen or table not in sheets:
        raise Http404
    comparison = compare_results([run.aggregate() for run in chosen])
    return _download(sheets[table](comparison, [run.method for run in chosen]), project.slug, form)


def _download(sheet: Sheet, name: str, form: str) -> HttpResponse:
    response: HttpResponse
    if form == "json":
        response = JsonResponse(
            sheet.records(), safe=False, json_dumps_params={"ensure_ascii": False}
        )
    elif form == "csv":
        response = HttpResponse(sheet.csv(), content_type="text/csv; charset=utf-8")
    else:
        raise Http404
    response["Content-Disposition"] = f'attachment; filename="{name}-{sheet.name}.{form}"'
    return response
