from typing import Any

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import projects
from annotation.access import MANAGERS, require_role
from annotation.api.filters import Filter, refuse_unknown
from annotation.api.forms import cleaned
from annotation.api.permissions import HasScope, Needs
from annotation.api.serializers.assigning import ProjectChangeSerializer
from annotation.api.serializers.me import MeSerializer
from annotation.api.serializers.projects import (
    GuidelineSerializer,
    NewGuidelineSerializer,
    NewProjectSerializer,
    ProjectSerializer,
    StateSerializer,
)
from annotation.api.viewsets import ProjectViewSet, ScopedViewSet
from annotation.assigning import set_rules
from annotation.errors import InvalidAnswer, NotAllowed
from annotation.forms import GuidelineForm, ProjectForm, StateForm
from annotation.models import ApiToken, Guideline, Membership, Project, ProjectState
from annotation.setting_up import change_options
from annotation.setup_forms import OptionsForm
from annotation.tokens import Scope


class ProjectsViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ScopedViewSet[Project]):
    """Your projects, within reach of the token."""

    queryset = Project.objects.none()
    serializer_class = ProjectSerializer
    access = {
        "list": Needs(Scope.READ),
        "retrieve": Needs(Scope.READ),
        "create": Needs(Scope.MANAGE),
        "partial_update": Needs(Scope.MANAGE),
    }
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

    @extend_schema(request=NewProjectSerializer, responses={201: ProjectSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make a draft project and own it. For staff and whoever runs a project already."""
        refuse_unknown(request, set())
        if not projects.may_create(self.user):
            raise NotAllowed("This account may not make projects. Ask whoever runs this server.")
        if isinstance(request.auth, ApiToken) and request.auth.project_id is not None:
            raise NotAllowed("This token is for one project, so it can't make another.")
        given = NewProjectSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        form = ProjectForm(given.validated_data)
        cleaned(form)
        made = projects.create_project(owner=self.user, **form.project_fields())
        shown = reachable_projects(request).get(pk=made.pk)
        return Response(ProjectSerializer(shown).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=ProjectChangeSerializer, responses={200: ProjectSerializer})
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change what is asked beside an answer, and the rules of assignment."""
        refuse_unknown(request, set())
        project = self.get_object()
        require_role(project, self.user, MANAGERS)
        given = ProjectChangeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        rules = wanted.pop("assignment", None)
        with transaction.atomic():
            if wanted:
                _change_options(project, wanted)
            if rules is not None:
                set_rules(project=project, settings=rules)
        return Response(ProjectSerializer(reachable_projects(request).get(pk=project.pk)).data)


def _change_options(project: Project, wanted: dict[str, Any]) -> None:
    """By the form of the options page, whose other fields stay as they are."""
    shown = OptionsForm.showing(project)
    unknown = sorted(set(wanted) - set(shown.fields))
    if unknown:
        raise InvalidAnswer({unknown[0]: ["This kind of judgment has no such option."]})
    form = OptionsForm({**shown.initial, **wanted}, project=project)
    cleaned(form)
    change_options(project=project, steps=form.steps, own=form.own(), **form.project_fields())


class StatesViewSet(ProjectViewSet[Project]):
    """Opening, pausing and closing a project."""

    queryset = Project.objects.none()
    access = {"create": Needs(Scope.MANAGE, MANAGERS)}

    @extend_schema(
        request=StateSerializer,
        responses={200: ProjectSerializer},
        operation_id="projects_state_create",
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Open, pause or close the project. Answers that come late are kept, not counted."""
        refuse_unknown(request, set())
        given = StateSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        form = StateForm(given.validated_data)
        projects.set_state(project=self.project, state=ProjectState(cleaned(form)["state"]))
        return Response(ProjectSerializer(reachable_projects(request).get(pk=self.project.pk)).data)


def reachable_projects(request: Request) -> QuerySet[Project]:
    """The sender's projects that the token reaches, each with `my_role` (null for a superuser)."""
    mine = Membership.objects.filter(user=request.user.pk, project=OuterRef("pk"))
    reachable = Project.objects.seen_by(request.user).annotate(
        my_role=Subquery(mine.values("role")[:1])
    )
    token = request.auth
    if isinstance(token, ApiToken) and token.project_id is not None:
        reachable = reachable.filter(pk=token.project_id)
    return reachable


class GuidelinesViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, ProjectViewSet[Guideline]
):
    """What annotators are asked to do, version by version."""

    queryset = Guideline.objects.none()
    serializer_class = GuidelineSerializer
    access = {
        "list": Needs(Scope.READ),
        "retrieve": Needs(Scope.READ),
        "create": Needs(Scope.MANAGE, MANAGERS),
    }
    lookup_field = "version"
    lookup_url_kwarg = "version"
    lookup_value_converter = "int"
    page_key = "version"
    page_order = "version"

    def rows(self) -> QuerySet[Guideline]:
        return Guideline.objects.filter(project=self.project)

    @extend_schema(request=NewGuidelineSerializer, responses={201: GuidelineSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Write a new version; the same text again stays the version it is."""
        refuse_unknown(request, set())
        given = NewGuidelineSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        text = cleaned(GuidelineForm(given.validated_data))["text"]
        kept = projects.revise_guideline(project=self.project, text=text)
        return Response(GuidelineSerializer(kept).data, status=status.HTTP_201_CREATED)


class MeView(APIView):
    """Who you are, what your token may do, and your projects."""

    permission_classes = (HasScope,)
    access = {"get": Needs(Scope.READ)}

    @extend_schema(responses=MeSerializer)
    def get(self, request: Request) -> Response:
        refuse_unknown(request, set())
        mine = [
            {"slug": project.slug, "name": project.name, "role": ProjectSerializer.role_in(project)}
            for project in reachable_projects(request).order_by("pk")
        ]
        me = {
            "username": request.user.get_username(),
            "token": request.auth,
            "projects": mine,
        }
        return Response(MeSerializer(me).data)
