"""Studies under /api/v1/: doors to the same acts that the pages call."""

from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import MANAGERS, REVIEWERS
from annotation.api.filters import Filter, refuse_unknown
from annotation.api.permissions import HasScope, Needs
from annotation.api.problems import Problem
from annotation.api.viewsets import ProjectViewSet
from annotation.models import WorkState
from annotation.tokens import Scope
from models_runtime import enqueue
from models_runtime.catalogue import STUDIES
from models_runtime.errors import NotPossible
from models_runtime.judge_api import OptionSerializer
from models_runtime.models import Checkpoint, StudyJob
from models_runtime.serializers import CallsEstimateSerializer
from models_runtime.study_requests import expected, make_rubric, request_study, take_in


class StudyKindSerializer(serializers.Serializer[Any]):
    """A kind of study. `fewest_members` is 0 where it has named seats instead of members."""

    slug = serializers.CharField()
    title = serializers.CharField()
    summary = serializers.CharField()
    reference = serializers.CharField()
    takes = serializers.ChoiceField(choices=["pairs", "prompts"])
    fewest = serializers.IntegerField()
    fewest_members = serializers.IntegerField()
    seats = serializers.DictField(child=serializers.CharField())
    options = OptionSerializer(many=True)


class StudyKindsView(APIView):
    """The kinds of studies of this installation."""

    permission_classes = (HasScope,)
    access = {"get": Needs(Scope.READ)}

    @extend_schema(operation_id="study_kinds_list", responses=StudyKindSerializer(many=True))
    def get(self, request: Request) -> Response:
        refuse_unknown(request, set())
        names = ("title", "summary", "reference", "takes", "fewest", "fewest_members", "seats")
        shown = [
            {"slug": slug, "options": study.options_class.form_fields()}
            | {name: getattr(study, name) for name in names}
            for slug, study in STUDIES.items()
        ]
        return Response(StudyKindSerializer(shown, many=True).data)


class StudySerializer(serializers.ModelSerializer[StudyJob]):
    """A study of the project and, once it is done, its result."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    options = serializers.DictField(read_only=True)
    seats = serializers.SerializerMethodField(help_text="Checkpoints by seat.")
    rubric = serializers.IntegerField(source="rubric_id", read_only=True, allow_null=True)
    cost = serializers.SerializerMethodField()
    result = serializers.SerializerMethodField()

    class Meta:
        model = StudyJob
        fields = (
            "id", "study", "state", "seats", "options", "seed", "max_cost", "error", "notice",
            "created_at", "finished_at", "cost", "rubric", "taken_at", "result",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.DictField(child=serializers.UUIDField()))
    def get_seats(self, job: StudyJob) -> dict[str, str]:
        return {seat: str(each.public_id) for seat, each in job.seated().items()}

    def get_cost(self, job: StudyJob) -> float:
        return job.spent().cost

    @extend_schema_field(serializers.DictField(allow_null=True))
    def get_result(self, job: StudyJob) -> dict[str, Any] | None:
        return job.result()


class NewStudySerializer(serializers.Serializer[Any]):
    study = serializers.ChoiceField(choices=sorted(STUDIES))
    checkpoint = serializers.UUIDField(help_text="The first seat's model.")
    seats = serializers.DictField(
        child=serializers.UUIDField(), required=False, default=dict,
        help_text="Models of further named seats; an empty one is taken by the first.",
    )  # fmt: skip
    members = serializers.ListField(
        child=serializers.UUIDField(), required=False, default=list,
        help_text="A council's further members.",
    )  # fmt: skip
    options = serializers.DictField(required=False, default=dict)
    seed = serializers.IntegerField(required=False, allow_null=True, default=None, min_value=0)
    max_cost = serializers.FloatField(required=False, allow_null=True, default=None)


class StudyEstimateSerializer(serializers.Serializer[Any]):
    """Pieces of material and calls, without repairs and new attempts. `takes` is what `most` of
    them would take of the model."""

    pieces = serializers.IntegerField()
    fewest = serializers.IntegerField()
    most = serializers.IntegerField()
    takes = CallsEstimateSerializer()


class StudyRubricSerializer(serializers.Serializer[Any]):
    rubric = serializers.IntegerField()
    criteria = serializers.ListField(child=serializers.CharField())


class TakenSerializer(serializers.Serializer[Any]):
    questions = serializers.IntegerField()


class StudiesViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ProjectViewSet[StudyJob]):
    """Studies: councils, criteria mined from people's choices, pairs by a loop with tools."""

    queryset = StudyJob.objects.none()
    serializer_class = StudySerializer
    access = {
        "list": Needs(Scope.READ, REVIEWERS),
        "retrieve": Needs(Scope.READ, REVIEWERS),
        "create": Needs(Scope.RUN_MODELS, MANAGERS),
        "estimate": Needs(Scope.RUN_MODELS, MANAGERS),
        "cancel": Needs(Scope.RUN_MODELS, MANAGERS),
        "rubric": Needs(Scope.RUN_MODELS, MANAGERS),
        "take_in": Needs(Scope.RUN_MODELS, MANAGERS),
    }
    filters = {
        "state": Filter("state", serializers.ChoiceField(choices=WorkState.choices)),
        "study": Filter("study", serializers.ChoiceField(choices=sorted(STUDIES))),
    }

    def rows(self) -> QuerySet[StudyJob]:
        rows = StudyJob.objects.filter(project=self.project)
        return rows.select_related("checkpoint").prefetch_related("items", "seats__checkpoint")

    @extend_schema(request=NewStudySerializer, responses={201: StudySerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Have a study made."""
        given = self._given(request)
        try:
            made = request_study(self.project, user=self.user, **given)
        except NotPossible as refusal:
            raise Problem(HTTPStatus.BAD_REQUEST, str(refusal)) from refusal
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=NewStudySerializer, responses=StudyEstimateSerializer)
    @action(detail=False, methods=["post"])
    def estimate(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What a study would take."""
        given = self._given(request)
        asked = {name: value for name, value in given.items() if name not in {"seed", "max_cost"}}
        try:
            found = expected(self.project, **asked)
        except NotPossible as refusal:
            raise Problem(HTTPStatus.BAD_REQUEST, str(refusal)) from refusal
        return Response(StudyEstimateSerializer(found).data)

    @extend_schema(request=None, responses=StudySerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Stop the study. Its calls are kept."""
        refuse_unknown(request, set())
        job = self.get_object()
        enqueue.cancel(job)
        return Response(self.get_serializer(job).data)

    @extend_schema(request=None, responses=StudyRubricSerializer)
    @action(detail=True, methods=["post"])
    def rubric(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The mined criteria as a draft rubric; made once."""
        refuse_unknown(request, set())
        try:
            made = make_rubric(self.get_object(), user=self.user)
        except NotPossible as refusal:
            raise Problem(HTTPStatus.CONFLICT, str(refusal)) from refusal
        criteria = [each.text for each in made.criteria.order_by("position")]
        told = {"rubric": made.pk, "criteria": criteria}
        return Response(StudyRubricSerializer(told).data)

    @extend_schema(request=None, responses=TakenSerializer)
    @action(detail=True, methods=["post"], url_path="take-in")
    def take_in(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take what the study wrote into the project and ask about it; done once."""
        refuse_unknown(request, set())
        try:
            asked = take_in(self.get_object())
        except NotPossible as refusal:
            raise Problem(HTTPStatus.CONFLICT, str(refusal)) from refusal
        return Response(TakenSerializer({"questions": asked}).data)

    def _given(self, request: Request) -> dict[str, Any]:
        """What was asked for, with checkpoints for their ids."""
        refuse_unknown(request, set())
        asked = NewStudySerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        usable = {
            each.public_id: each
            for each in Checkpoint.objects.filter(project=self.project, retired_at__isnull=True)
        }
        wanted = [given["checkpoint"], *given["seats"].values(), *given["members"]]
        unknown = [each for each in wanted if each not in usable]
        if unknown:
            raise Problem(
                HTTPStatus.BAD_REQUEST, f"This project has no usable checkpoint {unknown[0]}."
            )
        return {
            **given,
            "checkpoint": usable[given["checkpoint"]],
            "seats": {name: usable[each] for name, each in given["seats"].items()},
            "members": [usable[each] for each in given["members"]],
        }
