"""Pluralistic reports over the API: ask, poll, read, cancel, rebuild."""

from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from aggregation.api.serializers import KindsField, PlainObject, WorkFields
from aggregation.enqueue import NotPossible, request_report, request_report_replay
from aggregation.models import Level, Report, RuleChoice
from aggregation.rule_choices import LONGEST_REASON, NotChosen, choose
from annotation.access import MANAGERS, REVIEWERS
from annotation.api.filters import Filter, refuse_unknown
from annotation.api.permissions import Needs
from annotation.api.problems import Problem
from annotation.api.viewsets import ProjectViewSet
from annotation.models import WorkState
from annotation.tokens import Scope


class PluralisticReportSerializer(WorkFields, serializers.ModelSerializer[Report]):
    """A report that was asked for; what it says is at `content`."""

    replay_of = serializers.UUIDField(
        source="replay_of.public_id", read_only=True, allow_null=True, default=None
    )
    kinds = serializers.ListField(child=serializers.CharField(), read_only=True)
    options = PlainObject(read_only=True)

    class Meta:
        model = Report
        fields = [
            "id",
            "state",
            "error",
            "level",
            "options",
            "seed",
            "kinds",
            "mark",
            "code_version",
            "replay_of",
            "progress_done",
            "progress_total",
            "created_at",
            "finished_at",
        ]
        read_only_fields = fields


class PluralisticReportRequestSerializer(serializers.Serializer[Any]):
    """What is compared, how, and whose judgments count. The mark is taken when it is asked."""

    level = serializers.ChoiceField(choices=Level.choices, required=False, default=Level.SYSTEMS)
    options = PlainObject(required=False, default=dict)
    seed = serializers.IntegerField(required=False, default=0, min_value=0, max_value=2**53)
    kinds = KindsField(required=False, allow_null=True, default=None)


class RuleChoiceSerializer(serializers.ModelSerializer[RuleChoice]):
    """Which rule somebody decided to go by after reading a report."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    rule = serializers.CharField(max_length=60)
    reason = serializers.CharField(max_length=LONGEST_REASON)
    decided_by = serializers.CharField(source="decided_by.username", read_only=True)

    class Meta:
        model = RuleChoice
        fields = ["id", "rule", "title", "picks", "reason", "decided_by", "created_at"]
        read_only_fields = ["id", "title", "picks", "decided_by", "created_at"]


class ReportsViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ProjectViewSet[Report]):
    """Pluralistic reports: who disagrees, how strongly, what each choice costs. Nothing in them is
    about fewer than five people.
    """

    queryset = Report.objects.none()
    serializer_class = PluralisticReportSerializer
    access = {
        "list": Needs(Scope.READ, REVIEWERS),
        "retrieve": Needs(Scope.READ, REVIEWERS),
        "content": Needs(Scope.READ, REVIEWERS),
        "create": Needs(Scope.AGGREGATE, MANAGERS),
        "cancel": Needs(Scope.AGGREGATE, MANAGERS),
        "rebuild": Needs(Scope.AGGREGATE, MANAGERS),
        "choices": Needs(Scope.READ, REVIEWERS),
        "choose": Needs(Scope.AGGREGATE, MANAGERS),
    }
    filters = {"state": Filter("state", serializers.ChoiceField(choices=WorkState.choices))}

    def rows(self) -> QuerySet[Report]:
        found = Report.objects.filter(project=self.project).select_related("replay_of")
        found = found.defer("replay_of__content")
        if self.action in ("content", "choose"):
            return found
        return found.defer("content", "replay_of__content")

    @extend_schema(
        request=PluralisticReportRequestSerializer, responses={201: PluralisticReportSerializer}
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Ask for a report on the judgments there are now. 201; poll its `state`."""
        refuse_unknown(request, set())
        given = PluralisticReportRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            report = request_report(self.project, user=self.user, **given.validated_data)
        except NotPossible as error:
            raise Problem(HTTPStatus.BAD_REQUEST, str(error)) from error
        return Response(PluralisticReportSerializer(report).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={200: OpenApiResponse(OpenApiTypes.OBJECT)}, filters=False)
    @action(detail=True, methods=["get"])
    def content(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """The whole stored report, byte for byte."""
        refuse_unknown(request, set())
        report = self.get_object()
        if report.state != WorkState.DONE:
            raise Problem(HTTPStatus.CONFLICT, f"The report is {report.state}; it says nothing.")
        return HttpResponse(report.content or "", content_type="application/json")

    @extend_schema(responses={200: RuleChoiceSerializer(many=True)}, filters=False)
    @action(detail=True, methods=["get"], pagination_class=None)
    def choices(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Which rules were chosen after reading it, by whom and why, newest first."""
        refuse_unknown(request, set())
        chosen = self.get_object().choices.select_related("decided_by")
        return Response(RuleChoiceSerializer(chosen, many=True).data)

    @extend_schema(request=RuleChoiceSerializer, responses={201: RuleChoiceSerializer})
    @choices.mapping.post
    def choose(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Record which rule you go by, with the reason. It changes no number, and stays for good;
        the newest one goes into later releases.
        """
        refuse_unknown(request, set())
        given = RuleChoiceSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            chosen = choose(self.get_object(), user=self.user, **given.validated_data)
        except NotChosen as error:
            raise Problem(HTTPStatus.BAD_REQUEST, str(error)) from error
        return Response(RuleChoiceSerializer(chosen).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=PluralisticReportSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Ask for the report to stop: at once while it waits, else after the present resample."""
        refuse_unknown(request, set())
        report = self.get_object()
        report.request_cancel()
        return Response(PluralisticReportSerializer(report).data)

    @extend_schema(request=None, responses={201: PluralisticReportSerializer})
    @action(detail=True, methods=["post"])
    def rebuild(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Compute it again from the log: a new report with `replay_of`, to be compared."""
        refuse_unknown(request, set())
        try:
            replay = request_report_replay(self.get_object(), user=self.user)
        except NotPossible as error:
            raise Problem(HTTPStatus.CONFLICT, str(error)) from error
        return Response(PluralisticReportSerializer(replay).data, status=status.HTTP_201_CREATED)
