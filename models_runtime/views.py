"""The pages of jobs and checkpoints."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.access import MANAGERS, REVIEWERS
from annotation.models import Project, Role
from annotation.models.work import OPEN_STATES
from annotation.telling import told
from annotation.views.entry import account, for_members, is_fragment
from models_runtime import checkpoints, enqueue
from models_runtime.catalogue import ENGINES
from models_runtime.differing import repeats_of
from models_runtime.embedders import embedded_by
from models_runtime.errors import InvalidCheckpoint, NotPossible
from models_runtime.forms import CheckpointForm, GenerationForm
from models_runtime.generation_estimates import estimate_of
from models_runtime.models import Checkpoint, GenerationJob, Job, JudgingJob, PromptJob, ScoringJob
from models_runtime.presenting import (
    facts_of,
    fates_of,
    find_job,
    measured_by,
    newest_ideas,
    newest_jobs,
    noun_of,
    pace_words,
    progress_of,
    title_of,
    troubles_of,
    verdicts_of,
)

MOST_LISTED = 50
PAGE_METHODS = ["GET", "HEAD", "POST"]


@require_safe
@never_cache
@for_members(*REVIEWERS)
def jobs(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    listed = [(job, title_of(job)) for job in newest_jobs(project, most=MOST_LISTED)]
    usable = Checkpoint.objects.filter(project=project, retired_at__isnull=True)
    checkpoints_here = list(usable.prefetch_related("probes"))
    context = context_of(
        project,
        role,
        listed=listed,
        going_on=any(not job.is_final for job, _ in listed),
        checkpoints=checkpoints_here,
        only_scripted=all(each.is_scripted for each in checkpoints_here),
    )
    template = "models_runtime/jobs.html" + ("#listing" if is_fragment(request) else "")
    return render(request, template, context)


@require_http_methods(PAGE_METHODS)
@for_members(*MANAGERS)
def new_generation(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    form = GenerationForm(given_in(request), project=project)
    estimate = None
    if request.method == "POST" and form.is_valid():
        asked = form.request_fields()
        try:
            if "estimate" not in request.POST:
                made = enqueue.request_generation(project, user=account(request), **asked)
                return redirect("models_runtime:job", project.slug, made.public_id)
            estimate = estimate_of(project, asked)
        except NotPossible as refusal:
            form.add_error(None, str(refusal))
    context = context_of(
        project,
        role,
        form=form,
        title=_("Write candidates"),
        lead=_("A model answers each of the %(n)s prompts of this project.")
        % {"n": told(f"{project.prompts.count():,}")},
        action=_("Start writing"),
        estimates=True,
        estimate=estimate,
    )
    status = HTTPStatus.OK if estimate is not None else status_of(form)
    return render(request, "models_runtime/start.html", context, status=status)


@require_safe
@never_cache
@for_members(*REVIEWERS)
def job(request: HttpRequest, project: Project, role: Role, public_id: UUID) -> HttpResponse:
    found = _job(project, public_id)
    context = _job_context(project, role, found)
    template = "models_runtime/job.html" + ("#status" if is_fragment(request) else "")
    return render(request, template, context)


@require_POST
@for_members(*MANAGERS)
def cancel_job(request: HttpRequest, project: Project, role: Role, public_id: UUID) -> HttpResponse:
    found = _job(project, public_id)
    enqueue.cancel(found)
    messages.success(request, _("The job stops. What it wrote so far is kept."))
    return redirect("models_runtime:job", project.slug, public_id)


@require_POST
@for_members(*MANAGERS)
def reopen_job(request: HttpRequest, project: Project, role: Role, public_id: UUID) -> HttpResponse:
    try:
        enqueue.reopen(_job(project, public_id))
        messages.success(request, _("The job goes on with what is left."))
    except NotPossible as refusal:
        messages.error(request, str(refusal))
    return redirect("models_runtime:job", project.slug, public_id)


@require_http_methods(PAGE_METHODS)
@for_members(Role.OWNER)
def new_checkpoint(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    form = CheckpointForm(given_in(request))
    if request.method == "POST" and form.is_valid():
        try:
            made = checkpoints.register(project=project, user=account(request), **form.cleaned_data)
            enqueue.request_probe(made, user=account(request))
            messages.success(request, _("%(name)s can now be used in jobs.") % {"name": made.label})
            return redirect("models_runtime:jobs", project.slug)
        except InvalidCheckpoint as refusal:
            form.add_error(refusal.field, str(refusal))
    context = context_of(
        project,
        role,
        form=form,
        title=_("Register a model"),
        lead=_("What it makes will refer to this entry, so it can be retired but not changed."),
        action=_("Register"),
        engines=ENGINES,
    )
    return render(request, "models_runtime/start.html", context, status=status_of(form))


@require_POST
@for_members(Role.OWNER)
def probe_checkpoint(
    request: HttpRequest, project: Project, role: Role, public_id: UUID
) -> HttpResponse:
    found = get_object_or_404(Checkpoint, project=project, public_id=public_id)
    try:
        enqueue.request_probe(found, user=account(request))
        messages.success(request, _("%(name)s is asked what it can do.") % {"name": found.label})
    except NotPossible as refusal:
        messages.error(request, str(refusal))
    return redirect("models_runtime:jobs", project.slug)


@require_POST
@for_members(Role.OWNER)
def retire_checkpoint(
    request: HttpRequest, project: Project, role: Role, public_id: UUID
) -> HttpResponse:
    found = get_object_or_404(Checkpoint, project=project, public_id=public_id)
    checkpoints.retire(found)
    messages.success(request, _("%(name)s is retired. What it made stays.") % {"name": found.label})
    return redirect("models_runtime:jobs", project.slug)


@require_safe
@never_cache
@for_members(*REVIEWERS)
def project_panel(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    """The fragment that the project page fetches: what is going on, and the newest that ended."""
    newest = newest_jobs(project, most=8)
    going_on = [job for job in newest if job.state in OPEN_STATES]
    context = context_of(
        project,
        role,
        going_on=[(each, title_of(each), progress_of(each)) for each in going_on],
        ended=[(each, title_of(each)) for each in newest if each.is_final][:3],
    )
    template = "models_runtime/panel.html" + ("#panel" if is_fragment(request) else "")
    return render(request, template, context)


def context_of(project: Project, role: Role, **more: Any) -> dict[str, Any]:
    return {
        "project": project,
        "role": role,
        "may_start": role in MANAGERS,
        "may_register": role == Role.OWNER,
        **more,
    }


def _job(project: Project, public_id: UUID) -> Job:
    found = find_job(project, public_id)
    if found is None:
        raise Http404
    return found


def _job_context(project: Project, role: Role, found: Job) -> dict[str, Any]:
    progress = progress_of(found)
    return context_of(
        project,
        role,
        job=found,
        title=title_of(found),
        progress=progress,
        troubles=troubles_of(found),
        facts=facts_of(found),
        spent=found.spent(),
        embedded=embedded_by(found),
        left=progress.waiting + progress.set_aside + progress.cancelled,
        label=noun_of(found),
        measured=measured_by(found) if isinstance(found, ScoringJob) else None,
        fates=fates_of(found) if isinstance(found, PromptJob) else None,
        ideas=newest_ideas(found, most=10) if isinstance(found, PromptJob) else None,
        pace=pace_words(found),
        repeats=repeats_of(found) if isinstance(found, GenerationJob) and found.novelty else None,
        verdicts=verdicts_of(found) if isinstance(found, JudgingJob) else None,
    )


def given_in(request: HttpRequest) -> QueryDict | None:
    """What was sent, even if it is nothing; None where a page was only asked for."""
    return request.POST if request.method == "POST" else None


def status_of(form: Any) -> int:
    return HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound else HTTPStatus.OK
