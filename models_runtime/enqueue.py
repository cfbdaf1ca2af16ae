"""Asking for work on models: rows first, then a wake-up after the commit.

A lost wake-up changes nothing: the sweeper finds the rows. So an unreachable broker is logged and
the person's request still succeeds.
"""

import dataclasses
import hashlib
import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet

from annotation.models import (
    Annotator,
    AnnotatorKind,
    Candidate,
    Judgment,
    Project,
    ProjectState,
    Prompt,
    Question,
    QuestionState,
    Rubric,
    System,
    User,
    WorkState,
)
from annotation.models.work import FINAL_STATES
from models_runtime import probing, tasks
from models_runtime.audit_gate import check_may_label
from models_runtime.catalogue import PROTOCOLS, SCORERS
from models_runtime.checkpoints import require
from models_runtime.decoding import told
from models_runtime.engines import Capability, EngineError, Sampling
from models_runtime.engines._options import read_options
from models_runtime.errors import NotPossible
from models_runtime.judge_panels import LEARNED, learned_agreement
from models_runtime.judging.options import OptionRefused, Options
from models_runtime.judging.protocol import JudgingProtocol
from models_runtime.judging_cases import mined_rubric, takes_mined
from models_runtime.languages import check_languages
from models_runtime.models import (
    Checkpoint,
    GenerationItem,
    GenerationJob,
    ItemState,
    Job,
    JudgingItem,
    JudgingJob,
    JudgingSeat,
    Probe,
    Scoring,
    ScoringItem,
    ScoringJob,
)
from models_runtime.models.items import insert_items
from models_runtime.novelty import Rule
from models_runtime.shifts import SLICE

MOST_ITEMS = 1_000_000
MOST_WAKE_UPS = 4
TRIAL = 10
DEFAULT_PROTOCOL = "pairwise"


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
            raise NotPossible("An embedder is for candidates that must differ. Say how first.")
        check_checkpoint(project, embedder)
        _check_can(embedder, {Capability.EMBED})
    check_writer(project, checkpoint, sampling or Sampling())
    if not 1 <= per_prompt <= 1000:
        raise NotPossible("Ask for 1 to 1000 candidates per prompt.")
    chosen = Prompt.objects.filter(project=project)
    if prompts is not None:
        chosen = chosen.filter(external_id__in=prompts)
        unknown = set(prompts) - set(chosen.values_list("external_id", flat=True))
        if unknown:
            raise NotPossible(f"This project has no prompt “{min(unknown)}”.")
    count = chosen.count() * per_prompt
    if not count:
        raise NotPossible("There are no prompts to answer yet. Import some first.")
    if count > MOST_ITEMS:
        raise NotPossible(f"That would be {count:,} candidates; {MOST_ITEMS:,} is the most.")
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
        raise NotPossible("This project is closed, so nothing more is judged. Open it again first.")
    signs = bool(way.judgment_types) and not trial
    if signs:
        for each in {every.pk: every for every in (checkpoint, *seated.values())}.values():
            check_may_label(project, each, protocol, chosen.given())
    with transaction.atomic():
        annotator = _judge_of(checkpoint, protocol, chosen, seated) if signs else None
        ids = items_to_judge(project, way, annotator)
        if trial:
            ids = answered_first(ids)[:TRIAL] if way.judgment_types else ids[:TRIAL]
        if not ids:
            raise NotPossible(nothing_to_judge(project, way))
        if len(ids) > MOST_ITEMS:
            raise NotPossible(f"At most {MOST_ITEMS:,} questions fit into one job.")
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
        insert_items(
            JudgingItem,
            ["job_id", "question_id" if way.judgment_types else "prompt_id"],
            "SELECT %s, q FROM unnest(%s::bigint[]) WITH ORDINALITY AS p(q, place) ORDER BY place",
            [job.pk, ids],
        )
        wake(job, len(ids))
    return job


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
        insert_items(
            ScoringItem,
            ["job_id", "candidate_id"],
            "SELECT %s, c FROM unnest(%s::bigint[]) WITH ORDINALITY AS p(c, place) ORDER BY place",
            [job.pk, ids],
        )
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
        raise NotPossible("There are no candidates to measure yet. Import or write some first.")
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
            "This model has measured every candidate in this way. Choose “again” to repeat it."
        )
    if count > MOST_ITEMS:
        raise NotPossible(f"At most {MOST_ITEMS:,} candidates fit into one job.")
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
        raise NotPossible(f"Choose one of these: {', '.join(SCORERS)}.")
    if plugin.partner and partner is None:
        raise NotPossible(f"{plugin.title} compares two models. Choose {plugin.partner} too.")
    if not plugin.partner and partner is not None:
        raise NotPossible(f"{plugin.title} needs one model only.")
    if partner is not None:
        check_checkpoint(project, partner)
        if partner.pk == checkpoint.pk:
            raise NotPossible("A model compared with itself says nothing. Choose two.")
    try:
        options = read_options(plugin.options_class, settings)
    except EngineError as error:
        raise NotPossible(str(error)) from error
    for each in filter(None, (checkpoint, partner)):
        _check_can(each, plugin.needs)
    return dict(dataclasses.asdict(options))


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
        raise NotPossible(f"Choose one of these protocols: {', '.join(PROTOCOLS)}.")
    way = PROTOCOLS[protocol]
    try:
        given = _with_learned(project, checkpoint, way, options or {}, seats or {})
        chosen = way.options_class.parse(given)
        way.check(chosen)
    except OptionRefused as refusal:
        raise NotPossible(str(refusal)) from refusal
    if way.simulates and not project.is_simulated:
        raise NotPossible(
            "Simulated annotators take the seats of people, so they may only judge in a project "
            "that is marked as simulated."
        )
    further = list(way.seats)[1:]
    for name, each in (seats or {}).items():
        if name not in further:
            known = ", ".join(further) or "none"
            raise NotPossible(f"This protocol has no seat “{name}”. Further seats: {known}.")
        check_checkpoint(project, each)
    for each in (checkpoint, *(seats or {}).values()):
        _check_can(each, way.needs(chosen))
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
        return "There is no prompt for this yet. Import some first."
    kinds = " or ".join(sorted(way.judgment_types))
    sentence = f"There is no {kinds} question that this model hasn't judged in this way."
    if (
        way.needs_criteria
        and not Rubric.objects.filter(project=project, criteria__kind=way.needs_criteria).exists()
    ):
        return f"{sentence} This protocol needs a list of criteria, and there is none yet."
    return sentence


def request_probe(checkpoint: Checkpoint, *, user: User | None = None) -> Probe:
    """Have workers find out what a checkpoint really does. One that is still under way is enough.
    Raises NotPossible."""
    if checkpoint.retired_at is not None:
        raise NotPossible(f"{checkpoint.label} was retired, so it isn't asked any more.")
    with transaction.atomic():
        made = probing.make(checkpoint, user)
        transaction.on_commit(lambda: tasks.send(tasks.run_probe, made.pk))
    return made


def cancel(job: Job) -> None:
    """Stop a job: at once if no worker is at it, else within seconds. What it wrote stays."""
    with transaction.atomic():
        job.request_cancel()
        if job.state == WorkState.CANCELLED:
            items_of(job).cancel_open()


def reopen(job: Job) -> None:
    """Let a job that ended go on: rows that were set aside or never begun are tried again.

    What it wrote stays, and is not written twice. Raises NotPossible if nothing is left to do.
    """
    with transaction.atomic():
        left = items_of(job).filter(
            state__in=[ItemState.FAILED, ItemState.CANCELLED, ItemState.READY]
        )
        if not left.exists():
            raise NotPossible("Nothing of this job is left to do.")
        reopened = (
            type(job)
            ._default_manager.filter(pk=job.pk, state__in=FINAL_STATES)
            .update(
                state=WorkState.QUEUED,
                error="",
                notice="",
                troubles=0,
                finished_at=None,
                cancel_requested_at=None,
                not_before=None,
            )
        )
        if not reopened:
            raise NotPossible("This job is still at work. Wait until it ends, or cancel it.")
        count = left.update(state=ItemState.READY, attempt=0, cause="", error="", not_before=None)
        job.refresh_from_db()
        wake(job, count)


def items_of(job: Job) -> Any:
    """The job's rows, as a queryset of items."""
    return job.items.all()  # type: ignore[attr-defined]


def wake(job: Job, count: int) -> None:
    """Tell workers about a job once it is committed; more than one where there is enough to do."""
    task = tasks.TASKS[type(job)]
    copies = min(MOST_WAKE_UPS, max(1, count // (4 * SLICE)))
    for _ in range(copies):
        transaction.on_commit(lambda: tasks.send(task, job.pk))


def check_checkpoint(project: Project, checkpoint: Checkpoint) -> None:
    """Raise NotPossible for a checkpoint of another project or one that was retired."""
    if checkpoint.project_id != project.pk:
        raise NotPossible("This checkpoint belongs to another project.")
    if checkpoint.retired_at is not None:
        raise NotPossible(f"{checkpoint.label} was retired. Choose another checkpoint.")


def _check_can(checkpoint: Checkpoint, needs: Collection[Capability]) -> None:
    """Raise NotPossible where a checkpoint can't do what a job needs."""
    try:
        require(checkpoint, needs)
    except EngineError as error:
        raise NotPossible(str(error)) from error


def job_fields(seed: int | None, max_cost: float | None, user: User | None) -> dict[str, Any]:
    """Fields every job has. Without a seed one is drawn: fences must not be guessable."""
    if seed is not None and not 0 <= seed < 2**63:
        raise NotPossible("A seed is a whole number from 0.")
    if max_cost is not None and max_cost <= 0:
        raise NotPossible("A budget is a number above 0.")
    drawn = secrets.randbits(62) if seed is None else seed
    return {"seed": drawn, "max_cost": max_cost, "requested_by": user}


def _plain(sampling: Sampling) -> dict[str, Any]:
    plain = {**dataclasses.asdict(sampling), "decoder": told(sampling.decoder)}
    return {name: value for name, value in plain.items() if value is not None}


def check_writer(project: Project, checkpoint: Checkpoint, sampling: Sampling) -> None:
    """Raise NotPossible where a checkpoint can't write in this way for a project."""
    check_checkpoint(project, checkpoint)
    _check_can(checkpoint, needs_of(sampling))


def needs_of(sampling: Sampling) -> set[Capability]:
    """What a model must be able to do to write in this way."""
    further = {Capability.DECODERS} if sampling.decoder is not None else set()
    return {Capability.GENERATE} | further


def _system_of(checkpoint: Checkpoint) -> System:
    system, _ = System.objects.get_or_create(
        project=checkpoint.project, name=checkpoint.label, defaults={"family": checkpoint.family}
    )
    return system


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
