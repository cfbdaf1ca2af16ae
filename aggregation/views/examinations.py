"""Examinations of runs: ask for one, see how far it is, stop it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from aggregation.enqueue import NotPossible, request_examination
from aggregation.forms import ExaminationForm
from aggregation.models import Examination, Run
from aggregation.subjects import SUBJECTS
from aggregation.views.runs import compare_address, run_of
from annotation.access import MANAGERS, REVIEWERS
from annotation.models import Project, Role
from annotation.views.entry import account, for_members


@require_POST
@for_members(*MANAGERS)
def examine(request: HttpRequest, project: Project, role: Role, public_id: str) -> HttpResponse:
    """Ask for a run to be examined; `run` names further runs for subjects that compare."""
    run = run_of(project, public_id)
    named = Run.objects.filter(project=project, public_id__in=_uuids(request))
    beside = list(named.exclude(pk=run.pk))
    form = ExaminationForm(request.POST)
    if not form.is_valid():
        messages.error(request, form.sentence())
    else:
        try:
            request_examination(
                run,
                form.cleaned_data["subject"],
                beside=beside,
                options=form.options(),
                seed=form.cleaned_data["seed"],
                user=account(request),
            )
            messages.info(request, _("It is being worked out; the page shows it when it is done."))
        except NotPossible as refusal:
            messages.error(request, str(refusal))
    return redirect(_back(run, beside))


def _uuids(request: HttpRequest) -> list[str]:
    texts = request.POST.getlist("run")
    return [text for text in texts if len(text) == 36 and not set(text) - set("0123456789abcdef-")]


def _back(run: Run, beside: list[Run]) -> str:
    if beside:
        return compare_address(run.project, [run, *beside])
    return reverse("aggregation:run", args=[run.project.slug, run.public_id])


@require_safe
@never_cache
@for_members(*REVIEWERS)
def examination_status(
    request: HttpRequest, project: Project, role: Role, public_id: str
) -> HttpResponse:
    """The progress of an examination; once it is final the page is asked to load itself again."""
    found = _examination(project, public_id)
    context = {"project": project, "examination": found, "may_start": role in MANAGERS}
    response = render(request, "aggregation/_examination.html", context)
    if found.is_final:
        response["HX-Refresh"] = "true"
    return response


@require_POST
@for_members(*MANAGERS)
def cancel_examination(
    request: HttpRequest, project: Project, role: Role, public_id: str
) -> HttpResponse:
    found = _examination(project, public_id)
    found.request_cancel()
    return redirect(_back(found.run, list(found.beside.all())))


def _examination(project: Project, public_id: str) -> Examination:
    return get_object_or_404(
        Examination.objects.select_related("run__project").defer("run__result"),
        run__project=project,
        public_id=public_id,
        subject__in=SUBJECTS,
    )
