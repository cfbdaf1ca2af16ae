"""Audits of judges: the job, what was asked in it, what it found, and who let whom label anyway."""

from typing import Any

from django.db import models
from django.db.models import Q

from annotation.models import Project, Question, User, WorkQuerySet
from models_runtime.catalogue import PROTOCOLS
from models_runtime.judging.options import Options
from models_runtime.judging.protocol import JudgingProtocol
from models_runtime.models.calls import Call
from models_runtime.models.checkpoint import Checkpoint
from models_runtime.models.items import Item, ItemQuerySet
from models_runtime.models.jobs import Job, Spent

GRADES = ("pass", "warn", "fail", "unknown")


class AuditJob(Job):
    """An audit of a judge, that is of a checkpoint under a protocol with its options; its findings
    are the judge's card. `audits` names those that were asked for, `limits` where an owner wants
    passing to end otherwise than the audit says, `earlier` the card to compare with for drift.
    `left_out` counts the judgments of its pairs that took no part because their authors had
    withdrawn when the card was written.
    """

    protocol = models.CharField(max_length=60)
    options = models.JSONField(default=dict, blank=True)
    audits: "models.Field[Any, Any]" = models.JSONField(default=list)
    limits = models.JSONField(default=dict, blank=True)
    earlier = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    left_out = models.PositiveIntegerField(default=0)

    objects = WorkQuerySet["AuditJob"].as_manager()

    class Meta(Job.Meta):
        indexes = [models.Index(fields=["project", "-id"], name="audits_of_project")]

    def __str__(self) -> str:
        return f"audit of {self.checkpoint}"

    def read_protocol(self) -> JudgingProtocol:
        return PROTOCOLS[self.protocol]

    def read_options(self) -> Options:
        return self.read_protocol().options_class.parse(self.options)

    def way(self) -> str:
        """Protocol and options in a few words."""
        words = self.read_protocol().way(self.read_options())
        return f"{self.protocol}: {words}" if words else self.protocol

    def spent(self) -> Spent:
        return Spent(AuditCall.objects.filter(item__job=self))


class AuditItem(Item):
    """One pair of an audit with all its copies. `trials` holds the judge's verdict on each by the
    copy's name, set when it is done."""

    job = models.ForeignKey(AuditJob, on_delete=models.CASCADE, related_name="items")
    question = models.ForeignKey(Question, on_delete=models.CASCADE, related_name="+")
    trials: "models.Field[Any, Any]" = models.JSONField(default=dict, blank=True)

    objects = ItemQuerySet["AuditItem"].as_manager()

    class Meta(Item.Meta):
        constraints = [
            *Item.Meta.constraints,
            models.UniqueConstraint(
                fields=["job", "question"], name="one_audit_item_per_job_and_question"
            ),
        ]

    def __str__(self) -> str:
        return f"question {self.question_id} for {self.job}"


class AuditCall(Call):
    """One request to a model in an audit and what came back, kept raw. Append-only.

    As `JudgeCall`; `step` begins with the copy's name. `inputs_hash` is the SHA-256 of the rendered
    messages.
    """

    item = models.ForeignKey(AuditItem, on_delete=models.CASCADE, related_name="calls")
    step = models.CharField(max_length=120)
    template = models.CharField(max_length=60, blank=True)
    label_probabilities = models.JSONField(null=True, blank=True)
    label_mass = models.FloatField(null=True, blank=True)
    bounded: "models.Field[Any, Any]" = models.JSONField(default=list, blank=True)

    def __str__(self) -> str:
        return f"{self.step} {self.kind} {self.sample} of {self.item_id}"


class AuditFinding(models.Model):
    """What one audit found, as it was found: people's answers may change afterwards. Append-only.

    `figures` are the numbers with numerator, denominator, interval and method, the headline first.
    """

    job = models.ForeignKey(AuditJob, on_delete=models.CASCADE, related_name="findings")
    audit = models.CharField(max_length=60)
    grade = models.CharField(max_length=10)
    figures: "models.Field[Any, Any]" = models.JSONField()
    limit = models.FloatField()
    rule = models.TextField()
    sentence = models.TextField()
    detail = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["job", "audit"], name="one_finding_per_job_and_audit"),
            models.CheckConstraint(
                condition=Q(grade__in=GRADES), name="auditfinding_grade_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.audit}: {self.grade}"


class AuditRule(models.Model):
    """What a project's owner asks of judges before they may label; the newest row counts, none is
    as one that demands a card. Append-only."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="audit_rules")
    demands_card = models.BooleanField()
    set_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return "a card is demanded" if self.demands_card else "no card is demanded"


class AuditWaiver(models.Model):
    """Somebody let a judge label knowingly, though the project's rule refused it. Append-only.

    `job` is the card they looked at, None where there was none.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="audit_waivers")
    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, related_name="+")
    protocol = models.CharField(max_length=60)
    options = models.JSONField(default=dict, blank=True)
    job = models.ForeignKey(
        AuditJob, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reason = models.TextField()
    given_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="auditwaiver_has_a_reason")
        ]

    def __str__(self) -> str:
        return f"{self.checkpoint} let through"
