"""The REST interface of steering: the switch, the rounds, and the log of changed priorities."""

from http import HTTPStatus
from typing import Any

from django.db.models import F, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from aggregation.api.serializers import WorkFields
from aggregation.diagnostics.next_pair import RULES
from aggregation.enqueue import NotPossible
from aggregation.models import PriorityChange, PriorityRound, Run, Steering
from aggregation.steering import request_round, switch_steering
from annotation.access import REVIEWERS
from annotation.api.filters import Filter, refuse_unknown
from annotation.api.permissions import Needs
from annotation.api.problems import Problem
from annotation.api.viewsets import ProjectViewSet
from annotation.models import Role, WorkState
from annotation.tokens import Scope


class SteeringSerializer(serializers.ModelSerializer[Steering]):
    """Whether, and by which rule, the order of questions follows what was learnt."""

    rule = serializers.ChoiceField(choices=sorted(RULES), default="information_gain")
    floor = serializers.FloatField(min_value=0.01, max_value=1, default=0.1)
    every = serializers.IntegerField(min_value=1, max_value=1_000_000, default=100)
    seed = serializers.IntegerField(min_value=0, max_value=2**53, default=0)
    changed_at = serializers.DateTimeField(read_only=True, allow_null=True)  # null: never on

    class Meta:
        model = Steering
        fields = ["is_on", "rule", "floor", "every", "seed", "changed_at"]
        read_only_fields = ["changed_at"]
        extra_kwargs = {"is_on": {"required": True}}


class PriorityRoundSerializer(WorkFields, serializers.ModelSerializer[PriorityRound]):
    """One new order of the open questions; a blank rule gave questions their own priority back."""

    groups_of = serializers.SlugRelatedField[Run](
        slug_field="public_id", read_only=True, allow_null=True
    )

    class Meta:
        model = PriorityRound
        fields = [
            "id",
            "state",
            "error",
            "rule",
            "floor",
            "seed",
            "mark",
            "judgments",
            "open_questions",
            "groups_of",
            "progress_done",
            "progress_total",
            "created_at",
            "finished_at",
        ]
        read_only_fields = fields


class PriorityChangeSerializer(serializers.ModelSerializer[PriorityChange]):
    """A question's priority as a round wrote it; place and propensity null where it went back."""

    question = serializers.CharField(source="name", read_only=True)

    class Meta:
        model = PriorityChange
        fields = ["question", "place", "propensity", "value", "base", "priority"]
        read_only_fields = fields


class PriorityRoundsViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, ProjectViewSet[PriorityRound]
):
    """Rounds in which the open questions were ordered by what their answers would teach."""

    queryset = PriorityRound.objects.none()
    serializer_class = PriorityRoundSerializer
    access = {
        "list": Needs(Scope.READ, REVIEWERS),
        "retrieve": Needs(Scope.READ, REVIEWERS),
        "changes": Needs(Scope.READ, REVIEWERS),
        "steering": Needs(Scope.READ, REVIEWERS),
        "switch": Needs(Scope.AGGREGATE, (Role.OWNER,)),
        "create": Needs(Scope.AGGREGATE, (Role.OWNER,)),
        "cancel": Needs(Scope.AGGREGATE, (Role.OWNER,)),
    }
    filters = {
        "state": Filter("state", serializers.ChoiceField(choices=WorkState.choices)),
    }

    def rows(self) -> QuerySet[PriorityRound]:
        return PriorityRound.objects.filter(project=self.project)

    @extend_schema(request=None, responses={201: PriorityRoundSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Order the questions anew now. 201 with the round; poll its `state`."""
        refuse_unknown(request, set())
        try:
            round_ = request_round(self.project, user=self.user)
        except NotPossible as error:
            raise Problem(HTTPStatus.CONFLICT, str(error)) from error
        return Response(PriorityRoundSerializer(round_).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses=SteeringSerializer, filters=False)
    @action(detail=False, methods=["get"], pagination_class=None)
    def steering(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Whether steering is on, and how it works."""
        refuse_unknown(request, set())
        found = Steering.objects.filter(project=self.project).first()
        off = Steering(is_on=False, rule="information_gain")
        return Response(SteeringSerializer(found or off).data)

    @extend_schema(request=SteeringSerializer, responses=SteeringSerializer, filters=False)
    @steering.mapping.put
    def switch(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Switch steering on or off, or change how it works. The owner's choice."""
        refuse_unknown(request, set())
        given = SteeringSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            steering = switch_steering(self.project, user=self.user, **given.validated_data)
        except NotPossible as error:
            raise Problem(HTTPStatus.BAD_REQUEST, str(error)) from error
        return Response(SteeringSerializer(steering).data)

    @extend_schema(responses=PriorityChangeSerializer(many=True), filters=False)
    @action(detail=True, methods=["get"], pagination_class=None)
    def changes(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The round's log: which question was drawn where, with which chance."""
        refuse_unknown(request, set())
        found = self.get_object().changes.order_by("id").annotate(name=F("question__external_id"))
        return Response(PriorityChangeSerializer(found, many=True).data)

    @extend_schema(request=None, responses=PriorityRoundSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Ask for the round to stop: possible until its log is written."""
        refuse_unknown(request, set())
        round_ = self.get_object()
        round_.request_cancel()
        return Response(PriorityRoundSerializer(round_).data)
