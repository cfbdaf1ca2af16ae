from typing import Any

from rest_framework import serializers

from annotation.models import Annotator


class AnnotatorSerializer(serializers.ModelSerializer[Annotator]):
    """Whoever judges: a person, a model, or a simulation said to be one."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    is_paused = serializers.SerializerMethodField()
    attributes = serializers.SerializerMethodField(help_text="As declared last; null if never.")

    class Meta:
        model = Annotator
        fields = (
            "id",
            "external_id",
            "kind",
            "display_name",
            "is_paused",
            "attributes",
            "created_at",
        )
        read_only_fields = fields

    def get_is_paused(self, annotator: Annotator) -> bool:
        return annotator.paused_at is not None

    def get_attributes(self, annotator: Any) -> dict[str, Any] | None:
        found: dict[str, Any] | None = annotator.latest_attributes
        return found
