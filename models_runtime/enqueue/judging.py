"""Asking a model to judge questions, or to make something for prompts."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q

from annotation.models import (
    Annotator,
    AnnotatorKind,
    Judgment,
    Project,
    ProjectState,
    Prompt,
    Question,
    QuestionState,
    Rubric,
    User,
)
from annotation.phrases import say
from models_runtime.audit_gate import check_may_label, let_through
from models_runtime.catalogue import PROTOCOLS
from models_runtime.enqueue.jobs import MOST_ITEMS, check_can, check_checkpoint, job_fields, wake
from models_runtime.errors import NotPossible
from models_runtime.judge_panels import LEARNED, learned_agreement
from models_runtime.judging.options import OptionRefused, Options
from models_runtime.judging.protocol import JudgingProtocol
from models_runtime.judging_cases import mined_rubric, takes_mined
from models_runtime.models import (
    Checkpoint,
    JudgingItem,
    JudgingJob,
    JudgingSeat,
)
from models_runtime.models.items import insert_ids

TRIAL = 10
DEFAULT_PROTOCOL = "pairwise"


def request_judging(
    project: Project,
    checkpoint: Checkpoint,
    *,
    protocol: str = DEFAULT_PROTOCOL,
    options: Mapping[str, Any] | None = None,
    seats: Mapping[str, Checkpoint] | None = None,
    reveals: bool = False,
    trial: bool = False,
    seed: int | None = None,
    max_cost: float | None = None,
    user: User | None = None,
) -> JudgingJob:
    """Write down that `checkpoint` is to judge, under a protocol, every question of its kinds that
    it hasn't judged this way (or to make something for every prompt), and wake workers.

    `seats` names the models of the protocol's further seats; an empty seat is taken by
    `checkpoint`. A `trial` looks at ten questions, those that people have answered first, and keeps
    no judgment. Raises NotPossible.
    """
    way, chosen, seated = check_way(project, checkpoint, protocol, options, seats)
    if project.state == ProjectState.CLOSED:
        raise NotPossible(
            say("This project is closed, so nothing more is judged. Open it again first.")
        )
    signs = bool(way.judgment_types) and not trial
    if signs:
        for each in _different(checkpoint, seated):
            check_may_label(project, each, protocol, chosen.given())
    with transaction.atomic():
        annotator = _judge_of(checkpoint, protocol, chosen, seated) if signs else None
        ids = items_to_judge(project, way, annotator)
        if trial:
            ids = answered_first(ids)[:TRIAL] if way.judgment_types else ids[:TRIAL]
        if not ids:
            raise NotPossible(nothing_to_judge(project, way))
        if len(ids) > MOST_ITEMS:
            raise NotPossible(
                say(
                    "At most %(most_items)s questions fit into one job.",
                    most_items=f"{MOST_ITEMS:,}",
                )
            )
        job = JudgingJob.objects.create(
            project=project,
            checkpoint=checkpoint,
            annotator=annotator,
            protocol=protocol,
            options=chosen.given(),
            reveals=reveals and not trial,
            trial=trial,
            progress_total=len(ids),
            **job_fields(seed, max_cost, user),
        )
        JudgingSeat.objects.bulk_create(
            JudgingSeat(job=job, name=name, checkpoint=each) for name, each in seated.items()
        )
        column = "question_id" if way.judgment_types else "prompt_id"
        insert_ids(JudgingItem, column, job.pk, ids)
        wake(job, len(ids))
    return job


def let_all_through(
    project: Project,
    checkpoint: Checkpoint,
    protocol: str,
    options: Mapping[str, Any] | None,
    seats: Mapping[str, Checkpoint] | None,
    *,
    reason: str,
    user: User | None,
) -> None:
    """Let every model of such a job label knowingly, whatever its card says. Raises NotPossible."""
    _, chosen, seated = check_way(project, checkpoint, protocol, options, seats)
    for each in _different(checkpoint, seated):
        let_through(project, each, protocol, chosen.given(), reason=reason, user=user)


def _different(checkpoint: Checkpoint, seated: Mapping[str, Checkpoint]) -> list[Checkpoint]:
    """The models of a job, each once, whatever seats it takes."""
    return list({each.pk: each for each in (checkpoint, *seated.values())}.values())


def check_way(
    project: Project,
    checkpoint: Checkpoint,
    protocol: str,
    options: Mapping[str, Any] | None,
    seats: Mapping[str, Checkpoint] | None = None,
) -> tuple[JudgingProtocol, Options, dict[str, Checkpoint]]:
    """The protocol, its options, and the checkpoints of its further seats. Raises NotPossible."""
    check_checkpoint(project, checkpoint)
    if protocol not in PROTOCOLS:
        raise NotPossible(
            say("Choose one of these protocols: %(names)s.", names=", ".join(PROTOCOLS))
        )
    way = PROTOCOLS[protocol]
    try:
        given = _with_learned(project, checkpoint, way, options or {}, seats or {})
        chosen = way.options_class.parse(given)
        way.check(chosen)
    except OptionRefused as refusal:
        raise NotPossible(str(refusal)) from refusal
    if way.simulates and not project.is_simulated:
        raise NotPossible(
            say(
                "Simulated annotators take the seats of people, so they may only judge "
                "in a project that is marked as simulated."
            )
        )
    further = list(way.seats)[1:]
    for name, each in (seats or {}).items():
        if name not in further:
            known = ", ".join(further) or "none"
            raise NotPossible(
                say(
                    "This protocol has no seat “%(name)s”. Further seats: %(known)s.",
                    name=name,
                    known=known,
                )
            )
        check_checkpoint(project, each)
    for each in (checkpoint, *(seats or {}).values()):
        check_can(each, way.needs(chosen))
    return way, chosen, dict(seats or {})


def _with_learned(
    project: Project,
    checkpoint: Checkpoint,
    way: JudgingProtocol,
    options: Mapping[str, Any],
    seats: Mapping[str, Checkpoint],
) -> Mapping[str, Any]:
    """Options with learned weights written out, so that they stay what they were when asked for."""
    if options.get("agreement") != LEARNED:
        return options
    others = way.options_class.parse({**options, "agreement": ""})
    names = list(way.seats)[: getattr(others, "jurors", 0)]
    seated = [seats.get(name, checkpoint) for name in names]
    return {**options, "agreement": learned_agreement(project, seated)}


def items_to_judge(
    project: Project, way: JudgingProtocol, annotator: Annotator | None
) -> list[int]:
    """Ids of the questions this annotator hasn't judged; of the prompts, for a maker."""
    if not way.judgment_types:
        prompts = Prompt.objects.filter(project=project)
        if way.needs_criteria:
            prompts = prompts.filter(rubrics__criteria__kind=way.needs_criteria).distinct()
        return list(prompts.order_by("id").values_list("id", flat=True)[: MOST_ITEMS + 1])
    waiting = Question.objects.filter(project=project, judgment_type__in=way.judgment_types)
    if way.needs_criteria:
        frozen = Rubric.objects.filter(prompt=OuterRef("prompt"), frozen_at__isnull=False)
        kind = way.needs_criteria
        mined = takes_mined(way) and mined_rubric(project) is not None
        waiting = waiting.filter(
            Q(rubric__isnull=True)
            & (Q() if mined else Q(Exists(frozen.filter(criteria__kind=kind))))
            | Q(Exists(Rubric.objects.filter(pk=OuterRef("rubric"), criteria__kind=kind)))
        )
    waiting = waiting.exclude(state=QuestionState.WITHDRAWN)
    if annotator is not None:
        waiting = waiting.exclude(judgments__annotator=annotator)
    return list(waiting.order_by("id").values_list("id", flat=True)[: MOST_ITEMS + 1])


def answered_first(ids: Sequence[int]) -> list[int]:
    """Questions with those that people have answered most often first."""
    people = Judgment.objects.counted().exclude(annotator__kind=AnnotatorKind.MODEL)
    counts = dict(
        people.filter(question__in=ids).values_list("question").annotate(n=Count("pk")).order_by()
    )
    return sorted(ids, key=lambda pk: (-counts.get(pk, 0), pk))


def nothing_to_judge(project: Project, way: JudgingProtocol) -> str:
    """Why there is nothing for this protocol to do, and what would help."""
    if not way.judgment_types:
        return say("There is no prompt for this yet. Import some first.")
    kinds = " or ".join(sorted(way.judgment_types))
    sentence = say(
        "There is no %(kinds)s question that this model hasn't judged in this way.", kinds=kinds
    )
    if (
        way.needs_criteria
        and not Rubric.objects.filter(project=project, criteria__kind=way.needs_criteria).exists()
    ):
        return say(
            "%(sentence)s This protocol needs a list of criteria, and there is none yet.",
            sentence=sentence,
        )
    return sentence


def _judge_of(
    checkpoint: Checkpoint, protocol: str, options: Options, seats: Mapping[str, Checkpoint]
) -> Annotator:
    """The annotator that stands for this model judging in this way."""
    told = json.dumps(
        [protocol, options.given(), {name: str(seats[name].public_id) for name in sorted(seats)}],
        sort_keys=True,
    )
    digest = hashlib.sha256(told.encode()).hexdigest()[:16]
    words = PROTOCOLS[protocol].way(options)
    others = ", ".join(f"{name} {seats[name].label}" for name in sorted(seats))
    way = ", ".join(filter(None, (f"{protocol} {words}".strip(), others)))
    simulated = PROTOCOLS[protocol].simulates
    annotator, _ = Annotator.objects.get_or_create(
        project=checkpoint.project,
        external_id=f"model-{checkpoint.public_id}-{protocol}-{digest}"[:200],
        defaults={
            "kind": AnnotatorKind.SIMULATED if simulated else AnnotatorKind.MODEL,
            "display_name": f"{checkpoint.label} ({way})"[:200],
        },
    )
    return annotator
