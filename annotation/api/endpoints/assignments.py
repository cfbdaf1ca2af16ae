from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import queue
from annotation.api.filters import Filter, refuse_unknown
from annotation.api.permissions import Needs
from annotation.api.renderers import QuickJSONRenderer
from annotation.api.serializers.assignments import AssignmentSerializer, ReleaseSerializer
from annotation.api.viewsets import ProjectViewSet
from annotation.models import Assignment, AssignmentState
from annotation.tokens import Scope


class AssignmentsViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, ProjectViewSet[Assignment]
):
    """Questions reserved for you. You see your own only, whatever your role."""

    queryset = Assignment.objects.none()
    renderer_classes = (QuickJSONRenderer,)
    serializer_class = AssignmentSerializer
    access = {
        "list": Needs(Scope.READ),
        "retrieve": Needs(Scope.READ),
        "create": Needs(Scope.JUDGE),
        "heartbeat": Needs(Scope.JUDGE),
        "release": Needs(Scope.JUDGE),
    }
    filters = {
        "state": Filter("state", serializers.ChoiceField(choices=AssignmentState.choices)),
    }

    def rows(self) -> QuerySet[Assignment]:
        return Assignment.objects.filter(
            annotator__user=self.user, annotator__project=self.project
        ).select_related("question__project", "question__prompt", "question__rubric")

    @extend_schema(
        request=None,
        responses={
            201: AssignmentSerializer,
            204: OpenApiResponse(description="No question is left for you."),
        },
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Reserve the next question; an unfinished one of yours comes first.

        While a survey must be answered or skipped first, 409 with the code `survey_due`.
        """
        refuse_unknown(request, set())
        self.refuse_if_survey_is_due()
        assignment = queue.lease_next(self.annotator)
        if assignment is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        return Response(AssignmentSerializer(assignment).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=AssignmentSerializer)
    @action(detail=True, methods=["post"])
    def heartbeat(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Keep the question reserved while you are still reading."""
        refuse_unknown(request, set())
        assignment = queue.renew(self.annotator, str(self.kwargs["id"]))
        return Response(AssignmentSerializer(assignment).data)

    @extend_schema(request=ReleaseSerializer, responses=AssignmentSerializer)
    @action(detail=True, methods=["post"])
    def release(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Give the question back unanswered; it goes to somebody else."""
        refuse_unknown(request, set())
        given = ReleaseSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        assignment = queue.release(
            self.annotator, str(self.kwargs["id"]), reason=given.validated_data["reason"]
        )
        return Response(AssignmentSerializer(assignment).data)
