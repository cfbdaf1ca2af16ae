"""Asking a model for candidates."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from annotation.models import (
    Project,
    Prompt,
    System,
    User,
)
from annotation.phrases import say
from models_runtime.decoding import told
from models_runtime.engines import Capability, Sampling
from models_runtime.enqueue.jobs import MOST_ITEMS, check_can, check_checkpoint, job_fields, wake
from models_runtime.errors import NotPossible
from models_runtime.languages import check_languages
from models_runtime.models import (
    Checkpoint,
    GenerationItem,
    GenerationJob,
)
from models_runtime.models.items import insert_items
from models_runtime.novelty import Rule


def request_generation(
    project: Project,
    checkpoint: Checkpoint,
    *,
    per_prompt: int = 1,
    sampling: Sampling | None = None,
    prompts: Sequence[str] | None = None,
    novelty: Rule | None = None,
    embedder: Checkpoint | None = None,
    languages: Sequence[str] = (),
    seed: int | None = None,
    max_cost: float | None = None,
    user: User | None = None,
) -> GenerationJob:
    """Write down that `checkpoint` is to write `per_prompt` candidates for each prompt (or those
    with the external ids in `prompts`), and wake workers. Under a rule of `novelty` candidates
    that are too like each other, by the vectors of `embedder` or by their words, are asked for
    again. With `languages` (codes) the candidates of a prompt take turns in them. Raises
    NotPossible.
    """
    spoken = check_languages(languages)
    if embedder is not None:
        if novelty is None:
            raise NotPossible(say("An embedder is for candidates that must differ. Say how first."))
        check_checkpoint(project, embedder)
        check_can(embedder, {Capability.EMBED})
    check_writer(project, checkpoint, sampling or Sampling())
    if not 1 <= per_prompt <= 1000:
        raise NotPossible(say("Ask for 1 to 1000 candidates per prompt."))
    chosen = Prompt.objects.filter(project=project)
    if prompts is not None:
        chosen = chosen.filter(external_id__in=prompts)
        unknown = set(prompts) - set(chosen.values_list("external_id", flat=True))
        if unknown:
            raise NotPossible(say("This project has no prompt “%(min)s”.", min=min(unknown)))
    count = chosen.count() * per_prompt
    if not count:
        raise NotPossible(say("There are no prompts to answer yet. Import some first."))
    if count > MOST_ITEMS:
        raise NotPossible(
            say(
                "That would be %(count)s candidates; %(most_items)s is the most.",
                count=f"{count:,}",
                most_items=f"{MOST_ITEMS:,}",
            )
        )
    with transaction.atomic():
        job = GenerationJob.objects.create(
            project=project,
            checkpoint=checkpoint,
            system=_system_of(checkpoint),
            per_prompt=per_prompt,
            sampling=_plain(sampling or Sampling()),
            novelty=dataclasses.asdict(novelty) if novelty else {},
            embedder=embedder,
            languages=spoken,
            progress_total=count,
            **job_fields(seed, max_cost, user),
        )
        ids = list(chosen.order_by("id").values_list("id", flat=True))
        insert_items(
            GenerationItem,
            ["job_id", "prompt_id", "index"],
            "SELECT %s, prompt, nth FROM unnest(%s::bigint[]) WITH ORDINALITY AS p(prompt, place),"
            " generate_series(0, %s) AS nth ORDER BY CASE WHEN %s THEN nth END, place, nth",
            [job.pk, ids, per_prompt - 1, novelty is not None],
        )
        wake(job, count)
    return job


def _plain(sampling: Sampling) -> dict[str, Any]:
    plain = {**dataclasses.asdict(sampling), "decoder": told(sampling.decoder)}
    return {name: value for name, value in plain.items() if value is not None}


def check_writer(project: Project, checkpoint: Checkpoint, sampling: Sampling) -> None:
    """Raise NotPossible where a checkpoint can't write in this way for a project."""
    check_checkpoint(project, checkpoint)
    check_can(checkpoint, needs_of(sampling))


def needs_of(sampling: Sampling) -> set[Capability]:
    """What a model must be able to do to write in this way."""
    further = {Capability.DECODERS} if sampling.decoder is not None else set()
    return {Capability.GENERATE} | further


def _system_of(checkpoint: Checkpoint) -> System:
    system, _ = System.objects.get_or_create(
        project=checkpoint.project, name=checkpoint.label, defaults={"family": checkpoint.family}
    )
    return system
