"""Workers that die, messages that get lost, servers that aren't there: with real processes."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.db.models import Count
from django.utils import timezone

from annotation.models import Candidate, Judgment, Project, WorkState
from models_runtime import enqueue
from models_runtime.models import (
    Checkpoint,
    Generation,
    GenerationItem,
    GenerationJob,
    ItemState,
    JudgeCall,
    JudgingJob,
)
from tests.faults.workers import House, house, wait_until
from tests.models_runtime.loopback import model_server
from tests.models_runtime.worlds import pair, project_with_prompts, scripted, served

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

PROMPTS, PER_PROMPT = 50, 20
LEASE = 3

ASK_FOR_CANDIDATES = """
from django.db import transaction
from annotation.models import Project
from models_runtime import enqueue
from models_runtime.engines import Sampling
from models_runtime.models import GenerationJob
project = Project.objects.get()
with transaction.atomic():
    enqueue.request_generation(
        project,
        project.checkpoints.get(),
        per_prompt={per_prompt},
        sampling=Sampling(max_tokens=40),
    )
    GenerationJob.objects.update(lease_seconds={lease})
"""
ASK_FOR_JUDGMENTS = """
from django.db import transaction
from annotation.models import Project
from models_runtime import audit_gate, enqueue
from models_runtime.models import JudgingJob
project = Project.objects.get()
audit_gate.set_rule(project, demands=False, user=None)
with transaction.atomic():
    enqueue.request_judging(project, project.checkpoints.get())
    JudgingJob.objects.update(lease_seconds={lease})
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as made:
        yield made


def ask_for_candidates(home: House, *, per_prompt: int = PER_PROMPT, **environment: str) -> None:
    home.run(ASK_FOR_CANDIDATES.format(per_prompt=per_prompt, lease=LEASE), **environment)


def slow_model(project: Project, *, latency_ms: int = 8) -> Checkpoint:
    return scripted(project, latency_ms=latency_ms, in_flight=2)


def written() -> int:
    return Candidate.objects.count()


def state_of_job() -> str:
    return str(GenerationJob.objects.values_list("state", flat=True).get())


def test_kill_9_in_the_middle_of_1000_candidates_leaves_exactly_1000(home: House) -> None:
    slow_model(project_with_prompts(PROMPTS))
    ask_for_candidates(home)  # before there is a worker, who'd be far ahead of a busy machine
    doomed = home.worker()
    home.beat()
    wait_until(lambda: written() >= 100, "the first 100 candidates")
    home.kill(doomed)
    survived = written()
    assert 100 <= survived < 1000
    assert Generation.objects.count() == survived
    time.sleep(0.5)
    assert written() == survived, "a dead worker went on writing"
    in_hand = set(
        GenerationItem.objects.filter(state=ItemState.RUNNING).values_list("pk", flat=True)
    )
    assert in_hand

    home.worker()
    wait_until(lambda: state_of_job() == WorkState.DONE, "the job to end after the restart")

    assert written() == Generation.objects.count() == 1000
    each = Generation.objects.values("prompt", "index").annotate(n=Count("pk"))
    assert (each.count(), set(each.values_list("n", flat=True))) == (1000, {1})
    per_prompt = Candidate.objects.values("prompt").annotate(n=Count("pk"))
    assert set(per_prompt.values_list("n", flat=True)) == {PER_PROMPT}
    assert GenerationItem.objects.counts()["done"] == 1000
    again = set(GenerationItem.objects.filter(attempt__gt=1).values_list("pk", flat=True))
    assert again == in_hand


def test_kill_9_while_judging_keeps_one_judgment_per_question_and_repeats_no_kept_call(
    home: House,
) -> None:
    project = project_with_prompts(0)
    for number in range(150):
        pair(project, number, f"Yes {number}. ⟦u=1⟧", f"No {number}. ⟦u=-1⟧")
    slow_model(project, latency_ms=20)
    home.run(ASK_FOR_JUDGMENTS.format(lease=LEASE))
    doomed = home.worker(processes=1)
    home.beat()
    wait_until(lambda: Judgment.objects.count() >= 30, "the first judgments")
    home.kill(doomed)
    assert Judgment.objects.count() < 150
    home.worker(processes=1)
    wait_until(
        lambda: JudgingJob.objects.get().state == WorkState.DONE, "the job to end after the restart"
    )
    each = Judgment.objects.values("question").annotate(n=Count("pk"))
    assert (each.count(), set(each.values_list("n", flat=True))) == (150, {1})
    assert set(Judgment.objects.values_list("payload__strength", flat=True)) == {3}
    kept = JudgeCall.objects.values("item", "order", "kind", "sample").annotate(n=Count("pk"))
    assert set(kept.values_list("n", flat=True)) == {1}


def test_a_job_whose_message_was_lost_is_found_by_the_sweeper(home: House) -> None:
    slow_model(project_with_prompts(5), latency_ms=0)
    ask_for_candidates(home, per_prompt=4, CELERY_BROKER_URL="memory://")  # dies with the sender
    assert state_of_job() == WorkState.QUEUED
    GenerationJob.objects.update(created_at=timezone.now() - timedelta(minutes=1))
    home.worker(processes=1)
    home.beat()
    wait_until(lambda: state_of_job() == WorkState.DONE, "the sweeper to find the job")
    assert written() == 20


def test_cancelling_in_the_middle_stops_within_seconds_and_keeps_what_is_written(
    home: House,
) -> None:
    slow_model(project_with_prompts(PROMPTS), latency_ms=20)
    ask_for_candidates(home)
    home.worker(processes=1)
    wait_until(lambda: written() >= 60, "the first candidates")
    enqueue.cancel(GenerationJob.objects.get())
    began = time.monotonic()
    wait_until(lambda: state_of_job() == WorkState.CANCELLED, "the job to stop", patience=10)
    assert time.monotonic() - began < 5
    kept = written()
    time.sleep(0.5)
    assert written() == kept == Generation.objects.count() < 1000
    counts = GenerationItem.objects.counts()
    assert (counts["ready"], counts["running"], counts["done"]) == (0, 0, kept)


def test_a_cancel_stops_even_a_worker_that_waits_for_a_slow_model(home: House) -> None:
    slow_model(project_with_prompts(5), latency_ms=30_000)
    home.worker(processes=1)
    ask_for_candidates(home, per_prompt=2)
    wait_until(
        lambda: GenerationItem.objects.filter(state=ItemState.RUNNING).exists(), "a first claim"
    )
    enqueue.cancel(GenerationJob.objects.get())
    wait_until(lambda: state_of_job() == WorkState.CANCELLED, "the job to stop", patience=10)
    assert written() == 0


def test_a_server_without_the_model_ends_the_job_with_a_sentence(home: House) -> None:
    project = project_with_prompts(5)
    with model_server(settings={"models": ("another",)}) as server:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("django.conf.settings.OUTBOUND_ALLOW", ["127.0.0.1"])
            served(project, server.url)
        home.worker(processes=1)
        ask_for_candidates(home)
        wait_until(lambda: state_of_job() == WorkState.FAILED, "the job to fail")
    job = GenerationJob.objects.get()
    assert "has no model 'amber'" in job.error
    assert (written(), Generation.objects.count()) == (0, 0)
    assert not GenerationItem.objects.filter(state=ItemState.RUNNING).exists()


def test_workers_never_claim_the_same_row() -> None:
    project = project_with_prompts(100)
    job = enqueue.request_generation(project, scripted(project), per_prompt=200)
    claimed: list[list[int]] = [[] for _ in range(4)]

    def claim_all(mine: list[int], worker: str) -> None:
        try:
            while items := GenerationItem.objects.claim(
                job.pk, worker=worker, count=16, lease=timedelta(minutes=5)
            ):
                mine.extend(item.pk for item in items)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=claim_all, args=(mine, f"w{number}"))
        for number, mine in enumerate(claimed)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = [pk for mine in claimed for pk in mine]
    assert len(everything) == len(set(everything)) == 20_000
    assert all(claimed), "every worker got some"
    assert set(GenerationItem.objects.values_list("attempt", flat=True)) == {1}
