from typing import Any

from rest_framework import serializers

from annotation.models import ApiToken, Role


class MyTokenSerializer(serializers.ModelSerializer[ApiToken]):
    """The token this request came with; its secret is never shown again."""

    project = serializers.CharField(
        source="project.slug",
        read_only=True,
        default=None,
        allow_null=True,
        help_text="The only project it reaches; null for all of yours.",
    )
    scopes = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = ApiToken
        fields = ("name", "prefix", "project", "scopes", "created_at", "expires_at")
        read_only_fields = fields


class MyProjectSerializer(serializers.Serializer[Any]):
    slug = serializers.CharField()
    name = serializers.CharField()
    role = serializers.ChoiceField(choices=Role.choices)


class MeSerializer(serializers.Serializer[Any]):
    """Who you are here."""

    username = serializers.CharField()
    token = MyTokenSerializer(allow_null=True)
    projects = MyProjectSerializer(many=True)
