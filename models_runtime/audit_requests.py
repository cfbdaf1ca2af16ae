"""Asking for audits of judges: rows first, then a wake-up after the commit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Count

from annotation.models import Project, Question, QuestionState, User, WorkState
from models_runtime.audit_catalogue import audits_for, kind_of
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
    have answered, and wake workers. Without `audits` all are made. Raises NotPossible.
    """
    way, chosen, _ = check_way(project, checkpoint, protocol, options)
    offered = audits_for(way)
    if not offered:
        raise NotPossible(
            f"“{way.title}” neither compares two responses nor rates or checks them, so there are "
            "no audits of it. Choose a protocol that does."
        )
    slugs = list(offered) if audits is None else list(dict.fromkeys(audits))
    unknown = [slug for slug in (*slugs, *(limits or {})) if slug not in offered]
    if unknown or not slugs:
        raise NotPossible(f"Choose some of these audits: {', '.join(offered)}.")
    if not 1 <= pairs <= MOST_PAIRS:
        raise NotPossible(f"Audit 1 to {MOST_PAIRS:,} pairs.")
    if earlier is not None and (
        earlier.project_id != project.pk or earlier.state != WorkState.DONE
    ):
        raise NotPossible("Compare with a finished card of this project.")
    ids = answered_first(_questions_of(project, way))[:pairs]
    if not ids:
        raise NotPossible(
            "There is no question about two responses to audit a judge on yet."
            if kind_of(way) == COMPARED
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
    ids = answered_first(_questions_of(project, way))[:pairs]
    seated = dict.fromkeys(way.seats, checkpoint)
    looked = subjects_of(ids[:LOOKED_AT], way, chosen, seed=0, seated=seated)
    calls = 0
    for question, subject in looked:
        pair = bare_pair(question, subject.texts)
        both = shows_both_orders(subject, way, chosen)
        copies = 1 + len(variants_of(pair, audits or audits_for(way), both_orders=both))
        calls += copies * way.cost(Shape.of(subject), chosen).fewest
    scaled = round(calls * len(ids) / len(looked)) if looked else 0
    return Expected(len(ids), scaled, estimate_calls(checkpoint, scaled))


def _questions_of(project: Project, way: JudgingProtocol) -> list[int]:
    """Questions that this way of judging can be audited on."""
    if kind_of(way) != COMPARED:
        return items_to_judge(project, way, None)
    questions = Question.objects.filter(project=project, judgment_type="pairwise")
    usable = questions.exclude(state=QuestionState.WITHDRAWN).annotate(n=Count("placements"))
    return list(usable.filter(n=2).order_by("id").values_list("id", flat=True))
