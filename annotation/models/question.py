"""Questions put to annotators, and who was shown what, when, and on which side.

A foreign key without an index of its own (`db_index=False`) is the first column of another index or
constraint: each judgment would pay for the second one, and nobody would use it.
"""

import uuid
from datetime import datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from annotation.models.people import Annotator
from annotation.models.project import Guideline, Project
from annotation.models.prompt import Candidate, Prompt
from annotation.models.rubric import Rubric


class QuestionState(models.TextChoices):
    OPEN = "open", _("Open")
    ANSWERED = "answered", _("Answered")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class QuestionPurpose(models.TextChoices):
    ORDINARY = "ordinary", _("Ordinary")
    GOLD = "gold", _("Check with a known answer")
    QUALIFICATION = "qualification", _("Qualification")


class Question(models.Model):
    """One thing to judge: a prompt with its placed candidates and a kind of judgment.

    `overlap` is how many counted judgments it asks for; it turns `answered` when it has them. Where
    the project lets the overlap follow the answers, it moves between `overlap_least` and
    `overlap_most` (null: the project's). `priority` is obeyed by the queue, highest first.

    A question with a `purpose` other than ordinary has a known answer (`GoldAnswer`) and is given
    to annotators to check them; it asks for no seats. `for_group` and `for_skill` name the only
    group and the skill it is for, blank for everybody; a `Reservation` the only people.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="questions", db_index=False
    )
    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE, related_name="questions")
    judgment_type = models.CharField(max_length=40)
    rubric = models.ForeignKey(
        Rubric, on_delete=models.RESTRICT, null=True, blank=True, related_name="questions"
    )
    external_id = models.CharField(max_length=200)
    state = models.CharField(
        max_length=10, choices=QuestionState.choices, default=QuestionState.OPEN
    )
    priority = models.FloatField(default=0.0)
    overlap = models.PositiveIntegerField()
    overlap_least = models.PositiveIntegerField(null=True, blank=True)
    overlap_most = models.PositiveIntegerField(null=True, blank=True)
    purpose = models.CharField(
        max_length=15,
        choices=QuestionPurpose.choices,
        default=QuestionPurpose.ORDINARY,
        db_default="ordinary",
    )
    for_group = models.CharField(max_length=100, blank=True, default="", db_default="")
    for_skill = models.CharField(max_length=100, blank=True, default="", db_default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "external_id"], name="one_question_per_external_id"
            ),
            models.CheckConstraint(
                condition=Q(overlap_most__isnull=True) | Q(overlap_most__gte=F("overlap")),
                name="question_overlap_within_its_most",
            ),
            models.CheckConstraint(
                condition=Q(overlap_least__isnull=True) | Q(overlap_least__gte=1),
                name="question_overlap_least_at_least_one",
            ),
            models.CheckConstraint(
                condition=Q(purpose__in=[purpose.value for purpose in QuestionPurpose]),
                name="question_purpose_is_known",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in QuestionState]),
                name="question_state_is_known",
            ),
        ]
        indexes = [
            models.Index(
                F("project"),
                F("priority").desc(),
                F("id"),
                condition=Q(state="open"),
                name="open_questions_by_priority",
            )
        ]

    def __str__(self) -> str:
        return self.external_id


class PlacementQuerySet(models.QuerySet["Placement"]):
    def asked(self) -> "PlacementQuerySet":
        """What annotators are shown: without the texts that judgments of the question wrote."""
        return self.filter(written_in__isnull=True)


class Placement(models.Model):
    """A candidate's fixed place in a question. Evidence speaks of places, never of screen sides.

    `written_in` is the judgment that wrote the candidate, such as a rewrite: its place comes after
    those that were asked about, and nobody is shown it in this question. `consequence` is what came
    of following the candidate, in Markdown, shown only after a first answer (hindsight).
    """

    question = models.ForeignKey(
        Question, on_delete=models.CASCADE, related_name="placements", db_index=False
    )
    candidate = models.ForeignKey(Candidate, on_delete=models.RESTRICT, related_name="placements")
    position = models.PositiveSmallIntegerField()
    written_in = models.ForeignKey(
        "annotation.Judgment",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="written_placements",
    )
    consequence = models.TextField(blank=True, db_default="")

    objects = PlacementQuerySet.as_manager()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["question", "position"], name="one_placement_per_question_and_position"
            ),
            models.UniqueConstraint(
                fields=["question", "candidate"], name="one_placement_per_question_and_candidate"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.candidate} at {self.position}"


class GoldAnswer(models.Model):
    """The known answer to a question that checks annotators: a canonical payload, and why.

    `explanation` is what annotators read afterwards where the project tells them, unless it
    `is_hidden`. A retired one checks nobody any more, and answers to it say nothing of anybody.
    """

    question = models.OneToOneField(Question, on_delete=models.CASCADE, related_name="gold_answer")
    payload = models.JSONField()
    explanation = models.TextField(blank=True)
    is_hidden = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True, blank=True)
    retired_because = models.TextField(blank=True, default="", db_default="")

    def __str__(self) -> str:
        return f"known answer to {self.question}"


class Reservation(models.Model):
    """This question is for this annotator; a question with reservations is for nobody else."""

    question = models.ForeignKey(
        Question, on_delete=models.CASCADE, related_name="reservations", db_index=False
    )
    annotator = models.ForeignKey(Annotator, on_delete=models.CASCADE, related_name="reservations")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["question", "annotator"], name="one_reservation_per_question_and_annotator"
            )
        ]

    def __str__(self) -> str:
        return f"{self.question} for {self.annotator}"


class AssignmentPurpose(models.TextChoices):
    ORDINARY = "ordinary", _("Ordinary")
    GOLD = "gold", _("Known answer")
    REPEAT = "repeat", _("Own question again")


class AssignmentState(models.TextChoices):
    LIVE = "live", _("Live")
    SUBMITTED = "submitted", _("Submitted")
    RELEASED = "released", _("Released")


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    def holding(self, now: datetime) -> "AssignmentQuerySet":
        """Live assignments whose lease still holds a seat at `now`."""
        return self.filter(
            state=AssignmentState.LIVE,
            lease_until__gt=now,
            purpose=AssignmentPurpose.ORDINARY,
        )

    def unseen(self) -> "AssignmentQuerySet":
        """Leased ahead: kept for somebody on whose screen its question hasn't stood yet."""
        return self.filter(exposures__isnull=True)


class Assignment(models.Model):
    """A lease: this question is with this annotator until `lease_until`.

    Whether a lease has expired is derived from the clock, never stored. `shown_order` lists the
    placement positions in the order in which they were shown (left first). Only an ordinary
    assignment takes a seat; one with another `purpose` checks the annotator, who isn't told.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    question = models.ForeignKey(Question, on_delete=models.CASCADE, related_name="assignments")
    annotator = models.ForeignKey(
        Annotator, on_delete=models.CASCADE, related_name="assignments", db_index=False
    )
    state = models.CharField(
        max_length=10, choices=AssignmentState.choices, default=AssignmentState.LIVE
    )
    purpose = models.CharField(
        max_length=10,
        choices=AssignmentPurpose.choices,
        default=AssignmentPurpose.ORDINARY,
        db_default="ordinary",
    )
    shown_order: "models.Field[Any, Any]" = ArrayField(models.PositiveSmallIntegerField())
    leased_at = models.DateTimeField()
    lease_until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    release_reason = models.CharField(max_length=200, blank=True)

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["question", "annotator"],
                condition=Q(state="live"),
                name="one_live_assignment_per_question_and_annotator",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in AssignmentState]),
                name="assignment_state_is_known",
            ),
            models.CheckConstraint(
                condition=(
                    Q(state="live", ended_at__isnull=True)
                    | (~Q(state="live") & Q(ended_at__isnull=False))
                ),
                name="assignment_ended_iff_not_live",
            ),
            models.CheckConstraint(
                condition=Q(purpose__in=[purpose.value for purpose in AssignmentPurpose]),
                name="assignment_purpose_is_known",
            ),
            models.CheckConstraint(
                condition=Q(lease_until__gte=F("leased_at")),
                name="assignment_lease_not_before_its_start",
            ),
        ]
        indexes = [
            models.Index(fields=["annotator", "state"], name="assignments_of_annotator"),
        ]

    def __str__(self) -> str:
        return f"{self.question} with {self.annotator}"


class Exposure(models.Model):
    """One showing of an assignment's question: when, in which order, under which guidelines."""

    assignment = models.ForeignKey(
        Assignment, on_delete=models.CASCADE, related_name="exposures", db_index=False
    )
    sequence = models.PositiveIntegerField()
    shown_order: "models.Field[Any, Any]" = ArrayField(models.PositiveSmallIntegerField())
    guideline = models.ForeignKey(Guideline, on_delete=models.RESTRICT, null=True, blank=True)
    shown_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["assignment", "sequence"], name="one_exposure_per_assignment_and_sequence"
            )
        ]

    def __str__(self) -> str:
        return f"showing {self.sequence} of {self.assignment}"
