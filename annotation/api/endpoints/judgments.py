from typing import Any

from django.db.models import BooleanField, Q, QuerySet, Value
from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import amendment, going_on, hindsight, log, queue, submission
from annotation.access import REVIEWERS
from annotation.api.filters import Filter, Negated, refuse_unknown
from annotation.api.permissions import Needs
from annotation.api.renderers import QuickJSONRenderer
from annotation.api.serializers.assignments import LABELS
from annotation.api.serializers.judgments import (
    AmendedSerializer,
    AmendmentSerializer,
    HindsightSerializer,
    JudgmentSerializer,
    SubmissionSerializer,
    SubmittedSerializer,
)
from annotation.api.viewsets import ProjectViewSet
from annotation.errors import JudgingStopped
from annotation.models import Assignment, Judgment, Standing
from annotation.review import browsing
from annotation.tokens import Scope

# Made once: a serializer copies its fields whenever it is made, which costs more than using them.
SUBMISSION = SubmissionSerializer()
SUBMITTED = SubmittedSerializer()


class JudgmentsViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ProjectViewSet[Judgment]):
    """The log of judgments: appended to, never changed.

    Owners, managers and reviewers read all of it, annotators what they said themselves. Pages
    follow the log's positions: whoever follows `next`, or comes back later with `after_position`,
    misses nothing and gets nothing twice.
    """

    queryset = Judgment.objects.none()
    renderer_classes = (QuickJSONRenderer,)
    serializer_class = JudgmentSerializer
    access = {
        "list": Needs(Scope.READ),
        "retrieve": Needs(Scope.READ),
        "create": Needs(Scope.JUDGE),
        "amendments": Needs(Scope.JUDGE),
        "hindsight": Needs(Scope.JUDGE),
    }
    filters = {
        "question": Filter("question__public_id", serializers.UUIDField()),
        "annotator": Filter("annotator__public_id", serializers.UUIDField()),
        "standing": Filter("standing", serializers.ChoiceField(choices=Standing.choices)),
        "source": Filter("source", serializers.CharField(max_length=20)),
        "judgment_type": Filter("judgment_type", serializers.CharField(max_length=40)),
        "since": Filter("created_at__gte", serializers.DateTimeField()),
        "until": Filter("created_at__lt", serializers.DateTimeField()),
        "differs": Filter(
            "differs",
            serializers.BooleanField(
                help_text="Whether somebody else's counted answer is another one."
            ),
        ),
        "has_reason": Filter("has_reason", serializers.BooleanField()),
        "replaced": Filter(
            "superseded_by__isnull",
            Negated(help_text="Whether a later judgment of the same author replaced it."),
        ),
        "after_position": Filter(
            "position__gt", serializers.IntegerField(min_value=0, max_value=2**63 - 1)
        ),
    }
    page_key = "position"
    page_order = "position"

    def rows(self) -> QuerySet[Judgment]:
        found = Judgment.objects.filter(question__project=self.project).select_related(
            "question", "annotator", "guideline", "supersedes"
        )
        found = found.defer("guideline__text", "guideline__html", "supersedes__payload")
        if self._asks("has_reason"):
            found = found.alias(has_reason=~Q(reason=""))
        if self.role not in REVIEWERS:
            # Whether others differ is nothing an annotator may learn: nothing differs for them.
            mine = found.filter(annotator__user=self.user)
            nothing = Value(False, output_field=BooleanField())
            return mine.alias(differs=nothing) if self._asks("differs") else mine
        if self._asks("differs"):
            found = found.alias(differs=browsing.contradicted())
        if self.action == "list":
            return found.filter(position__lte=log.settled(self.project))
        return found

    @extend_schema(
        request=SubmissionSerializer, responses={200: SubmittedSerializer, 201: SubmittedSerializer}
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer an assignment. 201 when kept now, 200 when this key's answer was kept before."""
        refuse_unknown(request, set())
        data = SUBMISSION.run_validation(request.data)
        answer = {
            "annotator": self.annotator,
            "assignment_id": str(data["assignment"]),
            "data": data["answer"],
            "submission_key": self._own_key(data["submission_key"]),
            "source": "api",
        }
        following, next_notice, next_code = None, "", ""
        if data["lease_next"] and not self.entrance.survey_due:
            kept, following = going_on.submit_and_lease(**answer)
        else:
            kept = submission.submit(**answer)
        if data["lease_next"] and following is None:
            following, next_notice, next_code = self._next()
        body = {
            "judgment": kept.judgment,
            "repeated": kept.repeated,
            "notice": kept.notice,
            "next": following,
            "next_notice": next_notice,
            "next_code": next_code,
        }
        return Response(
            SUBMITTED.to_representation(body),
            status=status.HTTP_200_OK if kept.repeated else status.HTTP_201_CREATED,
        )

    @extend_schema(
        request=AmendmentSerializer, responses={200: AmendedSerializer, 201: AmendedSerializer}
    )
    @action(detail=True, methods=["post"])
    def amendments(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change your mind: a later judgment that supersedes this one of yours. Both are kept."""
        refuse_unknown(request, set())
        given = AmendmentSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        earlier = self.get_object()
        kept = amendment.amend(
            annotator=self.annotator,
            judgment_id=str(earlier.public_id),
            data=given.validated_data["answer"],
            submission_key=self._own_key(given.validated_data["submission_key"]),
            source="api",
        )
        return Response(
            AmendedSerializer({"judgment": kept.judgment, "repeated": kept.repeated}).data,
            status=status.HTTP_200_OK if kept.repeated else status.HTTP_201_CREATED,
        )

    @extend_schema(
        methods=["GET"], responses=HindsightSerializer, operation_id="judgments_hindsight_retrieve"
    )
    @extend_schema(
        methods=["POST"],
        request=AmendmentSerializer,
        responses={200: AmendedSerializer, 201: AmendedSerializer},
    )
    @action(detail=True, methods=["get", "post"])
    def hindsight(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What came of the responses (GET), and your answer knowing it (POST). Both are kept."""
        refuse_unknown(request, set())
        judgment = self.get_object()
        if judgment.annotator.user_id != self.user.pk:
            raise NotFound
        if request.method == "GET":
            return Response(_looking_back(judgment))
        given = AmendmentSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        kept = amendment.amend(
            annotator=self.annotator,
            judgment_id=str(judgment.public_id),
            data=given.validated_data["answer"],
            submission_key=self._own_key(given.validated_data["submission_key"]),
            source="api",
            phase=hindsight.IN_HINDSIGHT,
        )
        return Response(
            AmendedSerializer({"judgment": kept.judgment, "repeated": kept.repeated}).data,
            status=status.HTTP_200_OK if kept.repeated else status.HTTP_201_CREATED,
        )

    def _asks(self, name: str) -> bool:
        return name in self.request.query_params

    def _own_key(self, key: str) -> str:
        """The sender's key in a space of its own, so that nobody can take another's key first."""
        return f"api/{self.annotator.pk}/{key}"

    def _next(self) -> tuple[Assignment | None, str, str]:
        try:
            self.refuse_if_survey_is_due()
            return queue.lease_next(self.annotator), "", ""
        except JudgingStopped as error:
            return None, gettext(str(error)), error.code


def _looking_back(judgment: Judgment) -> dict[str, Any]:
    told = hindsight.consequences(judgment)
    superseded = Judgment.objects.filter(supersedes=judgment).exists()
    shown = enumerate(amendment.sides_of(judgment))
    return {
        "due": hindsight.is_due(judgment) and not superseded,
        "consequences": [
            {"label": LABELS[place], "text": told[position]}
            for place, position in shown
            if position in told
        ],
    }
