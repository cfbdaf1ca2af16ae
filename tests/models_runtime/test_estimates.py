"""Every kind of job says beforehand what it would take: as it went before, or by an assumption that
is called one."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from annotation.models import Candidate, Project, Role
from models_runtime import enqueue
from models_runtime.call_estimates import ASSUMED_CALLS, ASSUMED_IN, estimate_calls
from models_runtime.catalogue import SCORERS
from models_runtime.engines._options import read_options
from models_runtime.judging_questions import run_judging
from models_runtime.models import AuditJob, Checkpoint, JudgeCall, JudgingJob, ScoringJob
from models_runtime.scoring_estimates import ASSUMED_READ, estimate_scoring
from tests.annotation.calling import as_
from tests.cast import member
from tests.models_runtime.test_judge_pages import browser
from tests.models_runtime.test_scoring import carry_out, project_with_candidates
from tests.models_runtime.worlds import pair, project_with_prompts, scripted, served

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def home(settings: Any, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]


def priced(project: Project, **options: Any) -> Checkpoint:
    return served(project, "http://127.0.0.1:9/v1", price_in=3.0, **options)


@pytest.mark.parametrize("slug", sorted(SCORERS))
def test_what_a_scorer_reads_grows_in_step_with_the_texts(slug: str) -> None:
    """So it may be asked about the sums over many candidates."""
    scorer = SCORERS[slug]
    options = read_options(scorer.options_class, {})
    both = scorer.reading(30, 50, options)
    assert both == scorer.reading(10, 20, options) + scorer.reading(20, 30, options) > 0


def test_measuring_is_estimated_from_letters_prices_and_an_assumed_pace() -> None:
    project = project_with_candidates()
    letters = sum(len(each.text) + 4 for each in Candidate.objects.all())
    found = estimate_scoring(project, priced(project, kind="score"), scorer="reward")
    assert (found.candidates, found.models) == (6, 1)
    assert letters / 4 < found.tokens_in < letters  # the prompts come on top
    assert found.cost == pytest.approx(3e-6 * found.tokens_in)
    assert not found.pace.is_measured
    assert found.time == timedelta(seconds=found.tokens_in / ASSUMED_READ)
    assert estimate_scoring(project, scripted(project), scorer="reward").cost is None


def test_two_models_that_are_compared_are_paid_both() -> None:
    project = project_with_candidates()
    strong, weak = scripted(project, "strong"), scripted(project, "weak")
    found = estimate_scoring(project, strong, scorer="log_ratio", partner=weak)
    assert (found.models, found.cost) == (2, None)


def test_measuring_takes_as_long_as_it_took_before() -> None:
    project = project_with_candidates()
    checkpoint = scripted(project)
    job = carry_out(enqueue.request_scoring(project, checkpoint, scorer="reward"))
    ScoringJob.objects.update(finished_at=job.started_at + timedelta(seconds=40))  # type: ignore[operator]
    found = estimate_scoring(project, checkpoint, scorer="reward", again=True)
    assert (found.pace.jobs, found.candidates) == (1, 6)
    assert found.time.total_seconds() == pytest.approx(40)
    other = estimate_scoring(project, checkpoint, scorer="self_certainty")
    assert not other.pace.is_measured


def test_the_page_and_the_api_tell_what_measuring_would_take_and_start_nothing() -> None:
    project = project_with_candidates()
    owner = member(project, "mia", Role.OWNER)
    client = Client()
    client.force_login(owner)
    checkpoint = str(scripted(project).public_id)
    page = client.post(
        f"/projects/{project.slug}/jobs/new/measurements/",
        {"scorer": "reward", "checkpoint": checkpoint, "estimate": "1"},
    )
    assert page.status_code == 200
    told = page.content.decode()
    assert "by one model" in told
    assert "assumed 1,000 tokens a second: this model has measured nothing in this way" in told
    url = f"/projects/{project.slug}/scoring-jobs/"
    given = {"scorer": "embedding", "checkpoint": checkpoint}
    found = as_(owner).post(f"{url}estimate/", given).json()
    assert (found["candidates"], found["models"], found["cost"]) == (6, 1, None)
    assert found["pace"] == {"per_second": ASSUMED_READ, "jobs": 0}
    assert found["seconds"] == pytest.approx(found["tokens_in"] / ASSUMED_READ)
    refused = as_(owner).post(f"{url}estimate/", given | {"settings": {"colour": 1}})
    assert refused.status_code == 400
    assert not ScoringJob.objects.exists()


def test_calls_are_estimated_from_an_assumption_and_later_from_what_was_seen() -> None:
    project = project_with_prompts(0)
    for number in range(4):
        pair(project, number, "One. ⟦u=1⟧", "Two. ⟦u=2⟧")
    checkpoint = scripted(project)
    before = estimate_calls(checkpoint, 10)
    assert (before.seen, before.tokens_in, before.cost) == (0, 10 * ASSUMED_IN, None)
    assert before.time == timedelta(seconds=10 / ASSUMED_CALLS)
    job = enqueue.request_judging(project, checkpoint)
    while not job.is_final:
        run_judging(job.pk)
        job.refresh_from_db()
    JudgingJob.objects.update(finished_at=job.started_at + timedelta(seconds=16))  # type: ignore[operator]
    after = estimate_calls(checkpoint, 10)
    assert (after.seen, after.pace.jobs) == (8, 1)
    assert after.tokens_in == round(10 * job.spent().tokens_in / 8)
    assert after.time == timedelta(seconds=20)
    dear = JudgeCall.objects.filter(item__job=job).latest("pk")
    dear.pk, dear.cost = None, 4.5
    dear.save()
    assert estimate_calls(checkpoint, 10).cost == pytest.approx(10 * 4.5 / 9)


def test_judges_and_audits_are_estimated_on_their_pages_and_through_the_api() -> None:
    project = project_with_prompts(0)
    for number in range(4):
        pair(project, number, "One. ⟦u=1⟧", "Two. ⟦u=2⟧")
    owner = member(project, "mia", Role.OWNER)
    checkpoint = str(scripted(project).public_id)
    form = {"checkpoint": checkpoint, "option_both_orders": "on", "option_repairs": "on"}
    judges = f"/projects/{project.slug}/judges/"
    built = browser(owner).post(
        f"/projects/{project.slug}/jobs/new/judgments/?protocol=pairwise", form | {"estimate": ""}
    )
    assert built.status_code == 200
    assert "8 calls with the options" in built.content.decode()
    assert "About 8,000 tokens (assumed" in built.content.decode()
    asked = form | {"pairs": "4", "audits": ["position"], "estimate": ""}
    audit = browser(owner).post(f"{judges}cards/new/", asked)
    assert audit.status_code == 200
    assert "4 pairs" in audit.content.decode()
    assert "no cost, as the model has no prices" in audit.content.decode()
    told = as_(owner).post(
        f"/projects/{project.slug}/judge-audits/estimate/",
        {"checkpoint": checkpoint, "pairs": 4, "audits": ["position"]},
    )
    assert told.status_code == 200, told.content
    assert told.json()["takes"]["calls"] == told.json()["calls"] > 0
    assert not JudgingJob.objects.exists()
    assert not AuditJob.objects.exists()
