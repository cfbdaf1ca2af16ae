"""The import of real crowd votes: 2,139 pairs of model responses, 13,209 judgments."""

import csv
import gzip
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from annotation.catalogue import JUDGMENT_TYPES
from annotation.intake.importing import run_import
from annotation.intake.previewing import preview
from annotation.intake.refusals import BadMapping
from annotation.intake.reports import ImportReport
from annotation.models import (
    Annotator,
    Candidate,
    Judgment,
    Project,
    Prompt,
    Question,
    QuestionState,
    System,
)
from annotation.submission import asked_by
from tests.cast import make_project

DATA = Path(settings.BASE_DIR).parent / "shared" / "data" / "llmfao"

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not DATA.exists(), reason="the llmfao data is not on this machine"),
]


def import_pairs(project: Project) -> ImportReport:
    return run_import(project, DATA / "pairs.csv.gz", "pairs", ignore=["slug", "type"])


def import_judgments(project: Project) -> ImportReport:
    return run_import(project, DATA / "judgments.csv.gz", "judgments")


@pytest.fixture
def project(db: None) -> Project:
    return make_project("llmfao", overlap=4)


@pytest.fixture
def imported(project: Project) -> Project:
    import_pairs(project)
    import_judgments(project)
    return project


def source_rows(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(DATA / name, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def test_the_columns_are_recognised_by_their_names() -> None:
    pairs = preview(DATA / "pairs.csv.gz")
    assert (pairs.kind, pairs.unknown) == ("pairs", ("slug", "type"))
    assert pairs.mapping["response_a"] == "response_x"
    judgments = preview(DATA / "judgments.csv.gz")
    assert (judgments.kind, judgments.problems) == ("judgments", ())
    assert judgments.mapping["question_id"] == "pair_id"


def test_columns_nobody_asked_for_must_be_mapped_or_ignored(project: Project) -> None:
    with pytest.raises(BadMapping, match="“slug”, “type” are columns that no field") as refused:
        run_import(project, DATA / "pairs.csv.gz", "pairs")
    assert "--ignore slug,type" in str(refused.value)
    assert not Prompt.objects.exists()


def test_every_pair_becomes_a_question(project: Project) -> None:
    report = import_pairs(project)
    assert report.created == {
        "prompts": 13,
        "systems": 59,
        "candidates": 750,
        "questions": 2139,
    }
    assert Question.objects.filter(project=project).count() == 2139
    assert System.objects.filter(project=project).count() == 59
    for row in list(source_rows("pairs.csv.gz"))[::25]:
        question = Question.objects.get(project=project, external_id=row["pair_id"])
        first, second = question.placements.select_related("candidate__system")
        assert (first.candidate.text, second.candidate.text) == (
            row["response_x"],
            row["response_y"],
        )
        assert (str(first.candidate.system), str(second.candidate.system)) == (
            row["model_x"],
            row["model_y"],
        )
        assert question.prompt.last_text() == row["prompt_text"]


def test_everything_shown_is_rendered(project: Project) -> None:
    import_pairs(project)
    assert not Prompt.objects.filter(html="").exists()
    unrendered = Candidate.objects.filter(html="")
    assert all(not candidate.text.strip() for candidate in unrendered)


def test_every_vote_is_kept_with_its_side(imported: Project) -> None:
    judgments = Judgment.objects.filter(question__project=imported)
    people = judgments.filter(annotator__kind="person")
    models = judgments.filter(annotator__kind="model")
    assert (people.count(), models.count()) == (8931, 4278)
    assert Annotator.objects.filter(project=imported, kind="person").count() == 124
    assert Annotator.objects.filter(project=imported, kind="model").count() == 2
    sides = {1: "x", 0: "tie", -1: "y"}
    kept = Counter(
        (question, annotator, sides[payload["strength"]])
        for question, annotator, payload in judgments.values_list(
            "question__external_id", "annotator__external_id", "payload"
        )
    )
    told = Counter(
        (row["pair_id"], row["annotator"], row["winner"]) for row in source_rows("judgments.csv.gz")
    )
    assert kept == told
    votes = Counter(
        sides[payload["strength"]] for payload in people.values_list("payload", flat=True)
    )
    assert votes == {"tie": 3471, "x": 2911, "y": 2549}


def test_imported_judgments_say_where_they_come_from_and_keep_the_file_s_order(
    imported: Project,
) -> None:
    judgments = Judgment.objects.filter(question__project=imported)
    assert set(judgments.values_list("source", "standing", "judgment_type")) == {
        ("import", "counted", "pairwise")
    }
    in_log = judgments.order_by("position").values_list(
        "question__external_id", "annotator__external_id"
    )
    in_file = [(row["pair_id"], row["annotator"]) for row in source_rows("judgments.csv.gz")]
    assert list(in_log) == in_file


def test_a_payload_is_one_that_the_judgment_type_accepts(imported: Project) -> None:
    for judgment in Judgment.objects.filter(question__project=imported)[:50]:
        JUDGMENT_TYPES["pairwise"].check(judgment.payload, asked_by(judgment.question))


def test_a_question_with_enough_people_s_votes_is_answered(imported: Project) -> None:
    votes = Counter(
        row["pair_id"]
        for row in source_rows("judgments.csv.gz")
        if row["annotator_kind"] == "human"
    )
    enough = {pair for pair, number in votes.items() if number >= 4}
    answered = Question.objects.filter(project=imported, state=QuestionState.ANSWERED)
    assert set(answered.values_list("external_id", flat=True)) == enough
    assert 0 < len(enough) < 2139


def test_importing_again_changes_nothing(imported: Project) -> None:
    before = Judgment.objects.count(), Candidate.objects.count(), Question.objects.count()
    pairs, judgments = import_pairs(imported), import_judgments(imported)
    assert not any(pairs.created.values())
    assert not any(judgments.created.values())
    assert judgments.unchanged["judgments"] == 13209
    assert before == (Judgment.objects.count(), Candidate.objects.count(), Question.objects.count())
