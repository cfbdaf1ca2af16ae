from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from aggregation.catalogue import EXPORTS, METHODS
from aggregation.curation import ADJUDICATED, BOTH_BAD, TIES
from aggregation.models import Check, Examination, Items, Release, Run, Score
from aggregation.subjects import SUBJECTS
from annotation.models import AnnotatorKind


@extend_schema_field({"type": "object", "additionalProperties": True})
class PlainObject(serializers.JSONField):
    """A JSON object."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        value = super().to_internal_value(data)
        if not isinstance(value, dict):
            raise serializers.ValidationError("This is an object: {name: value}.")
        return value


class KindsField(serializers.ListField):
    """Kinds of annotators."""

    child = serializers.ChoiceField(choices=AnnotatorKind.choices)

    def __init__(self, **rest: Any) -> None:
        super().__init__(min_length=1, max_length=len(AnnotatorKind), **rest)


class WorkFields(serializers.Serializer[Any]):
    """What every piece of background work says of itself."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    state = serializers.CharField(read_only=True)
    error = serializers.CharField(read_only=True, help_text="Why it failed, in a sentence.")
    progress_done = serializers.IntegerField(read_only=True)
    progress_total = serializers.IntegerField(read_only=True, allow_null=True)
    created_at = serializers.DateTimeField(read_only=True)
    finished_at = serializers.DateTimeField(read_only=True, allow_null=True)


class RunSerializer(WorkFields, serializers.ModelSerializer[Run]):
    replay_of = serializers.UUIDField(
        source="replay_of.public_id", read_only=True, allow_null=True, default=None
    )
    kinds = serializers.ListField(child=serializers.CharField(), read_only=True)
    options = PlainObject(read_only=True)
    exclusions = PlainObject(read_only=True)

    class Meta:
        model = Run
        fields = [
            "id",
            "state",
            "error",
            "method",
            "options",
            "seed",
            "kinds",
            "items",
            "criterion",
            "mark",
            "judgments",
            "annotators",
            "exclusions",
            "withdrawals",
            "input_digest",
            "code_version",
            "replay_of",
            "progress_done",
            "progress_total",
            "created_at",
            "finished_at",
        ]
        read_only_fields = fields


class RunRequestSerializer(serializers.Serializer[Any]):
    """Which method, with which options, on whose judgments. The mark is taken when it is asked."""

    method = serializers.ChoiceField(choices=sorted(METHODS))
    options = PlainObject(required=False, default=dict)
    seed = serializers.IntegerField(required=False, default=0, min_value=0, max_value=2**53)
    kinds = KindsField(required=False, allow_null=True, default=None)
    items = serializers.ChoiceField(choices=Items.choices, required=False, default=Items.SYSTEMS)
    criterion = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=5000,
        help_text="The text of the one criterion that counts; blank: all, as one weighted mean.",
    )
    same_judgments_as = serializers.UUIDField(
        required=False,
        allow_null=True,
        default=None,
        help_text="A run on whose mark, kinds and items this one stands, so that both compare.",
    )


class ScoreSerializer(serializers.ModelSerializer[Score]):
    """One item's score; null where it isn't defined."""

    class Meta:
        model = Score
        fields = [
            "item",
            "score",
            "se",
            "lo",
            "hi",
            "rank",
            "rank_lo",
            "rank_hi",
            "judgments",
        ]
        read_only_fields = fields


class MethodSerializer(serializers.Serializer[Any]):
    slug = serializers.CharField()
    title = serializers.CharField()
    family = serializers.CharField()
    description = serializers.CharField()
    reference = serializers.CharField()
    axioms = serializers.ListField(child=serializers.CharField())
    options = serializers.ListField(child=PlainObject())


class CurationSerializer(serializers.Serializer[Any]):
    """By which rules judgments become rows. What is left out keeps its default."""

    kinds = KindsField(required=False)
    ties = serializers.ChoiceField(choices=sorted(TIES), required=False)
    both_bad = serializers.ChoiceField(choices=sorted(BOTH_BAD), required=False)
    least_votes = serializers.IntegerField(required=False, min_value=1, max_value=1000)
    least_agreement = serializers.FloatField(required=False, min_value=0, max_value=1)
    group_by = serializers.CharField(required=False, allow_blank=True, max_length=200)
    attributes = serializers.ListField(
        child=serializers.CharField(max_length=200), required=False, max_length=50
    )
    reasons = serializers.BooleanField(required=False)
    smallest_cell = serializers.IntegerField(required=False, min_value=2, max_value=1000)
    adjudicated = serializers.ChoiceField(
        choices=sorted(ADJUDICATED),
        required=False,
        help_text="Whether a reviewer's verdict decides a question instead of the votes.",
    )


class ReleaseRequestSerializer(serializers.Serializer[Any]):
    exports = serializers.ListField(
        child=serializers.ChoiceField(choices=sorted(EXPORTS)),
        required=False,
        min_length=1,
        default=lambda: sorted(EXPORTS),
    )
    curation = CurationSerializer(required=False)
    run = serializers.UUIDField(
        required=False,
        allow_null=True,
        default=None,
        help_text="A finished run whose scores go along; the release then stands on its mark.",
    )
    licence = serializers.CharField(required=False, allow_blank=True, default="", max_length=200)
    notes = serializers.CharField(required=False, allow_blank=True, default="", max_length=5000)


class ReleaseSerializer(WorkFields, serializers.ModelSerializer[Release]):
    """A release; `manifest` is null until it is whole."""

    exports = serializers.ListField(child=serializers.CharField(), read_only=True)
    curation = PlainObject(read_only=True)
    manifest = PlainObject(read_only=True, allow_null=True)

    class Meta:
        model = Release
        fields = [
            "id",
            "version",
            "state",
            "error",
            "exports",
            "curation",
            "mark",
            "licence",
            "notes",
            "manifest_digest",
            "manifest",
            "progress_done",
            "progress_total",
            "created_at",
            "finished_at",
        ]
        read_only_fields = fields


class CheckRequestSerializer(serializers.Serializer[Any]):
    rebuild = serializers.BooleanField(
        required=False, default=False, help_text="Also build it again from the log and compare."
    )


class CheckSerializer(WorkFields, serializers.ModelSerializer[Check]):
    """An examination of a release; `passed` is null until its report is there."""

    passed = serializers.BooleanField(read_only=True, allow_null=True)
    report = serializers.ListField(child=PlainObject(), read_only=True, allow_null=True)

    class Meta:
        model = Check
        fields = [
            "id",
            "state",
            "error",
            "rebuild",
            "passed",
            "report",
            "progress_done",
            "progress_total",
            "created_at",
            "finished_at",
        ]
        read_only_fields = fields


class ExaminationRequestSerializer(serializers.Serializer[Any]):
    """Which run to examine, in which respect. `beside` names further runs on the same judgments."""

    run = serializers.UUIDField()
    subject = serializers.ChoiceField(choices=sorted(SUBJECTS))
    beside = serializers.ListField(
        child=serializers.UUIDField(), required=False, default=list, max_length=20
    )
    options = PlainObject(required=False, default=dict)
    seed = serializers.IntegerField(required=False, default=0, min_value=0, max_value=2**53)


class ExaminationSerializer(WorkFields, serializers.ModelSerializer[Examination]):
    """An examination; `report` is null until it is done."""

    run = serializers.UUIDField(source="run.public_id", read_only=True)
    beside = serializers.SerializerMethodField()
    options = PlainObject(read_only=True)
    report = PlainObject(read_only=True, allow_null=True)

    class Meta:
        model = Examination
        fields = [
            "id",
            "state",
            "error",
            "run",
            "subject",
            "beside",
            "options",
            "seed",
            "code_version",
            "report",
            "progress_done",
            "progress_total",
            "created_at",
            "finished_at",
        ]
        read_only_fields = fields

    def get_beside(self, examination: Examination) -> list[str]:
        return [str(run.public_id) for run in examination.beside.all()]


class ComparisonSerializer(serializers.Serializer[Any]):
    """Several rules on the same judgments, items in the order of the first rule's result."""

    runs = serializers.ListField(child=serializers.UUIDField())
    methods = serializers.ListField(child=serializers.CharField())
    headline = serializers.CharField()
    items = serializers.ListField(child=serializers.CharField())
    ranks = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField(allow_null=True)),
        help_text="Per rule, the rank of each item; null where the rule doesn't rank it.",
    )
    winners = serializers.ListField(child=serializers.ListField(child=serializers.CharField()))
    largest_difference = serializers.ListField(child=serializers.IntegerField())
    kendall = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(allow_null=True))
    )
    jaccard_of_top = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(allow_null=True))
    )
    top = serializers.IntegerField()
