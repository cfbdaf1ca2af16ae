"""Judges' cards under /api/v1/: doors to the same acts that the pages call."""

from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.access import MANAGERS, REVIEWERS
from annotation.api.filters import Filter, refuse_unknown
from annotation.api.permissions import Needs
from annotation.api.problems import Problem
from annotation.api.viewsets import ProjectViewSet
from annotation.models import Role, WorkState
from annotation.tokens import Scope
from models_runtime import audit_cards, audit_gate, enqueue
from models_runtime.audit_catalogue import AUDITS, audits_for
from models_runtime.audit_requests import MOST_PAIRS, PAIRS, expected, request_audit
from models_runtime.audits import Grade
from models_runtime.catalogue import PROTOCOLS
from models_runtime.errors import NotPossible
from models_runtime.models import AuditFinding, AuditJob, Checkpoint
from models_runtime.serializers import CallsEstimateSerializer

OWNER = (Role.OWNER,)
AUDITED = sorted(slug for slug, way in PROTOCOLS.items() if audits_for(way))


class AuditFindingSerializer(serializers.ModelSerializer[AuditFinding]):
    """What one audit found; figures with numerator, denominator, interval and method."""

    figures = serializers.ListField(child=serializers.DictField(), read_only=True)
    detail = serializers.DictField(read_only=True)

    class Meta:
        model = AuditFinding
        fields = ("audit", "grade", "sentence", "rule", "limit", "figures", "detail")
        read_only_fields = fields


class JudgeAuditSerializer(serializers.ModelSerializer[AuditJob]):
    """An audit of a judge and, once it is done, its card."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    checkpoint = serializers.UUIDField(source="checkpoint.public_id", read_only=True)
    options = serializers.DictField(read_only=True)
    audits = serializers.ListField(child=serializers.CharField(), read_only=True)
    limits = serializers.DictField(child=serializers.FloatField(), read_only=True)
    earlier = serializers.UUIDField(
        source="earlier.public_id", read_only=True, allow_null=True, default=None
    )
    grade = serializers.SerializerMethodField()
    verdict = serializers.SerializerMethodField()
    cost = serializers.SerializerMethodField()
    findings = AuditFindingSerializer(many=True, read_only=True)

    class Meta:
        model = AuditJob
        fields = (
            "id", "state", "checkpoint", "protocol", "options", "audits", "limits", "earlier",
            "seed", "max_cost", "progress_done", "progress_total", "error", "notice", "created_at",
            "finished_at", "cost", "grade", "verdict", "findings",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(choices=[grade.value for grade in Grade]))
    def get_grade(self, job: AuditJob) -> str:
        return audit_gate.grade_of(job).value

    def get_verdict(self, job: AuditJob) -> str:
        return audit_cards.verdict_of(job)

    def get_cost(self, job: AuditJob) -> float:
        return job.spent().cost


class NewJudgeAuditSerializer(serializers.Serializer[Any]):
    checkpoint = serializers.UUIDField()
    protocol = serializers.ChoiceField(
        required=False, default=enqueue.DEFAULT_PROTOCOL, choices=AUDITED
    )
    options = serializers.DictField(required=False, default=dict)
    audits = serializers.ListField(
        child=serializers.ChoiceField(choices=sorted(AUDITS)),
        required=False,
        allow_null=True,
        default=None,
        help_text="All that fit the protocol if left out.",
    )
    pairs = serializers.IntegerField(
        required=False, default=PAIRS, min_value=1, max_value=MOST_PAIRS
    )
    limits = serializers.DictField(
        child=serializers.FloatField(),
        required=False,
        default=dict,
        help_text="Where passing ends, by audit, instead of its own limit.",
    )
    earlier = serializers.UUIDField(
        required=False, allow_null=True, default=None, help_text="A card to compare with."
    )
    seed = serializers.IntegerField(required=False, allow_null=True, default=None, min_value=0)
    max_cost = serializers.FloatField(required=False, allow_null=True, default=None)


class JudgeRuleSerializer(serializers.Serializer[Any]):
    """Whether judges need a card before they label in this project."""

    demands_card = serializers.BooleanField()


class JudgeLeaveSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(help_text="Kept with the card, the name and the date.")


class AuditEstimateSerializer(serializers.Serializer[Any]):
    """Pairs and calls, without repairs and new attempts, and what those would take of the model."""

    pairs = serializers.IntegerField()
    calls = serializers.IntegerField()
    takes = CallsEstimateSerializer()


class JudgeAuditsViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, ProjectViewSet[AuditJob]
):
    """Audits of judges."""

    queryset = AuditJob.objects.none()
    serializer_class = JudgeAuditSerializer
    access = {
        "list": Needs(Scope.READ, REVIEWERS),
        "retrieve": Needs(Scope.READ, REVIEWERS),
        "create": Needs(Scope.RUN_MODELS, MANAGERS),
        "estimate": Needs(Scope.RUN_MODELS, MANAGERS),
        "cancel": Needs(Scope.RUN_MODELS, MANAGERS),
        "let_through": Needs(Scope.RUN_MODELS, OWNER),
        "rule": Needs(Scope.READ, REVIEWERS),
        "set_rule": Needs(Scope.RUN_MODELS, OWNER),
    }
    filters = {"state": Filter("state", serializers.ChoiceField(choices=WorkState.choices))}

    def rows(self) -> QuerySet[AuditJob]:
        rows = AuditJob.objects.filter(project=self.project)
        return rows.select_related("checkpoint", "earlier").prefetch_related("findings")

    @extend_schema(request=NewJudgeAuditSerializer, responses={201: JudgeAuditSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Have a judge audited. It leaves no judgment behind."""
        refuse_unknown(request, set())
        given = NewJudgeAuditSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            made = request_audit(self.project, user=self.user, **self._fields(given.validated_data))
        except NotPossible as refusal:
            raise Problem(HTTPStatus.BAD_REQUEST, str(refusal)) from refusal
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=NewJudgeAuditSerializer, responses=AuditEstimateSerializer)
    @action(detail=False, methods=["post"])
    def estimate(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What such an audit would take. Starts nothing."""
        refuse_unknown(request, set())
        given = NewJudgeAuditSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            asked = self._fields(given.validated_data)
            named = ("checkpoint", "protocol", "options", "audits", "pairs")
            found = expected(self.project, **{name: asked[name] for name in named})
        except NotPossible as refusal:
            raise Problem(HTTPStatus.BAD_REQUEST, str(refusal)) from refusal
        return Response(AuditEstimateSerializer(found).data)

    @extend_schema(request=None, responses=JudgeAuditSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Stop the audit. Its calls are kept; there is no card."""
        refuse_unknown(request, set())
        job = self.get_object()
        enqueue.cancel(job)
        return Response(self.get_serializer(job).data)

    @extend_schema(request=JudgeLeaveSerializer, responses=JudgeAuditSerializer)
    @action(detail=True, methods=["post"], url_path="let-through")
    def let_through(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Let the card's judge label although its card isn't good, and say why."""
        refuse_unknown(request, set())
        card = self.get_object()
        given = JudgeLeaveSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        audit_gate.let_through(
            self.project, card.checkpoint, card.protocol, card.options,
            reason=given.validated_data["reason"], user=self.user,
        )  # fmt: skip
        return Response(self.get_serializer(card).data)

    @extend_schema(responses=JudgeRuleSerializer)
    @action(detail=False, methods=["get"])
    def rule(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Whether judges need a card before they label."""
        refuse_unknown(request, set())
        return Response({"demands_card": audit_gate.demands_card(self.project)})

    @extend_schema(request=JudgeRuleSerializer, responses=JudgeRuleSerializer)
    @rule.mapping.put
    def set_rule(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Demand a card before judges label, or no longer. Kept with who said so and when."""
        refuse_unknown(request, set())
        given = JudgeRuleSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        demands = given.validated_data["demands_card"]
        audit_gate.set_rule(self.project, demands=demands, user=self.user)
        return Response({"demands_card": demands})

    def _fields(self, given: dict[str, Any]) -> dict[str, Any]:
        """Rows for their ids. Raises NotPossible."""
        usable = Checkpoint.objects.filter(project=self.project, retired_at__isnull=True)
        checkpoint = usable.filter(public_id=given["checkpoint"]).first()
        if checkpoint is None:
            raise NotPossible(f"This project has no usable checkpoint {given['checkpoint']}.")
        earlier = None
        if given["earlier"] is not None:
            earlier = self.rows().filter(public_id=given["earlier"]).first()
            if earlier is None:
                raise NotPossible(f"This project has no card {given['earlier']}.")
        return {**given, "checkpoint": checkpoint, "earlier": earlier}
