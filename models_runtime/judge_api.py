"""Protocols, estimates, trials and comparisons of judges through the API."""

from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import MANAGERS, REVIEWERS
from annotation.api.filters import refuse_unknown
from annotation.api.permissions import HasScope, Needs
from annotation.api.problems import Problem
from annotation.api.viewsets import ProjectViewSet
from annotation.tokens import Scope
from models_runtime import enqueue
from models_runtime.api import judging_fields
from models_runtime.catalogue import JUDGE_EXPORTS, PROTOCOLS
from models_runtime.errors import NotPossible
from models_runtime.exporting_judges import as_lines
from models_runtime.judge_comparison import compare
from models_runtime.judge_estimates import estimate
from models_runtime.judge_panels import Voices, cascade_line, simulated_voices
from models_runtime.judge_planning import LEAST_LENGTH, MOST_BUDGET, PLATEAU, advise
from models_runtime.judge_trials import tried
from models_runtime.judging.protocol import JudgingProtocol
from models_runtime.judging.subject import Shape
from models_runtime.models import JudgingJob
from models_runtime.serializers import (
    CallsEstimateSerializer,
    JudgingJobSerializer,
    NewJudgingJobSerializer,
)


class OptionSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=["bool", "int", "float", "str"])
    default = serializers.JSONField()
    words = serializers.CharField(source="label")
    help = serializers.CharField(allow_blank=True)
    choices = serializers.DictField(child=serializers.CharField())


class ProtocolSerializer(serializers.Serializer[Any]):
    """A way of judging. `judgment_types` is empty for one that makes something for prompts."""

    slug = serializers.CharField()
    title = serializers.CharField()
    summary = serializers.CharField()
    reference = serializers.CharField()
    judgment_types = serializers.ListField(child=serializers.CharField())
    makes = serializers.CharField(allow_blank=True)
    seats = serializers.DictField(child=serializers.CharField())
    calls = serializers.CharField(help_text="A question's calls, in letters.")
    options = OptionSerializer(many=True)


class ProtocolsView(APIView):
    """The ways of judging of this installation."""

    permission_classes = (HasScope,)
    access = {"get": Needs(Scope.READ)}

    @extend_schema(responses=ProtocolSerializer(many=True))
    def get(self, request: Request) -> Response:
        refuse_unknown(request, set())
        shown = [_shown(slug, protocol) for slug, protocol in PROTOCOLS.items()]
        return Response(ProtocolSerializer(shown, many=True).data)


def _shown(slug: str, protocol: JudgingProtocol) -> dict[str, Any]:
    return {
        "slug": slug,
        "title": protocol.title,
        "summary": protocol.summary,
        "reference": protocol.reference,
        "judgment_types": sorted(protocol.judgment_types),
        "makes": protocol.makes,
        "seats": protocol.seats,
        "calls": protocol.cost(Shape(), protocol.options_class()).formula,
        "options": protocol.options_class.form_fields(),
    }


class EstimateSerializer(serializers.Serializer[Any]):
    """Questions that wait and the calls they take, without repairs and new attempts. `takes` is
    what `most` of them would take of the model."""

    questions = serializers.IntegerField()
    fewest = serializers.IntegerField()
    most = serializers.IntegerField()
    formula = serializers.CharField()
    takes = CallsEstimateSerializer()


class PlanAskedSerializer(serializers.Serializer[Any]):
    verifications = serializers.IntegerField(
        required=False, default=4, min_value=1, max_value=64, help_text="Of each response."
    )
    plateau = serializers.IntegerField(
        required=False, default=PLATEAU, min_value=1, max_value=10_000,
        help_text="Solutions at which voting over them stops getting better.",
    )  # fmt: skip
    budget = serializers.FloatField(
        required=False, allow_null=True, default=None, min_value=1, max_value=MOST_BUDGET,
        help_text="Of a prompt, in solutions; if left out, what verifying its responses costs.",
    )  # fmt: skip
    length = serializers.FloatField(
        required=False, allow_null=True, default=None, min_value=LEAST_LENGTH, max_value=100,
        help_text="Of a verification, in solutions; if left out, as counted in the project.",
    )  # fmt: skip


class CountedSerializer(serializers.Serializer[Any]):
    """Mean tokens written, each with its n; null where nothing was written yet."""

    solution = serializers.FloatField(allow_null=True)
    solutions = serializers.IntegerField()
    verification = serializers.FloatField(allow_null=True)
    verifications = serializers.IntegerField()


class PlanSerializer(serializers.Serializer[Any]):
    """How a prompt's budget is best spent; costs are in solutions."""

    solutions = serializers.IntegerField(source="plan.solutions")
    verifications = serializers.IntegerField(source="plan.verifications")
    cost = serializers.FloatField(source="plan.cost")
    why = serializers.CharField(source="plan.why")
    budget = serializers.FloatField()
    verifying_here = serializers.FloatField(source="here")
    verifying_pays_from = serializers.FloatField(source="begins")
    length = serializers.FloatField()
    counted = CountedSerializer()


class CascadeAskedSerializer(serializers.Serializer[Any]):
    cheap = serializers.UUIDField(help_text="A judging job of the cheap judge.")
    strong = serializers.UUIDField(help_text="A judging job of the strong judge.")


class CostPointSerializer(serializers.Serializer[Any]):
    threshold = serializers.FloatField(help_text="-1 asks the strong judge always.")
    share = serializers.FloatField()
    cost = serializers.FloatField(help_text="Of a pair, in cheap judgments.")
    agreement = serializers.FloatField(help_text="With the majority of people.")


class CascadeSerializer(serializers.Serializer[Any]):
    """`price` is what a strong judgment costs in cheap ones, assumed where `priced` is false."""

    cheap = serializers.CharField()
    strong = serializers.CharField()
    price = serializers.FloatField()
    priced = serializers.BooleanField()
    questions = serializers.IntegerField()
    points = CostPointSerializer(many=True)


class VoicesSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    effective = serializers.FloatField()
    questions = serializers.IntegerField()


class ShareSerializer(serializers.Serializer[Any]):
    hits = serializers.IntegerField()
    n = serializers.IntegerField()
    value = serializers.FloatField(allow_null=True)
    interval = serializers.ListField(
        child=serializers.FloatField(), allow_null=True, help_text="Wilson's, at 95 %."
    )


class JudgeSerializer(serializers.Serializer[Any]):
    """One judge's figures; null where there is not enough data."""

    name = serializers.CharField()
    annotator = serializers.UUIDField(source="job.annotator.public_id")
    job = serializers.UUIDField(source="job.public_id")
    questions = serializers.IntegerField()
    invalid = serializers.IntegerField()
    with_people = ShareSerializer()
    with_judges = serializers.FloatField(allow_null=True)
    consistent = ShareSerializer(help_text="Pairs whose verdict survives a swap of the orders.")
    unread = ShareSerializer()
    position_bias = serializers.FloatField(allow_null=True)
    cost_per_question = serializers.FloatField(allow_null=True)
    judgments_left_out = serializers.IntegerField(
        source="left_out", help_text="Answers to pairs whose authors have withdrawn."
    )


class TriedCallSerializer(serializers.Serializer[Any]):
    step = serializers.CharField()
    seat = serializers.CharField()
    template = serializers.CharField(source="call.template")
    status = serializers.CharField(source="call.status")
    messages = serializers.SerializerMethodField()
    reply = serializers.CharField()

    def get_messages(self, exchange: Any) -> list[dict[str, str]]:
        """The prompt, word for word."""
        return [{"role": each.role, "content": each.content} for each in exchange.messages]


class PeopleSerializer(serializers.Serializer[Any]):
    answer = serializers.CharField()
    people = serializers.IntegerField()


class TriedSerializer(serializers.Serializer[Any]):
    """A question of a trial: the judge's verdict beside the answers of people."""

    asked = serializers.CharField()
    verdict = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    people = serializers.SerializerMethodField()
    calls = TriedCallSerializer(many=True, source="exchanges")

    @extend_schema_field(PeopleSerializer(many=True))
    def get_people(self, each: Any) -> list[dict[str, Any]]:
        return [{"answer": words, "people": n} for words, n in each.people]


class JudgesViewSet(ProjectViewSet[JudgingJob]):
    """Judges: compared, estimated, tried."""

    queryset = JudgingJob.objects.none()
    serializer_class = JudgingJobSerializer
    access = {
        "list": Needs(Scope.READ, REVIEWERS),
        "estimate": Needs(Scope.RUN_MODELS, MANAGERS),
        "trial": Needs(Scope.RUN_MODELS, MANAGERS),
        "tried": Needs(Scope.READ, REVIEWERS),
        "plan": Needs(Scope.READ, REVIEWERS),
        "export": Needs(Scope.READ, REVIEWERS),
        "cascade": Needs(Scope.READ, REVIEWERS),
        "voices": Needs(Scope.READ, REVIEWERS),
    }

    def rows(self) -> QuerySet[JudgingJob]:
        jobs = JudgingJob.objects.filter(project=self.project, trial=True)
        return jobs.select_related("checkpoint", "project")

    @extend_schema(responses=JudgeSerializer(many=True))
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The project's judges side by side, those that agree most with people first."""
        refuse_unknown(request, set())
        judges = JudgeSerializer(compare(self.project), many=True).data
        return Response({"next": None, "results": judges})

    @extend_schema(request=NewJudgingJobSerializer, responses=EstimateSerializer)
    @action(detail=False, methods=["post"])
    def estimate(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """How many questions wait for this way of judging, and what they would take."""
        given = self._given(request)
        try:
            protocol, options, _ = enqueue.check_way(
                self.project, given["checkpoint"], given["protocol"], given["options"],
                given["seats"],
            )  # fmt: skip
        except NotPossible as refusal:
            raise Problem(HTTPStatus.BAD_REQUEST, str(refusal)) from refusal
        found = estimate(self.project, protocol, options, checkpoint=given["checkpoint"])
        return Response(EstimateSerializer(found).data)

    @extend_schema(parameters=[PlanAskedSerializer], responses=PlanSerializer)
    @action(detail=False, methods=["get"])
    def plan(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Whether a prompt's budget is better spent on more solutions or on verifying them."""
        refuse_unknown(request, set(PlanAskedSerializer().fields))
        asked = PlanAskedSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        return Response(PlanSerializer(advise(self.project, **asked.validated_data)).data)

    @extend_schema(request=NewJudgingJobSerializer, responses={201: JudgingJobSerializer})
    @action(detail=False, methods=["post"])
    def trial(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Try a judge on ten questions; nothing is kept as a judgment."""
        given = self._given(request)
        try:
            made = enqueue.request_judging(self.project, user=self.user, trial=True, **given)
        except NotPossible as refusal:
            raise Problem(HTTPStatus.BAD_REQUEST, str(refusal)) from refusal
        return Response(JudgingJobSerializer(made).data, status=HTTPStatus.CREATED)

    @extend_schema(responses=TriedSerializer(many=True))
    @action(detail=True, methods=["get"])
    def tried(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What a trial came to so far, with every prompt and reply, beside what people said."""
        refuse_unknown(request, set())
        return Response(TriedSerializer(tried(self.get_object()), many=True).data)

    @extend_schema(parameters=[CascadeAskedSerializer], responses=CascadeSerializer)
    @action(detail=False, methods=["get"])
    def cascade(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What asking a strong judge where a cheap one is unsure would cost and gain."""
        refuse_unknown(request, {"cheap", "strong"})
        asked = CascadeAskedSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        jobs = JudgingJob.objects.filter(project=self.project, annotator__isnull=False)
        found = {
            name: jobs.filter(public_id=given).select_related("project", "annotator").first()
            for name, given in asked.validated_data.items()
        }
        cheap, strong = found["cheap"], found["strong"]
        if cheap is None or strong is None:
            raise Problem(HTTPStatus.NOT_FOUND, "This project has no such judging job.")
        try:
            return Response(CascadeSerializer(cascade_line(cheap, strong)).data)
        except NotPossible as refusal:
            raise Problem(HTTPStatus.CONFLICT, str(refusal)) from refusal

    @extend_schema(responses=VoicesSerializer)
    @action(detail=False, methods=["get"])
    def voices(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """How many independent voices the project's personas are worth."""
        refuse_unknown(request, set())
        found = simulated_voices(self.project) or Voices(0, 0.0, 0)
        return Response(VoicesSerializer(found).data)

    @extend_schema(
        parameters=[
            OpenApiParameter("id", OpenApiTypes.UUID, OpenApiParameter.PATH),
            OpenApiParameter("format_name", str, OpenApiParameter.PATH, enum=sorted(JUDGE_EXPORTS)),
        ],
        responses={(200, "application/x-ndjson"): OpenApiTypes.STR},
    )
    @action(
        detail=True, methods=["get"], url_path="exports/<slug:format_name>",
        url_name="export",
    )  # fmt: skip
    def export(
        self, request: Request, *args: Any, format_name: str = "", **kwargs: Any
    ) -> StreamingHttpResponse:
        """A judging job's own calls as data to train judges or critics, JSON lines."""
        refuse_unknown(request, set())
        jobs = JudgingJob.objects.filter(project=self.project).select_related("checkpoint")
        job = jobs.filter(public_id=self.kwargs[self.lookup_url_kwarg or self.lookup_field]).first()
        if job is None or format_name not in JUDGE_EXPORTS:
            raise Problem(
                HTTPStatus.NOT_FOUND,
                f"There is no such job, or no such format: {', '.join(JUDGE_EXPORTS)}.",
            )
        return as_lines(job, format_name)

    def _given(self, request: Request) -> dict[str, Any]:
        refuse_unknown(request, set())
        given = NewJudgingJobSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            return judging_fields(self.project, given.validated_data)
        except NotPossible as refusal:
            raise Problem(HTTPStatus.BAD_REQUEST, str(refusal)) from refusal
