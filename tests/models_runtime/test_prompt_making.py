from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.utils import timezone

from annotation.content import add_prompt
from annotation.models import Project, Prompt, Role, WorkState
from models_runtime import enqueue
from models_runtime.checkpoints import open_engine
from models_runtime.errors import NotPossible
from models_runtime.models import PromptIdea, PromptItem, PromptJob
from models_runtime.models.prompt_making import PARAPHRASE
from models_runtime.prompt_making import (
    Drop,
    PromptOptions,
    difficulty_fault,
    form_fault,
    majority_share,
    nearest,
    read_ideas,
    rouge_l,
    words_of,
)
from models_runtime.prompt_requests import estimate_prompts, request_prompts
from models_runtime.shifts import Shift
from models_runtime.writing_prompts import Bench, run_prompts
from tests.annotation.calling import as_
from tests.cast import make_project, member
from tests.models_runtime.worlds import project_with_prompts, scripted

pytestmark = pytest.mark.django_db


# --- Pure -----------------------------------------------------------------------------------------


def test_ideas_are_read_from_numbered_and_dashed_lists() -> None:
    reply = "Sure!\n1. What is rent?\n2) Why snow,\nand when?\n- A third\n"
    assert read_ideas(reply) == ["What is rent?", "Why snow,\nand when?", "A third"]
    assert read_ideas("I can't do that.") == []


def test_rouge_l_is_the_f1_of_the_longest_common_subsequence() -> None:
    """Lin 2004, §3: “police killed the gunman” and its rivals, with equal weights."""
    reference = words_of("police killed the gunman")
    assert rouge_l(reference, words_of("police kill the gunman")) == pytest.approx(3 / 4)
    assert rouge_l(reference, words_of("the gunman kill police")) == pytest.approx(2 / 4)
    assert rouge_l(reference, reference) == 1
    assert rouge_l([], reference) == 0


def test_the_nearest_prompt_is_found_and_far_ones_are_none() -> None:
    pool = [words_of(text) for text in ("may I paint my flat", "may I paint my rented flat red")]
    found = nearest("May I paint my rented flat?", pool, limit=0.7)
    assert found is not None
    assert found[0] == 1
    assert found[1] == pytest.approx(12 / 13)
    assert nearest("How old is the moon?", pool, limit=0.7) is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("Why?", Drop.TOO_SHORT),
        ("word " * 151, Drop.TOO_LONG),
        ("What is shown in the picture below?", Drop.NEEDS_MORE),
        ("Summarise the attached file for me.", Drop.NEEDS_MORE),
        ("How do I take a good picture of a cat?", Drop.KEPT),
    ],
)
def test_the_form_of_an_idea(text: str, fault: Drop) -> None:
    assert form_fault(text, PromptOptions()) is fault


def test_difficulty_is_the_share_of_the_commonest_answer() -> None:
    assert majority_share(["4", "4.0", "5", None]) == 0.5
    assert majority_share([None, None]) is None
    options = PromptOptions(hardest=0.3, easiest=0.8)
    found = [difficulty_fault(share, options) for share in (0.2, 0.3, 0.8, 0.9, None)]
    assert found == [Drop.TOO_HARD, Drop.KEPT, Drop.KEPT, Drop.TOO_EASY, Drop.NO_ANSWER]


# --- Jobs -----------------------------------------------------------------------------------------


def carry_out(job: PromptJob) -> PromptJob:
    while not job.is_final:
        PromptItem.objects.update(not_before=None)
        PromptJob.objects.update(not_before=None)
        run_prompts(job.pk)
        job.refresh_from_db()
    return job


def sums(count: int) -> Project:
    project = make_project("sums")
    for n in range(count):
        add_prompt(project=project, messages=f"What is {11 + 7 * n} + {12 + 5 * n}?")
    return project


def test_every_idea_is_kept_or_dropped_with_one_reason_and_its_seeds() -> None:
    project = project_with_prompts(5)
    job = carry_out(request_prompts(project, scripted(project), calls=12, seed=3))
    assert job.state == WorkState.DONE
    ideas = list(PromptIdea.objects.filter(job=job))
    assert len(ideas) == 12 * 4
    kept = [idea for idea in ideas if not idea.dropped]
    assert Prompt.objects.filter(project=project).count() == 5 + len(kept)
    assert {idea.dropped for idea in ideas} <= {each.value for each in Drop}
    counts = Counter(idea.dropped for idea in ideas)
    assert counts["repeated"] > 0
    assert counts["low_quality"] > 0
    assert 0 < counts[""] < 48
    for idea in ideas:
        assert len(idea.seeds) == 5
        if idea.dropped == "repeated":
            assert idea.detail["overlap"] >= 0.7
            assert Prompt.objects.filter(external_id=idea.detail["nearest"]).exists()
    assert job.spent().tokens_out > 0


def test_no_two_prompts_kept_are_near_each_other() -> None:
    project = project_with_prompts(3)
    carry_out(request_prompts(project, scripted(project), calls=15, settings={"least_quality": 0}))
    texts = [words_of(each.last_text()) for each in Prompt.objects.filter(idea__isnull=False)]
    assert len(texts) > 5
    assert all(rouge_l(a, b) < 0.7 for place, a in enumerate(texts) for b in texts[place + 1 :])


def test_difficulty_is_told_by_the_models_own_answers() -> None:
    project = sums(4)
    checkpoint = scripted(project, quality=0.3, spread=0.5)
    settings = {"rollouts": 6, "least_quality": 0, "most_overlap": 1.0, "easiest": 0.7}
    job = carry_out(request_prompts(project, checkpoint, calls=10, settings=settings, seed=1))
    ideas = PromptIdea.objects.filter(job=job, detail__has_key="share")
    assert ideas.count() > 10
    for idea in ideas:
        assert (idea.dropped == "too_easy") == (idea.detail["share"] > 0.7)
    assert ideas.filter(dropped="").exists()
    assert ideas.filter(dropped="too_easy").exists()


def test_an_open_question_has_no_answer_that_could_be_counted() -> None:
    project = project_with_prompts(4)
    settings = {"rollouts": 2, "least_quality": 0}
    job = carry_out(request_prompts(project, scripted(project), calls=3, settings=settings))
    fates = Counter(PromptIdea.objects.filter(job=job).values_list("dropped", flat=True))
    assert set(fates) <= {"no_answer", "repeated"}


def test_twins_ask_the_same_in_other_words() -> None:
    project = sums(5)
    job = carry_out(request_prompts(project, scripted(project), kind=PARAPHRASE))
    assert job.state == WorkState.DONE
    twins = PromptIdea.objects.filter(job=job, dropped="").select_related("item__prompt", "prompt")
    assert len(twins) == 5
    for twin in twins:
        assert twin.prompt != twin.item.prompt
        assert twin.item.prompt.last_text().split()[2] in twin.prompt.last_text()
    with pytest.raises(NotPossible, match="has a twin already"):
        request_prompts(project, scripted(project, "birch"), kind=PARAPHRASE)


def test_a_second_delivery_changes_nothing_and_ideas_are_never_changed() -> None:
    project = project_with_prompts(4)
    job = carry_out(request_prompts(project, scripted(project), calls=3))
    before = list(PromptIdea.objects.values_list("pk", "text", "dropped"))
    run_prompts(job.pk)
    assert list(PromptIdea.objects.values_list("pk", "text", "dropped")) == before
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        PromptIdea.objects.update(text="another")


def test_a_worker_that_lost_its_rows_writes_nothing_but_what_it_spent() -> None:
    project = project_with_prompts(3)
    job = request_prompts(project, scripted(project), calls=3)
    claimed = PromptJob.objects.claim(job.pk, lease=job.lease)
    assert claimed is not None
    rows = PromptItem.objects.all()
    with (
        open_engine(job.checkpoint) as engine,
        Shift[PromptJob, PromptItem](claimed, rows, stop=engine.close) as shift,
    ):
        items = next(shift.slices())
        PromptItem.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        assert PromptItem.objects.reap() == 3
        PromptItem.objects.claim(job.pk, worker="other", count=2, lease=job.lease)
        Bench(shift, engine, items).work()
    assert not PromptIdea.objects.exists()
    assert Prompt.objects.count() == 3
    assert set(PromptItem.objects.values_list("state", "worker")) == {
        ("running", "other"),
        ("ready", ""),
    }
    assert job.spent().tokens_out > 0, "what it asked was paid for"


def test_a_second_job_does_not_bring_again_what_the_first_brought() -> None:
    project = project_with_prompts(3)
    settings = {"least_quality": 0, "per_call": 1}
    jobs = [
        request_prompts(project, scripted(project, f"m{n}"), calls=12, settings=settings, seed=7)
        for n in range(2)
    ]
    for job in jobs:
        carry_out(job)
    texts = [words_of(each.last_text()) for each in Prompt.objects.filter(idea__isnull=False)]
    assert len({tuple(words) for words in texts}) == len(texts)


def test_the_same_seed_brings_the_same_ideas_elsewhere() -> None:
    texts = []
    for slug in ("one", "other"):
        project = project_with_prompts(4, slug=slug)
        job = carry_out(request_prompts(project, scripted(project), calls=4, seed=8))
        ideas = PromptIdea.objects.filter(job=job).order_by("item__index", "place")
        texts.append([(idea.text, idea.dropped) for idea in ideas])
    assert texts[0] == texts[1]


def test_calls_that_bring_no_list_are_set_aside_with_their_cause() -> None:
    project = project_with_prompts(3)
    job = carry_out(request_prompts(project, scripted(project, garbage_rate=1.0), calls=2))
    assert job.state == WorkState.FAILED
    assert "no list of requests" in job.error
    assert not PromptIdea.objects.exists()


def test_cancelling_keeps_what_was_written() -> None:
    project = project_with_prompts(3)
    job = request_prompts(project, scripted(project), calls=30)
    enqueue.cancel(job)
    assert carry_out(job).state == WorkState.CANCELLED
    assert Prompt.objects.count() == 3
    enqueue.reopen(job)
    assert carry_out(job).state == WorkState.DONE


def test_an_estimate_counts_the_calls_that_are_made() -> None:
    project = project_with_prompts(5)
    checkpoint = scripted(project)
    found = estimate_prompts(project, checkpoint, calls=10)
    assert (found.candidates, found.fewest_calls, found.most_calls) == (40, 10, 50)
    careful = estimate_prompts(project, checkpoint, calls=10, settings={"rollouts": 3})
    assert careful.most_calls == 10 + 40 * 4


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"kind": "poetry"}, "Choose synthesis or paraphrase"),
        ({"calls": 0}, "1 to 100,000 calls"),
        ({"seeds": ["nowhere"]}, "no prompt “nowhere”"),
        ({"settings": {"most_overlap": 2.0}}, "most_overlap"),
        ({"settings": {"colour": 2}}, "Unknown option"),
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, Any], sentence: str) -> None:
    project = project_with_prompts(1)
    with pytest.raises(NotPossible, match=sentence):
        request_prompts(project, scripted(project), **fields)
    assert not PromptJob.objects.exists()


# --- Doors ----------------------------------------------------------------------------------------


def test_from_the_page_to_the_prompts(client: Client) -> None:
    project = project_with_prompts(4)
    checkpoint = scripted(project)
    client.force_login(member(project, "mara", Role.OWNER))
    page = f"/projects/{project.slug}/jobs/new/prompts/"
    given = {"checkpoint": str(checkpoint.public_id), "kind": "synthesis", "calls": 5}
    asked = client.post(page, given | {"estimate": "1"})
    assert "What it would take" in asked.content.decode()
    assert not PromptJob.objects.exists()
    made = client.post(page, given)
    job = PromptJob.objects.get()
    assert made["Location"] == f"/projects/{project.slug}/jobs/{job.public_id}/"
    assert 'hx-trigger="every 2s"' in client.get(made["Location"]).content.decode()
    carry_out(job)
    shown = client.get(made["Location"]).content.decode()
    assert 'hx-trigger="every 2s"' not in shown
    assert "Too near to a prompt that is there" in shown
    kept = PromptIdea.objects.filter(dropped="").latest("pk")
    assert kept.text in shown
    client.force_login(member(project, "rita", Role.REVIEWER))
    assert client.get(page).status_code == 403


def test_the_api_starts_reads_and_cancels(client: Client) -> None:
    project = project_with_prompts(4)
    owner = as_(member(project, "mara", Role.OWNER))
    url = f"/projects/{project.slug}/prompt-jobs/"
    given = {"checkpoint": str(scripted(project).public_id), "calls": 4, "settings": {"shown": 2}}
    assert owner.post(f"{url}estimate/", given).json()["fewest_calls"] == 4
    made = owner.post(url, given)
    assert made.status_code == 201
    one = f"{url}{made.json()['id']}/"
    carry_out(PromptJob.objects.get())
    found = owner.get(one).json()
    assert found["state"] == "done"
    assert sum(each["ideas"] for each in found["fates"]) == 16
    ideas = owner.get(f"{one}ideas/").json()
    assert len(ideas) == 16
    assert len(ideas[0]["seeds"]) == 2
    assert owner.post(url, given | {"settings": {"shown": 99}}).status_code == 400
    again = owner.post(url, given)
    assert owner.post(f"{url}{again.json()['id']}/cancel/").json()["state"] == "cancelled"
