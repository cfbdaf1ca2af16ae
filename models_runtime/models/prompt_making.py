"""Jobs that write prompts, every idea that came of them, and why it was kept or not."""

from typing import Any

from django.db import models
from django.db.models import Q

from annotation.models import Prompt, WorkQuerySet
from models_runtime.models.items import ItemQuerySet, PaidItem
from models_runtime.models.jobs import Job, Spent
from models_runtime.prompt_making import PromptOptions

SYNTHESIS, PARAPHRASE = "synthesis", "paraphrase"


class PromptJob(Job):
    """A model writes new prompts after seeds, or says prompts in other words.

    `settings` are the fields of `prompt_making.PromptOptions`; `seeds` the external ids of the
    prompts that are shown (or reworded), in order.
    """

    kind = models.CharField(max_length=12)
    settings = models.JSONField(default=dict, blank=True)
    seeds = models.JSONField(default=list)

    objects = WorkQuerySet["PromptJob"].as_manager()

    class Meta(Job.Meta):
        constraints = [
            *Job.Meta.constraints,
            models.CheckConstraint(
                condition=Q(kind__in=[SYNTHESIS, PARAPHRASE]), name="promptjob_kind_is_known"
            ),
        ]
        indexes = [models.Index(fields=["project", "-id"], name="prompt_jobs_of_project")]

    def __str__(self) -> str:
        return f"prompts by {self.checkpoint}"

    def read_settings(self) -> PromptOptions:
        return PromptOptions(**self.settings)

    def spent(self) -> Spent:
        return Spent(self.items.all())


class PromptItem(PaidItem):
    """One time that a model is asked: for some ideas, or for the twin of `prompt`."""

    job = models.ForeignKey(PromptJob, on_delete=models.CASCADE, related_name="items")
    index = models.PositiveIntegerField()
    prompt = models.ForeignKey(
        Prompt, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )

    objects = ItemQuerySet["PromptItem"].as_manager()

    class Meta(PaidItem.Meta):
        constraints = [
            *PaidItem.Meta.constraints,
            models.UniqueConstraint(
                fields=["job", "index"], name="one_prompt_item_per_job_and_index"
            ),
        ]

    def __str__(self) -> str:
        return f"prompts {self.index} of {self.job}"


class PromptIdea(models.Model):
    """A prompt that a model wrote, and what became of it. Append-only.

    `dropped` is "" for one that was kept as `prompt`, else the reason; `detail` holds what the
    filters found (rating, nearest prompt and overlap, share of the commonest answer). `seeds` are
    the external ids of the prompts that the model was shown.
    """

    job = models.ForeignKey(PromptJob, on_delete=models.CASCADE, related_name="ideas")
    item = models.ForeignKey(PromptItem, on_delete=models.CASCADE, related_name="ideas")
    place = models.PositiveSmallIntegerField()
    text = models.TextField()
    dropped = models.CharField(max_length=20, blank=True)
    detail = models.JSONField(default=dict)
    seeds = models.JSONField(default=list)
    prompt = models.OneToOneField(
        Prompt, on_delete=models.CASCADE, null=True, blank=True, related_name="idea"
    )
    model_revision = models.CharField(max_length=200, blank=True)
    seed = models.BigIntegerField()
    attempt = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects: "models.Manager[Any]" = models.Manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["item", "place"], name="one_prompt_idea_per_item_and_place"
            ),
            models.CheckConstraint(
                condition=Q(dropped="", prompt__isnull=False)
                | ~Q(dropped="") & Q(prompt__isnull=True),
                name="promptidea_is_a_prompt_iff_kept",
            ),
        ]
        indexes = [models.Index(fields=["job", "dropped"], name="prompt_ideas_by_fate")]

    def __str__(self) -> str:
        return self.text[:60]
