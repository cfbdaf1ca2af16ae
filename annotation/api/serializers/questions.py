from typing import Any

from rest_framework import serializers

from annotation.models import Placement, Question, Rubric


class PlacementSerializer(serializers.ModelSerializer[Placement]):
    """A candidate's fixed place in a question."""

    candidate = serializers.CharField(source="candidate.external_id", read_only=True)

    class Meta:
        model = Placement
        fields = ("position", "candidate")
        read_only_fields = fields


class RubricNameSerializer(serializers.ModelSerializer[Rubric]):
    """Which rubric, and which version of it."""

    class Meta:
        model = Rubric
        fields = ("name", "version")
        read_only_fields = fields


class QuestionSerializer(serializers.ModelSerializer[Question]):
    """One thing to judge, and how many people it asks."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    prompt = serializers.CharField(source="prompt.external_id", read_only=True)
    rubric: serializers.BaseSerializer[Any] = RubricNameSerializer(read_only=True, allow_null=True)
    placements = PlacementSerializer(many=True, read_only=True)

    class Meta:
        model = Question
        fields = (
            "id",
            "external_id",
            "prompt",
            "judgment_type",
            "rubric",
            "state",
            "priority",
            "overlap",
            "placements",
            "created_at",
        )
        read_only_fields = fields
