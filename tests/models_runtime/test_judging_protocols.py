"""Every protocol as a job: rows in, workers' shifts, judgments and raw calls out."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from annotation.content import add_candidate, add_prompt
from annotation.models import (
    Annotator,
    AnnotatorKind,
    Candidate,
    Criterion,
    Judgment,
    Placement,
    Project,
    Prompt,
    Question,
    Rubric,
    WorkState,
)
from annotation.questions import ask
from models_runtime import enqueue, tasks
from models_runtime.catalogue import PROTOCOLS
from models_runtime.checkpoints import register
from models_runtime.engines import ModelReference
from models_runtime.engines.scripted import ScriptedEngine, ScriptedOptions
from models_runtime.errors import NotPossible
from models_runtime.judging.protocol import JudgingProtocol
from models_runtime.judging.subject import Shape
from models_runtime.judging_questions import Bench, run_judging
from models_runtime.models import Checkpoint, ItemState, JudgeCall, JudgingItem, JudgingJob
from models_runtime.outcomes import Outcome
from models_runtime.shifts import Shift
from tests.cast import make_project
from tests.models_runtime.local_models import tiny_labeller, tiny_writer
from tests.models_runtime.loopback import model_server
from tests.models_runtime.test_judging_questions import carry_out
from tests.models_runtime.worlds import scripted, served, without_cards

pytestmark = pytest.mark.django_db

TEXTS = ("Ask them first, then agree. ⟦u=1⟧", "It is what it is. ⟦u=-1⟧", "Perhaps. ⟦u=-0.3⟧")
CHECKS = ("Does it name a next step?", "Is it kind?", "Is it safe?")
LABELLED: dict[str, dict[str, Any]] = {
    "pairwise": {"template": "labelled@1", "reducer": "logit_mean"},
    "direct_rating": {"labelled": True},
    "checklist": {"way": "labelled"},
    "verification": {"labelled": True},
    "p_true": {},
}


def rubric(project: Project, prompt: Prompt | None, kind: str, texts: tuple[str, ...]) -> Rubric:
    made = Rubric.objects.create(project=project, prompt=prompt, name=f"{kind} {prompt}")
    Criterion.objects.bulk_create(
        Criterion(rubric=made, position=n, text=text, kind=kind) for n, text in enumerate(texts)
    )
    return made


def world(slug: str = "advice", prompts: int = 2, **fields: Any) -> Project:
    """Prompts with three responses, asked about in pairs, rankings, ratings and checklists."""
    project = make_project(slug, **fields)
    scale = rubric(project, None, "scale", ("How useful is it?", "How kind is it?"))
    for number in range(prompts):
        prompt = add_prompt(project=project, messages=f"Help {number}?", external_id=f"p{number}")
        checklist = rubric(project, prompt, "yes_no", CHECKS)
        made = [
            add_candidate(prompt=prompt, text=text, external_id=f"{number}-{n}", system=f"s{n}")
            for n, text in enumerate(TEXTS)
        ]
        add_candidate(prompt=prompt, text="It answers. It is kind.", system="reference")
        ask(project=project, candidates=made[:2], judgment_type="pairwise")
        ask(project=project, candidates=made, judgment_type="ranking")
        ask(project=project, candidates=made[:2], judgment_type="rating", rubric=scale)
        ask(project=project, candidates=made[:2], judgment_type="checklist", rubric=checklist)
    return project


def judge(project: Project, checkpoint: Checkpoint, protocol: str, **options: Any) -> JudgingJob:
    job = enqueue.request_judging(project, checkpoint, protocol=protocol, options=options, seed=3)
    return carry_out(job)


@pytest.mark.parametrize("slug", sorted(PROTOCOLS))
def test_a_protocol_runs_from_request_to_judgments(slug: str) -> None:
    project = world(is_simulated=PROTOCOLS[slug].simulates)
    Rubric.objects.update(frozen_at="2026-01-01T00:00:00Z")
    job = judge(project, scripted(project), slug)
    assert (job.state, job.error) == (WorkState.DONE, "")
    items = JudgingItem.objects.filter(job=job)
    assert set(items.values_list("state", flat=True)) == {ItemState.DONE}
    invalid = items.filter(outcome=Outcome.INVALID)
    assert not invalid.exists(), invalid[0].why
    protocol = PROTOCOLS[slug]
    if protocol.judgment_types:
        assert Judgment.objects.counted().count() == items.count() > 0
        kinds = set(Judgment.objects.values_list("question__judgment_type", flat=True))
        assert kinds == protocol.judgment_types
    calls = JudgeCall.objects.filter(item__job=job)
    names = {template.name for template in protocol.templates}
    assert set(calls.values_list("template", flat=True)) <= names
    assert_cost(job)


def assert_cost(job: JudgingJob) -> None:
    """The calls counted are those the protocol states for the questions' shapes."""
    protocol, options = job.read_protocol(), job.read_options()
    fewest = most = 0
    for item in job.items.select_related("question__rubric"):
        shape = Shape(0, len(CHECKS))
        if item.question is not None:
            own = item.question.rubric
            count = own.criteria.count() if own else len(CHECKS)
            shape = Shape(item.question.placements.count(), count)
        cost = protocol.cost(shape, options)
        fewest, most = fewest + cost.fewest, most + cost.most
    assert fewest <= JudgeCall.objects.filter(item__job=job).count() <= most


ENGINES = ("scripted", "server", "local")
SHORT = {"reasks": 0, "repairs": False}  # random weights aren't asked twice for what they lack
LOCAL_WAYS: dict[str, dict[str, Any]] = {
    "principled_scores": {"samples": 1},
    "verification": {"verifications": 1},
    "debate": {"turns": 1},
}


@contextmanager
def checkpoint_of(engine: str, project: Project, model: str = "") -> Iterator[Checkpoint]:
    """A checkpoint behind each kind of engine: in the process, on the wire, weights on the CPU."""
    if engine == "scripted":
        yield scripted(project)
    elif engine == "server":
        with model_server() as server:
            yield served(project, server.url, in_flight=4)
    else:
        without_cards(project)
        yield register(
            project=project, name="tiny", engine="transformers_local", model=model or tiny_writer(),
            options={"device": "cpu", "dtype": "float32", "batching": "padded"},
        )  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("slug", sorted(PROTOCOLS))
def test_every_protocol_runs_through_celerys_task_on_every_engine(
    slug: str, engine: str, settings: Any
) -> None:
    """From the request to the end state. What random weights write can seldom be read: then there
    is no judgment and the item says why; it is never a tie."""
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    protocol = PROTOCOLS[slug]
    project = world(prompts=1, is_simulated=protocol.simulates)
    Rubric.objects.update(frozen_at="2026-01-01T00:00:00Z")
    way = {**SHORT, **LOCAL_WAYS.get(slug, {})} if engine == "local" else {}
    with checkpoint_of(engine, project) as checkpoint:
        job = enqueue.request_judging(
            project, checkpoint, protocol=slug, options=way, seed=3, max_cost=10.0
        )
        while not job.is_final:
            JudgingItem.objects.update(not_before=None)
            JudgingJob.objects.update(not_before=None)
            tasks.run_judging.apply(args=(job.pk,)).get()
            job.refresh_from_db()
    assert (job.state, job.error) == (WorkState.DONE, "")
    items = list(JudgingItem.objects.filter(job=job))
    assert {item.state for item in items} == {ItemState.DONE}
    assert not job.items.filter(calls__status="engine_error").exists()
    for item in items:
        assert_ends_right(item, protocol)
    if engine != "local":
        assert all(item.outcome != Outcome.INVALID for item in items)
        assert_cost(job)


def assert_ends_right(item: JudgingItem, protocol: JudgingProtocol) -> None:
    """A verdict rests on replies that were read; without any there is a reason and no judgment."""
    read = item.calls.filter(status__in=["ok", "repaired"]).exists()
    if item.outcome == Outcome.INVALID:
        assert item.why
        assert item.judgment is None
        assert item.rubric is None
    else:
        assert read
        assert (item.judgment is not None) == bool(protocol.judgment_types)


LABELS: dict[str, tuple[str, ...]] = {
    "pairwise": ("A", "B", "C"),
    "direct_rating": ("1", "2", "3", "4", "5"),
    "checklist": ("Yes", "No"),
    "verification": ("Yes", "No"),
    "p_true": ("True", "False"),
}


@pytest.mark.parametrize("slug", sorted(LABELLED))
def test_label_probabilities_of_a_local_model_are_verdicts(slug: str) -> None:
    """A label's probability needs no writing: real verdicts, from a model with random weights."""
    project = world(prompts=1)
    Rubric.objects.update(frozen_at="2026-01-01T00:00:00Z")
    with checkpoint_of("local", project, tiny_labeller(LABELS[slug])) as checkpoint:
        job = judge(project, checkpoint, slug, **LABELLED[slug])
    assert (job.state, job.error) == (WorkState.DONE, "")
    calls = JudgeCall.objects.filter(item__job=job)
    assert set(calls.values_list("status", flat=True)) == {"ok"}
    told: list[tuple[Any, Any]] = list(calls.values_list("label_probabilities", "label_mass"))
    for shares, mass in told:
        assert set(shares) == set(LABELS[slug])
        assert sum(shares.values()) == pytest.approx(1)
        assert 0.5 <= mass <= 1
    assert not JudgingItem.objects.filter(job=job, judgment__isnull=True).exists()


def test_labels_that_a_local_model_does_not_mean_are_no_verdict() -> None:
    project = world(prompts=1)
    with checkpoint_of("local", project, tiny_labeller(("Yes", "No"))) as checkpoint:
        job = judge(project, checkpoint, "pairwise", template="labelled@1")
    assert set(JudgeCall.objects.values_list("status", flat=True)) == {"unparsable"}
    assert job.items.get().outcome == Outcome.INVALID
    assert not Judgment.objects.exists()


WRITTEN = sorted(set(PROTOCOLS) - {"p_true", "persona"})


def test_every_written_protocol_gets_the_same_from_a_server(settings: Any) -> None:
    """The scripted logic behind the wire and in the process: the same judgments."""
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    here, there = world("here", prompts=1), world("there", prompts=1)
    Rubric.objects.update(frozen_at="2026-01-01T00:00:00Z")
    near = scripted(here)
    with model_server() as server:
        far = served(there, server.url, in_flight=4)
        for slug in WRITTEN:
            judge(here, near, slug)
            job = judge(there, far, slug)
            assert (job.state, job.error) == (WorkState.DONE, ""), slug
    assert payloads(here) == payloads(there)
    assert len(payloads(here)) > 15


def payloads(project: Project) -> list[tuple[str, str, Any]]:
    """(protocol, kind, payload) of a project's judgments."""
    rows = JudgingItem.objects.filter(job__project=project, judgment__isnull=False)
    found = rows.values_list("job__protocol", "judgment__judgment_type", "judgment__payload")
    return sorted(found, key=str)


def test_label_protocols_get_the_same_from_a_server(settings: Any) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    here, there = world("here", prompts=1), world("there", prompts=1)
    Rubric.objects.update(frozen_at="2026-01-01T00:00:00Z")
    near = scripted(here)
    with model_server() as server:
        far = served(there, server.url)
        for slug, way in LABELLED.items():
            judge(here, near, slug, **way)
            assert judge(there, far, slug, **way).state == WorkState.DONE
    assert payloads(here) == payloads(there)
    calls = JudgeCall.objects.filter(item__job__project=there)
    assert not calls.filter(label_probabilities__isnull=True).exists()
    assert not calls.filter(status="unparsable").exists()


def test_hindsight_is_kept_in_two_phases_like_peoples() -> None:
    project = world(prompts=1)
    job = judge(project, scripted(project), "hindsight")
    first, later = Judgment.objects.order_by("id")
    assert (first.phase, later.phase, later.supersedes) == (1, 2, first)
    assert job.items.get().judgment == later
    assert list(Judgment.objects.counted()) == [later]
    judge(project, scripted(project, "two"), "hindsight", foresight=False)
    assert Judgment.objects.order_by("id").last().phase == 1  # type: ignore[union-attr]


# --- What makers make -----------------------------------------------------------------------------


def test_a_written_checklist_waits_for_a_person() -> None:
    project = make_project()
    add_prompt(project=project, messages="Write a poem about snow.", external_id="p")
    job = judge(project, scripted(project), "checklist_writer")
    made = Rubric.objects.get()
    assert made.frozen_at is None
    assert made.prompt is not None
    assert made.written_by == "amber (scripted)"
    assert made.criteria.count() == 4
    assert job.annotator is None
    assert not Judgment.objects.exists()
    judge(project, scripted(project, "birch"), "checklist_writer")
    assert sorted(Rubric.objects.values_list("version", flat=True)) == [1, 2]


def test_refinement_writes_a_new_candidate_and_keeps_the_old_ones() -> None:
    project = world(prompts=1)
    before = Candidate.objects.count()
    judge(project, scripted(project), "checklist_refinement")
    judge(project, scripted(project, "birch"), "checklist_best_of", responses=3)
    assert Candidate.objects.count() == before + 2
    written = Candidate.objects.order_by("id").last()
    assert written is not None
    assert written.system is not None
    assert written.system.name == "birch (scripted) (checklist_best_of)"
    item = JudgingItem.objects.get(job__protocol="checklist_best_of")
    assert item.detail["candidate"] == written.external_id
    assert len(item.detail["scores"]) == 3


# --- Rules of jobs --------------------------------------------------------------------------------


def test_a_shared_summary_is_made_once_per_job() -> None:
    project = make_project()
    prompt = add_prompt(project=project, messages="?", external_id="p")
    concept = rubric(project, prompt, "yes_no", ("Who is blamed?", "How strongly?"))
    texts = [add_candidate(prompt=prompt, text=f"Text {n}. ⟦u={n}⟧") for n in range(4)]
    Rubric.objects.filter(pk=concept.pk).update(frozen_at="2026-01-01T00:00:00Z")
    for first in range(4):
        for second in range(first + 1, 4):
            ask(project=project, candidates=[texts[first], texts[second]])
    judge(project, scripted(project), "concept_comparison")
    calls = JudgeCall.objects.all()
    assert calls.filter(template="concept@1").count() == 4 * 2
    assert calls.filter(template="concept-verdict@1").count() == 2 * 6
    assert Judgment.objects.count() == 6


def test_further_seats_are_asked_their_own_model() -> None:
    project = world(prompts=1)
    cheap = scripted(project, "cheap", position_bias=50.0)
    strong = scripted(project, "strong")
    job = carry_out(
        enqueue.request_judging(project, cheap, protocol="cascade", seats={"strong": strong})
    )
    seats = JudgeCall.objects.filter(item__job=job).values_list("seat", "step")
    assert set(seats) == {
        ("judge", "cheap-ab"), ("judge", "cheap-ba"),
        ("strong", "strong-ab"), ("strong", "strong-ba"),
    }  # fmt: skip
    judgment = Judgment.objects.get()
    assert judgment.payload == {"strength": 3}
    assert "strong strong (scripted)" in judgment.annotator.display_name
    assert JudgingItem.objects.get().detail == {"escalated": True}


def test_another_model_in_a_seat_is_another_annotator() -> None:
    project = world(prompts=1)
    cheap, one, two = (scripted(project, name) for name in ("cheap", "one", "two"))
    for strong in (one, two):
        carry_out(
            enqueue.request_judging(project, cheap, protocol="cascade", seats={"strong": strong})
        )
    assert Annotator.objects.filter(kind=AnnotatorKind.MODEL).count() == 2
    with pytest.raises(NotPossible, match="no seat “weak”"):
        enqueue.request_judging(project, cheap, protocol="cascade", seats={"weak": one})


def test_simulated_annotators_only_judge_where_everything_is_simulated() -> None:
    project = world(prompts=1)
    with pytest.raises(NotPossible, match="marked as simulated"):
        enqueue.request_judging(project, scripted(project), protocol="persona")
    pretended = world("pretended", prompts=1, is_simulated=True)
    judge(pretended, scripted(pretended), "persona", persona="Mara | rents | fairness")
    annotator = Judgment.objects.get().annotator
    assert annotator.kind == AnnotatorKind.SIMULATED
    assert "as Mara" in annotator.display_name


def test_a_checklist_that_nobody_froze_is_not_used_for_preferences() -> None:
    project = world(prompts=1)
    prompt = add_prompt(project=project, messages="Another?", external_id="fresh")
    made = [add_candidate(prompt=prompt, text=text) for text in TEXTS[:2]]
    ask(project=project, candidates=made)
    draft = rubric(project, prompt, "yes_no", CHECKS)
    job = judge(project, scripted(project), "checklist_preference")
    assert not job.items.filter(question__prompt=prompt).exists()
    Rubric.objects.filter(pk=draft.pk).update(frozen_at="2026-01-01T00:00:00Z")
    again = enqueue.request_judging(project, scripted(project, "birch"),
                                    protocol="checklist_preference")  # fmt: skip
    assert again.items.filter(question__prompt=prompt).exists()


def test_without_a_rubric_a_rating_protocol_says_what_is_missing() -> None:
    project = make_project()
    with pytest.raises(NotPossible, match="needs a list of criteria"):
        enqueue.request_judging(project, scripted(project), protocol="direct_rating")


def test_a_budget_stops_a_job_between_batches(settings: Any) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    project = world(prompts=2)
    with model_server() as server:
        dear = served(project, server.url, price_in=1e6)
        job = enqueue.request_judging(project, dear, protocol="debate", max_cost=1.0)
        carry_out(job)
    assert job.state == WorkState.FAILED
    assert "spent its budget of 1" in job.error


def test_a_killed_worker_costs_no_second_call_for_what_was_kept() -> None:
    project = world(prompts=1)
    job = enqueue.request_judging(project, scripted(project), protocol="hindsight", seed=3)
    carry_out(job)
    kept = list(JudgeCall.objects.order_by("id"))
    other = enqueue.request_judging(project, scripted(project, "amber2"), protocol="hindsight",
                                    seed=3)  # fmt: skip
    item = other.items.get()
    for row in kept[:4]:
        row.pk, row.item = None, item
        row.save(force_insert=True)
    carry_out(other)
    assert item.calls.count() == len(kept)
    assert run_judging(other.pk) is None


def test_an_engine_that_is_stopped_from_outside_ends_the_shift_and_not_the_job() -> None:
    """As when the heartbeat finds that the job is with somebody else, and closes the engine."""
    project = world(prompts=1)
    job = enqueue.request_judging(project, scripted(project), protocol="hindsight", seed=3)
    claimed = JudgingJob.objects.claim(job.pk, lease=job.lease)
    assert claimed is not None
    engine = ScriptedEngine(ModelReference("amber"), ScriptedOptions())
    engine.close()
    with Shift(claimed, JudgingItem.objects.all(), stop=engine.close) as shift:
        for items in shift.slices():
            Bench(shift, {"judge": engine, "simulator": engine}, items).judge()
    assert set(job.items.values_list("state", "attempt")) == {(ItemState.READY, 0)}
    JudgingJob.objects.update(lease_until="2026-01-01T00:00:00Z")
    assert carry_out(job).state == WorkState.DONE
    assert Judgment.objects.counted().count() == 1


def test_questions_of_the_other_kinds_are_left_alone() -> None:
    project = world(prompts=1)
    judge(project, scripted(project), "run_off")
    assert set(Judgment.objects.values_list("question__judgment_type", flat=True)) == {"ranking"}
    assert Question.objects.filter(judgments__isnull=True).count() == 3
    assert Placement.objects.count() == 9
