"""Webhooks: set up, tried out, paused and removed as on their page."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import tasks
from annotation.access import MANAGERS
from annotation.api.filters import Filter, refuse_unknown
from annotation.api.forms import cleaned
from annotation.api.permissions import Needs
from annotation.api.serializers.webhooks import (
    DeliverySerializer,
    NewWebhookSerializer,
    WebhookSerializer,
)
from annotation.api.viewsets import ProjectViewSet
from annotation.errors import InvalidAnswer
from annotation.models import Delivery, Webhook, WorkState
from annotation.tokens import Scope
from annotation.webhooks import managing
from annotation.webhooks.forms import WebhookForm

MANAGING = Needs(Scope.MANAGE, MANAGERS)


class WebhooksViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    ProjectViewSet[Webhook],
):
    """Servers that are told what happens in the project."""

    queryset = Webhook.objects.none()
    serializer_class = WebhookSerializer
    access = dict.fromkeys(
        ("list", "retrieve", "create", "destroy", "ping", "pause", "resume", "new_secret"), MANAGING
    )

    def rows(self) -> QuerySet[Webhook]:
        return Webhook.objects.filter(project=self.project)

    @extend_schema(request=NewWebhookSerializer, responses={201: WebhookSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Add a webhook; it is told of what happens from now on."""
        refuse_unknown(request, set())
        given = NewWebhookSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = cleaned(WebhookForm(given.validated_data))
        try:
            made = managing.add_webhook(
                project=self.project,
                url=asked["url"],
                events=asked["events"],
                created_by=self.user,
            )
        except managing.InvalidWebhook as error:
            raise InvalidAnswer({"webhook": [str(error)]}) from error
        return Response(WebhookSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses={202: DeliverySerializer})
    @action(detail=True, methods=["post"])
    def ping(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Send a test letter."""
        letter = managing.ping(self.get_object())
        tasks.wake(letter.webhook_id)
        return Response(DeliverySerializer(letter).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(request=None, responses=WebhookSerializer)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Send nothing until resumed; what happens meanwhile is told then."""
        webhook = self.get_object()
        managing.pause(webhook, _("Paused by {name}.").format(name=self.user.username))
        return self._shown(webhook)

    @extend_schema(request=None, responses=WebhookSerializer)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Go on sending: letters that waited are due at once."""
        webhook = self.get_object()
        managing.resume(webhook)
        tasks.wake(webhook.pk)
        return self._shown(webhook)

    @extend_schema(request=None, responses=WebhookSerializer)
    @action(detail=True, methods=["post"], url_path="new-secret")
    def new_secret(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Sign with another secret from now on."""
        webhook = self.get_object()
        managing.change_secret(webhook)
        return self._shown(webhook)

    def _shown(self, webhook: Webhook) -> Response:
        webhook.refresh_from_db()
        return Response(WebhookSerializer(webhook).data)


class DeliveriesViewSet(mixins.ListModelMixin, ProjectViewSet[Delivery]):
    """Letters to the project's webhooks, and what came of them."""

    queryset = Delivery.objects.none()
    serializer_class = DeliverySerializer
    access = {"list": MANAGING, "send_again": MANAGING}
    filters = {
        "webhook": Filter("webhook__public_id", serializers.UUIDField()),
        "state": Filter("state", serializers.ChoiceField(choices=WorkState.choices)),
    }

    def rows(self) -> QuerySet[Delivery]:
        return Delivery.objects.filter(webhook__project=self.project)

    @extend_schema(request=None, responses={202: DeliverySerializer})
    @action(detail=True, methods=["post"], url_path="send-again")
    def send_again(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Send a finished letter once more, under a new id."""
        try:
            again = managing.send_again(self.get_object())
        except managing.InvalidWebhook as error:
            raise InvalidAnswer({"state": [str(error)]}) from error
        tasks.wake(again.webhook_id)
        return Response(DeliverySerializer(again).data, status=status.HTTP_202_ACCEPTED)
