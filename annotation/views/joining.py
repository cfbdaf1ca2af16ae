"""Coming into a project by a link, and the page on which links are made."""

from django.contrib import messages
from django.contrib.auth import login
from django.core.exceptions import ValidationError
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from annotation import attempts, invitations
from annotation.access import MANAGERS
from annotation.joining_forms import InvitationForm, NewAccountForm
from annotation.models import Invitation, Project, Role
from annotation.views.entry import account, for_members

BACKEND = "django.contrib.auth.backends.ModelBackend"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members(*MANAGERS)
def invite(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    form = InvitationForm(request.POST or None)
    link = ""
    if request.method == "POST" and form.is_valid():
        issued = invitations.invite(project=project, by=account(request), **form.cleaned_data)
        link = request.build_absolute_uri(reverse("annotation:join", args=[issued.secret]))
        form = InvitationForm()
    made = project.invitations.annotate(uses=Count("joinings")).order_by("-created_at")
    context = {
        "project": project,
        "role": role,
        "form": form,
        "link": link,
        "invitations": made,
        "now": timezone.now(),
    }
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "annotation/invitations.html", context, status=status)


@require_POST
@for_members(*MANAGERS)
def withdraw_invitation(
    request: HttpRequest, project: Project, role: Role, public_id: str
) -> HttpResponse:
    found = get_object_or_404(Invitation, project=project, public_id=public_id)
    invitations.withdraw(found)
    messages.success(request, _("The link “%(name)s” lets nobody else in.") % {"name": found.name})
    return redirect("annotation:invitations", project.slug)


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    """The door of an invitation: opening it only asks, the button goes in."""
    address = attempts.address_of(request)
    if attempts.wait_for(attempts.INVITATION, address) > 0:
        said = _("Too many tries. Wait some minutes, then open the link again.")
        return render(request, "annotation/join.html", {"refusal": said}, status=429)
    try:
        invitation = invitations.find(token)
    except invitations.InvitationSpent as error:
        attempts.record_failure(attempts.INVITATION, address)
        return render(request, "annotation/join.html", {"refusal": str(error)}, status=410)
    if request.method != "POST":
        return _ask(request, invitation, NewAccountForm(), 200)
    if request.user.is_authenticated:
        return _enter(request, token)
    form = NewAccountForm(request.POST)
    if not form.is_valid():
        return _ask(request, invitation, form, 422)
    if attempts.wait_for(attempts.NEW_ACCOUNT, address) > 0:
        form.add_error(None, _("Too many new accounts from here. Wait an hour, then try again."))
        return _ask(request, invitation, form, 429)
    try:
        user = invitations.open_account(secret=token, **form.cleaned_data)
    except ValidationError as error:
        form.add_error("password", error)
        return _ask(request, invitation, form, 422)
    except invitations.InvitationSpent as error:
        return render(request, "annotation/join.html", {"refusal": str(error)}, status=410)
    attempts.record_failure(attempts.NEW_ACCOUNT, address)  # counts tries, here those that worked
    login(request, user, backend=BACKEND)
    messages.success(
        request,
        _("Your account name is %(name)s. Write it down: you log in with it.")
        % {"name": user.username},
    )
    return redirect("annotation:project", invitation.project.slug)


def _ask(
    request: HttpRequest, invitation: Invitation, form: NewAccountForm, status: int
) -> HttpResponse:
    context = {"invitation": invitation, "joined": invitation.project, "form": form}
    return render(request, "annotation/join.html", context, status=status)


def _enter(request: HttpRequest, token: str) -> HttpResponse:
    try:
        project = invitations.join(secret=token, user=account(request))
    except invitations.InvitationSpent as error:
        return render(request, "annotation/join.html", {"refusal": str(error)}, status=410)
    return redirect("annotation:project", project.slug)
