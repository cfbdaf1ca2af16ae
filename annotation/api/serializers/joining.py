"""How people come, what they say of themselves, and how they leave."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotation.invitations import MOST_DAYS, MOST_USES
from annotation.models import Invitation, Membership, Profile, Role, Survey, Withdrawal
from annotation.surveys.questions import MOST_OPTIONS, MOST_QUESTIONS, MOST_TEXT, Kind


class InvitationSerializer(serializers.ModelSerializer[Invitation]):
    """A link by which people join as annotators. Its secret is shown once, when it is made."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    attributes = serializers.DictField(read_only=True, help_text="Declared for whoever comes.")
    uses = serializers.IntegerField(read_only=True)
    is_usable = serializers.SerializerMethodField()

    class Meta:
        model = Invitation
        fields = (
            "id",
            "name",
            "attributes",
            "most_uses",
            "uses",
            "is_usable",
            "created_at",
            "expires_at",
            "withdrawn_at",
        )
        read_only_fields = fields

    def get_is_usable(self, invitation: Any) -> bool:
        return (
            invitation.withdrawn_at is None
            and invitation.expires_at > timezone.now()
            and invitation.uses < invitation.most_uses
        )


class NewInvitationSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100, help_text="To tell your links apart.")
    most_uses = serializers.IntegerField(
        required=False, default=1, min_value=1, max_value=MOST_USES
    )
    days = serializers.IntegerField(required=False, default=14, min_value=1, max_value=MOST_DAYS)
    group = serializers.CharField(required=False, allow_blank=True, default="", max_length=100)


class IssuedInvitationSerializer(InvitationSerializer):
    """A new invitation, with the address to send to people; nobody can read it again later."""

    link = serializers.SerializerMethodField()

    class Meta:
        model = Invitation
        fields = (*InvitationSerializer.Meta.fields, "link")
        read_only_fields = fields

    def get_link(self, invitation: Any) -> str:
        return str(self.context["link"])


class NewJoiningSerializer(serializers.Serializer[Any]):
    secret = serializers.CharField(
        max_length=200, help_text="The last part of the invitation's address."
    )


class JoinedSerializer(serializers.Serializer[Any]):
    """The project that was joined."""

    project = serializers.CharField()


class SurveyQuestionSerializer(serializers.Serializer[Any]):
    """One question about oneself. `name` is the attribute that its answer becomes."""

    name = serializers.CharField(max_length=40)
    text = serializers.CharField(max_length=MOST_TEXT)
    kind = serializers.ChoiceField(choices=[kind.value for kind in Kind])
    options = serializers.ListField(
        child=serializers.CharField(max_length=300),
        required=False,
        default=list,
        max_length=MOST_OPTIONS,
    )
    optional = serializers.BooleanField(required=False, default=True)


class SurveySerializer(serializers.ModelSerializer[Survey]):
    """One version of the survey. `is_due`: you must answer or skip it before you judge."""

    questions = SurveyQuestionSerializer(source="items", many=True, read_only=True)
    is_due = serializers.SerializerMethodField()

    class Meta:
        model = Survey
        fields = ("version", "introduction", "required", "questions", "is_due", "created_at")
        read_only_fields = fields

    def get_is_due(self, survey: Survey) -> bool:
        return bool(self.context["due"] == survey.version)


class NewSurveySerializer(serializers.Serializer[Any]):
    """A new version; without questions nothing is asked from then on."""

    introduction = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=5_000
    )
    required = serializers.BooleanField(  # type: ignore[assignment]
        required=False, default=False, help_text="Ask before judging; it can still be skipped."
    )
    questions = serializers.ListField(child=SurveyQuestionSerializer(), max_length=MOST_QUESTIONS)


@extend_schema_field(
    {
        "type": "object",
        "additionalProperties": {
            "nullable": True,
            "anyOf": [
                {"type": "string"},
                {"type": "number"},
                {"type": "array", "items": {"type": "string"}},
            ],
        },
        "description": "Answers by question name; null is “prefer not to say”.",
        "example": {"region": "north", "languages": ["Polish", "German"], "age": None},
    }
)
class SelfReportField(serializers.DictField):
    child = serializers.JSONField(allow_null=True)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        found = super().to_internal_value(data)
        for name, value in found.items():
            parts = value if isinstance(value, list) else [value]
            if any(isinstance(part, bool | dict | list) for part in parts):
                raise serializers.ValidationError(
                    {name: ["An answer is a text, a number, a list of texts or null."]}
                )
        return dict(found)


class SurveyAnswerSerializer(serializers.Serializer[Any]):
    """Your answers, or `skip` to say nothing of yourself."""

    answers = SelfReportField(required=False, default=dict)
    skip = serializers.BooleanField(required=False, default=False)


class ProfileSerializer(serializers.ModelSerializer[Profile]):
    """What an annotator said of themselves at one time. Judgments keep the version of theirs."""

    annotator = serializers.UUIDField(source="annotator.public_id", read_only=True)
    attributes = serializers.DictField(read_only=True)

    class Meta:
        model = Profile
        fields = ("annotator", "version", "attributes", "created_at")
        read_only_fields = fields


class RepliedSerializer(serializers.Serializer[Any]):
    """The profile as it stands now; null where the survey was skipped."""

    profile = ProfileSerializer(allow_null=True)


class WithdrawalSerializer(serializers.ModelSerializer[Withdrawal]):
    """Somebody who left with their answers: later releases, runs and reports go without them."""

    annotator = serializers.UUIDField(source="annotator.public_id", read_only=True)

    class Meta:
        model = Withdrawal
        fields = ("number", "annotator", "judgments", "created_at")
        read_only_fields = fields


class NewWithdrawalSerializer(serializers.Serializer[Any]):
    sure = serializers.BooleanField(help_text="True: you understand that this can't be undone.")


class MembershipSerializer(serializers.ModelSerializer[Membership]):
    """An account's role in the project."""

    username = serializers.CharField(source="user.username", read_only=True)

    class Meta:
        model = Membership
        fields = ("username", "role", "created_at")
        read_only_fields = fields


class NewMembershipSerializer(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    role = serializers.ChoiceField(choices=[role for role in Role.choices if role[0] != Role.OWNER])
