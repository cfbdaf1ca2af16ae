"""Making a project from a protocol with a preview of its screen, and changing its options."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from annotation import projects, setting_up
from annotation.access import MANAGERS
from annotation.assigning import set_rules
from annotation.assignment_form import AssignmentForm
from annotation.catalogue import JUDGMENT_TYPES
from annotation.errors import InvalidAnswer, InvalidQuestion
from annotation.forms import ProjectForm
from annotation.models import Project, Role
from annotation.project_rules import rules_of
from annotation.protocols import Protocol, protocols
from annotation.setup_forms import OptionsForm
from annotation.steps import WANTED, Steps
from annotation.views.entry import account, for_accounts, for_members


@require_http_methods(["GET", "HEAD", "POST"])
@for_accounts
def new_project(request: HttpRequest) -> HttpResponse:
    if not projects.may_create(account(request)):
        raise PermissionDenied
    named = request.POST.get("protocol") or request.GET.get("protocol") or ""
    protocol = protocols().get(named)
    form = ProjectForm(request.POST or None, initial=_initial(protocol), auto_id="new_%s")
    if request.method == "POST" and form.is_valid():
        try:
            made = setting_up.begin(
                owner=account(request), protocol=protocol, **form.project_fields()
            )
            return redirect("annotation:project", made.slug)
        except projects.NameTaken as error:
            form.add_error("slug", str(error))
    context = {
        "form": form,
        "protocols": protocols(),
        "chosen": named if protocol else "",
        "protocol": protocol,
        "blank": "blank" in request.GET or request.method == "POST",
    }
    status = 422 if form.is_bound else 200
    return render(request, "annotation/project_new.html", context, status=status)


@require_safe
@for_accounts
def preview(request: HttpRequest) -> HttpResponse:
    """The judging screen for what the form says now, with invented texts. A fragment, or a page."""
    if not projects.may_create(account(request)):
        raise PermissionDenied
    protocol = protocols().get(request.GET.get("protocol", ""))
    kind = request.GET.get("judgment_type", "pairwise")
    if kind not in JUDGMENT_TYPES:
        kind = "pairwise"
    fits = protocol is not None and protocol.judgment_type == kind
    options: dict[str, Any] = dict(protocol.options) if protocol and fits else {}
    reason = request.GET.get("reason", "")
    if reason in WANTED:
        options["reason"] = reason
    showing = setting_up.sample(
        kind, options=options, criteria=protocol.criteria if protocol and fits else ()
    )
    context = {"showing": showing, "asks": _(JUDGMENT_TYPES[kind].title)}
    template = "annotation/preview.html"
    if getattr(request, "htmx", False):
        template += "#screen"
    return render(request, template, context)


@require_http_methods(["GET", "HEAD", "POST"])
@for_members(*MANAGERS)
def options(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    which = request.POST.get("form", "")
    posted = request.method == "POST"
    form = OptionsForm.showing(project)
    rules_form = AssignmentForm.showing(rules_of(project))
    if posted and which == "options":
        form = OptionsForm(request.POST, project=project)
        if form.is_valid():
            setting_up.change_options(
                project=project, steps=form.steps, own=form.own(), **form.project_fields()
            )
            messages.success(request, _("The options are kept and hold from the next question on."))
            return redirect("annotation:options", project.slug)
    elif posted and which == "rules":
        rules_form = AssignmentForm(request.POST)
        if rules_form.is_valid():
            try:
                set_rules(project=project, settings=rules_form.rules.as_settings())
                messages.success(request, _("The rules of assignment hold from now on."))
                return redirect("annotation:options", project.slug)
            except InvalidAnswer as error:
                for name, sentences in error.errors.items():
                    rules_form.add_error(name, sentences)
    rubric = project.rubrics.filter(prompt=None).order_by("-version", "-pk").first()
    criteria: list[Any] = list(rubric.criteria.order_by("position").values()) if rubric else []
    context = {
        "project": project,
        "role": role,
        "form": form,
        "rules_form": rules_form,
        "asks": _(JUDGMENT_TYPES[project.judgment_type].title),
        "guideline": project.current_guideline(),
        "showing": _sample(project, criteria),
    }
    return render(request, "annotation/options.html", context, status=422 if posted else 200)


def _sample(project: Project, criteria: list[dict[str, Any]]) -> Any:
    """The screen as it is now; None where the project's own criteria can't be shown."""
    try:
        return setting_up.sample(project.judgment_type, options=project.options, criteria=criteria)
    except InvalidQuestion:
        return None


def _initial(protocol: Protocol | None) -> dict[str, Any]:
    if protocol is None:
        return {}
    return {
        "judgment_type": protocol.judgment_type,
        "overlap": protocol.overlap,
        "lease_minutes": protocol.lease_minutes,
        "reason": Steps.of(protocol.options).reason,
        "guideline": protocol.guideline,
    }
