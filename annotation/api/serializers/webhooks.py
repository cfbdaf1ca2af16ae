from rest_framework import serializers

from annotation.models import Delivery, Webhook
from annotation.webhooks import managing
from annotation.webhooks.events import Event


class WebhookSerializer(serializers.ModelSerializer[Webhook]):
    """An address that is told what happens, with the secret that verifies its letters."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    secret = serializers.SerializerMethodField()

    class Meta:
        model = Webhook
        fields = (
            "id",
            "url",
            "events",
            "secret",
            "paused_because",
            "failing_since",
            "created_at",
        )
        read_only_fields = fields

    def get_secret(self, webhook: Webhook) -> str:
        return managing.secret(webhook)


class NewWebhookSerializer(serializers.Serializer[None]):
    """What a new webhook needs."""

    url = serializers.CharField(max_length=2000)
    events = serializers.ListField(child=serializers.ChoiceField(choices=Event.choices))


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    """One letter and what came of it."""

    id = serializers.UUIDField(source="public_id", read_only=True)

    class Meta:
        model = Delivery
        fields = (
            "id",
            "event",
            "state",
            "attempt",
            "status",
            "answer",
            "error",
            "body",
            "not_before",
            "created_at",
            "finished_at",
        )
        read_only_fields = fields
