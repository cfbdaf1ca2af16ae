"""Which questions to ask a newcomer first, and panels. Computed on request, nothing stored."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from aggregation.api.endpoints import refused, runs_named
from aggregation.enqueue import NotPossible
from aggregation.models import Run
from aggregation.newcomers import onboarding_questions
from aggregation.panels import draw_panel
from aggregation.pluralism.onboarding import MOST_AT_ONCE
from annotation.access import MANAGERS
from annotation.api.filters import refuse_unknown
from annotation.api.permissions import Needs
from annotation.api.viewsets import ProjectViewSet
from annotation.models import Annotator
from annotation.tokens import Scope


class OnboardingAskedSerializer(serializers.Serializer[Any]):
    """What the address may say."""

    run = serializers.UUIDField()
    annotator = serializers.CharField(required=False, max_length=200)
    number = serializers.IntegerField(required=False, min_value=1, max_value=MOST_AT_ONCE)
    seed = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)


class OnboardingQuestionSerializer(serializers.Serializer[Any]):
    """A question; the bits its answer tells beyond the earlier ones; and how it was chosen."""

    question = serializers.UUIDField()
    external_id = serializers.CharField()
    information = serializers.FloatField()
    by_chance = serializers.BooleanField()
    propensity = serializers.FloatField()


class OnboardingSerializer(serializers.Serializer[Any]):
    """What is believed of the annotator's group, and the questions to ask, in this order."""

    groups = serializers.ListField(child=serializers.CharField())
    belief = serializers.ListField(child=serializers.FloatField())
    answers = serializers.IntegerField()
    pool = serializers.IntegerField()
    questions = OnboardingQuestionSerializer(many=True)


class OnboardingQuestionsViewSet(ProjectViewSet[Run]):
    """Open questions whose answers tell most about an annotator's group."""

    queryset = Run.objects.none()
    serializer_class = OnboardingSerializer
    pagination_class = None
    access = {"list": Needs(Scope.READ, MANAGERS)}

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "run",
                OpenApiTypes.UUID,
                required=True,
                description="A finished run of a method that finds groups, such as the mixture.",
            ),
            OpenApiParameter(
                "annotator",
                str,
                description="External id; left out for somebody nobody knows yet.",
            ),
            OpenApiParameter(
                "number",
                OpenApiTypes.INT,
                description=f"How many, 1 to {MOST_AT_ONCE}; 5 if left out.",
            ),
            OpenApiParameter("seed", OpenApiTypes.INT, description="Of the questions by chance."),
        ],
        responses=OnboardingSerializer,
        filters=False,
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Questions to ask first; one in five is drawn by chance, each with its propensity."""
        refuse_unknown(request, {"run", "annotator", "number", "seed"})
        given = OnboardingAskedSerializer(data=request.query_params.dict())
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        [run] = runs_named(self.project.pk, [asked.pop("run")])
        name = asked.pop("annotator", None)
        annotator = None if name is None else self._annotator(name)
        try:
            found = onboarding_questions(run, annotator=annotator, **asked)
        except NotPossible as error:
            raise refused(error) from error
        rows = [
            {
                "question": question.public_id,
                "external_id": question.external_id,
                "information": one.information,
                "by_chance": one.by_chance,
                "propensity": one.propensity,
            }
            for question, one in found.questions
        ]
        plain = {
            "groups": found.groups,
            "belief": found.belief,
            "answers": found.answers,
            "pool": found.pool,
            "questions": rows,
        }
        return Response(OnboardingSerializer(plain).data)

    def _annotator(self, name: str) -> Annotator:
        found = Annotator.objects.filter(project=self.project, external_id=name).first()
        if found is None:
            raise NotFound("There is no such annotator in this project.")
        return found


class PanelAskedSerializer(serializers.Serializer[Any]):
    """What the address may say."""

    run = serializers.UUIDField()
    seats = serializers.IntegerField(min_value=1, max_value=10_000)
    seed = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)


class PanelMemberSerializer(serializers.Serializer[Any]):
    """Somebody with a seat, and the group the run placed them in."""

    annotator = serializers.CharField()
    group = serializers.CharField()


class PanelSerializer(serializers.Serializer[Any]):
    """Who sits, everybody's chance of a seat, and seats beside members of each group."""

    people = PanelMemberSerializer(many=True)
    chance = serializers.FloatField()
    drawn_from = serializers.IntegerField()
    seats = serializers.DictField(child=serializers.IntegerField())
    members = serializers.DictField(child=serializers.IntegerField())


class PanelsViewSet(ProjectViewSet[Run]):
    """Panels in which everybody has the same chance and every group its share of seats."""

    queryset = Run.objects.none()
    serializer_class = PanelSerializer
    pagination_class = None
    access = {"list": Needs(Scope.READ, MANAGERS)}

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "run",
                OpenApiTypes.UUID,
                required=True,
                description="A finished run of a method that finds groups, such as the mixture.",
            ),
            OpenApiParameter("seats", OpenApiTypes.INT, required=True, description="How many."),
            OpenApiParameter("seed", OpenApiTypes.INT, description="Of the draw; 0 if left out."),
        ],
        responses=PanelSerializer,
        filters=False,
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Draw a panel; the same seed draws the same one."""
        refuse_unknown(request, {"run", "seats", "seed"})
        given = PanelAskedSerializer(data=request.query_params.dict())
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        [run] = runs_named(self.project.pk, [asked.pop("run")])
        try:
            found = draw_panel(run, **asked)
        except NotPossible as error:
            raise refused(error) from error
        plain = {
            "people": [{"annotator": name, "group": group} for name, group in found.people],
            "chance": found.chance,
            "drawn_from": found.drawn_from,
            "seats": found.seats,
            "members": found.members,
        }
        return Response(PanelSerializer(plain).data)
