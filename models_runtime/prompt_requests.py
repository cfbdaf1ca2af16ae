"""Asking for prompts: new ones after seeds, or twins in other words. Rows first, then a wake-up."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from annotation.models import Project, ProjectState, Prompt, User
from annotation.phrases import say
from models_runtime import enqueue
from models_runtime.engines import EngineError, Sampling
from models_runtime.engines._options import read_options
from models_runtime.errors import NotPossible
from models_runtime.generation_estimates import GenerationEstimate, price_of, writing_pace
from models_runtime.models import Checkpoint, PromptIdea, PromptItem, PromptJob
from models_runtime.models.items import insert_items
from models_runtime.models.prompt_making import PARAPHRASE, SYNTHESIS
from models_runtime.prompt_making import PromptOptions

MOST_CALLS = 100_000
MOST_SEEDS = 1_000
TOKENS_PER_PROMPT = 60
TOKENS_AROUND = 150  # the words around the material
TOKENS_PER_VERDICT = 40


def request_prompts(
    project: Project,
    checkpoint: Checkpoint,
    *,
    kind: str = SYNTHESIS,
    calls: int = 10,
    settings: Mapping[str, Any] | None = None,
    seeds: Sequence[str] | None = None,
    seed: int | None = None,
    max_cost: float | None = None,
    user: User | None = None,
) -> PromptJob:
    """Write down that `checkpoint` is to write new prompts in `calls` calls after some of `seeds`
    (external ids; every prompt of people if None), or a twin for each of them. Raises NotPossible.
    """
    options, chosen = check_prompts(project, checkpoint, kind, calls, settings, seeds)
    count = calls if kind == SYNTHESIS else len(chosen)
    with transaction.atomic():
        job = PromptJob.objects.create(
            project=project,
            checkpoint=checkpoint,
            kind=kind,
            settings=dataclasses.asdict(options),
            seeds=[prompt.external_id for prompt in chosen],
            progress_total=count,
            **enqueue.job_fields(seed, max_cost, user),
        )
        prompts = [None] * count if kind == SYNTHESIS else [prompt.pk for prompt in chosen]
        insert_items(
            PromptItem,
            ["job_id", "index", "prompt_id"],
            "SELECT %s, place - 1, p FROM unnest(%s::bigint[]) WITH ORDINALITY AS r(p, place)"
            " ORDER BY place",
            [job.pk, prompts],
        )
        enqueue.wake(job, count)
    return job


def check_prompts(
    project: Project,
    checkpoint: Checkpoint,
    kind: str,
    calls: int,
    settings: Mapping[str, Any] | None,
    seeds: Sequence[str] | None,
) -> tuple[PromptOptions, list[Prompt]]:
    """The options and the seeds of such a job; raises NotPossible where it makes no sense."""
    if kind not in (SYNTHESIS, PARAPHRASE):
        raise NotPossible(
            say(
                "Choose %(synthesis)s or %(paraphrase)s.",
                synthesis=SYNTHESIS,
                paraphrase=PARAPHRASE,
            )
        )
    if project.state == ProjectState.CLOSED:
        raise NotPossible(
            say("This project is closed, so it takes no prompts. Open it again first.")
        )
    enqueue.check_writer(project, checkpoint, Sampling())
    try:
        options = read_options(PromptOptions, settings or {})
    except EngineError as error:
        raise NotPossible(str(error)) from error
    if not 1 <= calls <= MOST_CALLS:
        raise NotPossible(say("Ask for 1 to %(most_calls)s calls.", most_calls=f"{MOST_CALLS:,}"))
    return options, _seeds(project, kind, seeds)


def _seeds(project: Project, kind: str, names: Sequence[str] | None) -> list[Prompt]:
    """Prompts to start from: those named, else those that no model wrote. Without twins already,
    for twins."""
    prompts = Prompt.objects.filter(project=project).order_by("id")
    if names is None:
        prompts = prompts.filter(idea__isnull=True)
    else:
        prompts = prompts.filter(external_id__in=names)
        unknown = set(names) - set(prompts.values_list("external_id", flat=True))
        if unknown:
            raise NotPossible(say("This project has no prompt “%(min)s”.", min=min(unknown)))
    if kind == PARAPHRASE:
        made = PromptIdea.objects.filter(job__kind=PARAPHRASE, prompt__isnull=False)
        prompts = prompts.exclude(pk__in=made.values("item__prompt"))
        prompts = prompts.exclude(pk__in=made.values("prompt"))
        found = list(prompts[: MOST_CALLS + 1])
        if len(found) > MOST_CALLS:
            raise NotPossible(
                say(
                    "At most %(most_calls)s prompts fit into one job.", most_calls=f"{MOST_CALLS:,}"
                )
            )
        if not found:
            raise NotPossible(say("Every prompt has a twin already, or there is none."))
        return found
    found = list(prompts[:MOST_SEEDS])
    if not found:
        raise NotPossible(say("There is no prompt to start from. Import some seeds first."))
    return found


def estimate_prompts(
    project: Project,
    checkpoint: Checkpoint,
    *,
    kind: str = SYNTHESIS,
    calls: int = 10,
    settings: Mapping[str, Any] | None = None,
    seeds: Sequence[str] | None = None,
) -> GenerationEstimate:
    """What such a job would take: at least its calls for ideas, at most every filter asked about
    every idea. Raises NotPossible as the request does."""
    options, chosen = check_prompts(project, checkpoint, kind, calls, settings, seeds)
    rounds = calls if kind == SYNTHESIS else len(chosen)
    each = options.per_call if kind == SYNTHESIS else 1
    shown = min(options.shown, len(chosen)) if kind == SYNTHESIS else 1
    ideas = rounds * each
    asks = 1 if kind == PARAPHRASE or options.least_quality else 0
    letters = sum(len(prompt.last_text()) for prompt in chosen) / len(chosen)
    length = round(letters / 4) + 1
    reading = rounds * (TOKENS_AROUND + shown * length)
    reading += ideas * (asks * (TOKENS_AROUND + TOKENS_PER_PROMPT))
    reading += ideas * options.rollouts * TOKENS_PER_PROMPT
    usual = ideas * (TOKENS_PER_PROMPT + asks * TOKENS_PER_VERDICT)
    most = usual + ideas * options.rollouts * 512
    pace = writing_pace(checkpoint)
    return GenerationEstimate(
        candidates=ideas,
        fewest_calls=rounds,
        most_calls=rounds + ideas * (asks + options.rollouts),
        tokens_in=reading,
        tokens_out=usual,
        most_tokens_out=most,
        cost=price_of(checkpoint, reading, usual),
        most_cost=price_of(checkpoint, reading, most),
        time=pace.time_for(most),
        pace=pace,
        thing="prompts",
    )
