"""What the sender may do: the smaller of the token's scopes and the user's role in the project.

A view says what each of its actions needs:

    class RunViewSet(ProjectViewSet):
        access = {
            "list": Needs(Scope.READ, REVIEWERS),
            "create": Needs(Scope.AGGREGATE, MANAGERS),
        }

An action that isn't named there is refused to everybody. Somebody else's project is not found
(404), whether or not it exists; a member without the role, or a token without the scope, gets a
sentence (403).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from annotation.access import EVERYONE, Entrance
from annotation.api.authentication import entrance_of
from annotation.models import ApiToken, Project, Role
from annotation.tokens import Scope

if TYPE_CHECKING:
    from rest_framework.views import APIView

NO_PROJECT = "There is no such project among yours."


@dataclass(frozen=True, slots=True)
class Needs:
    """The scope a token must have, and the roles of which the user must hold one."""

    scope: Scope
    roles: tuple[Role, ...] = EVERYONE


def needs_of(view: Any, method: str) -> Needs | None:
    """What a view's action (in a plain APIView: its method) needs; None if it isn't named."""
    table: Mapping[str, Needs] = view.access
    named = getattr(view, "action", None) or method.lower()
    return table.get("get" if named == "head" else named)


def require_scope(request: Request, scope: Scope) -> None:
    """Raise PermissionDenied if the request came by a token without `scope`."""
    token = request.auth
    if isinstance(token, ApiToken) and scope not in token.scopes:
        raise PermissionDenied(
            f"This token may not do that: it lacks the scope “{scope}”. "
            "Make a token with that scope on your token page."
        )


def reach_project(request: Request) -> Entrance:
    """The project in the address and the user's role in it, within reach of the token.

    Raises NotFound.
    """
    try:
        found = entrance_of(request)
    except Project.DoesNotExist as error:
        raise NotFound(NO_PROJECT) from error
    token = request.auth
    if isinstance(token, ApiToken) and token.project_id not in (None, found.project.pk):
        raise NotFound(NO_PROJECT)
    return found


class HasScope(BasePermission):
    """For views outside any project: logged in, and the token has the scope named in `access`."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if not request.user.is_authenticated:
            return False
        needs = needs_of(view, str(request.method))
        if needs is not None:
            require_scope(request, needs.scope)
        return needs is not None or not _is_served(view, request)


class ProjectAccess(BasePermission):
    """For `ProjectViewSet`: finds the project in the address and checks role and scope."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            return False
        view.entrance = reach_project(request)
        view.project, view.role = view.entrance.project, view.entrance.role
        needs = needs_of(view, str(request.method))
        if needs is None:
            return not _is_served(view, request)
        require_scope(request, needs.scope)
        if view.role not in needs.roles:
            wanted = " or ".join(role.value for role in needs.roles)
            raise PermissionDenied(
                f"This needs the role {wanted} in “{view.project.name}”; yours is "
                f"{view.role.value}. Ask the project's owner if you should have it."
            )
        return True


def _is_served(view: Any, request: Request) -> bool:
    """Whether the view has a handler for the method. Where it has none, the answer is 405."""
    method = str(request.method).lower()
    return method != "options" and hasattr(view, method)
