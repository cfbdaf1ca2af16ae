"""Checkpoints, generation and judging asked for from the command line."""

import threading
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from annotation.models import Candidate, Judgment, Measurement, Project, WorkState
from models_runtime.generating import run_generation
from models_runtime.judging_questions import run_judging
from models_runtime.models import AuditWaiver, Checkpoint, GenerationJob, JudgingJob, PromptJob
from models_runtime.writing_prompts import run_prompts
from tests.cast import make_project, make_question

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def project() -> Project:
    project = make_project()
    for name in ("noise", "rent", "snow"):
        make_question(project, name)
    return project


@pytest.fixture
def worker() -> Iterator[None]:
    """Somebody who carries out what is asked for, without a broker."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.05):
            for pk in GenerationJob.objects.filter(state=WorkState.QUEUED).values_list("pk"):
                run_generation(*pk)
            for pk in JudgingJob.objects.filter(state=WorkState.QUEUED).values_list("pk"):
                run_judging(*pk)
            for pk in PromptJob.objects.filter(state=WorkState.QUEUED).values_list("pk"):
                run_prompts(*pk)
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join()


def said(command: str, *arguments: str, **options: Any) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out, **options)
    return out.getvalue()


def add(project: Project, name: str, *options: str) -> str:
    return said("add_checkpoint", project.slug, name, engine="scripted", option=list(options))


def test_a_checkpoint_is_registered_with_its_options_and_called_scripted(project: Project) -> None:
    assert "pat (scripted)" in add(project, "pat", "voice=warm", "tau=0.25", "sentences=2")
    assert Checkpoint.objects.get().options == {"voice": "warm", "tau": 0.25, "sentences": 2}


def test_candidates_are_written_and_counted(project: Project, worker: None) -> None:
    add(project, "pat")
    line = said("generate_candidates", project.slug, "pat", per_prompt=2, seed=1, wait=30)
    assert line.startswith("6 candidates by pat (scripted)")
    assert Candidate.objects.filter(system__name="pat (scripted)").count() == 6


def test_commands_know_what_the_pages_know(project: Project, worker: None) -> None:
    add(project, "pat")
    asked = (
        "generate_candidates", project.slug, "pat", "--per-prompt", "2", "--temperature", "0.5",
        "--top-p", "0.9", "--min-p", "0.05", "--stop", "END", "--differing", "navigate",
        "--differing-setting", "axis=stance", "--differing-setting", "tries=1", "--embedder", "pat",
        "--languages", "en,de", "--seed", "3",
    )  # fmt: skip
    told = said(*asked, "--estimate")
    assert "6 candidates, about" in told
    assert "which is assumed" in told
    assert not GenerationJob.objects.exists()
    assert said(*asked, "--wait", "30").startswith("6 candidates by pat")
    job = GenerationJob.objects.get()
    assert job.sampling["min_p"] == 0.05
    assert job.sampling["stop"] == ["END"]
    assert (job.novelty["axis"], job.novelty["tries"]) == ("stance", 1)
    assert job.embedder == job.checkpoint
    assert job.languages == ["en", "de"]
    measuring = ("measure_candidates", project.slug, "pat", "reward")
    assert "no known cost" in said(*measuring, "--estimate")
    assert "prompts, about" in said("write_prompts", project.slug, "pat", "--estimate")
    for number, each in enumerate(Candidate.objects.filter(generation__job=job)):
        Measurement.objects.create(candidate=each, name="p_yes", number=number, source="x")
    picking = ("pick_best", project.slug, "best_of_n", "--input", "reward=p_yes@x")
    lines = said(*picking, "--job", str(job.public_id)).splitlines()
    assert len(lines) == 3
    assert all(" of 2. " in line for line in lines)


def test_questions_are_judged_and_counted(project: Project, worker: None) -> None:
    add(project, "judy", "tau=0.1")
    with pytest.raises(CommandError, match="Judges need a card"):
        said("judge_questions", project.slug, "judy")
    known = {"seed": 1, "wait": 30, "without_card": "It is scripted."}
    line = said("judge_questions", project.slug, "judy", **known)
    assert AuditWaiver.objects.get().reason == "It is scripted."
    assert line.startswith(f"{Judgment.objects.count()} of 3 questions judged by judy (scripted)")
    assert Judgment.objects.count() >= 1


def test_without_waiting_a_job_is_only_written_down(project: Project) -> None:
    add(project, "pat")
    assert "waits for a worker" in said("generate_candidates", project.slug, "pat")
    assert "waits for a worker" in said(
        "judge_questions", project.slug, "pat", option=["both_orders=false"], without_card="Try."
    )
    assert GenerationJob.objects.get().state == WorkState.QUEUED
    assert JudgingJob.objects.get().options == {"both_orders": False}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("generate_candidates", "advice", "nobody"), "no checkpoint “nobody”"),
        (("judge_questions", "nowhere", "pat"), "There is no project “nowhere”"),
        (("generate_candidates", "advice", "pat", "--per-prompt", "0"), "--per-prompt: "),
        (("generate_candidates", "advice", "pat", "--decoder", "cautious"), "decode cautiously"),
        (("generate_candidates", "advice", "pat", "--languages", "xx"), "no language known"),
        (("pick_best", "advice", "best_of_n", "--input", "reward"), "INPUT=NAME"),
        (("pick_best", "advice", "best_of_n", "--job", "x"), "no generation job x"),
        (("judge_questions", "advice", "pat", "--option", "template=magic"), "Choose one of these"),
        (("add_checkpoint", "advice", "pat", "--engine", "scripted"), "already has a checkpoint"),
        (("add_checkpoint", "advice", "x", "--engine", "magic"), "one of these engines"),
        (
            ("add_checkpoint", "advice", "x", "--engine", "scripted", "--option", "voice"),
            "NAME=VALUE",
        ),
        (
            ("add_checkpoint", "advice", "x", "--engine", "scripted", "--option", "voice=loud"),
            "voice must be one of",
        ),
    ],
)
def test_a_wrong_wish_is_answered_with_a_sentence(
    project: Project, arguments: tuple[str, ...], sentence: str
) -> None:
    add(project, "pat")
    with pytest.raises(CommandError, match=sentence):
        said(*arguments)
    assert not GenerationJob.objects.exists()
    assert not JudgingJob.objects.exists()
    assert Checkpoint.objects.count() == 1


def test_prompts_are_written_and_their_fates_told(project: Project, worker: None) -> None:
    add(project, "pat")
    told = said("write_prompts", project.slug, "pat", calls=3, seed=2, wait=30.0)
    counts = [int(line.split()[0]) for line in told.splitlines()]
    assert sum(counts) == 12
    assert "Kept" in told
    with pytest.raises(CommandError, match="1 to 100,000 calls"):
        said("write_prompts", project.slug, "pat", calls=0)
