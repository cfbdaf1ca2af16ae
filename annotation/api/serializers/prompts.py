from typing import Any

from rest_framework import serializers

from annotation.models import Candidate, Measurement, Prompt, System


class MessageSerializer(serializers.Serializer[Any]):
    """One message of a conversation."""

    role = serializers.CharField()
    content = serializers.CharField()


class PromptSerializer(serializers.ModelSerializer[Prompt]):
    """What was asked: a conversation whose last message awaits an answer."""

    messages = MessageSerializer(many=True, read_only=True)

    class Meta:
        model = Prompt
        fields = ("external_id", "messages", "content_hash", "created_at")
        read_only_fields = fields


class SystemSerializer(serializers.ModelSerializer[System]):
    """Who wrote candidates. Only owners learn it."""

    class Meta:
        model = System
        fields = ("name", "family")
        read_only_fields = fields


class CandidateSerializer(serializers.ModelSerializer[Candidate]):
    """A response to a prompt, without its author."""

    prompt = serializers.CharField(source="prompt.external_id", read_only=True)

    class Meta:
        model = Candidate
        fields: tuple[str, ...] = ("prompt", "external_id", "text", "content_hash", "created_at")
        read_only_fields = fields


class OwnedCandidateSerializer(CandidateSerializer):
    """A response to a prompt, with its author: `system` is left out for all but owners."""

    system = serializers.CharField(
        source="system.name", read_only=True, default=None, allow_null=True, required=False
    )

    class Meta(CandidateSerializer.Meta):
        fields = (*CandidateSerializer.Meta.fields, "system")
        read_only_fields = fields


class MeasurementSerializer(serializers.ModelSerializer[Measurement]):
    """A number or a vector that a model computed about a candidate; the other one is null."""

    prompt = serializers.CharField(source="candidate.prompt.external_id", read_only=True)
    candidate = serializers.CharField(source="candidate.external_id", read_only=True)
    vector = serializers.ListField(child=serializers.FloatField(), read_only=True, allow_null=True)

    class Meta:
        model = Measurement
        fields = ("prompt", "candidate", "name", "source", "number", "vector", "created_at")
        read_only_fields = fields
