"""Prompt jobs under /api/v1/: new prompts after seeds, and twins in other words."""

import json
from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.access import MANAGERS, REVIEWERS
from annotation.api.filters import refuse_unknown
from annotation.api.forms import cleaned
from annotation.api.permissions import Needs
from annotation.api.problems import Problem
from annotation.tokens import Scope
from models_runtime.api import JobsViewSet
from models_runtime.errors import NotPossible
from models_runtime.models import PromptIdea, PromptJob
from models_runtime.presenting import fates_of
from models_runtime.prompt_forms import KINDS, PromptsForm
from models_runtime.prompt_requests import estimate_prompts, request_prompts
from models_runtime.serializers import (
    JOB_FIELDS,
    GenerationEstimateSerializer,
    JobSerializer,
    NewJobSerializer,
)


class FateSerializer(serializers.Serializer[Any]):
    """How many ideas came to this; `dropped` is empty for those that were kept."""

    dropped = serializers.CharField()
    words = serializers.CharField()
    ideas = serializers.IntegerField()


class PromptJobSerializer(JobSerializer):
    """A model writes prompts."""

    settings = serializers.DictField(read_only=True)
    seeds = serializers.ListField(child=serializers.CharField(), read_only=True)
    fates = serializers.SerializerMethodField()

    class Meta:
        model = PromptJob
        fields = (*JOB_FIELDS, "kind", "settings", "seeds", "fates")
        read_only_fields = fields

    @extend_schema_field(FateSerializer(many=True))
    def get_fates(self, job: PromptJob) -> list[dict[str, Any]]:
        return [dict(FateSerializer(each).data) for each in fates_of(job)]


class PromptIdeaSerializer(serializers.ModelSerializer[PromptIdea]):
    """A prompt that a model wrote, where it came from and what became of it."""

    prompt = serializers.CharField(
        source="prompt.external_id", allow_null=True, default=None, help_text="Null if dropped."
    )
    twin_of = serializers.CharField(source="item.prompt.external_id", allow_null=True, default=None)
    detail = serializers.DictField(help_text="What the filters found.")
    seeds = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = PromptIdea
        fields = (
            "text",
            "dropped",
            "detail",
            "seeds",
            "prompt",
            "twin_of",
            "model_revision",
            "seed",
            "created_at",
        )
        read_only_fields = fields


class NewPromptJobSerializer(NewJobSerializer):
    kind = serializers.ChoiceField(required=False, default=KINDS[0][0], choices=KINDS)
    calls = serializers.IntegerField(required=False, default=10, min_value=1, max_value=100_000)
    seeds = serializers.ListField(
        child=serializers.CharField(max_length=200),
        required=False,
        default=list,
        help_text="External ids of prompts to start from; empty for all that no model wrote.",
    )
    settings = serializers.DictField(
        required=False,
        default=dict,
        help_text="per_call, shown, fewest_words, most_words, most_overlap, least_quality, "
        "rollouts, hardest, easiest.",
    )


class PromptJobsViewSet(JobsViewSet[PromptJob]):
    """Jobs in which a model writes prompts."""

    queryset = PromptJob.objects.none()
    serializer_class = PromptJobSerializer
    access = {
        **JobsViewSet.access,
        "estimate": Needs(Scope.RUN_MODELS, MANAGERS),
        "ideas": Needs(Scope.READ, REVIEWERS),
    }

    def rows(self) -> QuerySet[PromptJob]:
        return PromptJob.objects.filter(project=self.project).select_related("checkpoint")

    @extend_schema(request=NewPromptJobSerializer, responses={201: PromptJobSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Have a model write prompts: new ones after seeds, or a twin in other words for each."""
        form = self._asked(request)
        try:
            made = request_prompts(self.project, user=self.user, **form.request_fields())
        except NotPossible as refusal:
            raise Problem(HTTPStatus.BAD_REQUEST, str(refusal)) from refusal
        return self._shown(made, status.HTTP_201_CREATED)

    @extend_schema(request=NewPromptJobSerializer, responses=GenerationEstimateSerializer)
    @action(detail=False, methods=["post"])
    def estimate(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What such a job would take, in calls, tokens, money and time. Starts nothing."""
        form = self._asked(request)
        try:
            found = estimate_prompts(self.project, **form.estimate_fields())
        except NotPossible as refusal:
            raise Problem(HTTPStatus.BAD_REQUEST, str(refusal)) from refusal
        return Response(GenerationEstimateSerializer(found).data)

    @extend_schema(request=None, responses=PromptIdeaSerializer(many=True))
    @action(detail=True, methods=["get"], pagination_class=None)
    def ideas(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Every idea of the job, those that were dropped included."""
        refuse_unknown(request, set())
        rows = self.get_object().ideas.select_related("prompt", "item__prompt")
        return Response(PromptIdeaSerializer(rows, many=True).data)

    @extend_schema(request=None, responses=PromptJobSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Stop the job. What it wrote is kept; a job that has ended stays as it is."""
        return self._cancel(request)

    @extend_schema(request=None, responses=PromptJobSerializer)
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Go on with what is left of a job that has ended."""
        return self._reopen(request)

    def _asked(self, request: Request) -> PromptsForm:
        """What was sent, checked by the page's form. Raises InvalidAnswer."""
        refuse_unknown(request, set())
        given = NewPromptJobSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        told = given.validated_data
        told = told | {"seeds": "\n".join(told["seeds"]), "settings": json.dumps(told["settings"])}
        present = {name: value for name, value in told.items() if value is not None}
        form = PromptsForm(present, project=self.project)
        cleaned(form)
        return form
