"""Jobs that write candidates, and where each candidate came from."""

from typing import Any

from django.db import models
from django.db.models import Q

from annotation.models import Candidate, Prompt, System, WorkQuerySet
from models_runtime.decoding import read_decoder
from models_runtime.engines import Sampling
from models_runtime.models.checkpoint import Checkpoint
from models_runtime.models.items import ItemQuerySet, ItemState, PaidItem
from models_runtime.models.jobs import Job, Spent
from models_runtime.novelty import Rule


class GenerationJob(Job):
    """`per_prompt` candidates for each of some prompts, by one checkpoint.

    `sampling` holds the fields of `engines.Sampling`; `system` is who the candidates are said to be
    by. `novelty` holds those of `novelty.Rule` where candidates must differ; else it is empty.
    `embedder` is the model whose vectors then say how alike they are; without one, their words do.
    `languages` are codes; the candidates of a prompt take turns in them. Empty: whatever the model
    answers in.
    """

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="+")
    per_prompt = models.PositiveSmallIntegerField()
    sampling = models.JSONField(default=dict, blank=True)
    novelty = models.JSONField(default=dict, blank=True)
    languages: "models.Field[Any, Any]" = models.JSONField(default=list, blank=True, db_default=[])
    embedder = models.ForeignKey(
        Checkpoint, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = WorkQuerySet["GenerationJob"].as_manager()

    class Meta(Job.Meta):
        constraints = [
            *Job.Meta.constraints,
            models.CheckConstraint(
                condition=Q(per_prompt__gte=1, per_prompt__lte=1000),
                name="generationjob_per_prompt_from_1_to_1000",
            ),
        ]
        indexes = [models.Index(fields=["project", "-id"], name="generation_jobs_of_project")]

    def __str__(self) -> str:
        return f"candidates by {self.checkpoint}"

    def read_sampling(self) -> Sampling:
        told = dict(self.sampling)
        told["stop"] = tuple(told.get("stop", ()))
        return Sampling(**{**told, "decoder": read_decoder(told.get("decoder"))})

    @property
    def cut_off(self) -> int:
        """Texts that reached the limit of tokens without an end: cut off, or endless."""
        return self.generations.filter(finish="length").count()

    def spent(self) -> Spent:
        """What is written, what came and couldn't be kept for candidates that aren't written, and
        what was embedded to see how alike they are."""
        lost = self.items.exclude(state=ItemState.DONE)
        written = Spent(Generation.objects.filter(job=self))
        return written.plus(Spent(lost)).plus(Spent(self.embedding_calls.all()))

    def language_of(self, index: int) -> str:
        """The code of the language that candidate `index` of a prompt is asked for in, or ""."""
        return str(self.languages[index % len(self.languages)]) if self.languages else ""

    def read_novelty(self) -> Rule | None:
        return Rule(**self.novelty) if self.novelty else None


class GenerationItem(PaidItem):
    """The candidate number `index` of a prompt, to be written by a job. `asked_again` counts how
    often what came was too like the others and thrown away; the tokens and the cost are what that
    and failed calls took."""

    job = models.ForeignKey(GenerationJob, on_delete=models.CASCADE, related_name="items")
    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE, related_name="+")
    index = models.PositiveSmallIntegerField()
    asked_again = models.PositiveSmallIntegerField(default=0, db_default=0)

    objects = ItemQuerySet["GenerationItem"].as_manager()

    class Meta(PaidItem.Meta):
        constraints = [
            *PaidItem.Meta.constraints,
            models.UniqueConstraint(
                fields=["job", "prompt", "index"],
                name="one_generation_item_per_job_prompt_and_index",
            ),
        ]

    def __str__(self) -> str:
        return f"candidate {self.index} of {self.prompt_id}"


class Generation(models.Model):
    """Where a candidate came from. Append-only, and hidden from whoever judges.

    `asked_again` counts how often it was asked for anew because what came was too like the others;
    `is_repeat` says that the last one still was, and was kept all the same.
    """

    candidate = models.OneToOneField(Candidate, on_delete=models.CASCADE, related_name="generation")
    job = models.ForeignKey(GenerationJob, on_delete=models.CASCADE, related_name="generations")
    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE, related_name="+")
    index = models.PositiveSmallIntegerField()
    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, related_name="+")
    model_revision = models.CharField(max_length=200, blank=True)
    seed = models.BigIntegerField()
    finish = models.CharField(max_length=10)
    tokens_in = models.PositiveIntegerField(default=0)
    tokens_out = models.PositiveIntegerField(default=0)
    cost = models.FloatField(default=0.0)
    wall_ms = models.PositiveIntegerField(default=0)
    attempt = models.PositiveSmallIntegerField()
    asked_again = models.PositiveSmallIntegerField(default=0, db_default=0)
    is_repeat = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: "models.Manager[Any]" = models.Manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["job", "prompt", "index"],
                name="one_generation_per_job_prompt_and_index",
            )
        ]

    def __str__(self) -> str:
        return f"{self.candidate} by {self.checkpoint}"
