"""Which workers there are, and how long they used which device for whom."""

import uuid

from django.db import models

from annotation.models import Project


class WorkerSeen(models.Model):
    """A worker process, by what it last said of itself, busy or idle.

    Memory is the device's, in bytes; null where its worker uses no GPU. `held` names the models
    it keeps loaded (of its own process: a prefork worker's children hold theirs apart), `unknown`
    the tasks it was sent and doesn't know: it runs another version than whoever sent them.
    """

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=200)
    pid = models.PositiveIntegerField()
    queues = models.CharField(max_length=300, blank=True)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(db_index=True)
    device = models.CharField(max_length=100, blank=True)
    used_bytes = models.BigIntegerField(null=True, blank=True)
    total_bytes = models.BigIntegerField(null=True, blank=True)
    held = models.JSONField(default=list, blank=True)
    unknown = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["name", "-seen_at"]

    def __str__(self) -> str:
        return f"{self.name}, process {self.pid}"


class DeviceTime(models.Model):
    """How long a day's shifts of a project kept a device of ours with a model on it.

    `peak_bytes` is the most memory that one of them had taken. Models behind an address use no
    device of ours and aren't here.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    device = models.CharField(max_length=100)
    seconds = models.FloatField(default=0.0)
    shifts = models.PositiveIntegerField(default=0)
    peak_bytes = models.BigIntegerField(default=0)
    total_bytes = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["-day", "project", "device"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "day", "device"], name="one_sum_per_project_day_and_device"
            )
        ]

    def __str__(self) -> str:
        return f"{self.device} for {self.project} on {self.day}"
