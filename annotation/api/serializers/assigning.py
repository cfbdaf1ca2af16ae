"""Rules of assignment, who a question is for, and what the rules decided."""

from dataclasses import fields
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotation.assignment.rules import BY_GROUP, AssignmentRules, Order
from annotation.models import Decision


def _field_of(name: str, limits: Any) -> serializers.Field[Any, Any, Any, Any]:
    if name == "order":
        return serializers.ChoiceField(choices=list(Order), required=False)
    if name in BY_GROUP:
        number = serializers.IntegerField(min_value=1, max_value=BY_GROUP[name])
        return serializers.DictField(child=number, required=False)
    if name == "group_by":
        return serializers.CharField(max_length=100, required=False, allow_blank=True)
    if name == "gold_feedback":
        return serializers.BooleanField(required=False)
    least, most = limits["least"], limits["most"]
    kind = serializers.IntegerField if isinstance(least, int) else serializers.FloatField
    return kind(min_value=least, max_value=most, required=False)


# Drawn from the rules themselves, so that the two can't differ.
AssignmentRulesSerializer = type(
    "AssignmentRulesSerializer",
    (serializers.Serializer,),
    {each.name: _field_of(each.name, each.metadata) for each in fields(AssignmentRules)}
    | {"__doc__": AssignmentRules.__doc__, "__module__": __name__},
)


@extend_schema_field(AssignmentRulesSerializer)
class AssignmentRulesField(serializers.DictField):
    """The rules as JSON; `AssignmentRules.of` reads them and refuses what it doesn't know."""

    child = serializers.JSONField(allow_null=True)


WANTED = ["off", "optional", "required"]


class ProjectChangeSerializer(serializers.Serializer[Any]):
    """What to change about a project. What is left out stays as it is."""

    assignment = AssignmentRulesField(
        required=False,
        help_text="The rules of assignment, whole: a setting that is left out has its default.",
    )
    name = serializers.CharField(required=False, max_length=200)
    description = serializers.CharField(required=False, allow_blank=True, max_length=2_000)
    overlap = serializers.IntegerField(
        required=False, min_value=1, max_value=1000, help_text="For questions asked from now on."
    )
    lease_minutes = serializers.IntegerField(required=False, min_value=1, max_value=24 * 60)
    reason = serializers.ChoiceField(required=False, choices=WANTED)
    reason_words = serializers.IntegerField(required=False, min_value=0, max_value=50)
    confidence = serializers.ChoiceField(required=False, choices=WANTED)
    prediction = serializers.ChoiceField(required=False, choices=WANTED)
    hindsight = serializers.BooleanField(required=False)
    allow_tie = serializers.BooleanField(
        required=False, help_text="Pairwise only: whether “about the same” is offered."
    )
    allow_both_bad = serializers.BooleanField(
        required=False, help_text="Pairwise only: whether “both are bad” is offered."
    )
    best_only = serializers.BooleanField(
        required=False, help_text="Ranking only: whether only the best response is asked for."
    )


class AudienceSerializer(serializers.Serializer[Any]):
    """Who a question is for. What is left out stays as it is; blank or empty is for everybody."""

    group = serializers.CharField(max_length=100, required=False, allow_blank=True)
    skill = serializers.CharField(max_length=100, required=False, allow_blank=True)
    annotators = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=1000
    )


class SkillsSerializer(serializers.Serializer[Any]):
    """What an annotator can do, instead of what was said before."""

    skills = serializers.ListField(
        child=serializers.CharField(max_length=100), allow_empty=True, max_length=100
    )


class CheckSerializer(serializers.Serializer[Any]):
    """The known answer to a question, by placement positions, that makes it a check."""

    payload = serializers.DictField()
    explanation = serializers.CharField(
        max_length=2000, required=False, allow_blank=True, default=""
    )
    is_hidden = serializers.BooleanField(
        required=False, default=False, help_text="Never tell, even where the project tells."
    )
    qualifies = serializers.BooleanField(
        required=False, default=False, help_text="Give it to newcomers first."
    )


class DecisionSerializer(serializers.ModelSerializer[Decision]):
    """A decision of the rules about a question or an annotator, and the numbers behind it."""

    question = serializers.UUIDField(
        source="question.public_id", read_only=True, default=None, allow_null=True
    )
    annotator = serializers.UUIDField(
        source="annotator.public_id", read_only=True, default=None, allow_null=True
    )
    measured = serializers.DictField(read_only=True)

    class Meta:
        model = Decision
        fields = ("id", "kind", "question", "annotator", "measured", "sentence", "created_at")
        read_only_fields = fields
