"""Votes and iterations under /api/v1/projects/<project>/."""

from http import HTTPStatus
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import MANAGERS, REVIEWERS
from annotation.api.filters import refuse_unknown
from annotation.api.permissions import Needs, ProjectAccess
from annotation.api.problems import Problem
from annotation.models import Project, User
from annotation.tokens import Scope
from models_runtime.errors import NotPossible
from models_runtime.iterating import iterations_of
from models_runtime.models import GenerationJob
from models_runtime.picking_inputs import Input
from models_runtime.voting import MAJORITY, NAMES, reward_votes


class NewVoteSerializer(serializers.Serializer[Any]):
    """Let candidates vote: with their own prompt's (majority), or for their twin's (twins)."""

    kind = serializers.ChoiceField(required=False, default=MAJORITY, choices=sorted(NAMES))
    job = serializers.UUIDField(
        required=False, allow_null=True, default=None, help_text="Only what this job wrote."
    )


class VoteSerializer(serializers.Serializer[Any]):
    """What a vote came to. Every rewarded candidate has the measurement `name`, 0 or 1."""

    name = serializers.CharField(source="made.name")
    source = serializers.CharField(source="made.__str__")  # type: ignore[assignment]
    prompts = serializers.IntegerField(help_text="With a vote.")
    asked = serializers.IntegerField(help_text="With candidates.")
    without_answer = serializers.IntegerField()
    tied = serializers.IntegerField()
    rewarded = serializers.IntegerField()
    mean = serializers.FloatField()
    pairs = serializers.IntegerField(allow_null=True, help_text="Of twins.")
    agreeing = serializers.IntegerField(allow_null=True, help_text="Pairs with the same vote.")


class VotesView(APIView):
    """Rewards from votes."""

    permission_classes = (ProjectAccess,)
    access = {"post": Needs(Scope.RUN_MODELS, MANAGERS)}
    project: Project

    @extend_schema(request=NewVoteSerializer, responses={201: VoteSerializer})
    def post(self, request: Request, project: str) -> Response:
        """Give every candidate 1 if its answer is the one that most give, else 0."""
        refuse_unknown(request, set())
        given = NewVoteSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data["job"]
        jobs = GenerationJob.objects.filter(project=self.project, public_id=wanted)
        job = jobs.first() if wanted else None
        if wanted and job is None:
            raise Problem(HTTPStatus.BAD_REQUEST, "This project has no such generation job.")
        user = request.user
        assert isinstance(user, User), "the permission class lets nobody else in"
        try:
            made = reward_votes(self.project, kind=given.validated_data["kind"], job=job, user=user)
        except NotPossible as refusal:
            raise Problem(HTTPStatus.BAD_REQUEST, str(refusal)) from refusal
        return Response(VoteSerializer(made).data, status=status.HTTP_201_CREATED)


class IterationsQuestionSerializer(serializers.Serializer[Any]):
    """Which numbers say what is right, and what is rewarded."""

    correct = serializers.CharField(max_length=100, required=False, default="majority_vote")
    reward = serializers.CharField(max_length=100, required=False, default="")
    least_correct = serializers.FloatField(required=False, default=0.5)
    least_reward = serializers.FloatField(required=False, default=0.0)
    target = serializers.IntegerField(required=False, default=4, min_value=1, max_value=1000)


class IterationSerializer(serializers.Serializer[Any]):
    """One generation job. What can't be told is null."""

    job = serializers.UUIDField(source="job.public_id")
    checkpoint = serializers.CharField(source="job.checkpoint.label")
    unknown = serializers.IntegerField(help_text="Candidates of which nothing says if right.")
    prompts = serializers.IntegerField(source="found.prompts", allow_null=True, default=None)
    attempts = serializers.IntegerField(source="found.attempts", allow_null=True, default=None)
    found = serializers.FloatField(
        source="found.found", allow_null=True, default=None, help_text="Prompts with a right one."
    )
    distinct_correct = serializers.FloatField(
        source="found.distinct_correct", allow_null=True, default=None
    )
    accuracy = serializers.FloatField(source="found.accuracy", allow_null=True, default=None)
    best_accuracy = serializers.FloatField(
        source="found.best_accuracy", allow_null=True, default=None
    )
    separation = serializers.FloatField(source="found.separation", allow_null=True, default=None)
    separable = serializers.IntegerField(source="found.separable", allow_null=True, default=None)
    balance = serializers.FloatField(source="found.balance", allow_null=True, default=None)


class IterationsView(APIView):
    """Exploration and exploitation, per generation job."""

    permission_classes = (ProjectAccess,)
    access = {"get": Needs(Scope.READ, REVIEWERS)}
    project: Project

    @extend_schema(
        parameters=[IterationsQuestionSerializer], responses=IterationSerializer(many=True)
    )
    def get(self, request: Request, project: str) -> Response:
        """What each job found, and how well the reward tells right from wrong; oldest first."""
        refuse_unknown(request, set(IterationsQuestionSerializer().fields))
        asked = IterationsQuestionSerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        reward = Input(given["reward"]) if given["reward"] else None
        try:
            found = iterations_of(
                self.project,
                correct=Input(given["correct"]),
                reward=reward,
                least_correct=given["least_correct"],
                least_reward=given["least_reward"],
                target=given["target"],
            )
        except NotPossible as refusal:
            raise Problem(HTTPStatus.BAD_REQUEST, str(refusal)) from refusal
        return Response(IterationSerializer(found, many=True).data)
