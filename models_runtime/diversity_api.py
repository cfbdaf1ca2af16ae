"""GET /api/v1/projects/<project>/diversity/: Vendi scores and near-duplicates."""

import math
from http import HTTPStatus
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.api.filters import refuse_unknown
from annotation.api.permissions import Needs, ProjectAccess
from annotation.api.problems import Problem
from annotation.models import Project, Role
from annotation.tokens import Scope
from models_runtime.diversity_of_projects import MOST_PAIRS, diversity_of
from models_runtime.errors import NotPossible


class DiversityQuestionSerializer(serializers.Serializer[Any]):
    """What may be asked for."""

    prompt = serializers.CharField(
        max_length=200, required=False, default="", help_text="Only this one; its external id."
    )
    name = serializers.CharField(max_length=100, required=False, default="embedding")
    source = serializers.CharField(  # type: ignore[assignment]
        max_length=200,
        required=False,
        default="",
        help_text="Of the vectors; may be left out where there is only one.",
    )
    order = serializers.CharField(
        max_length=20, required=False, default="1", help_text="0 or more, or inf."
    )
    least_cosine = serializers.FloatField(
        required=False, default=0.9, min_value=0, max_value=1, help_text="Nearer is a duplicate."
    )
    most_edits = serializers.FloatField(
        required=False,
        default=0.1,
        min_value=0,
        max_value=1,
        help_text="Edits by the longer text's length; fewer is a duplicate.",
    )

    def validate_order(self, text: str) -> float:
        try:
            order = float(text)
        except ValueError as error:
            raise serializers.ValidationError("Write a number, or inf.") from error
        if math.isnan(order) or order < 0:
            raise serializers.ValidationError("The order of a Vendi score is 0 or more.")
        return order


class VarietySerializer(serializers.Serializer[Any]):
    """From 1 (all alike) to n (none like another); `system` is empty for all together."""

    prompt = serializers.CharField()
    system = serializers.CharField(allow_blank=True)
    n = serializers.IntegerField()
    score = serializers.FloatField()


class WriterVarietySerializer(serializers.Serializer[Any]):
    """A writer's means over prompts for which it wrote two candidates or more."""

    system = serializers.CharField()
    prompts = serializers.IntegerField()
    n = serializers.IntegerField()
    mean_score = serializers.FloatField()
    mean_per_candidate = serializers.FloatField(help_text="Score by n: 1 if none is like another.")


class SamePairSerializer(serializers.Serializer[Any]):
    """`edits` is null where it is above the limit."""

    first = serializers.CharField()
    second = serializers.CharField()
    cosine = serializers.FloatField(allow_null=True)
    edits = serializers.FloatField(allow_null=True)


class DiversitySerializer(serializers.Serializer[Any]):
    """How different a project's candidates are. `duplicates` is null unless a prompt was named."""

    name = serializers.CharField()
    source = serializers.CharField(allow_blank=True)  # type: ignore[assignment]
    order = serializers.CharField()
    n = serializers.IntegerField()
    without = serializers.IntegerField(help_text="Candidates without such a vector, left out.")
    varieties = VarietySerializer(many=True)
    writers = WriterVarietySerializer(many=True)
    duplicates = SamePairSerializer(
        many=True, allow_null=True, help_text=f"The first {MOST_PAIRS:,} pairs."
    )


class DiversityView(APIView):
    """The diversity of a project's candidates. For owners: it names who wrote them."""

    permission_classes = (ProjectAccess,)
    access = {"get": Needs(Scope.READ, (Role.OWNER,))}
    project: Project

    @extend_schema(parameters=[DiversityQuestionSerializer], responses=DiversitySerializer)
    def get(self, request: Request, project: str) -> Response:
        """Vendi scores per prompt and writer; of a named prompt also near-duplicates."""
        refuse_unknown(request, set(DiversityQuestionSerializer().fields))
        asked = DiversityQuestionSerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        try:
            found = diversity_of(self.project, **asked.validated_data)
        except NotPossible as refusal:
            raise Problem(HTTPStatus.BAD_REQUEST, str(refusal)) from refusal
        return Response(DiversitySerializer(found).data)
