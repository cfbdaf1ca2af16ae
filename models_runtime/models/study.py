"""Studies: long talks with models about a project, their calls and their result."""

from typing import Any

from django.db import models
from django.db.models import Q

from annotation.models import Rubric, WorkQuerySet
from models_runtime.catalogue import STUDIES
from models_runtime.judging.options import Options
from models_runtime.models.calls import Call
from models_runtime.models.checkpoint import Checkpoint
from models_runtime.models.items import Item, ItemQuerySet
from models_runtime.models.jobs import Job, Spent
from models_runtime.studies import Study


class StudyJob(Job):
    """A study of a project. `material` names what it was given when it was asked for: questions
    with the place that people preferred then, or prompts; so a worker that goes on tomorrow goes on
    with the same. `rubric` is the draft that people made of mined criteria, if they did.
    """

    study = models.CharField(max_length=60)
    options = models.JSONField(default=dict, blank=True)
    material = models.JSONField(default=dict)
    rubric = models.ForeignKey(
        Rubric, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    taken_at = models.DateTimeField(null=True, blank=True)

    objects = WorkQuerySet["StudyJob"].as_manager()

    class Meta(Job.Meta):
        indexes = [models.Index(fields=["project", "-id"], name="studies_of_project")]

    def __str__(self) -> str:
        return f"{self.study} by {self.checkpoint}"

    def read_study(self) -> Study:
        return STUDIES[self.study]

    def read_options(self) -> Options:
        return self.read_study().options_class.parse(self.options)

    def seated(self) -> dict[str, Checkpoint]:
        """The model in each seat; a named seat without one of its own is taken by the job's."""
        others = {seat.name: seat.checkpoint for seat in self.seats.select_related("checkpoint")}
        return dict.fromkeys(self.read_study().seats, self.checkpoint) | others

    def spent(self) -> Spent:
        return Spent(StudyCall.objects.filter(item__job=self))

    def result(self) -> dict[str, Any] | None:
        """What it came to, None before it is done."""
        item = self.items.first()
        return None if item is None else item.result


class StudySeat(models.Model):
    """A further model that a study asks: a manager, another member, …"""

    job = models.ForeignKey(StudyJob, on_delete=models.CASCADE, related_name="seats")
    name = models.CharField(max_length=40)
    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["job", "name"], name="one_model_per_seat_of_a_study")
        ]

    def __str__(self) -> str:
        return f"{self.checkpoint} as {self.name}"


class StudyItem(Item):
    """The one talk of a study; `result` is what it came to, set when it is done."""

    job = models.ForeignKey(StudyJob, on_delete=models.CASCADE, related_name="items")
    result: "models.Field[Any, Any]" = models.JSONField(null=True, blank=True)

    objects = ItemQuerySet["StudyItem"].as_manager()

    class Meta(Item.Meta):
        constraints = [
            *Item.Meta.constraints,
            models.UniqueConstraint(fields=["job"], name="one_item_per_study"),
            models.CheckConstraint(
                condition=Q(state="done", result__isnull=False)
                | ~Q(state="done") & Q(result__isnull=True),
                name="studyitem_result_iff_done",
            ),
        ]

    def __str__(self) -> str:
        return f"talk of {self.job}"


class StudyCall(Call):
    """One request to a model in a study and what came back, kept raw. Append-only."""

    item = models.ForeignKey(StudyItem, on_delete=models.CASCADE, related_name="calls")
    step = models.CharField(max_length=300)
    seat = models.CharField(max_length=40)
    template = models.CharField(max_length=60)

    def __str__(self) -> str:
        return f"{self.step} {self.kind} {self.sample} of {self.item_id}"
