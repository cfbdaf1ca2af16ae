"""Pluralistic reports: the list with the start form, one report, its file."""

from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from aggregation.enqueue import (
    NotPossible,
    default_kinds,
    request_report,
    request_report_replay,
)
from aggregation.models import Level, Report
from aggregation.report.study import FEWEST_PEOPLE, SMALLEST_CELL
from aggregation.report_forms import ReportForm
from aggregation.report_presenting import report_view
from aggregation.rule_choices import NotChosen, choose, rules_of
from annotation.access import MANAGERS, REVIEWERS
from annotation.models import Judgment, Project, Role, WorkState
from annotation.views.entry import account, for_members, is_fragment

LISTED = 50
ENOUGH_VOTES = 10  # of the median annotator, before groups are sought


@require_http_methods(["GET", "HEAD", "POST"])
@for_members(*REVIEWERS)
def reports(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    if request.method == "POST":
        return _start(request, project, role)
    return _list(request, project, role, _form(project))


def _start(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    if role not in MANAGERS:
        messages.error(request, _("Asking for a report needs the role owner or manager."))
        return redirect("aggregation:reports", project.slug)
    form = ReportForm(request.POST, project=project)
    if form.is_valid():
        try:
            report = request_report(
                project,
                options=form.options(),
                seed=form.cleaned_data["seed"],
                kinds=form.cleaned_data["kinds"],
                level=form.cleaned_data["level"],
                user=account(request),
            )
            return redirect("aggregation:report", project.slug, report.public_id)
        except NotPossible as refusal:
            form.add_error(None, str(refusal))
    return _list(request, project, role, form, status=422)


def _form(project: Project) -> ReportForm:
    checked = project.judgment_type == "checklist"
    return ReportForm(
        project=project,
        initial={
            "kinds": default_kinds(project),
            "level": Level.STATEMENTS if checked else Level.SYSTEMS,
        },
    )


def _list(
    request: HttpRequest, project: Project, role: Role, form: ReportForm, *, status: int = 200
) -> HttpResponse:
    listed = list(
        Report.objects.filter(project=project, replay_of=None)
        .select_related("requested_by")
        .defer("content")[:LISTED]
    )
    context = {
        "project": project,
        "role": role,
        "may_start": role in MANAGERS,
        "form": form,
        "listed": listed,
        "newest": next((each for each in listed if each.state == WorkState.DONE), None),
        "going_on": any(not each.is_final for each in listed),
        "missing": _missing(project),
    }
    part = "#listing" if is_fragment(request) else ""
    return render(request, f"aggregation/reports.html{part}", context, status=status)


def _missing(project: Project) -> list[str]:
    """What a report on the judgments there are now could not say, and what would help."""
    judged = sorted(
        Judgment.objects.counted()
        .filter(question__project=project, annotator__kind__in=default_kinds(project))
        .values("annotator_id")
        .annotate(times=Count("pk"))
        .values_list("times", flat=True)
    )
    people = len(judged)
    if people < SMALLEST_CELL:
        short = SMALLEST_CELL - people
        return [
            ngettext(
                "One person more must judge before there can be a report: it says nothing about "
                "fewer than five people.",
                "%(short)s people more must judge before there can be a report: it says nothing "
                "about fewer than five people.",
                short,
            )
            % {"short": short}
        ]
    said = []
    if people < FEWEST_PEOPLE:
        said.append(
            _("%(people)s people have judged; intervals need at least %(needed)s.")
            % {"people": people, "needed": FEWEST_PEOPLE}
        )
    median = judged[people // 2]
    if median < ENOUGH_VOTES:
        said.append(
            _(
                "Half of the people have judged %(median)s times or less. Groups are sought from "
                "%(needed)s votes each, so ask the same people more questions."
            )
            % {"median": median, "needed": ENOUGH_VOTES}
        )
    return said


@require_safe
@for_members(*REVIEWERS)
def report(request: HttpRequest, project: Project, role: Role, public_id: str) -> HttpResponse:
    found = _report(project, public_id)
    context: dict[str, Any] = {
        "project": project,
        "role": role,
        "report": found,
        "may_start": role in MANAGERS,
        "view": report_view(found) if found.state == WorkState.DONE else None,
        "replays": found.replays.order_by("-id")[:5],
        "choices": found.choices.select_related("decided_by"),
        "rules": rules_of(found),
    }
    return render(request, "aggregation/report.html", context)


@require_safe
@never_cache
@for_members(*REVIEWERS)
def report_status(
    request: HttpRequest, project: Project, role: Role, public_id: str
) -> HttpResponse:
    """The progress of a report; once it is final the page is asked to load itself again."""
    found = _report(project, public_id)
    context = {"project": project, "report": found, "may_start": role in MANAGERS}
    response = render(request, "aggregation/report.html#status", context)
    if found.is_final:
        response["HX-Refresh"] = "true"
    return response


@require_POST
@for_members(*MANAGERS)
def cancel_report(
    request: HttpRequest, project: Project, role: Role, public_id: str
) -> HttpResponse:
    found = _report(project, public_id)
    found.request_cancel()
    if found.state == WorkState.RUNNING:
        messages.info(request, _("The report stops after this resample; nothing will be stored."))
    return redirect("aggregation:report", project.slug, found.public_id)


@require_POST
@for_members(*MANAGERS)
def rebuild_report(
    request: HttpRequest, project: Project, role: Role, public_id: str
) -> HttpResponse:
    found = _report(project, public_id)
    try:
        replay = request_report_replay(found, user=account(request))
    except NotPossible as refusal:
        messages.error(request, str(refusal))
        return redirect("aggregation:report", project.slug, found.public_id)
    return redirect("aggregation:report", project.slug, replay.public_id)


@require_POST
@for_members(*MANAGERS)
def choose_rule(request: HttpRequest, project: Project, role: Role, public_id: str) -> HttpResponse:
    """Record which rule the sender goes by after reading this report."""
    found = _report(project, public_id)
    try:
        choose(
            found,
            rule=request.POST.get("rule", ""),
            reason=request.POST.get("reason", ""),
            user=account(request),
        )
        messages.success(request, _("The choice is recorded."))
    except NotChosen as refusal:
        messages.error(request, str(refusal))
    address = reverse("aggregation:report", args=[project.slug, found.public_id])
    return redirect(f"{address}#choice")


@require_safe
@for_members(*REVIEWERS)
def report_content(
    request: HttpRequest, project: Project, role: Role, public_id: str
) -> HttpResponse:
    """The whole stored report, byte for byte."""
    found = _report(project, public_id)
    if found.content is None:
        raise Http404
    response = HttpResponse(found.content, content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{project.slug}-report.json"'
    return response


def _report(project: Project, public_id: str) -> Report:
    return get_object_or_404(
        Report.objects.select_related("requested_by", "replay_of", "project"),
        project=project,
        public_id=public_id,
    )
