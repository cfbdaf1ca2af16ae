"""Counts of failed attempts, so that guessing passwords or tokens is slow."""

from django.db import models
from django.db.models import Q


class FailedAttempts(models.Model):
    """How often one door was tried in vain by one sender within the current window.

    `key` is a keyed hash of door and sender; see `annotation.attempts`.
    """

    key = models.CharField(max_length=64, unique=True)
    failures = models.PositiveIntegerField()
    window_until = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name_plural = "failed attempts"
        constraints = [
            models.CheckConstraint(
                condition=Q(failures__gte=1), name="failed_attempts_at_least_one"
            )
        ]

    def __str__(self) -> str:
        return f"{self.failures} until {self.window_until:%H:%M}"
