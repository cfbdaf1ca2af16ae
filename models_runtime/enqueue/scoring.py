"""Asking for measurements of candidates."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Min, QuerySet

from annotation.models import (
    Candidate,
    Project,
    User,
)
from annotation.phrases import say
from models_runtime.catalogue import SCORERS
from models_runtime.engines import EngineError
from models_runtime.engines._options import read_options
from models_runtime.enqueue.jobs import MOST_ITEMS, check_can, check_checkpoint, job_fields, wake
from models_runtime.errors import NotPossible
from models_runtime.models import (
    Checkpoint,
    Scoring,
    ScoringItem,
    ScoringJob,
)
from models_runtime.models.items import insert_ids


def request_scoring(
    project: Project,
    checkpoint: Checkpoint,
    *,
    scorer: str,
    settings: Mapping[str, Any] | None = None,
    partner: Checkpoint | None = None,
    again: bool = False,
    seed: int | None = None,
    max_cost: float | None = None,
    user: User | None = None,
) -> ScoringJob:
    """Write down that `scorer` is to measure the project's candidates with `checkpoint`, and wake
    workers. Those it has measured in this very way are left out, unless `again`. Raises
    NotPossible.
    """
    plain, chosen = to_measure(
        project, checkpoint, scorer=scorer, settings=settings, partner=partner, again=again
    )
    ids = list(chosen.order_by("id").values_list("id", flat=True))
    with transaction.atomic():
        job = ScoringJob.objects.create(
            project=project,
            checkpoint=checkpoint,
            scorer=scorer,
            settings=plain,
            partner=partner,
            progress_total=len(ids),
            **job_fields(seed, max_cost, user),
        )
        insert_ids(ScoringItem, "candidate_id", job.pk, ids)
        wake(job, len(ids))
    return job


def to_measure(
    project: Project,
    checkpoint: Checkpoint,
    *,
    scorer: str,
    settings: Mapping[str, Any] | None,
    partner: Checkpoint | None,
    again: bool,
) -> tuple[dict[str, Any], QuerySet[Candidate]]:
    """The scorer's settings with its defaults, and the candidates that would be measured; of sets
    the first of each prompt, which stands for all of them. Raises NotPossible."""
    check_checkpoint(project, checkpoint)
    plain = _check_scorer(project, scorer, settings or {}, checkpoint, partner)
    chosen = Candidate.objects.filter(prompt__project=project)
    if not chosen.exists():
        raise NotPossible(
            say("There are no candidates to measure yet. Import or write some first.")
        )
    if not again:
        same = ScoringJob.objects.filter(
            project=project, checkpoint=checkpoint, scorer=scorer, settings=plain, partner=partner
        )
        measured = Scoring.objects.filter(job__in=same)
        chosen = chosen.exclude(pk__in=measured.values("measurement__candidate"))
    if SCORERS[scorer].of_sets:
        firsts = chosen.order_by().values("prompt").annotate(first=Min("pk")).values("first")
        chosen = Candidate.objects.filter(pk__in=firsts)
    count = chosen.count()
    if not count:
        raise NotPossible(
            say("This model has measured every candidate in this way. Choose “again” to repeat it.")
        )
    if count > MOST_ITEMS:
        raise NotPossible(
            say("At most %(most_items)s candidates fit into one job.", most_items=f"{MOST_ITEMS:,}")
        )
    return plain, chosen


def _check_scorer(
    project: Project,
    scorer: str,
    settings: Mapping[str, Any],
    checkpoint: Checkpoint,
    partner: Checkpoint | None,
) -> dict[str, Any]:
    """The settings with their defaults filled in; raises NotPossible where they don't fit."""
    plugin = SCORERS.get(scorer)
    if plugin is None:
        raise NotPossible(say("Choose one of these: %(names)s.", names=", ".join(SCORERS)))
    if plugin.partner and partner is None:
        raise NotPossible(
            say(
                "%(plugin_title)s compares two models. Choose %(partner)s too.",
                plugin_title=plugin.title,
                partner=plugin.partner,
            )
        )
    if not plugin.partner and partner is not None:
        raise NotPossible(say("%(plugin_title)s needs one model only.", plugin_title=plugin.title))
    if partner is not None:
        check_checkpoint(project, partner)
        if partner.pk == checkpoint.pk:
            raise NotPossible(say("A model compared with itself says nothing. Choose two."))
    try:
        options = read_options(plugin.options_class, settings)
    except EngineError as error:
        raise NotPossible(str(error)) from error
    for each in filter(None, (checkpoint, partner)):
        check_can(each, plugin.needs)
    return dict(dataclasses.asdict(options))
