"""What reviewers leave beside the log, as they read and write it."""

from typing import Any

from rest_framework import serializers

from annotation.models import Adjudication, Comment, ErrorCategory, Requeue
from annotation.review.verdicts import MOST_MORE

MOST_TEXT = 5_000


class AdjudicationSerializer(serializers.ModelSerializer[Adjudication]):
    """A verdict on a question. The newest of a question stands; none is ever changed."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    question = serializers.UUIDField(source="question.public_id", read_only=True)
    winner = serializers.UUIDField(
        source="winner.public_id",
        read_only=True,
        default=None,
        allow_null=True,
        help_text="The judgment that is right; null where none is.",
    )
    reviewer = serializers.CharField(source="reviewer.username", read_only=True)
    categories = serializers.ListField(
        child=serializers.ChoiceField(choices=ErrorCategory.choices), read_only=True
    )

    class Meta:
        model = Adjudication
        fields = (
            "id",
            "question",
            "winner",
            "reviewer",
            "categories",
            "explanation",
            "created_at",
        )
        read_only_fields = fields


class NewAdjudicationSerializer(serializers.Serializer[Any]):
    question = serializers.UUIDField()
    winner = serializers.UUIDField(
        allow_null=True, help_text="One of the question's judgments; null if none is right."
    )
    categories = serializers.ListField(
        child=serializers.ChoiceField(choices=ErrorCategory.choices),
        required=False,
        default=list,
        max_length=len(ErrorCategory),
        help_text="Why answers differ.",
    )
    explanation = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=MOST_TEXT
    )


class CommentSerializer(serializers.ModelSerializer[Comment]):
    """A remark about a question, for reviewers. `mentioned` are the accounts it calls."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    question = serializers.UUIDField(source="question.public_id", read_only=True)
    author = serializers.CharField(source="author.username", read_only=True)
    mentioned = serializers.SlugRelatedField(  # type: ignore[var-annotated]
        slug_field="username", many=True, read_only=True
    )

    class Meta:
        model = Comment
        fields = ("id", "question", "author", "text", "mentioned", "created_at")
        read_only_fields = fields


class NewCommentSerializer(serializers.Serializer[Any]):
    question = serializers.UUIDField()
    text = serializers.CharField(
        max_length=MOST_TEXT, help_text="`@name` calls another reviewer of the project."
    )


class RequeueSerializer(serializers.ModelSerializer[Requeue]):
    """One time that a question was opened again."""

    question = serializers.UUIDField(source="question.public_id", read_only=True)
    asked_by = serializers.CharField(source="asked_by.username", read_only=True)

    class Meta:
        model = Requeue
        fields = (
            "id",
            "question",
            "asked_by",
            "reason",
            "overlap_before",
            "overlap_after",
            "created_at",
        )
        read_only_fields = fields


class NewRequeueSerializer(serializers.Serializer[Any]):
    question = serializers.UUIDField()
    reason = serializers.CharField(max_length=2_000)
    more = serializers.IntegerField(
        required=False, default=1, min_value=1, max_value=MOST_MORE, help_text="Further people."
    )


class DisputeSerializer(serializers.Serializer[Any]):
    """A question on which answers differ: 0 not at all, 1 every two in everything."""

    question = serializers.UUIDField(source="question.public_id")
    disagreement = serializers.FloatField()
    answers = serializers.IntegerField()
    adjudicated = serializers.BooleanField()


class DisputesSerializer(serializers.Serializer[Any]):
    """A page of them, most disputed first. `next` is the `after` of the next page."""

    total = serializers.IntegerField()
    next = serializers.CharField(allow_null=True)
    results = DisputeSerializer(many=True)
