from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotation.api.serializers.assignments import AssignmentSerializer, shown_to_annotator
from annotation.models import Judgment


@extend_schema_field(
    {
        "type": "object",
        "additionalProperties": {
            "nullable": True,
            "anyOf": [{"type": "string"}, {"type": "number"}],
        },
        "description": "The form's fields as the assignment lists them, in terms of the screen.",
        "example": {"choice": "2", "reason": "A answers the question that was asked."},
    }
)
class AnswerField(serializers.DictField):
    """A filled form: field names to text, numbers or null. Its judgment type reads the values."""

    child = serializers.JSONField(allow_null=True)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        found = super().to_internal_value(data)
        for name, value in found.items():
            if isinstance(value, bool | dict | list):
                raise serializers.ValidationError(
                    {name: ["An answer's fields are text, numbers or null."]}
                )
        return dict(found)


class AmendmentSerializer(serializers.Serializer[Any]):
    """A new answer in place of an earlier one."""

    submission_key = serializers.CharField(
        min_length=8,
        max_length=100,
        help_text=(
            "A key of your own for this answer, such as a UUID. Sent again, it is the same "
            "judgment, so a request that timed out can be repeated safely."
        ),
    )
    answer = AnswerField()


class SubmissionSerializer(AmendmentSerializer):
    """An answer to an assignment."""

    assignment = serializers.UUIDField()
    lease_next = serializers.BooleanField(
        required=False, default=False, help_text="Also reserve the next question, in `next`."
    )


class JudgmentSerializer(serializers.ModelSerializer[Judgment]):
    """A judgment as the log keeps it: `payload` speaks of placement positions, not of sides."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    question = serializers.UUIDField(source="question.public_id", read_only=True)
    annotator = serializers.UUIDField(source="annotator.public_id", read_only=True)
    guideline = serializers.IntegerField(
        source="guideline.version",
        read_only=True,
        default=None,
        allow_null=True,
        help_text="The version shown.",
    )
    payload = serializers.DictField(read_only=True)
    prediction = serializers.DictField(
        child=serializers.FloatField(),
        read_only=True,
        allow_null=True,
        help_text="The share of others expected to answer the same, in `same`.",
    )
    phase = serializers.IntegerField(
        read_only=True, help_text="2 for an answer given in hindsight, else 1."
    )
    shown_order = serializers.ListField(
        child=serializers.IntegerField(), read_only=True, allow_null=True
    )
    supersedes = serializers.UUIDField(
        source="supersedes.public_id",
        read_only=True,
        default=None,
        allow_null=True,
        help_text="The earlier judgment that this one replaces.",
    )

    class Meta:
        model = Judgment
        fields = (
            "id",
            "position",
            "question",
            "annotator",
            "judgment_type",
            "payload",
            "shown_order",
            "reason",
            "confidence",
            "prediction",
            "phase",
            "elapsed_ms",
            "guideline",
            "standing",
            "source",
            "supersedes",
            "created_at",
        )
        read_only_fields = fields

    def to_representation(self, judgment: Judgment) -> dict[str, Any]:
        return as_logged(judgment)


def as_logged(judgment: Judgment) -> dict[str, Any]:
    """Written out: building a model serializer's fields costs more than the judgment's row."""
    return {
        "id": str(judgment.public_id),
        "position": judgment.position,
        "question": str(judgment.question.public_id),
        "annotator": str(judgment.annotator.public_id),
        "judgment_type": judgment.judgment_type,
        "payload": judgment.payload,
        "shown_order": judgment.shown_order,
        "reason": judgment.reason,
        "confidence": judgment.confidence,
        "prediction": judgment.prediction,
        "phase": judgment.phase,
        "elapsed_ms": judgment.elapsed_ms,
        "guideline": judgment.guideline.version if judgment.guideline else None,
        "standing": judgment.standing,
        "source": judgment.source,
        "supersedes": str(judgment.supersedes.public_id) if judgment.supersedes else None,
        "created_at": judgment.created_at.isoformat(),
    }


class ConsequenceSerializer(serializers.Serializer[Any]):
    """What came of one response, labelled as it stood on the screen."""

    label = serializers.CharField()  # type: ignore[assignment]
    text = serializers.CharField(help_text="Markdown.")


class HindsightSerializer(serializers.Serializer[Any]):
    """What came of the responses, for answering the same question once more."""

    due = serializers.BooleanField(help_text="True if the second answer is still to be given.")
    consequences = ConsequenceSerializer(many=True)


class AmendedSerializer(serializers.Serializer[Any]):
    """What became of an amendment."""

    judgment = JudgmentSerializer()
    repeated = serializers.BooleanField(help_text="True if this key's answer was already kept.")


class SubmittedSerializer(serializers.Serializer[Any]):
    """What became of a submission."""

    judgment = JudgmentSerializer()
    repeated = serializers.BooleanField(help_text="True if this key's answer was already kept.")
    notice = serializers.CharField(
        allow_blank=True, help_text="A sentence for the person, such as when it came too late."
    )
    next = AssignmentSerializer(
        allow_null=True, help_text="The next question, if asked for and there is one."
    )
    next_notice = serializers.CharField(
        allow_blank=True, help_text="Why there is no next question, if judging has stopped."
    )
    next_code = serializers.CharField(
        allow_blank=True, help_text="The same for programs, such as `survey_due`."
    )

    def to_representation(self, kept: dict[str, Any]) -> dict[str, Any]:
        shown = {
            "judgment": as_logged(kept["judgment"]),
            "next": kept["next"] and shown_to_annotator(kept["next"]),
        }
        return kept | shown
