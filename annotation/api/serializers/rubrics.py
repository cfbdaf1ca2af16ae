from rest_framework import serializers

from annotation.models import Criterion, Rubric


class CriterionSerializer(serializers.ModelSerializer[Criterion]):
    """One line of a rubric."""

    anchors = serializers.DictField(read_only=True)

    class Meta:
        model = Criterion
        fields = ("position", "text", "explanation", "kind", "weight", "anchors")
        read_only_fields = fields


class RubricSerializer(serializers.ModelSerializer[Rubric]):
    """One version of a list of criteria; frozen once a question uses it."""

    prompt = serializers.CharField(
        source="prompt.external_id", read_only=True, default=None, allow_null=True
    )
    criteria = CriterionSerializer(many=True, read_only=True)

    class Meta:
        model = Rubric
        fields = ("name", "version", "prompt", "written_by", "frozen_at", "criteria", "created_at")
        read_only_fields = fields
