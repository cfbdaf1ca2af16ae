"""The import of a real checklist data set: 1,056 criteria, 1,500 summaries, 49,275 ticks."""

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from annotation.catalogue import JUDGMENT_TYPES
from annotation.evidence import Answer, Label
from annotation.intake.importing import run_import
from annotation.models import Criterion, Judgment, Project, Question
from annotation.questions import ask_each
from tests.cast import make_project

DATA = Path(settings.BASE_DIR).parent / "shared" / "data" / "realsumm_checklists"

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.exists(), reason="the realsumm data is not on this machine"),
]


def source_rows(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(DATA / name, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


@pytest.fixture
def imported(db: None) -> Project:
    project = make_project("realsumm", judgment_type="checklist", overlap=3)
    candidates = {
        "prompt_text": "=Summarise the article.",
        "candidate_id": "{system}",
        "response": "summary_text",
    }
    run_import(project, DATA / "outputs.csv.gz", "candidates", candidates, processes=1)
    run_import(project, DATA / "criteria.csv.gz", "criteria")
    assert len(ask_each(project=project).questions) == 1500
    answers = {
        "question_id": "{doc}/{system}",
        "annotator": "{system}-{doc}-{assignment}",
        "answer": "present",
    }
    ignore = ["*"]
    report = run_import(
        project, DATA / "judgments.csv.gz", "checklist_answers", answers, ignore=ignore
    )
    assert (report.rows, report.created["judgments"]) == (49275, 4680)
    return project


def test_majority_of_the_imported_ticks_gives_the_published_scores(imported: Project) -> None:
    """More than half of the workers say present; the mean over the document's statements."""
    criteria = {
        (rubric, position): criterion
        for rubric, position, criterion in Criterion.objects.values_list(
            "rubric_id", "position", "external_id"
        )
    }
    assert len(criteria) == 1056
    ticks: dict[tuple[str, str], list[bool]] = defaultdict(list)
    judgments = Judgment.objects.filter(question__project=imported).values_list(
        "question__external_id", "question__rubric_id", "payload"
    )
    for question, rubric, payload in judgments:
        for label in JUDGMENT_TYPES["checklist"].evidence(payload, [0]):
            assert isinstance(label, Label)
            ticks[question, criteria[rubric, label.criterion]].append(label.answer is Answer.YES)
    assert sum(map(len, ticks.values())) == 49275
    votes: dict[str, list[bool]] = defaultdict(list)
    for (question, _), told in ticks.items():
        votes[question].append(sum(told) * 2 > len(told))
    for row in source_rows("published_scores.csv.gz"):
        told = votes[f"{row['doc']}/{row['system']}"]
        assert sum(told) / len(told) == pytest.approx(float(row["litepyramid_recall"]), abs=1e-9)


def test_summaries_with_enough_workers_are_answered(imported: Project) -> None:
    workers: dict[str, set[str]] = defaultdict(set)
    for row in source_rows("judgments.csv.gz"):
        workers[f"{row['doc']}/{row['system']}"].add(row["assignment"])
    answered = Question.objects.filter(project=imported, state="answered")
    enough = {question for question, told in workers.items() if len(told) >= 3}
    assert set(answered.values_list("external_id", flat=True)) == enough
