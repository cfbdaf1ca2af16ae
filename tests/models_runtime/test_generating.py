from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from celery.app.task import Task
from django.db import DatabaseError, transaction
from django.utils import timezone

from annotation.models import Candidate, System, WorkState
from models_runtime import enqueue, tasks
from models_runtime.engines import Sampling
from models_runtime.errors import NotPossible
from models_runtime.generating import run_generation
from models_runtime.keeping_candidates import storable
from models_runtime.models import Generation, GenerationItem, GenerationJob, ItemState
from models_runtime.models.items import MOST_ATTEMPTS
from tests.models_runtime.loopback import Fault, model_server
from tests.models_runtime.worlds import project_with_prompts, scripted, served

pytestmark = pytest.mark.django_db
SHORT = Sampling(max_tokens=60)


def start(prompts: int = 4, per_prompt: int = 3, **options: Any) -> GenerationJob:
    project = project_with_prompts(prompts)
    checkpoint = scripted(project, **options)
    return enqueue.request_generation(
        project, checkpoint, per_prompt=per_prompt, sampling=SHORT, seed=5
    )


def carry_out(job: GenerationJob) -> GenerationJob:
    """Shift after shift, without the waits between them, as workers would."""
    while not job.is_final:
        GenerationItem.objects.update(not_before=None)
        type(job).objects.update(not_before=None)
        run_generation(job.pk)
        job.refresh_from_db()
    return job


def test_every_prompt_gets_its_candidates_with_their_provenance() -> None:
    job = carry_out(start())
    assert (job.state, job.progress_done, job.notice) == (WorkState.DONE, 12, "")
    assert Candidate.objects.count() == Generation.objects.count() == 12
    assert set(Counter(Candidate.objects.values_list("prompt", flat=True)).values()) == {3}
    generation = Generation.objects.select_related("candidate").first()
    assert generation is not None
    assert generation.candidate.text
    assert generation.candidate.html
    assert generation.tokens_out > 0
    assert generation.checkpoint == job.checkpoint
    assert generation.prompt_id == generation.candidate.prompt_id


def test_candidates_carry_a_system_that_is_called_scripted() -> None:
    carry_out(start())
    system = System.objects.get()
    assert "scripted" in system.name
    assert system.family == "scripted"
    assert not Candidate.objects.exclude(system=system).exists()


def test_a_second_delivery_of_the_message_changes_nothing() -> None:
    job = carry_out(start())
    before = list(Candidate.objects.values_list("pk", "text"))
    for _ in range(3):
        run_generation(job.pk)
    assert list(Candidate.objects.values_list("pk", "text")) == before


def test_the_same_seed_gives_the_same_candidates_in_another_project() -> None:
    first = carry_out(start())
    project = project_with_prompts(4, slug="other")
    second = enqueue.request_generation(
        project, scripted(project), per_prompt=3, sampling=SHORT, seed=5
    )
    carry_out(second)
    texts = [
        list(
            Candidate.objects.filter(generation__job=job)
            .order_by("prompt__external_id", "generation__index")
            .values_list("text", flat=True)
        )
        for job in (first, second)
    ]
    assert texts[0] == texts[1]


def test_a_shift_ends_when_its_time_is_up_and_says_when_to_look_again() -> None:
    job = start(prompts=10, per_prompt=20)
    assert run_generation(job.pk, length=timedelta(seconds=-1)) == timedelta()
    job.refresh_from_db()
    assert (job.state, Candidate.objects.count()) == (WorkState.RUNNING, 0)
    assert run_generation(job.pk) is None
    assert Candidate.objects.count() == 200


def test_poison_rows_are_set_aside_with_their_cause_and_the_rest_goes_on() -> None:
    job = carry_out(start(prompts=10, per_prompt=5, poison_rate=0.1))
    assert job.state == WorkState.DONE
    failed = GenerationItem.objects.filter(state=ItemState.FAILED)
    assert 0 < failed.count() < 20
    assert Candidate.objects.count() == 50 - failed.count()
    assert {item.cause for item in failed} == {"bad_request"}
    assert f"{failed.count()} of 50 candidates could not be written" in job.notice


def test_a_job_of_which_nothing_succeeds_has_failed_and_says_why() -> None:
    job = carry_out(start(poison_rate=1.0))
    assert job.state == WorkState.FAILED
    assert job.error == (
        "None of the 12 candidates could be written. "
        "The scripted engine was told to fail this request."
    )


def test_hopeless_jobs_stop_before_every_row_was_paid_for() -> None:
    job = carry_out(start(prompts=40, per_prompt=10, poison_rate=1.0))
    assert job.state == WorkState.FAILED
    assert "requests failed" in job.error
    assert GenerationItem.objects.filter(state=ItemState.READY).count() > 200


def test_a_missing_model_ends_as_failed_with_a_sentence(settings: Any) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    project = project_with_prompts(3)
    with model_server(settings={"models": ("another",)}) as server:
        job = carry_out(enqueue.request_generation(project, served(project, server.url)))
    assert job.state == WorkState.FAILED
    assert "has no model 'amber'" in job.error
    assert not Candidate.objects.exists()


def test_a_dead_server_is_tried_again_and_then_ends_as_failed(settings: Any) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    project = project_with_prompts(3)
    with model_server() as server:
        checkpoint = served(project, server.url)
    job = enqueue.request_generation(project, checkpoint)
    waits = []
    while not job.is_final:
        GenerationJob.objects.update(not_before=None)
        waits.append(run_generation(job.pk))
        job.refresh_from_db()
        if not job.is_final:
            assert job.state == WorkState.QUEUED
            assert "can't be reached" in job.notice
    assert [round(wait.total_seconds()) for wait in waits if wait] == [5, 10, 20, 40]
    assert "can't be reached" in job.error
    assert not Candidate.objects.exists()
    assert not Generation.objects.exists()


def test_a_server_that_dies_in_the_middle_leaves_whole_candidates_and_can_go_on(
    settings: Any,
) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    project = project_with_prompts(10)
    with model_server(latency_ms=5) as server:
        checkpoint = served(project, server.url, in_flight=2, retries=0)
        job = enqueue.request_generation(project, checkpoint, per_prompt=10, sampling=SHORT)
        stop_after(server, 30)
        run_generation(job.pk)
        job.refresh_from_db()
        assert job.state == WorkState.FAILED
        assert "refused the key" in job.error
        written = Candidate.objects.count()
        assert 0 < written < 100
        assert Generation.objects.count() == written
        assert not GenerationItem.objects.filter(state=ItemState.RUNNING).exists()
        del server.answer
        server.fault_for_all = None
        enqueue.reopen(job)
        carry_out(job)
    assert (job.state, Candidate.objects.count()) == (WorkState.DONE, 100)


def stop_after(server: Any, good: int) -> None:
    """After `good` requests the server answers every one with 401."""
    answer = server.answer

    def counted(body: dict[str, Any]) -> dict[str, Any]:
        if len(server.asked) >= good:
            server.fault_for_all = Fault(401)
        return answer(body)  # type: ignore[no-any-return]

    server.answer = counted


BLANK = b'{"choices": [{"message": {"content": " \\n"}, "finish_reason": "stop"}]}'


def test_empty_texts_are_tried_again_and_then_set_aside(settings: Any) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    project = project_with_prompts(2)
    with model_server() as server:
        server.fault_for_all = Fault(200, BLANK)
        server.faults.append(Fault(404))  # the list of models
        job = enqueue.request_generation(project, served(project, server.url))
        carry_out(job)
    assert set(GenerationItem.objects.values_list("attempt", flat=True)) == {MOST_ATTEMPTS}
    assert job.state == WorkState.FAILED
    assert {item.cause for item in GenerationItem.objects.all()} == {"empty_reply"}
    assert not Candidate.objects.exists()


def test_cancelling_before_a_worker_came_ends_the_job_at_once() -> None:
    job = start()
    enqueue.cancel(job)
    assert job.state == WorkState.CANCELLED
    assert GenerationItem.objects.counts()["cancelled"] == 12
    carry_out(job)
    assert not Candidate.objects.exists()


def test_cancelling_between_batches_keeps_what_was_written() -> None:
    job = start(prompts=10, per_prompt=30)
    claimed = GenerationJob.objects.claim(job.pk, lease=job.lease)
    assert claimed is not None
    enqueue.cancel(claimed)
    assert claimed.state == WorkState.RUNNING
    job = carry_out(job)
    assert job.state == WorkState.CANCELLED
    assert GenerationItem.objects.counts()["cancelled"] == 300


def test_a_cancelled_job_can_be_opened_again_and_writes_only_what_is_missing() -> None:
    job = start(prompts=5, per_prompt=4)
    enqueue.cancel(job)
    enqueue.reopen(job)
    assert carry_out(job).state == WorkState.DONE
    assert Candidate.objects.count() == 20
    with pytest.raises(NotPossible, match="Nothing of this job"):
        enqueue.reopen(job)


def test_a_running_job_is_not_opened_a_second_time() -> None:
    job = start()
    with pytest.raises(NotPossible, match="still at work"):
        enqueue.reopen(job)


def test_a_worker_that_lost_its_rows_writes_nothing() -> None:
    job = start(prompts=1, per_prompt=5)
    mine = GenerationItem.objects.claim(job.pk, worker="me", count=5, lease=timedelta(seconds=-1))
    assert len(mine) == 5
    assert GenerationItem.objects.reap() == 5
    GenerationItem.objects.claim(job.pk, worker="other", count=2, lease=job.lease)
    assert GenerationItem.objects.lock_held(mine, "me") == set()


def test_a_row_that_kills_its_workers_is_set_aside() -> None:
    job = start(prompts=1, per_prompt=1)
    for number in range(MOST_ATTEMPTS):
        claimed = GenerationItem.objects.claim(
            job.pk, worker=f"w{number}", count=1, lease=timedelta(seconds=-1)
        )
        assert len(claimed) == 1
        GenerationItem.objects.reap()
    item = GenerationItem.objects.get()
    assert (item.state, item.cause) == (ItemState.FAILED, "worker_lost")


def test_a_budget_stops_the_job(settings: Any) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    project = project_with_prompts(20)
    with model_server() as server:
        checkpoint = served(project, server.url, price_out=1_000_000.0, in_flight=1)
        job = enqueue.request_generation(
            project, checkpoint, per_prompt=20, sampling=Sampling(max_tokens=5), max_cost=100
        )
        carry_out(job)
    assert job.state == WorkState.FAILED
    assert "spent its budget of 100" in job.error
    assert 20 <= Candidate.objects.count() < 200
    assert job.spent().cost >= 100


def test_several_workers_may_be_at_one_job_and_it_ends_once() -> None:
    job = start(prompts=2, per_prompt=2)
    first = GenerationJob.objects.claim(job.pk, lease=job.lease)
    assert first is not None
    assert carry_out(job).state == WorkState.DONE
    assert job.attempt == 1


@pytest.fixture
def announced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What Celery is given to send, instead of sending it."""
    sent: list[tuple[str, int]] = []

    def note(task: Any, args: tuple[int], **_: Any) -> None:
        sent.append((task.name, args[0]))

    monkeypatch.setattr(Task, "apply_async", note)
    return sent


def test_the_message_goes_out_after_the_commit_and_carries_only_the_id(
    announced: list[tuple[str, int]], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        job = start()
        assert announced == []
    assert announced == [("models_runtime.run_generation", job.pk)]


def test_the_sweeper_announces_a_job_whose_message_was_lost(
    announced: list[tuple[str, int]],
) -> None:
    job = start()
    tasks.sweep()
    assert announced == []
    GenerationJob.objects.update(created_at=timezone.now() - timedelta(minutes=5))
    tasks.sweep()
    assert announced == [("models_runtime.run_generation", job.pk)]


def test_the_sweeper_announces_a_job_whose_worker_died(announced: list[tuple[str, int]]) -> None:
    job = start()
    GenerationJob.objects.claim(job.pk, lease=timedelta(seconds=-1))
    tasks.sweep()
    assert announced == [("models_runtime.run_generation", job.pk)]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"per_prompt": 0}, "1 to 1000"),
        ({"prompts": ["nowhere"]}, "no prompt “nowhere”"),
        ({"prompts": []}, "no prompts"),
        ({"seed": -1}, "whole number"),
        ({"max_cost": 0.0}, "above 0"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(
    fields: dict[str, Any], sentence: str
) -> None:
    project = project_with_prompts(1)
    with pytest.raises(NotPossible, match=sentence):
        enqueue.request_generation(project, scripted(project), **fields)
    assert not GenerationJob.objects.exists()


def test_another_projects_checkpoint_is_refused() -> None:
    project, other = project_with_prompts(1), project_with_prompts(1, slug="other")
    with pytest.raises(NotPossible, match="another project"):
        enqueue.request_generation(project, scripted(other))


def test_only_the_chosen_prompts_are_answered() -> None:
    project = project_with_prompts(5)
    job = enqueue.request_generation(project, scripted(project), prompts=["p0001", "p0003"])
    carry_out(job)
    answered = set(Candidate.objects.values_list("prompt__external_id", flat=True))
    assert answered == {"p0001", "p0003"}


def test_provenance_cannot_be_changed() -> None:
    carry_out(start(prompts=1, per_prompt=1))
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Generation.objects.update(seed=1)


def test_texts_the_database_cannot_hold_are_made_storable() -> None:
    assert storable("a\0b\ud800c") == "a␀b\ufffdc"
    assert storable("naïve 🎉") == "naïve 🎉"
