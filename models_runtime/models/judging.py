"""Jobs in which a model judges questions, and every call it was sent."""

from django.db import models
from django.db.models import Q

from annotation.models import Annotator, Judgment, Question, WorkQuerySet
from models_runtime.judging.pairwise import CallKind, Order, Protocol
from models_runtime.models.items import Item, ItemQuerySet
from models_runtime.models.jobs import Job, Spent
from models_runtime.outcomes import Outcome
from models_runtime.prompting.pairwise import PAIRWISE_TEMPLATES, PairwiseTemplate
from models_runtime.prompting.parsing import ParseStatus


class JudgingJob(Job):
    """A checkpoint judges questions under a template and a protocol, as one annotator.

    Another template, reducer or number of orders is another annotator, so that verdicts made in
    different ways are never mixed up.
    """

    annotator = models.ForeignKey(Annotator, on_delete=models.PROTECT, related_name="+")
    template = models.CharField(max_length=60)
    reducer = models.CharField(max_length=40)
    both_orders = models.BooleanField(default=True)

    objects = WorkQuerySet["JudgingJob"].as_manager()

    class Meta(Job.Meta):
        constraints = [*Job.Meta.constraints]
        indexes = [models.Index(fields=["project", "-id"], name="judging_jobs_of_project")]

    def __str__(self) -> str:
        return f"judgments by {self.checkpoint}"

    def read_template(self) -> PairwiseTemplate:
        return PAIRWISE_TEMPLATES[self.template]

    def protocol(self) -> Protocol:
        """Label probabilities need no second try: the same question has the same answer."""
        if self.read_template().labels:
            return Protocol(self.reducer, self.both_orders, reasks=0, repairs=False)
        return Protocol(self.reducer, self.both_orders)

    def spent(self) -> Spent:
        return Spent(JudgeCall.objects.filter(item__job=self))


class JudgingItem(Item):
    """One question to be judged by a job.

    `outcome` is set when it is done; INVALID means that the calls came to no verdict, `why` says
    how, and there is no judgment.
    """

    job = models.ForeignKey(JudgingJob, on_delete=models.CASCADE, related_name="items")
    question = models.ForeignKey(Question, on_delete=models.CASCADE, related_name="+")
    outcome = models.CharField(max_length=12, blank=True, default="", db_default="")
    why = models.CharField(max_length=300, blank=True, default="", db_default="")
    p_first = models.FloatField(null=True, blank=True)
    position_bias = models.FloatField(null=True, blank=True)
    judgment = models.ForeignKey(
        Judgment, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = ItemQuerySet["JudgingItem"].as_manager()

    class Meta(Item.Meta):
        constraints = [
            *Item.Meta.constraints,
            models.UniqueConstraint(
                fields=["job", "question"], name="one_judging_item_per_job_and_question"
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
        return f"question {self.question_id} for {self.job}"


class JudgeCall(models.Model):
    """One request to a judging model and what came back, kept raw. Append-only.

    A step may have several calls where a worker died or an engine failed: each was made and may
    have cost money. The first that was answered counts.

    `outcome` and `p_first` speak of the order in which the two were shown. `inputs_hash` is the
    SHA-256 of the rendered messages.
    """

    item = models.ForeignKey(JudgingItem, on_delete=models.CASCADE, related_name="calls")
    attempt = models.PositiveSmallIntegerField()
    order = models.CharField(max_length=2)
    kind = models.CharField(max_length=10)
    sample = models.PositiveSmallIntegerField()
    inputs_hash = models.CharField(max_length=64)
    seed = models.BigIntegerField()
    temperature = models.FloatField()
    raw = models.TextField(blank=True)
    status = models.CharField(max_length=15)
    outcome = models.CharField(max_length=12, blank=True)
    p_first = models.FloatField(null=True, blank=True)
    label_probabilities = models.JSONField(null=True, blank=True)
    label_mass = models.FloatField(null=True, blank=True)
    failure = models.CharField(max_length=30, blank=True)
    tokens_in = models.PositiveIntegerField(default=0)
    tokens_out = models.PositiveIntegerField(default=0)
    cost = models.FloatField(default=0.0)
    wall_ms = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(order__in=[order.value for order in Order])
                & Q(kind__in=[kind.value for kind in CallKind])
                & Q(status__in=[status.value for status in ParseStatus]),
                name="judgecall_words_are_known",
            ),
            models.CheckConstraint(
                condition=Q(status="engine_error") & ~Q(failure="")
                | ~Q(status="engine_error") & Q(failure=""),
                name="judgecall_failure_iff_engine_error",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order} {self.kind} {self.sample} of {self.item_id}"
