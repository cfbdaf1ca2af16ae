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


class AskSerializer(serializers.Serializer[Any]):
    """How to make questions of the project's responses: `design` and `per_prompt` for pairs, `size`
    and `per_prompt` where several are put in order, nothing where each is asked about."""

    design = serializers.ChoiceField(
        required=False, default="all", choices=["all", "balanced", "round_robin", "random"]
    )
    per_prompt = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=10_000
    )
    size = serializers.IntegerField(required=False, default=4, min_value=2, max_value=9)


class AskedSerializer(serializers.Serializer[Any]):
    """What came of it: new questions, and what was left out and why."""

    asked = serializers.IntegerField()
    already_there = serializers.IntegerField()
    identical = serializers.IntegerField(
        help_text="Pairs of identical texts, or texts of a slate, left out."
    )
    too_few = serializers.IntegerField(help_text="Prompts with fewer than two responses.")


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
