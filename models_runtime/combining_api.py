"""/api/v1/projects/<project>/combinations/: several rewards made into one, with provenance."""

from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.access import MANAGERS, REVIEWERS
from annotation.api.filters import refuse_unknown
from annotation.api.permissions import Needs
from annotation.api.problems import Problem
from annotation.api.viewsets import ProjectViewSet
from annotation.tokens import Scope
from models_runtime.combining import METHODS
from models_runtime.combining_rewards import Part, available_to, combinations_of, combine_rewards
from models_runtime.errors import NotPossible
from models_runtime.models import Combination


class PartSerializer(serializers.Serializer[Any]):
    """A measurement to go in; `source` may be left out where the name has only one."""

    name = serializers.CharField(max_length=100)
    source = serializers.CharField(  # type: ignore[assignment]
        max_length=200, required=False, default="", allow_blank=True
    )
    weight = serializers.FloatField(required=False, default=1.0)


class NewCombinationSerializer(serializers.Serializer[Any]):
    """`log_sigmoid` sums w·log sigmoid(x - reference), `weighted` sums w·x, `minimum` takes the
    least of (x - reference)/spread; references are each part's `quantile`."""

    parts = PartSerializer(many=True, allow_empty=False)
    method = serializers.ChoiceField(choices=METHODS, required=False, default="log_sigmoid")
    quantile = serializers.FloatField(required=False, default=0.5)
    name = serializers.CharField(max_length=100, required=False, default="combined")


class CombinedPartSerializer(PartSerializer):
    reference = serializers.FloatField(allow_null=True, help_text="Null where none is used.")


class CombinationSerializer(serializers.ModelSerializer[Combination]):
    """How a number was made. Each candidate's value is a measurement with this `source`."""

    parts = CombinedPartSerializer(many=True, read_only=True)
    settings = serializers.DictField(read_only=True)
    source = serializers.CharField(source="__str__", read_only=True)  # type: ignore[assignment]

    class Meta:
        model = Combination
        fields = (
            "id", "name", "source", "method", "parts", "settings", "candidates", "left_out",
            "created_at",
        )  # fmt: skip
        read_only_fields = fields


class AvailableSerializer(serializers.Serializer[Any]):
    """A number that this project's candidates have, and how many have it."""

    name = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    candidates = serializers.IntegerField()


class CombinationsViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, ProjectViewSet[Combination]
):
    """Rewards made into one. Nothing is overwritten: each combination is a source of its own."""

    queryset = Combination.objects.none()
    serializer_class = CombinationSerializer
    lookup_field = "pk"
    lookup_value_converter = "int"
    access = {
        "list": Needs(Scope.READ, REVIEWERS),
        "retrieve": Needs(Scope.READ, REVIEWERS),
        "parts": Needs(Scope.READ, REVIEWERS),
        "create": Needs(Scope.RUN_MODELS, MANAGERS),
    }

    def rows(self) -> QuerySet[Combination]:
        return combinations_of(self.project)

    @extend_schema(request=NewCombinationSerializer, responses={201: CombinationSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Combine measurements for every candidate that has them all."""
        refuse_unknown(request, set())
        given = NewCombinationSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = dict(given.validated_data)
        parts = [Part(**each) for each in wanted.pop("parts")]
        try:
            made = combine_rewards(self.project, parts, user=self.user, **wanted)
        except NotPossible as refusal:
            raise Problem(HTTPStatus.BAD_REQUEST, str(refusal)) from refusal
        return Response(CombinationSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses=AvailableSerializer(many=True), filters=False)
    @action(detail=False, pagination_class=None)
    def parts(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The numbers that can be combined here."""
        refuse_unknown(request, set())
        return Response(AvailableSerializer(available_to(self.project), many=True).data)
