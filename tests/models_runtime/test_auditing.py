"""Audits of judges as jobs, and what they decide."""

import random
from typing import Any

import pytest
from django.db import Error

from annotation.models import Annotator, AnnotatorKind, Judgment, Project
from annotation.submission import record
from models_runtime import audit_gate
from models_runtime.audit_catalogue import AUDITS
from models_runtime.audit_requests import expected, request_audit
from models_runtime.auditing import run_audit
from models_runtime.enqueue import cancel, request_judging
from models_runtime.errors import NotPossible
from models_runtime.models import AuditCall, AuditJob, Checkpoint
from tests.cast import make_project
from tests.models_runtime.worlds import pair, scripted

pytestmark = pytest.mark.django_db
LABELLED = {"template": "labelled@1", "reducer": "logit_mean"}
PAIRS = 24


@pytest.fixture
def world() -> Project:
    """Pairs that three people have answered by what they are worth."""
    project = make_project("audited")
    rng = random.Random(3)
    people = [
        Annotator.objects.create(
            project=project, kind=AnnotatorKind.PERSON, external_id=f"person-{n}"
        )
        for n in range(3)
    ]
    for number in range(PAIRS):
        worth = [rng.gauss(0, 2) for _ in range(2)]
        texts = [f"**Ask** them first. {'So it goes. ' * 30}⟦u={u:.3f}⟧" for u in worth]
        asked = pair(project, number, *texts)
        for person in people:
            record(
                question=asked, annotator=person,
                payload={"strength": 2 if worth[0] > worth[1] else -2},
                submission_key=f"{person.pk}-{number}", source="import",
            )  # fmt: skip
    return project


def audited(checkpoint: Checkpoint, **fields: Any) -> AuditJob:
    chosen: dict[str, Any] = {"options": LABELLED, "seed": 5} | fields
    job = request_audit(checkpoint.project, checkpoint, **chosen)
    while run_audit(job.pk) is not None:
        pass
    job.refresh_from_db()
    return job


def test_an_audit_ends_in_a_card_and_leaves_no_judgment(world: Project) -> None:
    before = Judgment.objects.count()
    checkpoint = scripted(world, noise=0.1)
    told = expected(world, checkpoint, options=LABELLED)
    job = audited(checkpoint)
    assert (job.state, job.progress_done, job.error) == ("done", PAIRS, "")
    findings = {each.audit: each for each in job.findings.all()}
    assert findings.keys() == AUDITS.keys()
    grades = {slug: each.grade for slug, each in findings.items()}
    assert grades["position"] == grades["agreement"] == grades["injection"] == "pass"
    assert grades["best_of_n"] == grades["drift"] == grades["self_preference"] == "unknown"
    assert findings["position"].figures[0]["denominator"] == PAIRS
    assert findings["calibration"].detail["curve"]
    assert Judgment.objects.count() == before
    calls = AuditCall.objects.filter(item__job=job)
    assert calls.count() == told.calls
    assert told.pairs == PAIRS
    assert calls.filter(step="plain/ab").count() == PAIRS
    assert not calls.filter(step__startswith="swapped").exists()


def test_an_audit_that_was_cut_off_asks_only_what_is_missing(world: Project) -> None:
    checkpoint = scripted(world)
    whole = audited(checkpoint, audits=["padding", "repeatability"])
    other = request_audit(
        world, checkpoint, options=LABELLED, seed=5, audits=["padding", "repeatability"]
    )
    AuditCall.objects.bulk_create(
        AuditCall(
            item=other.items.get(question=call.item.question_id),
            **{
                field.attname: getattr(call, field.attname)
                for field in AuditCall._meta.concrete_fields
                if field.attname not in {"id", "item_id"}
            },
        )
        for call in AuditCall.objects.filter(item__job=whole).select_related("item")
        if call.pk % 3
    )
    run_audit(other.pk)
    assert AuditCall.objects.filter(item__job=other).count() == (
        AuditCall.objects.filter(item__job=whole).count()
    )
    assert [each.figures for each in other.findings.all()] == [
        each.figures for each in whole.findings.all()
    ]


def test_a_biased_judge_is_found_and_one_that_writes_too(world: Project) -> None:
    job = audited(scripted(world, position_bias=3.0), options={}, audits=["position"])
    (finding,) = job.findings.all()
    assert finding.grade == "fail"
    assert finding.figures[0]["unit"] == "win share"
    assert audit_gate.grade_of(job) == "fail"


def test_drift_compares_with_an_earlier_card(world: Project) -> None:
    first = audited(scripted(world, "amber-1"), audits=["drift"])
    assert audit_gate.grade_of(first) == "unknown"
    same = audited(scripted(world, "amber-2"), audits=["drift"], earlier=first)
    assert same.findings.get().figures[0]["estimate"] == 1.0
    contrary = audited(scripted(world, "amber-3", noise=20.0), audits=["drift"], earlier=first)
    assert contrary.findings.get().grade != "pass"


def test_a_cancelled_audit_stops_and_a_cap_ends_it(world: Project) -> None:
    job = request_audit(world, scripted(world), options=LABELLED)
    cancel(job)
    assert run_audit(job.pk) is None
    assert (job.state, job.items.filter(state="cancelled").count()) == ("cancelled", PAIRS)
    assert not job.findings.exists()


def test_a_judge_without_a_good_card_may_not_label_where_the_owner_asks_for_one(
    world: Project,
) -> None:
    checkpoint = scripted(world, position_bias=3.0)
    audit_gate.set_rule(world, demands=True, user=None)
    with pytest.raises(NotPossible, match="has none for"):
        request_judging(world, checkpoint, options=LABELLED)
    request_judging(world, checkpoint, trial=True, options=LABELLED)
    audited(checkpoint, audits=["position"])
    with pytest.raises(NotPossible, match="may not label yet.*gains"):
        request_judging(world, checkpoint, options=LABELLED)
    with pytest.raises(NotPossible, match="Say why"):
        audit_gate.let_through(world, checkpoint, "pairwise", LABELLED, reason=" ", user=None)
    waiver = audit_gate.let_through(
        world, checkpoint, "pairwise", LABELLED, reason="Only to compare.", user=None
    )
    assert waiver.job is not None
    request_judging(world, checkpoint, options=LABELLED)
    with pytest.raises(NotPossible, match="has none for"):
        request_judging(world, checkpoint, options={})
    audited(checkpoint, audits=["position"])
    with pytest.raises(NotPossible, match="may not label yet"):
        request_judging(world, checkpoint, options=LABELLED)
    audit_gate.set_rule(world, demands=False, user=None)
    request_judging(world, checkpoint, options={})


def test_a_good_card_lets_a_judge_label(world: Project) -> None:
    checkpoint = scripted(world)
    audit_gate.set_rule(world, demands=True, user=None)
    audited(checkpoint, audits=["position", "repeatability"])
    assert request_judging(world, checkpoint, options=LABELLED).annotator is not None


def test_what_can_not_be_audited_is_refused_with_a_sentence(world: Project) -> None:
    checkpoint = scripted(world)
    for fields, words in (
        ({"protocol": "direct_rating"}, "doesn't judge pairs"),
        ({"audits": ["charm"]}, "Choose some of these"),
        ({"audits": []}, "Choose some of these"),
        ({"limits": {"charm": 1.0}}, "Choose some of these"),
        ({"pairs": 0}, "Audit 1 to"),
        ({"max_cost": -1.0}, "A budget"),
    ):
        with pytest.raises(NotPossible, match=words):
            request_audit(world, checkpoint, **fields)
    empty = make_project("empty")
    with pytest.raises(NotPossible, match="no question about two"):
        request_audit(empty, scripted(empty))


def test_rules_and_leaves_are_history(world: Project) -> None:
    rule = audit_gate.set_rule(world, demands=True, user=None)
    rule.demands_card = False
    with pytest.raises(Error, match="append"):
        rule.save()
