"""Jobs in which a model judges questions, and every call it was sent."""

from typing import Any

from django.db import models
from django.db.models import Q

from annotation.models import Annotator, Judgment, Prompt, Question, Rubric, WorkQuerySet
from models_runtime.catalogue import PROTOCOLS
from models_runtime.judging.options import Options
from models_runtime.judging.protocol import JudgingProtocol
from models_runtime.models.calls import Call
from models_runtime.models.checkpoint import Checkpoint
from models_runtime.models.items import Item, ItemQuerySet
from models_runtime.models.jobs import Job, Spent
from models_runtime.outcomes import Outcome


class JudgingJob(Job):
    """A checkpoint judges questions, or makes something for prompts, under a protocol.

    Judging, it is one annotator; another protocol, other options or other models in the further
    seats are another annotator, so that verdicts made in different ways are never mixed up. A
    protocol that makes something has no annotator. `reveals` says that people may read its verdict
    on a question once they have answered it themselves. A `trial` shows on a few questions what a
    judge would say: it keeps its calls, and leaves no judgment and nothing else behind.
    """

    annotator = models.ForeignKey(
        Annotator, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    protocol = models.CharField(max_length=60, default="pairwise", db_default="pairwise")
    options = models.JSONField(default=dict, blank=True)
    reveals = models.BooleanField(default=False, db_default=False)
    trial = models.BooleanField(default=False, db_default=False)

    objects = WorkQuerySet["JudgingJob"].as_manager()

    class Meta(Job.Meta):
        constraints = [
            *Job.Meta.constraints,
            models.CheckConstraint(
                condition=Q(trial=False) | Q(annotator__isnull=True, reveals=False),
                name="judgingjob_trial_has_no_annotator",
            ),
        ]
        indexes = [models.Index(fields=["project", "-id"], name="judging_jobs_of_project")]

    def __str__(self) -> str:
        return f"judgments by {self.checkpoint}"

    def read_protocol(self) -> JudgingProtocol:
        return PROTOCOLS[self.protocol]

    def read_options(self) -> Options:
        return self.read_protocol().options_class.parse(self.options)

    def way(self) -> str:
        """Protocol and options in a few words."""
        if self.protocol not in PROTOCOLS:  # made by another version of this program
            return self.protocol
        words = self.read_protocol().way(self.read_options())
        return f"{self.protocol}: {words}" if words else self.protocol

    def seated(self) -> dict[str, Checkpoint]:
        """The model in each of the protocol's seats; who has none of its own is the judge."""
        others = {seat.name: seat.checkpoint for seat in self.seats.select_related("checkpoint")}
        names = self.read_protocol().seats
        return {name: others.get(name, self.checkpoint) for name in names}

    def spent(self) -> Spent:
        return Spent(JudgeCall.objects.filter(item__job=self))


class JudgingSeat(models.Model):
    """A further model that a protocol asks beside the job's own: a strong judge, a debater, …"""

    job = models.ForeignKey(JudgingJob, on_delete=models.CASCADE, related_name="seats")
    name = models.CharField(max_length=40)
    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["job", "name"], name="one_model_per_seat_of_a_job")
        ]

    def __str__(self) -> str:
        return f"{self.checkpoint} as {self.name}"


class JudgingItem(Item):
    """One question to be judged by a job, or one prompt for which it makes something.

    `outcome` is set when it is done; INVALID means that the calls came to nothing, `why` says how,
    and there is no judgment. `detail` holds what else the protocol told, such as scores.
    """

    job = models.ForeignKey(JudgingJob, on_delete=models.CASCADE, related_name="items")
    question = models.ForeignKey(
        Question, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    prompt = models.ForeignKey(
        Prompt, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    outcome = models.CharField(max_length=12, blank=True, default="", db_default="")
    why = models.CharField(max_length=300, blank=True, default="", db_default="")
    p_first = models.FloatField(null=True, blank=True)
    position_bias = models.FloatField(null=True, blank=True)
    detail: "models.Field[Any, Any]" = models.JSONField(default=dict, blank=True, db_default={})
    judgment = models.ForeignKey(
        Judgment, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    rubric = models.ForeignKey(
        Rubric, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    objects = ItemQuerySet["JudgingItem"].as_manager()

    class Meta(Item.Meta):
        constraints = [
            *Item.Meta.constraints,
            models.UniqueConstraint(
                fields=["job", "question"], name="one_judging_item_per_job_and_question"
            ),
            models.UniqueConstraint(
                fields=["job", "prompt"], name="one_judging_item_per_job_and_prompt"
            ),
            models.CheckConstraint(
                condition=Q(question__isnull=True, prompt__isnull=False)
                | Q(question__isnull=False, prompt__isnull=True),
                name="judgingitem_is_about_a_question_or_a_prompt",
            ),
            models.CheckConstraint(
                condition=Q(outcome="") | Q(outcome__in=[outcome.value for outcome in Outcome]),
                name="judgingitem_outcome_is_known",
            ),
            models.CheckConstraint(
                condition=Q(state="done") & ~Q(outcome="") | ~Q(state="done") & Q(outcome=""),
                name="judgingitem_outcome_iff_done",
            ),
            models.CheckConstraint(
                condition=Q(judgment__isnull=True)
                | Q(state="done") & ~Q(outcome=Outcome.INVALID.value),
                name="judgingitem_judgment_only_of_a_verdict",
            ),
        ]

    def __str__(self) -> str:
        about = f"question {self.question_id}" if self.question_id else f"prompt {self.prompt_id}"
        return f"{about} for {self.job}"


class JudgeCall(Call):
    """One request to a model under a protocol and what came back, kept raw. Append-only.

    `step` names the ask within the protocol, `seat` the model that was asked, `template` the words
    with their version. A step may have several calls where a worker died or an engine failed: each
    was made and may have cost money. The first that was answered counts.

    `outcome` and `p_first` speak of the order in which a pair was shown; `parsed` holds what was
    read where it is something else. `inputs_hash` is the SHA-256 of the rendered messages.
    """

    item = models.ForeignKey(JudgingItem, on_delete=models.CASCADE, related_name="calls")
    step = models.CharField(max_length=120, db_default="")
    seat = models.CharField(max_length=40, default="judge", db_default="judge")
    template = models.CharField(max_length=60, blank=True)
    parsed: "models.Field[Any, Any]" = models.JSONField(null=True, blank=True)
    outcome = models.CharField(max_length=12, blank=True)
    p_first = models.FloatField(null=True, blank=True)
    label_probabilities = models.JSONField(null=True, blank=True)
    label_mass = models.FloatField(null=True, blank=True)
    bounded: "models.Field[Any, Any]" = models.JSONField(default=list, blank=True, db_default=[])

    class Meta(Call.Meta):
        indexes = [models.Index(fields=["inputs_hash"], name="judge_calls_by_inputs")]

    def __str__(self) -> str:
        return f"{self.step} {self.kind} {self.sample} of {self.item_id}"
