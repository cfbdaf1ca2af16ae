from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import projects
from annotation.access import MANAGERS
from annotation.api.filters import Filter, refuse_unknown
from annotation.api.permissions import Needs
from annotation.api.serializers.annotators import AnnotatorSerializer
from annotation.api.serializers.assigning import SkillsSerializer
from annotation.api.viewsets import ProjectViewSet
from annotation.assigning import set_skills
from annotation.models import Annotator, AnnotatorKind, Profile
from annotation.tokens import Scope


class AnnotatorsViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, ProjectViewSet[Annotator]
):
    """Who judges here. Owners and managers see everybody, others only themselves."""

    queryset = Annotator.objects.none()
    serializer_class = AnnotatorSerializer
    access = {
        "list": Needs(Scope.READ),
        "retrieve": Needs(Scope.READ),
        "pause": Needs(Scope.MANAGE, MANAGERS),
        "resume": Needs(Scope.MANAGE, MANAGERS),
        "skills": Needs(Scope.MANAGE, MANAGERS),
    }
    filters = {
        "kind": Filter("kind", serializers.ChoiceField(choices=AnnotatorKind.choices)),
        "external_id": Filter("external_id", serializers.CharField(max_length=200)),
    }

    def rows(self) -> QuerySet[Annotator]:
        latest = Profile.objects.filter(annotator=OuterRef("pk")).order_by("-version")
        everybody = Annotator.objects.filter(project=self.project).annotate(
            latest_attributes=Subquery(latest.values("attributes")[:1])
        )
        return everybody if self.role in MANAGERS else everybody.filter(user=self.user)

    @extend_schema(request=None, responses=AnnotatorSerializer)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Give this annotator no new questions. What they answered stays."""
        return self._set_paused(request, paused=True)

    @extend_schema(request=None, responses=AnnotatorSerializer)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Give this annotator questions again."""
        return self._set_paused(request, paused=False)

    @extend_schema(request=SkillsSerializer, responses=SkillsSerializer)
    @action(detail=True, methods=["post"])
    def skills(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Say what this annotator can do; questions may ask for a skill."""
        refuse_unknown(request, set())
        given = SkillsSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        annotator = self.get_object()
        set_skills(annotator=annotator, names=given.validated_data["skills"])
        names = annotator.skills.order_by("name").values_list("name", flat=True)
        return Response({"skills": list(names)})

    def _set_paused(self, request: Request, *, paused: bool) -> Response:
        refuse_unknown(request, set())
        annotator = projects.set_paused(annotator=self.get_object(), paused=paused)
        return Response(AnnotatorSerializer(annotator).data)
