"""What annotators are asked about themselves, and what they answer: versions of a profile."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.access import MANAGERS
from annotation.api.filters import Filter, refuse_unknown
from annotation.api.forms import cleaned
from annotation.api.permissions import Needs
from annotation.api.problems import Problem
from annotation.api.serializers.joining import (
    NewSurveySerializer,
    ProfileSerializer,
    RepliedSerializer,
    SurveyAnswerSerializer,
    SurveySerializer,
)
from annotation.api.viewsets import ProjectViewSet
from annotation.errors import InvalidAnswer
from annotation.models import Profile, Survey
from annotation.surveys import asking
from annotation.surveys.forms import PRIVATE, AnswersForm
from annotation.surveys.questions import SurveyQuestion
from annotation.tokens import Scope

NOT_THE_NEWEST = (
    "This version of the survey isn't asked any more, so nothing was saved. Answer the newest one."
)


class SurveysViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ProjectViewSet[Survey]):
    """The survey, version by version; the newest is asked. Everybody reads it."""

    queryset = Survey.objects.none()
    serializer_class = SurveySerializer
    access = {
        "list": Needs(Scope.READ),
        "retrieve": Needs(Scope.READ),
        "create": Needs(Scope.MANAGE, MANAGERS),
        "replies": Needs(Scope.JUDGE),
    }
    lookup_field = "version"
    lookup_url_kwarg = "version"
    lookup_value_converter = "int"
    page_key = "version"
    page_order = "version"

    def rows(self) -> QuerySet[Survey]:
        return Survey.objects.filter(project=self.project)

    def get_serializer_context(self) -> dict[str, Any]:
        context = {**super().get_serializer_context(), "due": None}
        if not getattr(self, "swagger_fake_view", False) and self.entrance.survey_due:
            current = asking.current_survey(self.project)
            context["due"] = current.version if current else None
        return context

    @extend_schema(request=NewSurveySerializer, responses={201: SurveySerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Ask a new version from now on; the same again stays the version it is."""
        refuse_unknown(request, set())
        given = NewSurveySerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        made = asking.set_survey(
            project=self.project,
            by=self.user,
            items=asked["questions"],
            introduction=asked["introduction"],
            required=asked["required"],
        )
        body = SurveySerializer(made, context=self.get_serializer_context()).data
        return Response(body, status=status.HTTP_201_CREATED)

    @extend_schema(request=SurveyAnswerSerializer, responses={201: RepliedSerializer})
    @action(detail=True, methods=["post"])
    def replies(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer the newest version, or skip it. What you said before isn't rewritten."""
        refuse_unknown(request, set())
        given = SurveyAnswerSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        survey = self.get_object()
        current = asking.current_survey(self.project)
        if current is None or current.pk != survey.pk or not survey.items:
            raise Problem(HTTPStatus.CONFLICT, NOT_THE_NEWEST, code="survey_replaced")
        asked = given.validated_data
        if asked["skip"]:
            reply = asking.skip(survey=survey, annotator=self.annotator)
        else:
            form = _form(asking.questions_of(survey), asked["answers"])
            cleaned(form)
            reply = asking.answer(survey=survey, annotator=self.annotator, answers=form.answers())
        return Response(
            RepliedSerializer({"profile": reply.profile}).data, status=status.HTTP_201_CREATED
        )


def _form(questions: list[SurveyQuestion], answers: Mapping[str, Any]) -> AnswersForm:
    """The page's form with these answers; null is what its “prefer not to say” is."""
    unknown = sorted(set(answers) - {question.name for question in questions})
    if unknown:
        raise InvalidAnswer({unknown[0]: ["The survey doesn't ask this."]})
    data = {name: value for name, value in answers.items() if value is not None}
    for question in questions:
        if question.name in answers and answers[question.name] is None:
            data |= {question.name: PRIVATE, f"{question.name}-{PRIVATE}": True}
            if question.kind != "choice":
                data.pop(question.name)
    return AnswersForm(data, questions=questions, known={})


class ProfilesViewSet(mixins.ListModelMixin, ProjectViewSet[Profile]):
    """What annotators said of themselves, version by version.

    Owners and managers see everybody's, others only their own.
    """

    queryset = Profile.objects.none()
    serializer_class = ProfileSerializer
    access = {"list": Needs(Scope.READ)}
    filters = {"annotator": Filter("annotator__public_id", serializers.UUIDField())}

    def rows(self) -> QuerySet[Profile]:
        found = Profile.objects.filter(annotator__project=self.project).select_related("annotator")
        return found if self.role in MANAGERS else found.filter(annotator__user=self.user)
