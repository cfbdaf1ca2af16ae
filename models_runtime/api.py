"""Engines, checkpoints and jobs under /api/v1/: doors to the same acts that the pages call."""

import json
from http import HTTPStatus
from typing import Any, TypeVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import MANAGERS, REVIEWERS
from annotation.api.filters import Filter, refuse_unknown
from annotation.api.forms import cleaned
from annotation.api.permissions import HasScope, Needs
from annotation.api.problems import Problem
from annotation.api.viewsets import ProjectViewSet
from annotation.models import Project, Role, WorkState
from annotation.tokens import Scope
from models_runtime import checkpoints, enqueue
from models_runtime.catalogue import ENGINES
from models_runtime.errors import InvalidCheckpoint, NotPossible
from models_runtime.forms import CheckpointForm, GenerationForm
from models_runtime.generation_estimates import estimate_of
from models_runtime.models import Checkpoint, GenerationJob, Job, JudgingJob, ScoringJob
from models_runtime.scoring_estimates import estimate_scoring
from models_runtime.scoring_forms import ScoringForm
from models_runtime.serializers import (
    CheckpointSerializer,
    EngineSerializer,
    GenerationEstimateSerializer,
    GenerationJobSerializer,
    JudgingJobSerializer,
    NewCheckpointSerializer,
    NewGenerationJobSerializer,
    NewJudgingJobSerializer,
    NewScoringJobSerializer,
    ScoringEstimateSerializer,
    ScoringJobSerializer,
)

J = TypeVar("J", bound=Job)


class EnginesView(APIView):
    """The engines of this installation."""

    permission_classes = (HasScope,)
    access = {"get": Needs(Scope.READ)}

    @extend_schema(responses=EngineSerializer(many=True))
    def get(self, request: Request) -> Response:
        refuse_unknown(request, set())
        engines = [
            {
                "slug": slug,
                "title": plugin.title,
                "is_scripted": plugin.is_scripted,
                "needs_url": plugin.needs_url,
                "unavailable": plugin.unavailable_because(),
            }
            for slug, plugin in ENGINES.items()
        ]
        return Response(EngineSerializer(engines, many=True).data)


class CheckpointsViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, ProjectViewSet[Checkpoint]
):
    """Models that this project may use. Owners register and retire them; nobody changes them."""

    queryset = Checkpoint.objects.none()
    serializer_class = CheckpointSerializer
    access = {
        "list": Needs(Scope.READ, MANAGERS),
        "retrieve": Needs(Scope.READ, MANAGERS),
        "create": Needs(Scope.RUN_MODELS, (Role.OWNER,)),
        "probe": Needs(Scope.RUN_MODELS, (Role.OWNER,)),
        "retire": Needs(Scope.RUN_MODELS, (Role.OWNER,)),
    }
    filters = {"name": Filter("name", serializers.CharField(max_length=150))}

    def rows(self) -> QuerySet[Checkpoint]:
        return Checkpoint.objects.filter(project=self.project)

    @extend_schema(request=NewCheckpointSerializer, responses={201: CheckpointSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Register a model. A worker then asks it what it can do; see its `probe`."""
        refuse_unknown(request, set())
        given = NewCheckpointSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        options = json.dumps(given.validated_data["options"])
        fields = cleaned(CheckpointForm({**given.validated_data, "options": options}))
        try:
            made = checkpoints.register(project=self.project, user=self.user, **fields)
        except InvalidCheckpoint as refusal:
            raise Problem(
                HTTPStatus.BAD_REQUEST, str(refusal), errors={refusal.field: [str(refusal)]}
            ) from refusal
        enqueue.request_probe(made, user=self.user)
        return Response(CheckpointSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=CheckpointSerializer)
    @action(detail=True, methods=["post"])
    def probe(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Ask the model anew what it can do."""
        refuse_unknown(request, set())
        found = self.get_object()
        try:
            enqueue.request_probe(found, user=self.user)
        except NotPossible as refusal:
            raise Problem(HTTPStatus.CONFLICT, str(refusal)) from refusal
        return Response(CheckpointSerializer(found).data)

    @extend_schema(request=None, responses=CheckpointSerializer)
    @action(detail=True, methods=["post"])
    def retire(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take it off the lists for new jobs. What it made stays."""
        refuse_unknown(request, set())
        found = self.get_object()
        checkpoints.retire(found)
        return Response(CheckpointSerializer(found).data)


class JobsViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ProjectViewSet[J]):
    access = {
        "list": Needs(Scope.READ, REVIEWERS),
        "retrieve": Needs(Scope.READ, REVIEWERS),
        "create": Needs(Scope.RUN_MODELS, MANAGERS),
        "cancel": Needs(Scope.RUN_MODELS, MANAGERS),
        "reopen": Needs(Scope.RUN_MODELS, MANAGERS),
    }
    filters = {"state": Filter("state", serializers.ChoiceField(choices=WorkState.choices))}

    def _shown(self, job: Any, code: int = status.HTTP_200_OK) -> Response:
        return Response(self.get_serializer(job).data, status=code)

    def _cancel(self, request: Request) -> Response:
        refuse_unknown(request, set())
        job = self.get_object()
        enqueue.cancel(job)
        return self._shown(job)

    def _reopen(self, request: Request) -> Response:
        refuse_unknown(request, set())
        job = self.get_object()
        try:
            enqueue.reopen(job)
        except NotPossible as refusal:
            raise Problem(HTTPStatus.CONFLICT, str(refusal)) from refusal
        return self._shown(job)


class GenerationJobsViewSet(JobsViewSet[GenerationJob]):
    """Jobs in which a model writes candidates."""

    queryset = GenerationJob.objects.none()
    serializer_class = GenerationJobSerializer
    access = {**JobsViewSet.access, "estimate": Needs(Scope.RUN_MODELS, MANAGERS)}

    def rows(self) -> QuerySet[GenerationJob]:
        return GenerationJob.objects.filter(project=self.project).select_related("checkpoint")

    @extend_schema(request=NewGenerationJobSerializer, responses={201: GenerationJobSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Have a model write candidates for every prompt of the project."""
        refuse_unknown(request, set())
        given = NewGenerationJobSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = self._asked(given.validated_data)
        try:
            made = enqueue.request_generation(self.project, user=self.user, **asked)
        except NotPossible as refusal:
            raise Problem(HTTPStatus.BAD_REQUEST, str(refusal)) from refusal
        return self._shown(made, status.HTTP_201_CREATED)

    @extend_schema(request=NewGenerationJobSerializer, responses=GenerationEstimateSerializer)
    @action(detail=False, methods=["post"])
    def estimate(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What such a job would take, in calls, tokens, money and time. Starts nothing."""
        refuse_unknown(request, set())
        given = NewGenerationJobSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = self._asked(given.validated_data)
        try:
            found = estimate_of(self.project, asked)
        except NotPossible as refusal:
            raise Problem(HTTPStatus.BAD_REQUEST, str(refusal)) from refusal
        return Response(GenerationEstimateSerializer(found).data)

    def _asked(self, given: dict[str, Any]) -> dict[str, Any]:
        """What the page's form makes of it. Raises InvalidAnswer."""
        told = given | {
            "stop": "\n".join(given["stop"]),
            "languages": ",".join(given["languages"]),
        }
        for name in ("decoder_settings", "differing_settings"):
            told[name] = json.dumps(given[name]) if given[name] else ""
        form = GenerationForm(_present(told), project=self.project)
        cleaned(form)
        return form.request_fields()

    @extend_schema(request=None, responses=GenerationJobSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Stop the job. What it wrote is kept; a job that has ended stays as it is."""
        return self._cancel(request)

    @extend_schema(request=None, responses=GenerationJobSerializer)
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Go on with what is left of a job that has ended."""
        return self._reopen(request)


class ScoringJobsViewSet(JobsViewSet[ScoringJob]):
    """Jobs in which a model measures candidates: rewards, embeddings and the like."""

    queryset = ScoringJob.objects.none()
    serializer_class = ScoringJobSerializer
    access = {**JobsViewSet.access, "estimate": Needs(Scope.RUN_MODELS, MANAGERS)}

    def rows(self) -> QuerySet[ScoringJob]:
        jobs = ScoringJob.objects.filter(project=self.project)
        return jobs.select_related("checkpoint", "partner")

    @extend_schema(request=NewScoringJobSerializer, responses={201: ScoringJobSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Have a model measure every candidate that it hasn't measured in this way."""
        form = self._asked(request)
        try:
            made = enqueue.request_scoring(self.project, user=self.user, **form.request_fields())
        except NotPossible as refusal:
            raise Problem(HTTPStatus.BAD_REQUEST, str(refusal)) from refusal
        return self._shown(made, status.HTTP_201_CREATED)

    @extend_schema(request=NewScoringJobSerializer, responses=ScoringEstimateSerializer)
    @action(detail=False, methods=["post"])
    def estimate(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What such a job would take, in tokens, money and time. Starts nothing."""
        form = self._asked(request)
        try:
            found = estimate_scoring(self.project, **form.estimate_fields())
        except NotPossible as refusal:
            raise Problem(HTTPStatus.BAD_REQUEST, str(refusal)) from refusal
        return Response(ScoringEstimateSerializer(found).data)

    def _asked(self, request: Request) -> ScoringForm:
        refuse_unknown(request, set())
        given = NewScoringJobSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        told = given.validated_data | {"settings": json.dumps(given.validated_data["settings"])}
        form = ScoringForm(_present(told), project=self.project)
        cleaned(form)
        return form

    @extend_schema(request=None, responses=ScoringJobSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Stop the job. What it measured is kept; a job that has ended stays as it is."""
        return self._cancel(request)

    @extend_schema(request=None, responses=ScoringJobSerializer)
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Go on with what is left of a job that has ended."""
        return self._reopen(request)


class JudgingJobsViewSet(JobsViewSet[JudgingJob]):
    """Jobs in which a model judges."""

    queryset = JudgingJob.objects.none()
    serializer_class = JudgingJobSerializer

    def rows(self) -> QuerySet[JudgingJob]:
        jobs = JudgingJob.objects.filter(project=self.project)
        return jobs.select_related("checkpoint", "annotator")

    @extend_schema(request=NewJudgingJobSerializer, responses={201: JudgingJobSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Have a model judge every question of its kinds that it hasn't judged in this way."""
        refuse_unknown(request, set())
        given = NewJudgingJobSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            made = enqueue.request_judging(
                self.project, user=self.user, **judging_fields(self.project, given.validated_data)
            )
        except NotPossible as refusal:
            raise Problem(HTTPStatus.BAD_REQUEST, str(refusal)) from refusal
        return self._shown(made, status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=JudgingJobSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Stop the job. What it judged is kept; a job that has ended stays as it is."""
        return self._cancel(request)

    @extend_schema(request=None, responses=JudgingJobSerializer)
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Go on with what is left of a job that has ended."""
        return self._reopen(request)


def judging_fields(project: Project, given: dict[str, Any]) -> dict[str, Any]:
    """What `enqueue.request_judging` takes, with checkpoints for their ids. Raises NotPossible."""
    usable = {
        each.public_id: each
        for each in Checkpoint.objects.filter(project=project, retired_at__isnull=True)
    }
    wanted = [given["checkpoint"], *given["seats"].values()]
    unknown = [each for each in wanted if each not in usable]
    if unknown:
        raise NotPossible(f"This project has no usable checkpoint {unknown[0]}.")
    seats = {name: usable[each] for name, each in given["seats"].items()}
    return {**given, "checkpoint": usable[given["checkpoint"]], "seats": seats}


def _present(given: dict[str, Any]) -> dict[str, Any]:
    """What was given, as a form takes it: a field left out is missing, not None."""
    return {name: value for name, value in given.items() if value is not None}
