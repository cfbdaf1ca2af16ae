"""Questions with known answers: marking, looking at how people did, retiring. Never annotators'."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import gold
from annotation.access import MANAGERS
from annotation.api.endpoints.review import question_of
from annotation.api.filters import refuse_unknown
from annotation.api.forms import cleaned
from annotation.api.permissions import Needs
from annotation.api.schema import one
from annotation.api.serializers.gold import (
    FeedbackSerializer,
    GoldDetailSerializer,
    GoldItemSerializer,
    GoldListSerializer,
    NewGoldSerializer,
    RetireSerializer,
)
from annotation.api.viewsets import ProjectViewSet
from annotation.assigning import make_check
from annotation.gold_forms import FeedbackForm, RetireForm
from annotation.models import Question
from annotation.tokens import Scope

READING, MANAGING = Needs(Scope.READ, MANAGERS), Needs(Scope.MANAGE, MANAGERS)


class GoldViewSet(ProjectViewSet[Question]):
    """Questions that check annotators, by the id of the question."""

    queryset = Question.objects.none()
    pagination_class = None
    access = {
        "list": READING,
        "retrieve": READING,
        "create": MANAGING,
        "feedback": MANAGING,
        "retire": MANAGING,
    }

    def rows(self) -> QuerySet[Question]:
        return Question.objects.filter(
            project=self.project, gold_answer__isnull=False
        ).select_related("gold_answer", "prompt", "rubric", "project")

    @extend_schema(operation_id="projects_gold_list", responses=one(GoldListSerializer))
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """All known answers, those in use first, and how people did on each."""
        refuse_unknown(request, set())
        return Response(GoldListSerializer({"results": gold.gold_items(self.project)}).data)

    @extend_schema(responses=GoldDetailSerializer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One of them with everybody's first answer."""
        refuse_unknown(request, set())
        item, tried = gold.gold_item(self.get_object())
        return Response(GoldDetailSerializer({"item": item, "tried": tried}).data)

    @extend_schema(request=NewGoldSerializer, responses={201: GoldItemSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Give a question that nobody has judged its known answer; from then on it checks."""
        refuse_unknown(request, set())
        given = NewGoldSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = dict(given.validated_data)
        question = question_of(self.project, wanted.pop("question"))
        question.project = self.project
        make_check(question=question, **wanted)
        return self._shown(question, status.HTTP_201_CREATED)

    @extend_schema(request=FeedbackSerializer, responses=GoldItemSerializer)
    @action(detail=True, methods=["post"])
    def feedback(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Say what annotators read afterwards, or keep it hidden."""
        refuse_unknown(request, set())
        given = FeedbackSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        question = self.get_object()
        gold.set_feedback(known=question.gold_answer, **cleaned(FeedbackForm(given.validated_data)))
        return self._shown(question)

    @extend_schema(request=RetireSerializer, responses=GoldItemSerializer)
    @action(detail=True, methods=["post"])
    def retire(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Check nobody with it any more; answers to it say nothing of anybody from now on."""
        refuse_unknown(request, set())
        given = RetireSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        question = self.get_object()
        gold.retire(question=question, **cleaned(RetireForm(given.validated_data)))
        return self._shown(question)

    def _shown(self, question: Question, status: int = 200) -> Response:
        item, _ = gold.gold_item(self.rows().get(pk=question.pk))
        return Response(GoldItemSerializer(item).data, status=status)
