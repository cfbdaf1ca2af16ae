"""The pages of studies: councils, mined criteria, pairs by a loop."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.access import MANAGERS, REVIEWERS
from annotation.models import Project, Role
from annotation.views.entry import account, for_members, is_fragment
from models_runtime import enqueue
from models_runtime.catalogue import STUDIES
from models_runtime.errors import NotPossible
from models_runtime.models import Checkpoint, StudyCall, StudyJob
from models_runtime.presenting import troubles_of
from models_runtime.study_forms import StudyForm
from models_runtime.study_requests import expected, make_rubric, request_study, take_in
from models_runtime.views import PAGE_METHODS, context_of, given_in, status_of

MOST_LISTED = 100


@require_safe
@never_cache
@for_members(*REVIEWERS)
def studies(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    """What kinds there are, and those that were made."""
    rows = StudyJob.objects.filter(project=project).select_related("checkpoint").order_by("-id")
    context = context_of(
        project,
        role,
        kinds=list(STUDIES.items()),
        listed=rows[:MOST_LISTED],
        has_models=Checkpoint.objects.filter(project=project, retired_at__isnull=True).exists(),
    )
    return render(request, "models_runtime/studies.html", context)


@require_http_methods(PAGE_METHODS)
@for_members(*MANAGERS)
def new_study(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    """Choose a study's models and options; see what it would take; start it."""
    slug = request.GET.get("study", "")
    if slug not in STUDIES:
        raise Http404
    form = StudyForm(given_in(request), project=project, study=slug)
    takes = None
    if request.method == "POST" and form.is_valid():
        fields = form.study_fields()
        try:
            if "start" in request.POST:
                made = request_study(project, user=account(request), **fields)
                return redirect("models_runtime:study", project.slug, made.public_id)
            takes = expected(
                project, fields["checkpoint"],
                **{name: fields[name] for name in ("study", "options", "seats", "members")},
            )  # fmt: skip
        except NotPossible as refusal:
            form.add_error(None, str(refusal))
    context = context_of(project, role, form=form, study=STUDIES[slug], takes=takes)
    status = 200 if takes is not None else status_of(form)
    return render(request, "models_runtime/study_new.html", context, status=status)


@require_safe
@never_cache
@for_members(*REVIEWERS)
def study(request: HttpRequest, project: Project, role: Role, public_id: UUID) -> HttpResponse:
    """A study's result, or how far it is."""
    job = _study(project, public_id)
    result = job.result()
    context = context_of(
        project,
        role,
        job=job,
        study=job.read_study(),
        result=result,
        seated=[(seat, each.label) for seat, each in job.seated().items()],
        council=_council(result) if job.study == "council" and result else {},
        calls=StudyCall.objects.filter(item__job=job).count(),
        spent=job.spent(),
        troubles=troubles_of(job),
        settings=job.read_options().given(),
    )
    template = "models_runtime/study.html" + ("#whole" if is_fragment(request) else "")
    return render(request, template, context)


def _council(result: dict[str, Any]) -> dict[str, Any]:
    """A council's judges with whom they like, and its prompts with answers, members by name."""
    names = {each["seat"]: each["name"] for each in result.get("ranking", ())}
    return {
        "judges": [
            (each, [(names[seat], f"{value:+.2f}") for seat, value in each["affinity"].items()])
            for each in result.get("judges", ())
        ],
        "prompts": [
            (each["text"], [(names[seat], text) for seat, text in sorted(each["answers"].items())])
            for each in result.get("prompts", ())
        ],
    }


@require_safe
@never_cache
@for_members(*REVIEWERS)
def study_file(request: HttpRequest, project: Project, role: Role, public_id: UUID) -> HttpResponse:
    """The result as JSON."""
    job = _study(project, public_id)
    return JsonResponse({"study": job.study, "seed": job.seed, "result": job.result()})


@require_POST
@for_members(*MANAGERS)
def cancel_study(
    request: HttpRequest, project: Project, role: Role, public_id: UUID
) -> HttpResponse:
    enqueue.cancel(_study(project, public_id))
    messages.success(request, _("The study stops. Its calls are kept."))
    return redirect("models_runtime:study", project.slug, public_id)


@require_POST
@for_members(*MANAGERS)
def study_rubric(
    request: HttpRequest, project: Project, role: Role, public_id: UUID
) -> HttpResponse:
    """Make a rubric of mined criteria, and go and edit it."""

    def act(job: StudyJob) -> HttpResponse:
        rubric = make_rubric(job, user=account(request))
        return redirect("models_runtime:checklist", project.slug, rubric.pk)

    return _acted(request, project, public_id, act)


@require_POST
@for_members(*MANAGERS)
def take_study(request: HttpRequest, project: Project, role: Role, public_id: UUID) -> HttpResponse:
    """Ask people about what a study wrote."""

    def act(job: StudyJob) -> HttpResponse:
        n = take_in(job)
        said = ngettext("%(n)s question asks about it.", "%(n)s questions ask about it.", n)
        messages.success(request, said % {"n": n})
        return redirect("models_runtime:study", project.slug, public_id)

    return _acted(request, project, public_id, act)


def _acted(
    request: HttpRequest, project: Project, public_id: UUID, act: Callable[[StudyJob], HttpResponse]
) -> HttpResponse:
    try:
        return act(_study(project, public_id))
    except NotPossible as refusal:
        messages.error(request, str(refusal))
        return redirect("models_runtime:study", project.slug, public_id)


def _study(project: Project, public_id: UUID) -> StudyJob:
    rows = StudyJob.objects.select_related("checkpoint", "project", "rubric")
    return get_object_or_404(rows, project=project, public_id=public_id)
