from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotation.models import Guideline, Project, Role


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


class GuidelineSerializer(serializers.ModelSerializer[Guideline]):
    """One version of the guidelines. `html` is rendered and safe to show."""

    class Meta:
        model = Guideline
        fields = ("version", "text", "html", "created_at")
        read_only_fields = fields
