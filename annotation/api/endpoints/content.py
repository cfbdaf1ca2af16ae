"""What is judged: prompts, candidates, systems, measurements, rubrics, questions.

Read-only, but for whom a question is and whether its answer is known.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.access import MANAGERS, REVIEWERS
from annotation.api.filters import Filter, refuse_unknown
from annotation.api.forms import cleaned
from annotation.api.permissions import Needs
from annotation.api.serializers.assigning import AudienceSerializer, CheckSerializer
from annotation.api.serializers.prompts import (
    CandidateSerializer,
    MeasurementSerializer,
    OwnedCandidateSerializer,
    PromptSerializer,
    SystemSerializer,
)
from annotation.api.serializers.questions import (
    AskedSerializer,
    AskSerializer,
    QuestionSerializer,
)
from annotation.api.serializers.rubrics import RubricSerializer
from annotation.api.viewsets import ProjectViewSet
from annotation.asking import ask_about_all, way_of
from annotation.assigning import make_check, reserve, restrict
from annotation.forms import ASK_FORMS
from annotation.models import (
    Annotator,
    Candidate,
    Measurement,
    Prompt,
    Question,
    QuestionState,
    Role,
    Rubric,
    System,
)
from annotation.tokens import Scope


def external_id() -> serializers.CharField:
    return serializers.CharField(max_length=200, trim_whitespace=False)


class PromptsViewSet(mixins.ListModelMixin, ProjectViewSet[Prompt]):
    """The project's prompts, known by the ids they were imported with."""

    queryset = Prompt.objects.none()
    serializer_class = PromptSerializer
    access = {"list": Needs(Scope.READ, REVIEWERS)}
    filters = {"external_id": Filter("external_id", external_id())}

    def rows(self) -> QuerySet[Prompt]:
        return Prompt.objects.filter(project=self.project).defer("html")


class CandidatesViewSet(mixins.ListModelMixin, ProjectViewSet[Candidate]):
    """Responses to the prompts. Only owners see which system wrote one."""

    queryset = Candidate.objects.none()
    serializer_class = OwnedCandidateSerializer
    access = {"list": Needs(Scope.READ, MANAGERS)}
    filters = {
        "prompt": Filter("prompt__external_id", external_id()),
        "external_id": Filter("external_id", external_id()),
    }

    def get_serializer_class(self) -> type[CandidateSerializer]:
        if getattr(self, "swagger_fake_view", False) or self.role == Role.OWNER:
            return OwnedCandidateSerializer
        return CandidateSerializer

    def rows(self) -> QuerySet[Candidate]:
        found = Candidate.objects.filter(prompt__project=self.project).select_related("prompt")
        if self.role == Role.OWNER:
            found = found.select_related("prompt", "system")
        return found.defer("html", "prompt__messages", "prompt__html")


class SystemsViewSet(mixins.ListModelMixin, ProjectViewSet[System]):
    """Who wrote the candidates. Owners only, so that judging stays blind."""

    queryset = System.objects.none()
    serializer_class = SystemSerializer
    access = {"list": Needs(Scope.READ, (Role.OWNER,))}

    def rows(self) -> QuerySet[System]:
        return System.objects.filter(project=self.project)


class MeasurementsViewSet(mixins.ListModelMixin, ProjectViewSet[Measurement]):
    """Numbers and vectors that models computed about candidates. Owners only."""

    queryset = Measurement.objects.none()
    serializer_class = MeasurementSerializer
    access = {"list": Needs(Scope.READ, (Role.OWNER,))}
    filters = {
        "name": Filter("name", serializers.CharField(max_length=100)),
        "source": Filter("source", serializers.CharField(max_length=200)),
        "prompt": Filter("candidate__prompt__external_id", external_id()),
        "candidate": Filter("candidate__external_id", external_id()),
    }

    def rows(self) -> QuerySet[Measurement]:
        return (
            Measurement.objects.filter(candidate__prompt__project=self.project)
            .select_related("candidate__prompt")
            .defer(
                "candidate__text",
                "candidate__html",
                "candidate__prompt__messages",
                "candidate__prompt__html",
            )
        )


class RubricsViewSet(mixins.ListModelMixin, ProjectViewSet[Rubric]):
    """Lists of criteria, version by version."""

    queryset = Rubric.objects.none()
    serializer_class = RubricSerializer
    access = {"list": Needs(Scope.READ, REVIEWERS)}
    filters = {
        "name": Filter("name", serializers.CharField(max_length=200)),
        "prompt": Filter("prompt__external_id", external_id()),
    }

    def rows(self) -> QuerySet[Rubric]:
        return (
            Rubric.objects.filter(project=self.project)
            .select_related("prompt")
            .defer("prompt__messages", "prompt__html")
            .prefetch_related("criteria")
        )


class QuestionsViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ProjectViewSet[Question]):
    """What is asked, of how many. Annotators get theirs one at a time, as assignments."""

    queryset = Question.objects.none()
    serializer_class = QuestionSerializer
    access = {
        "list": Needs(Scope.READ, MANAGERS),
        "retrieve": Needs(Scope.READ, MANAGERS),
        "create": Needs(Scope.MANAGE, MANAGERS),
        "audience": Needs(Scope.MANAGE, MANAGERS),
        "check": Needs(Scope.MANAGE, MANAGERS),
    }
    filters = {
        "state": Filter("state", serializers.ChoiceField(choices=QuestionState.choices)),
        "judgment_type": Filter("judgment_type", serializers.CharField(max_length=40)),
        "prompt": Filter("prompt__external_id", external_id()),
        "external_id": Filter("external_id", external_id()),
    }

    def rows(self) -> QuerySet[Question]:
        return (
            Question.objects.filter(project=self.project)
            .select_related("prompt", "rubric")
            .defer("prompt__messages", "prompt__html")
            .prefetch_related("placements__candidate")
        )

    @extend_schema(request=AskSerializer, responses={201: AskedSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Turn the project's responses into questions; those already asked stay as they are."""
        refuse_unknown(request, set())
        given = AskSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        form = ASK_FORMS[way_of(self.project.judgment_type)](given.validated_data)
        cleaned(form)
        made = ask_about_all(self.project, form.plan())
        counts = {
            "asked": len(made.questions),
            "already_there": made.already_there,
            "identical": made.identical,
            "too_few": made.too_few,
        }
        return Response(AskedSerializer(counts).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=AudienceSerializer, responses=QuestionSerializer)
    @action(detail=True, methods=["post"])
    def audience(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Say which group, which skill or which people the question is for."""
        refuse_unknown(request, set())
        given = AudienceSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        question, wanted = self.get_object(), given.validated_data
        if "annotators" in wanted:
            reserve(question=question, annotators=self._annotators(wanted["annotators"]))
        restrict(question=question, group=wanted.get("group"), skill=wanted.get("skill"))
        return Response(QuestionSerializer(question).data)

    @extend_schema(request=CheckSerializer, responses=QuestionSerializer, operation_id="check")
    @action(detail=True, methods=["post"], url_path="check")
    def check(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Give the question a known answer: from now on it checks annotators and isn't counted."""
        refuse_unknown(request, set())
        given = CheckSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        question = self.get_object()
        question.project = self.project
        make_check(question=question, **given.validated_data)
        return Response(QuestionSerializer(question).data)

    def _annotators(self, ids: Sequence[UUID]) -> list[Annotator]:
        found = list(Annotator.objects.filter(project=self.project, public_id__in=set(ids)))
        if len(found) < len(set(ids)):
            raise serializers.ValidationError({"annotators": ["There is no such annotator here."]})
        return found
