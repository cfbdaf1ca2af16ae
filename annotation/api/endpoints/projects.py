from django.db.models import OuterRef, QuerySet, Subquery
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.api.filters import Filter, refuse_unknown
from annotation.api.permissions import HasScope, Needs
from annotation.api.serializers.me import MeSerializer
from annotation.api.serializers.projects import GuidelineSerializer, ProjectSerializer
from annotation.api.viewsets import ProjectViewSet, ScopedViewSet
from annotation.models import ApiToken, Guideline, Membership, Project, ProjectState
from annotation.tokens import Scope


class ProjectsViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ScopedViewSet[Project]):
    """Your projects, within reach of the token."""

    queryset = Project.objects.none()
    serializer_class = ProjectSerializer
    access = {"list": Needs(Scope.READ), "retrieve": Needs(Scope.READ)}
    filters = {
        "state": Filter("state", serializers.ChoiceField(choices=ProjectState.choices)),
    }
    lookup_field = "slug"
    lookup_url_kwarg = "project"
    lookup_value_converter = "slug"

    def get_queryset(self) -> QuerySet[Project]:
        if getattr(self, "swagger_fake_view", False):
            return Project.objects.none()
        return reachable_projects(self.request)


def reachable_projects(request: Request) -> QuerySet[Project]:
    """The sender's projects that the token reaches, each with `my_role` (null for a superuser)."""
    mine = Membership.objects.filter(user=request.user.pk, project=OuterRef("pk"))
    projects = Project.objects.seen_by(request.user).annotate(
        my_role=Subquery(mine.values("role")[:1])
    )
    token = request.auth
    if isinstance(token, ApiToken) and token.project_id is not None:
        projects = projects.filter(pk=token.project_id)
    return projects


class GuidelinesViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, ProjectViewSet[Guideline]
):
    """What annotators are asked to do, version by version."""

    queryset = Guideline.objects.none()
    serializer_class = GuidelineSerializer
    access = {"list": Needs(Scope.READ), "retrieve": Needs(Scope.READ)}
    lookup_field = "version"
    lookup_url_kwarg = "version"
    lookup_value_converter = "int"
    page_key = "version"
    page_order = "version"

    def rows(self) -> QuerySet[Guideline]:
        return Guideline.objects.filter(project=self.project)


class MeView(APIView):
    """Who you are, what your token may do, and your projects."""

    permission_classes = (HasScope,)
    access = {"get": Needs(Scope.READ)}

    @extend_schema(responses=MeSerializer)
    def get(self, request: Request) -> Response:
        refuse_unknown(request, set())
        projects = [
            {"slug": project.slug, "name": project.name, "role": ProjectSerializer.role_in(project)}
            for project in reachable_projects(request).order_by("pk")
        ]
        me = {
            "username": request.user.get_username(),
            "token": request.auth,
            "projects": projects,
        }
        return Response(MeSerializer(me).data)
