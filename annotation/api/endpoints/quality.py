"""How far a project is, and how its people answer: the numbers of the project's pages."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.access import REVIEWERS
from annotation.api.filters import refuse_unknown
from annotation.api.permissions import Needs
from annotation.api.schema import one
from annotation.api.serializers.quality import CollectionProgressSerializer, TeamSerializer
from annotation.api.viewsets import ProjectViewSet
from annotation.forecast import Forecast
from annotation.models import Annotator, Project
from annotation.own_page import OwnPace, own_pace
from annotation.progress import own_progress_of, project_progress, throughput
from annotation.quality.members import Team, team
from annotation.quotas import quotas
from annotation.tokens import Scope


class TeamViewSet(ProjectViewSet[Annotator]):
    """The project's people as reviewers see them."""

    queryset = Annotator.objects.none()
    access = {"list": Needs(Scope.READ, REVIEWERS)}
    pagination_class = None

    @extend_schema(operation_id="projects_team_retrieve", responses=one(TeamSerializer))
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Pace, agreement, score on known answers and remarks of everybody, and of every two."""
        refuse_unknown(request, set())
        found = team(self.project)
        body = {
            "read": found.read,
            "is_partial": found.is_partial,
            "agreement": found.overall,
            "members": found.members,
            "pairs": _pairs(found),
        }
        return Response(TeamSerializer(body).data)


def _pairs(found: Team) -> list[dict[str, Any]]:
    named = {member.pace.annotator.pk: member.pace.annotator.public_id for member in found.members}
    return [
        {"one": named[one], "other": named[other], "agreement": tally.share()}
        for (one, other), tally in sorted(found.agreements.by_pair.items())
    ]


class ProgressViewSet(ProjectViewSet[Project]):
    """How far you are, and for reviewers the project."""

    queryset = Project.objects.none()
    access = {"list": Needs(Scope.READ)}
    pagination_class = None

    @extend_schema(
        operation_id="projects_progress_retrieve",
        responses=one(CollectionProgressSerializer),
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Counted from the log each time it is asked for."""
        refuse_unknown(request, set())
        own, known = own_progress_of(self.project, self.user), self.entrance.annotator
        pace = own_pace(known) if known else OwnPace(0, None, 0)
        body: dict[str, Any] = {
            "own": {
                "answered": own.answered,
                "total": own.total,
                "lately": pace.lately,
                "median_ms": pace.median_ms,
                "timed": pace.timed,
            },
            "project": None,
            "forecast": None,
            "no_forecast": "",
            "quotas": [],
        }
        if self.role in REVIEWERS:
            told = throughput(self.project).forecast
            body["project"] = project_progress(self.project)
            body["quotas"] = quotas(self.project)
            if isinstance(told, Forecast):
                body["forecast"] = told
            else:
                body["no_forecast"] = told
        return Response(CollectionProgressSerializer(body).data)
