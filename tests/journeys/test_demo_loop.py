"""The whole loop as `./polyphony demo --once` runs it: a real worker, broker and command."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pyarrow.parquet as pq
import pytest
from django.conf import settings
from django.db import connection

from aggregation.models import Release, Run
from annotation.models import Annotator, Candidate, Judgment, Project, Question
from models_runtime.models import GenerationJob, JudgeCall, JudgingJob

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

QUEUES = ",".join(settings.TASK_QUEUES)


def _environment(var_dir: Path) -> dict[str, str]:
    """The surroundings of a process that works on this test's database and an own folder."""
    found = connection.settings_dict
    user = quote(str(found["USER"]))
    place = urlencode({"host": found["HOST"], "port": found["PORT"] or "5432"})
    return {
        **os.environ,
        "DATABASE_URL": f"postgresql://{user}@/{found['NAME']}?{place}",
        "POLYPHONY_VAR_DIR": str(var_dir),
        "POLYPHONY_LOG_LEVEL": "WARNING",
    }


@pytest.fixture
def var_dir(tmp_path: Path) -> Path:
    for name in ("releases", "imports"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture
def worker(var_dir: Path, db: None) -> Iterator[None]:
    command = [sys.executable, "-m", "celery", "--app", "config.celery", "worker"]
    options = ["--queues", QUEUES, "--pool", "solo", "--without-gossip", "--without-mingle"]
    with (var_dir / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, *options, "--loglevel", "WARNING"],
            env=_environment(var_dir),
            cwd=settings.BASE_DIR,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        yield
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def run_loop(var_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "demo_loop", *arguments],
        env=_environment(var_dir),
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


def test_one_command_goes_from_a_file_of_prompts_to_a_dataset(var_dir: Path, worker: None) -> None:
    ended = run_loop(var_dir)
    log = (var_dir / "worker.log").read_text()
    assert ended.returncode == 0, ended.stdout + ended.stderr + log

    steps = re.findall(r"^([1-5])/5 (\w+) .*\[\d+\.\d s\]$", ended.stdout, re.MULTILINE)
    assert [name for _, name in steps] == ["import", "generate", "judge", "aggregate", "publish"]

    project = Project.objects.get()
    assert project.is_simulated
    _check_what_was_collected(project)
    _check_runs(project)
    _check_release(project, var_dir, ended.stdout)

    again = run_loop(var_dir)
    assert again.returncode == 0, again.stdout + again.stderr
    second = Project.objects.exclude(pk=project.pk).get()
    assert (project.slug, second.slug) == ("demo-loop", "demo-loop-2")
    assert scores_of(second) == scores_of(project)


def scores_of(project: Project) -> list[tuple[str, float | None]]:
    """What the people think, which is the same at every passage."""
    run = Run.objects.filter(project=project, method="bradley_terry").latest("id")
    return list(run.scores.order_by("item").values_list("item", "score"))


def _check_what_was_collected(project: Project) -> None:
    by_system = Counter(
        Candidate.objects.filter(prompt__project=project).values_list("system__name", flat=True)
    )
    assert by_system == dict.fromkeys(
        ("Tarn", "Willowby", "Ostler", "Meridon", "scripted-brisk", "scripted-warm"), 8
    )
    assert GenerationJob.objects.filter(project=project, state="done").count() == 2
    questions = Question.objects.filter(project=project)
    assert questions.count() == 8 * 15  # every pair of six answers
    assert set(questions.values_list("state", flat=True)) == {"answered"}
    by_kind = Counter(
        Judgment.objects.counted()
        .filter(question__project=project)
        .values_list("annotator__kind", flat=True)
    )
    assert by_kind["simulated"] == 120 * project.overlap
    assert 90 <= by_kind["model"] <= 120
    assert not Annotator.objects.filter(kind="person").exists()
    assert JudgingJob.objects.get(project=project).state == "done"
    assert JudgeCall.objects.count() >= 240  # both orders of every pair


def _check_runs(project: Project) -> None:
    methods = Run.objects.filter(project=project, state="done").values_list("method", flat=True)
    assert set(methods) == {"majority", "win_rate", "bradley_terry"}
    by_judge, by_people = Run.objects.filter(project=project, method="bradley_terry").order_by("id")
    assert by_judge.kinds == ["model"]
    assert by_people.kinds == ["person", "simulated"]
    scores = by_people.scores
    written = scores.filter(item__in=["Willowby", "Meridon"]).order_by("rank")
    scripted = scores.filter(item__startswith="scripted").order_by("rank")
    assert written[0].rank is not None
    assert scripted[0].rank is not None
    assert written[0].rank < scripted[0].rank


def _check_release(project: Project, var_dir: Path, told: str) -> None:
    release = Release.objects.get(project=project)
    assert release.run == Run.objects.filter(project=project).latest("id")
    folder = var_dir / "releases" / release.folder
    assert str(folder) in told
    for digest, name in re.findall(r"^ +([0-9a-f]{64})  (\S+)$", told, re.MULTILINE):
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    pairs = [
        json.loads(line)
        for line in (folder / "trl_preference.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert 60 <= len(pairs) <= 120
    for row in pairs:
        assert row["prompt"][-1]["role"] == "user"
        assert row["chosen"] != row["rejected"]
    assert pq.read_table(folder / "trl_preference.parquet").num_rows == len(pairs)
    assert "imulated" in (folder / "README.md").read_text(encoding="utf-8")


def test_without_a_worker_it_ends_with_a_sentence_that_names_the_step(var_dir: Path) -> None:
    ended = run_loop(var_dir, "--patience", "1")
    assert ended.returncode == 1
    assert "2/5 generate" in ended.stderr
    assert "no worker has taken it" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not Release.objects.exists()
