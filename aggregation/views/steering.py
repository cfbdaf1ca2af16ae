"""The switch for steering the order of questions, and its rounds."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from aggregation.enqueue import NotPossible
from aggregation.forms import SteeringForm
from aggregation.models import PriorityRound
from aggregation.priorities import steering_state
from aggregation.steering import request_round, switch_steering
from annotation.access import REVIEWERS
from annotation.models import Project, Role
from annotation.views.entry import account, for_members, is_fragment


@require_POST
@for_members(Role.OWNER)
def switch(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    """Switch steering on or off, or change how it works."""
    form = SteeringForm(request.POST)
    if not form.is_valid():
        wrong = next(str(error) for errors in form.errors.values() for error in errors)
        messages.error(request, wrong)
        return redirect("aggregation:runs", project.slug)
    try:
        steering = switch_steering(
            project,
            is_on=form.cleaned_data["is_on"],
            rule=form.cleaned_data["rule"],
            floor=form.cleaned_data["floor"],
            every=form.cleaned_data["every"],
            user=account(request),
        )
        messages.success(
            request,
            _("The order of questions now follows what was learnt.")
            if steering.is_on
            else _("Steering is off; questions get their own priorities back."),
        )
    except NotPossible as refusal:
        messages.error(request, str(refusal))
    return redirect("aggregation:runs", project.slug)


@require_POST
@for_members(Role.OWNER)
def order_now(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    """Order the questions anew without waiting for further judgments."""
    try:
        request_round(project, user=account(request))
    except NotPossible as refusal:
        messages.error(request, str(refusal))
    return redirect("aggregation:runs", project.slug)


@require_POST
@for_members(Role.OWNER)
def cancel_round(
    request: HttpRequest, project: Project, role: Role, public_id: str
) -> HttpResponse:
    get_object_or_404(PriorityRound, project=project, public_id=public_id).request_cancel()
    return redirect("aggregation:runs", project.slug)


@require_safe
@never_cache
@for_members(*REVIEWERS)
def steering(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    """The panel alone, for a page that waits for a round; without that page, the page itself."""
    if not is_fragment(request):
        return redirect("aggregation:runs", project.slug)
    return render(request, "aggregation/_steering.html", steering_context(project, role))


def steering_context(project: Project, role: Role) -> dict[str, object]:
    """What the panel shows: the state, and the form for owners."""
    state = steering_state(project)
    return {
        "project": project,
        "state": state,
        "owner": role == Role.OWNER,
        "steering_form": SteeringForm.of(state.steering),
    }
