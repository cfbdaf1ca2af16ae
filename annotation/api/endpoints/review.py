"""Reviewing, as on its pages: disputes, verdicts, remarks, asking again. Nothing is changed."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.access import REVIEWERS
from annotation.api.filters import Filter, refuse_unknown
from annotation.api.forms import cleaned
from annotation.api.permissions import Needs
from annotation.api.schema import one
from annotation.api.serializers.review import (
    AdjudicationSerializer,
    CommentSerializer,
    DisputesSerializer,
    NewAdjudicationSerializer,
    NewCommentSerializer,
    NewRequeueSerializer,
    RequeueSerializer,
)
from annotation.api.viewsets import ProjectViewSet
from annotation.errors import InvalidAnswer
from annotation.models import (
    Adjudication,
    Annotator,
    Comment,
    Judgment,
    Project,
    Question,
    Requeue,
)
from annotation.review import disputes, verdicts
from annotation.review_forms import AskAgainForm, CommentForm, VerdictForm
from annotation.tokens import Scope

READING = Needs(Scope.READ, REVIEWERS)
REVIEWING = Needs(Scope.REVIEW, REVIEWERS)
OF_QUESTION = {"question": Filter("question__public_id", serializers.UUIDField())}


def question_of(project: Project, public_id: UUID) -> Question:
    """A question of the project. Raises InvalidAnswer."""
    found = Question.objects.filter(project=project, public_id=public_id).first()
    if found is None:
        raise InvalidAnswer({"question": ["There is no such question in this project."]})
    return found


class AdjudicationsViewSet(mixins.ListModelMixin, ProjectViewSet[Adjudication]):
    """Verdicts of reviewers on questions. The newest of a question stands; all are kept."""

    queryset = Adjudication.objects.none()
    serializer_class = AdjudicationSerializer
    access = {"list": READING, "create": REVIEWING}
    filters = OF_QUESTION

    def rows(self) -> QuerySet[Adjudication]:
        found = Adjudication.objects.filter(question__project=self.project)
        return found.select_related("question", "winner", "reviewer")

    @extend_schema(request=NewAdjudicationSerializer, responses={201: AdjudicationSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Say which answer to a question is right, or that none is. No judgment is changed."""
        refuse_unknown(request, set())
        given = NewAdjudicationSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        question = question_of(self.project, asked["question"])
        said = cleaned(VerdictForm(asked | {"winner": str(asked["winner"] or "none")}))
        made = verdicts.adjudicate(
            question=question,
            reviewer=self.user,
            winner=self._winner(question, asked["winner"]),
            categories=said["categories"],
            explanation=said["explanation"],
        )
        return Response(AdjudicationSerializer(made).data, status=status.HTTP_201_CREATED)

    def _winner(self, question: Question, named: UUID | None) -> Judgment | None:
        if named is None:
            return None
        found = Judgment.objects.filter(question=question, public_id=named).first()
        if found is None:
            raise InvalidAnswer({"winner": ["That isn't an answer to this question."]})
        return found


class CommentsViewSet(mixins.ListModelMixin, ProjectViewSet[Comment]):
    """Reviewers' remarks about questions. Annotators don't see them."""

    queryset = Comment.objects.none()
    serializer_class = CommentSerializer
    access = {"list": READING, "create": REVIEWING}
    filters = OF_QUESTION | {
        "mentioned": Filter("mentioned__username", serializers.CharField(max_length=150)),
    }

    def rows(self) -> QuerySet[Comment]:
        found = Comment.objects.filter(question__project=self.project)
        return found.select_related("question", "author").prefetch_related("mentioned")

    @extend_schema(request=NewCommentSerializer, responses={201: CommentSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Keep a remark; `@name` calls another reviewer of the project."""
        refuse_unknown(request, set())
        given = NewCommentSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        question = question_of(self.project, given.validated_data["question"])
        text = cleaned(CommentForm(given.validated_data))["text"]
        made = verdicts.comment(question=question, author=self.user, text=text)
        return Response(CommentSerializer(made).data, status=status.HTTP_201_CREATED)


class RequeuesViewSet(mixins.ListModelMixin, ProjectViewSet[Requeue]):
    """Times that questions were asked again, of whom and why."""

    queryset = Requeue.objects.none()
    serializer_class = RequeueSerializer
    access = {"list": READING, "create": REVIEWING}
    filters = OF_QUESTION

    def rows(self) -> QuerySet[Requeue]:
        found = Requeue.objects.filter(question__project=self.project)
        return found.select_related("question", "asked_by")

    @extend_schema(request=NewRequeueSerializer, responses={201: RequeueSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Ask a question again, of `more` further people, with the reason kept."""
        refuse_unknown(request, set())
        given = NewRequeueSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        question = question_of(self.project, given.validated_data["question"])
        asked = cleaned(AskAgainForm(given.validated_data))
        made = verdicts.ask_again(question=question, by=self.user, **asked)
        return Response(RequeueSerializer(made).data, status=status.HTTP_201_CREATED)


class DisputesViewSet(ProjectViewSet[Question]):
    """Questions whose answers differ most, first: the queue of a reviewer."""

    queryset = Question.objects.none()
    access = {"list": READING}
    pagination_class = None

    @extend_schema(
        operation_id="projects_disputes_list",
        responses=one(DisputesSerializer),
        parameters=[
            OpenApiParameter(
                "between",
                OpenApiTypes.UUID,
                many=True,
                description=("Two annotators: only their answers are compared. Give it twice."),
            ),
            OpenApiParameter(
                "settled",
                OpenApiTypes.BOOL,
                description=("Also list questions that have been adjudicated."),
            ),
            OpenApiParameter(
                "after",
                OpenApiTypes.STR,
                description=("Where the page begins: the previous page's `next`."),
            ),
        ],
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The questions in dispute among the newest judgments."""
        refuse_unknown(request, {"between", "settled", "after"})
        try:
            settled = serializers.BooleanField().run_validation(
                request.query_params.get("settled", "false")
            )
        except serializers.ValidationError as error:
            raise serializers.ValidationError({"settled": error.detail}) from error
        found = disputes.disputes(
            self.project,
            between=_between(self.project, request.query_params.getlist("between")),
            settled=settled,
            after=request.query_params.get("after", ""),
        )
        body = {"total": found.total, "next": found.following or None, "results": found.listed}
        return Response(DisputesSerializer(body).data)


def _between(project: Project, named: list[str]) -> list[Annotator]:
    try:
        wanted = {serializers.UUIDField().run_validation(each) for each in named}
    except serializers.ValidationError as error:
        raise serializers.ValidationError({"between": error.detail}) from error
    found = list(Annotator.objects.filter(project=project, public_id__in=wanted))
    if len(found) < len(wanted):
        raise InvalidAnswer({"between": ["There is no such annotator here."]})
    return found
