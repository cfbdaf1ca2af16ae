from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotation.models import Guideline, Project, ProjectState, Role


class ProjectSerializer(serializers.ModelSerializer[Project]):
    """A project as its members know it. `role` is what you are in it."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    options = serializers.DictField(read_only=True, help_text="The judgment type's own settings.")
    role = serializers.SerializerMethodField()

    class Meta:
        model = Project
        fields = (
            "id",
            "slug",
            "name",
            "description",
            "state",
            "judgment_type",
            "options",
            "overlap",
            "lease_seconds",
            "is_simulated",
            "role",
            "created_at",
        )
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(choices=Role.choices))
    def get_role(self, project: Any) -> str:
        """The sender's role; a superuser is everywhere an owner."""
        return self.role_in(project)

    @staticmethod
    def role_in(project: Any) -> str:
        return str(project.my_role or Role.OWNER)


class NewProjectSerializer(serializers.Serializer[Any]):
    """A project to be made, as on the page for it; that page's form has the last word."""

    name = serializers.CharField(max_length=200)
    slug = serializers.CharField(
        max_length=80,
        required=False,
        allow_blank=True,
        default="",
        help_text="The last part of its address; made from the name if left out.",
    )
    description = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=2_000
    )
    judgment_type = serializers.CharField(required=False, default="pairwise", max_length=40)
    overlap = serializers.IntegerField(
        required=False, default=3, min_value=1, max_value=1000, help_text="People per question."
    )
    reason = serializers.ChoiceField(
        required=False, default="optional", choices=["optional", "required", "off"]
    )
    confidence = serializers.ChoiceField(
        required=False, default="off", choices=["off", "optional", "required"]
    )
    prediction = serializers.ChoiceField(
        required=False,
        default="off",
        choices=["off", "optional", "required"],
        help_text="Whether to ask how many of 100 others will answer the same.",
    )
    hindsight = serializers.BooleanField(
        required=False,
        default=False,
        help_text="Whether to show consequences after an answer and ask again.",
    )
    images = serializers.BooleanField(
        required=False,
        default=False,
        help_text="Whether this server fetches and shows images; otherwise they are links.",
    )
    lease_minutes = serializers.IntegerField(
        required=False, default=30, min_value=1, max_value=24 * 60
    )
    guideline = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=40_000, trim_whitespace=False
    )


class StateSerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(
        choices=[state for state in ProjectState.choices if state[0] != ProjectState.DRAFT]
    )


class NewGuidelineSerializer(serializers.Serializer[Any]):
    """A new version of the guidelines, in Markdown."""

    text = serializers.CharField(max_length=40_000, trim_whitespace=False)


class GuidelineSerializer(serializers.ModelSerializer[Guideline]):
    """One version of the guidelines. `html` is rendered and safe to show."""

    class Meta:
        model = Guideline
        fields = ("version", "text", "html", "created_at")
        read_only_fields = fields
