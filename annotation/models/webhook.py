"""Webhooks: addresses of other people's servers that want to hear what happened, and each letter
sent to them.
"""

import uuid
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from annotation.models.people import User
from annotation.models.project import Project
from annotation.models.work import Work, WorkQuerySet


class Webhook(models.Model):
    """One address that is told of some events of a project.

    `followed` is the log position up to which judgments have become deliveries, `looked_at` the
    time up to which ends of background work have. Nothing is written when a judgment is given: the
    log itself is the outbox. The signing secret is not kept; it is derived from the server's secret
    key, this row's `public_id` and `secret_version`, so a copied database signs nothing.
    `paused_because` is a sentence, set iff the webhook is paused.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=2000)
    events: "models.Field[Any, Any]" = ArrayField(models.CharField(max_length=40))
    secret_version = models.PositiveIntegerField(default=1)
    followed = models.BigIntegerField(default=0)
    looked_at = models.DateTimeField()
    failing_since = models.DateTimeField(null=True, blank=True)
    paused_because = models.TextField(blank=True)
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(secret_version__gte=1), name="webhook_secret_version_from_one"
            ),
            models.CheckConstraint(
                condition=Q(events__len__gte=1), name="webhook_is_told_of_something"
            ),
        ]

    def __str__(self) -> str:
        return self.url

    @property
    def is_paused(self) -> bool:
        return bool(self.paused_because)


class Delivery(Work):
    """One letter to a webhook. `body` is sent byte for byte the same however often it is tried.

    `key` says what the letter is about, so the same event never becomes two letters. `status` and
    `answer` are what the receiver said last.
    """

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=40)
    key = models.CharField(max_length=120)
    body = models.TextField()
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    answer = models.TextField(blank=True)

    objects = WorkQuerySet["Delivery"].as_manager()

    class Meta(Work.Meta):
        constraints = [
            *Work.Meta.constraints,
            models.UniqueConstraint(fields=["webhook", "key"], name="one_delivery_per_event"),
        ]
        indexes = [models.Index(fields=["webhook", "state", "id"], name="deliveries_to_make")]

    def __str__(self) -> str:
        return f"{self.event} to {self.webhook}"
