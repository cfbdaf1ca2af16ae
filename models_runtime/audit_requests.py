"""Asking for audits of judges: rows first, then a wake-up after the commit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Count

from annotation.models import Project, Question, User, WorkState
from annotation.phrases import say
from models_runtime.audit_catalogue import ASKED, AUDITS, audits_for, kind_of, kinds_of
from models_runtime.audit_material import bare_pair, variants_of
from models_runtime.audit_talk import shows_both_orders
from models_runtime.audits import PAIRS as COMPARED
from models_runtime.call_estimates import CallsEstimate, estimate_calls
from models_runtime.enqueue import (
    DEFAULT_PROTOCOL,
    answered_first,
    check_way,
    items_to_judge,
    job_fields,
    nothing_to_judge,
    wake,
)
from models_runtime.errors import NotPossible
from models_runtime.judging.protocol import JudgingProtocol
from models_runtime.judging.subject import Shape
from models_runtime.judging_cases import subjects_of
from models_runtime.models import AuditItem, AuditJob, Checkpoint
from models_runtime.models.items import insert_items

PAIRS = 200
MOST_PAIRS = 5000
LOOKED_AT = 10


@dataclass(frozen=True)
class Expected:
    """What an audit would ask: pairs, and calls without repairs and new attempts, with what those
    would take of the model."""

    pairs: int
    calls: int
    takes: CallsEstimate


def request_audit(
    project: Project,
    checkpoint: Checkpoint,
    *,
    protocol: str = DEFAULT_PROTOCOL,
    options: Mapping[str, Any] | None = None,
    audits: Sequence[str] | None = None,
    pairs: int = PAIRS,
    limits: Mapping[str, float] | None = None,
    earlier: AuditJob | None = None,
    seed: int | None = None,
    max_cost: float | None = None,
    user: User | None = None,
) -> AuditJob:
    """Write down that a judge is to be audited on the project's pairs, those first that most people
    have answered, and wake workers. Without `audits` all are made that fit the protocol and the
    questions there are. Raises NotPossible.
    """
    way, chosen, _ = check_way(project, checkpoint, protocol, options)
    offered = audits_for(way)
    if not offered:
        raise NotPossible(
            say(
                "“%(way_title)s” neither compares, rates, checks nor ranks responses, so "
                "there are no audits of it. Choose a protocol that does.",
                way_title=way.title,
            )
        )
    kind, ids = _material(project, way, audits)
    fit = [slug for slug, audit in offered.items() if audit.of == kind]
    slugs = fit if audits is None else list(dict.fromkeys(audits))
    unknown = [slug for slug in (*slugs, *(limits or {})) if slug not in fit]
    if unknown or not slugs:
        raise NotPossible(say("Choose some of these audits: %(names)s.", names=", ".join(fit)))
    if not 1 <= pairs <= MOST_PAIRS:
        raise NotPossible(say("Audit 1 to %(most_pairs)s pairs.", most_pairs=f"{MOST_PAIRS:,}"))
    if earlier is not None and (
        earlier.project_id != project.pk or earlier.state != WorkState.DONE
    ):
        raise NotPossible(say("Compare with a finished card of this project."))
    ids = answered_first(ids)[:pairs]
    if not ids:
        raise NotPossible(
            say("There is no question about two responses to audit a judge on yet.")
            if kind == COMPARED
            else nothing_to_judge(project, way)
        )
    with transaction.atomic():
        job = AuditJob.objects.create(
            project=project,
            checkpoint=checkpoint,
            protocol=protocol,
            options=chosen.given(),
            audits=slugs,
            limits=dict(limits or {}),
            earlier=earlier,
            progress_total=len(ids),
            **job_fields(seed, max_cost, user),
        )
        insert_items(
            AuditItem,
            ["job_id", "question_id", "trials"],
            "SELECT %s, q, '{}'::jsonb FROM unnest(%s::bigint[]) WITH ORDINALITY AS p(q, place) "
            "ORDER BY place",
            [job.pk, ids],
        )
        wake(job, len(ids))
    return job


def expected(
    project: Project,
    checkpoint: Checkpoint,
    *,
    protocol: str = DEFAULT_PROTOCOL,
    options: Mapping[str, Any] | None = None,
    audits: Sequence[str] | None = None,
    pairs: int = PAIRS,
) -> Expected:
    """What an audit would ask, scaled up from its first pairs. Raises NotPossible."""
    way, chosen, _ = check_way(project, checkpoint, protocol, options)
    kind, ids = _material(project, way, audits)
    ids = answered_first(ids)[:pairs]
    wanted = audits or [slug for slug, audit in audits_for(way).items() if audit.of == kind]
    seated = dict.fromkeys(way.seats, checkpoint)
    looked = subjects_of(ids[:LOOKED_AT], way, chosen, seed=0, seated=seated)
    calls = 0
    for question, subject in looked:
        pair = bare_pair(question, subject.texts)
        both = shows_both_orders(subject, way, chosen)
        copies = 1 + len(variants_of(pair, wanted, both_orders=both))
        calls += copies * way.cost(Shape.of(subject), chosen).fewest
    scaled = round(calls * len(ids) / len(looked)) if looked else 0
    return Expected(len(ids), scaled, estimate_calls(checkpoint, scaled))


def _material(
    project: Project, way: JudgingProtocol, audits: Sequence[str] | None
) -> tuple[str, list[int]]:
    """What a judge under this protocol is audited as, and the questions for it: what the audits are
    of that were asked for, else the first that the project has questions for."""
    kinds = kinds_of(way)
    asked = kind_of(slug for slug in audits or () if slug in AUDITS)
    if asked in kinds:
        return asked, _questions_of(project, way, asked)
    for kind in kinds:
        if ids := _questions_of(project, way, kind):
            return kind, ids
    return (kinds[0] if kinds else ""), []


def _questions_of(project: Project, way: JudgingProtocol, kind: str) -> list[int]:
    """Questions on which this way of judging can be audited as a judge of that kind."""
    judged = items_to_judge(project, way, None)
    usable = Question.objects.filter(pk__in=judged, judgment_type__in=ASKED[kind])
    if kind == COMPARED:
        usable = usable.annotate(n=Count("placements")).filter(n=2)
    return list(usable.order_by("id").values_list("id", flat=True))
