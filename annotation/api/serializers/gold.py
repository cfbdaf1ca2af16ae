"""Questions with known answers, and how people did on them. For those who steer the project."""

from typing import Any

from rest_framework import serializers

from annotation.api.serializers.assigning import CheckSerializer
from annotation.api.serializers.quality import AgreementSerializer
from annotation.models import QuestionPurpose


class GoldItemSerializer(serializers.Serializer[Any]):
    """A known answer. `agreement` is over people's first answers, `wrong` counts those that differ.

    Where the project tells annotators afterwards, they read `explanation`, unless it is hidden.
    """

    question = serializers.UUIDField(source="question.public_id")
    purpose = serializers.ChoiceField(source="question.purpose", choices=QuestionPurpose.choices)
    payload = serializers.DictField(source="known.payload")
    said = serializers.CharField(help_text="The payload in words.")
    explanation = serializers.CharField(source="known.explanation", allow_blank=True)
    is_hidden = serializers.BooleanField(source="known.is_hidden")
    answers = serializers.IntegerField()
    wrong = serializers.IntegerField()
    agreement = AgreementSerializer(allow_null=True)
    created_at = serializers.DateTimeField(source="known.created_at")
    retired_at = serializers.DateTimeField(source="known.retired_at", allow_null=True)
    retired_because = serializers.CharField(source="known.retired_because", allow_blank=True)


class GoldAnsweredSerializer(serializers.Serializer[Any]):
    """Somebody's first answer to it."""

    annotator = serializers.UUIDField(source="judgment.annotator.public_id")
    judgment = serializers.UUIDField(source="judgment.public_id")
    said = serializers.CharField()
    agreement = serializers.FloatField()


class GoldDetailSerializer(serializers.Serializer[Any]):
    item = GoldItemSerializer()
    tried = GoldAnsweredSerializer(many=True)


class GoldListSerializer(serializers.Serializer[Any]):
    results = GoldItemSerializer(many=True)


class NewGoldSerializer(CheckSerializer):
    """A question nobody has judged, and the answer expected to it, by placement positions."""

    question = serializers.UUIDField()


class FeedbackSerializer(serializers.Serializer[Any]):
    explanation = serializers.CharField(allow_blank=True, max_length=2_000)
    is_hidden = serializers.BooleanField(required=False, default=False)


class RetireSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=2_000)
