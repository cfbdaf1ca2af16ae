"""Audits of judges as jobs, and what they decide."""

import random
from typing import Any

import pytest
from django.db import Error

from annotation.models import (
    Annotator,
    AnnotatorKind,
    Judgment,
    Measurement,
    Project,
    Question,
)
from annotation.submission import record
from models_runtime import audit_gate
from models_runtime.audit_catalogue import AUDITS
from models_runtime.audit_requests import expected, request_audit
from models_runtime.auditing import run_audit
from models_runtime.audits import PAIRS as PAIRS_AUDITED
from models_runtime.audits import RANKINGS
from models_runtime.audits import SCORES as SCORES_AUDITED
from models_runtime.checkpoints import register
from models_runtime.enqueue import cancel, request_judging
from models_runtime.errors import NotPossible
from models_runtime.models import AuditCall, AuditJob, Checkpoint
from tests.cast import make_project
from tests.models_runtime.loopback import model_server
from tests.models_runtime.test_judging_protocols import world as judged_world
from tests.models_runtime.worlds import pair, scripted, served

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
    assert findings.keys() == {slug for slug, audit in AUDITS.items() if audit.of == PAIRS_AUDITED}
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


def test_a_cancelled_audit_stops(world: Project) -> None:
    job = request_audit(world, scripted(world), options=LABELLED)
    cancel(job)
    assert run_audit(job.pk) is None
    assert (job.state, job.items.filter(state="cancelled").count()) == ("cancelled", PAIRS)
    assert not job.findings.exists()


@pytest.mark.parametrize("in_flight", [1, 4])
def test_a_money_cap_ends_an_audit_with_what_was_on_its_way(
    world: Project, settings: Any, in_flight: int
) -> None:
    """Any call costs more than the cap: no more are made than are in flight, and all are kept."""
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with model_server() as server:
        judge = served(world, server.url, price_in=1e6, price_out=1e6, in_flight=in_flight)
        job = audited(judge, options={}, max_cost=1.5)
    assert job.state == "failed"
    assert "spent its budget" in job.error
    calls = AuditCall.objects.filter(item__job=job)
    assert calls.count() == server.engine.calls == in_flight
    assert not job.findings.exists()


def test_a_judge_without_a_good_card_may_not_label_unless_the_owner_asks_for_none(
    world: Project,
) -> None:
    biased = {"position_bias": 3.0}
    checkpoint = register(
        project=world, name="amber", engine="scripted", model="amber", options=biased
    )
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


def test_every_model_in_a_seat_needs_a_card_of_its_own(world: Project) -> None:
    """A jury with an unaudited juror would let it vote behind the first one's back."""
    audit_gate.set_rule(world, demands=True, user=None)
    good, biased = scripted(world), scripted(world, "likes-the-first", position_bias=3.0)
    seats = {"strong": biased}
    ask: dict[str, Any] = {"protocol": "cascade", "options": {}}
    audited(good, **ask, audits=["repeatability"])
    with pytest.raises(NotPossible, match="likes-the-first .scripted. has none for"):
        request_judging(world, good, **ask, seats=seats)
    audited(biased, **ask, audits=["position"])
    with pytest.raises(NotPossible, match="likes-the-first .scripted. may not label yet"):
        request_judging(world, good, **ask, seats=seats)
    audit_gate.let_through(world, biased, "cascade", {}, reason="To compare.", user=None)
    assert request_judging(world, good, **ask, seats=seats).seats.count() == 1


def test_what_can_not_be_audited_is_refused_with_a_sentence(world: Project) -> None:
    checkpoint = scripted(world)
    for fields, words in (
        ({"protocol": "checklist_writer"}, "neither compares, rates"),
        ({"protocol": "direct_rating"}, "no rating question"),
        ({"audits": ["score_length"]}, "Choose some of these"),
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


# --- Judges that rate and check -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("protocol", "options"),
    [("direct_rating", {}), ("direct_rating", {"labelled": True}), ("checklist", {})],
)
def test_a_judge_that_scores_is_audited_before_it_labels(
    protocol: str, options: dict[str, Any]
) -> None:
    """Repeating, length, claims, destroyed meaning, other typing, orders, people: on a card."""
    project = judged_world(prompts=24)
    kind = "rating" if protocol == "direct_rating" else "checklist"
    for question in Question.objects.filter(judgment_type=kind):
        for name in ("ada", "ben"):
            scored_by(project, question, name)
    checkpoint = scripted(project)
    audit_gate.set_rule(project, demands=True, user=None)
    way: dict[str, Any] = {"protocol": protocol, "options": options}
    with pytest.raises(NotPossible, match="has none for"):
        request_judging(project, checkpoint, **way)
    before = Judgment.objects.count()
    job = audited(checkpoint, **way)
    assert Judgment.objects.count() == before
    assert job.state == "done"
    findings = {each.audit: each for each in job.findings.all()}
    scores = {slug for slug, audit in AUDITS.items() if audit.of == SCORES_AUDITED}
    assert findings.keys() == scores
    assert len(scores) == 12
    assert {slug for slug, each in findings.items() if each.grade == "unknown"} == {
        "score_best_of_n", "score_drift", "score_resemblance", "score_self_preference",
        "score_style",
    }  # fmt: skip
    assert findings["score_repeatability"].figures[0]["estimate"] == 1.0
    assert findings["score_agreement"].figures[0]["denominator"] > 0
    calls = AuditCall.objects.filter(item__job=job, status="ok")
    assert calls.values("step").distinct().count() >= 8
    assert findings["score_over_stability"].grade == "fail"  # it reads the planted tag wherever
    with pytest.raises(NotPossible, match="words reversed"):
        request_judging(project, checkpoint, **way)
    audited(checkpoint, **way, audits=["score_repeatability", "score_sycophancy"])
    assert request_judging(project, checkpoint, **way).annotator is not None


def test_a_rating_judge_that_likes_length_may_not_label() -> None:
    project = judged_world(prompts=24)
    checkpoint = scripted(project, length_bias=6.0)
    audit_gate.set_rule(project, demands=True, user=None)
    job = audited(checkpoint, protocol="direct_rating", options={})
    assert job.findings.get(audit="score_length").grade == "fail"
    with pytest.raises(NotPossible, match="Lines that say nothing move a response"):
        request_judging(project, checkpoint, protocol="direct_rating")


def scored_by(project: Project, question: Question, name: str) -> None:
    """A person who likes the first response."""
    person, _ = Annotator.objects.get_or_create(
        project=project, external_id=name, defaults={"kind": AnnotatorKind.PERSON}
    )
    criteria = [str(each.position) for each in question.rubric.criteria.all()]  # type: ignore[union-attr]
    rates = question.judgment_type == "rating"
    cells = {
        str(place): dict.fromkeys(criteria, (5 - 4 * place) if rates else ("yes", "no")[place])
        for place in range(2)
    }
    payload: dict[str, Any] = {"ratings" if rates else "answers": cells}
    if rates:
        payload["scales"] = {key: [1, 5] for key in criteria}
    record(
        question=question, annotator=person, payload=payload,
        submission_key=f"{name}-{question.pk}", source="import",
    )  # fmt: skip


# --- Judges that rank -----------------------------------------------------------------------------

RANKERS = ("run_off", "universal_consistency", "self_tournament", "p_true")


def ranked_by(project: Project, question: Question, name: str, tiers: list[list[int]]) -> None:
    person, _ = Annotator.objects.get_or_create(
        project=project, kind=AnnotatorKind.PERSON, external_id=name
    )
    record(
        question=question, annotator=person, payload={"tiers": tiers, "of": 3},
        submission_key=f"{name}-{question.pk}", source="import",
    )  # fmt: skip


@pytest.mark.parametrize("protocol", RANKERS)
def test_a_judge_that_ranks_is_audited_before_it_labels(protocol: str) -> None:
    """Place, repeating, length, claims, destroyed meaning, typing, orders, people: on a card."""
    project = judged_world(prompts=24)
    Question.objects.exclude(judgment_type="ranking").delete()
    rankings = list(Question.objects.filter(judgment_type="ranking"))
    for number, question in enumerate(rankings):
        for name in ("ada", "ben"):
            ranked_by(project, question, name, [[0], [number % 2 + 1], [2 - number % 2]])
        for placement in question.placements.select_related("candidate"):
            Measurement.objects.create(
                candidate=placement.candidate, name="correct",
                number=float(placement.position == 0), source="known",
            )  # fmt: skip
    checkpoint = scripted(project, noise=0.2)
    audit_gate.set_rule(project, demands=True, user=None)
    with pytest.raises(NotPossible, match="has none for"):
        request_judging(project, checkpoint, protocol=protocol)
    told = expected(project, checkpoint, protocol=protocol)
    before = Judgment.objects.count()
    job = audited(checkpoint, protocol=protocol, options={})
    assert (job.state, job.error, job.progress_done) == ("done", "", 24)
    assert Judgment.objects.count() == before
    calls = AuditCall.objects.filter(item__job=job)
    assert calls.count() == told.calls
    findings = {each.audit: each for each in job.findings.all()}
    assert findings.keys() == {slug for slug, audit in AUDITS.items() if audit.of == RANKINGS}
    unknown = {slug for slug, each in findings.items() if each.grade == "unknown"}
    assert unknown - {"ranking_over_stability"} == {
        "ranking_drift", "ranking_resemblance", "ranking_self_preference", "ranking_style"
    }  # fmt: skip
    steady = findings["ranking_repeatability"].figures[0]["estimate"]
    if (
        protocol == "universal_consistency"
    ):  # even texts: the scripted model takes what it sees first
        assert steady < 0.5
        assert findings["ranking_position"].figures[0]["estimate"] > 0.1
        assert findings["ranking_position"].grade == "fail"
        with pytest.raises(NotPossible, match="shown first gains"):
            request_judging(project, checkpoint, protocol=protocol)
    else:
        assert steady > 0.7
    shown = [each["name"] for each in findings["ranking_position"].figures]
    assert ("bias" in shown) is (protocol != "p_true")  # which shows one response at a time
    assert findings["ranking_best_of_n"].figures[0]["denominator"] == 24
    assert findings["ranking_agreement"].figures[2]["estimate"] == 1.0
    audited(checkpoint, protocol=protocol, options={}, audits=["ranking_sycophancy"])
    made = request_judging(project, checkpoint, protocol=protocol)
    assert made.annotator is not None
    again = audited(
        checkpoint, protocol=protocol, options={}, audits=["ranking_drift"], earlier=job
    )
    assert again.findings.get().figures[0]["denominator"] >= 24
