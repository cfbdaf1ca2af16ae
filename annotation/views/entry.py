"""The way into a project's pages: logged in, a member, and in a role the page is for."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from annotation.access import EVERYONE, project_and_role
from annotation.models import Project, Role, User

P = ParamSpec("P")
ProjectView = Callable[Concatenate[HttpRequest, Project, Role, P], HttpResponseBase]
SlugView = Callable[..., HttpResponseBase]


def account(request: HttpRequest) -> User:
    """The logged-in account, behind `for_accounts` or `for_members`."""
    assert isinstance(request.user, User)
    return request.user


def is_fragment(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of the page."""
    return bool(getattr(request, "htmx", False))


def ask_to_log_in(request: HttpRequest) -> HttpResponse:
    """The login page; to htmx a bare 401, so that the page with its draft stays where it is."""
    if is_fragment(request):
        return HttpResponse(_("You are logged out."), status=401)
    return redirect_to_login(request.get_full_path())


def for_accounts(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return ask_to_log_in(request)
        return view(request, *args, **kwargs)

    return checked


def for_members(*roles: Role) -> Callable[[ProjectView[P]], SlugView]:
    """Turn a view of (request, project, role) into one of (request, slug).

    A project the account doesn't belong to is not found; a role that isn't among `roles`
    (default: every role) gets the refusal page.
    """

    def decorate(view: ProjectView[P]) -> SlugView:
        @wraps(view)
        def checked(
            request: HttpRequest, slug: str, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return ask_to_log_in(request)
            try:
                project, role = project_and_role(account(request), slug)
            except Project.DoesNotExist as error:
                raise Http404 from error
            if role not in (roles or EVERYONE):
                return refuse(request, project, role, roles)
            return view(request, project, role, *args, **kwargs)

        return checked

    return decorate


def refuse(
    request: HttpRequest, project: Project, role: Role, roles: tuple[Role, ...]
) -> HttpResponse:
    context = {"project": project, "role": role, "wanted": [str(each.label) for each in roles]}
    return render(request, "annotation/refused.html", context, status=403)
