"""What is judged: prompts, candidates, systems, measurements, rubrics, questions. Read-only."""

from django.db.models import QuerySet
from rest_framework import mixins, serializers

from annotation.access import MANAGERS, REVIEWERS
from annotation.api.filters import Filter
from annotation.api.permissions import Needs
from annotation.api.serializers.prompts import (
    CandidateSerializer,
    MeasurementSerializer,
    OwnedCandidateSerializer,
    PromptSerializer,
    SystemSerializer,
)
from annotation.api.serializers.questions import QuestionSerializer
from annotation.api.serializers.rubrics import RubricSerializer
from annotation.api.viewsets import ProjectViewSet
from annotation.models import (
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
    access = {"list": Needs(Scope.READ, MANAGERS), "retrieve": Needs(Scope.READ, MANAGERS)}
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
