"""Elections over a score table: computed on request, nothing stored."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from aggregation.api.serializers import PlainObject
from aggregation.elections_form import MOST_CHARACTERS, ElectionForm
from aggregation.elections_report import plain
from aggregation.models import Run
from annotation.api.filters import refuse_unknown
from annotation.api.permissions import Needs
from annotation.api.viewsets import ScopedViewSet
from annotation.tokens import Scope


class ElectionRequestSerializer(serializers.Serializer[Any]):
    """A score table as CSV and how to read it, as on the page."""

    table = serializers.CharField(max_length=MOST_CHARACTERS, trim_whitespace=False)
    lower = serializers.CharField(required=False, allow_blank=True)
    leave_out = serializers.CharField(required=False, allow_blank=True)
    weights = serializers.CharField(required=False, allow_blank=True)
    groups = serializers.CharField(required=False, allow_blank=True)
    rules = serializers.ListField(child=serializers.CharField(), required=False)
    replicates = serializers.IntegerField(required=False, min_value=0, max_value=500)
    seed = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)


class ElectionSerializer(serializers.Serializer[Any]):
    """Every rule's ranking, the Condorcet winner, and who could win under some weights."""

    systems = serializers.ListField(child=serializers.CharField())
    tasks = serializers.ListField(child=serializers.CharField())
    weights = serializers.ListField(child=serializers.FloatField())
    lower_is_better = serializers.ListField(child=serializers.CharField())
    replicates = serializers.IntegerField()
    level = serializers.FloatField()
    seed = serializers.IntegerField()
    headline = serializers.CharField()
    condorcet_winner = serializers.CharField(allow_null=True)
    rules = serializers.ListField(child=PlainObject())
    prospects = serializers.ListField(child=PlainObject())


class ElectionsViewSet(ScopedViewSet[Run]):
    """Benchmarks as elections: tasks vote, systems stand."""

    queryset = Run.objects.none()
    serializer_class = ElectionSerializer
    pagination_class = None
    access = {"create": Needs(Scope.AGGREGATE)}

    @extend_schema(request=ElectionRequestSerializer, responses={200: ElectionSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Rank the systems of a score table by every rule. Nothing is stored."""
        refuse_unknown(request, set())
        given = ElectionRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        form = ElectionForm(given.validated_data)
        if not form.is_valid():
            raise serializers.ValidationError(
                {name: [str(error) for error in said] for name, said in form.errors.items()}
            )
        return Response(plain(form.election))
