"""Columns into fields: guesses, patterns, constants, and sentences about what doesn't fit."""

from pathlib import Path

import pytest

from annotation.intake.catalogue import KINDS, kind_named
from annotation.intake.mapping import Reading, plan
from annotation.intake.previewing import preview
from annotation.intake.readers import Row
from annotation.intake.refusals import BadCell, BadMapping

JUDGMENTS = KINDS["judgments"]


def test_columns_are_guessed_from_their_names_whatever_their_dress() -> None:
    mapping = plan(JUDGMENTS, ("Pair ID", "Annotator", "WINNER", "Model-X", "model_y")).mapping
    assert mapping == {
        "question_id": "Pair ID",
        "annotator": "Annotator",
        "winner": "WINNER",
        "system_a": "Model-X",
        "system_b": "model_y",
    }


def test_a_field_s_own_name_beats_an_alias() -> None:
    columns = ("prompt", "prompt_text", "prompt_id")
    assert plan(KINDS["prompts"], columns).mapping["prompt_text"] == "prompt_text"


def test_what_is_given_beats_the_guess() -> None:
    columns = ("question_id", "who", "annotator", "winner")
    worked_out = plan(JUDGMENTS, columns, {"annotator": "who"}, ignore=["annotator"])
    assert worked_out.mapping["annotator"] == "who"
    assert worked_out.problems == ()


def test_an_unknown_column_is_an_error_that_lists_the_fields() -> None:
    columns = ("question_id", "annotator", "winner", "confidnce")
    worked_out = plan(JUDGMENTS, columns)
    assert worked_out.unknown == ("confidnce",)
    [problem] = worked_out.problems
    assert "“confidnce” is a column that no field" in problem
    assert "--map FIELD=COLUMN" in problem
    assert "confidence" in problem
    with pytest.raises(BadMapping):
        worked_out.checked()
    assert plan(JUDGMENTS, columns, ignore=["confidnce"]).problems == ()
    assert plan(JUDGMENTS, columns, ignore=["*"]).problems == ()


def test_unknown_names_are_told_with_the_known_ones() -> None:
    columns = ("question_id", "annotator", "winner")
    given = {"annotatr": "annotator", "reason": "why", "confidence": "{sure}"}
    problems = " ".join(plan(JUDGMENTS, columns, given, ignore=["nix"]).problems)
    assert "no field “annotatr”" in problems
    assert "no column “why” (for reason). Its columns are: question_id, annotator" in problems
    assert "no column “sure” (for confidence)" in problems
    assert "no column “nix” to ignore" in problems


def test_a_required_field_without_a_column_is_asked_for() -> None:
    problems = " ".join(plan(JUDGMENTS, ("winner", "question_id")).problems)
    assert "No column is known for annotator" in problems
    assert "--map annotator=COLUMN" in problems
    problems = " ".join(plan(JUDGMENTS, ("annotator", "question_id")).problems)
    assert "winner" in problems
    assert "or strength" in problems


def test_an_unknown_kind_is_told_with_the_known_ones() -> None:
    with pytest.raises(BadMapping, match="no kind “votes”. The kinds are: candidates"):
        kind_named("votes")


def test_patterns_and_constants_make_values() -> None:
    columns = ("doc", "system", "worker", "winner")
    given = {
        "question_id": "{doc}/{system}",
        "annotator": "worker",
        "annotator_kind": "=model",
    }
    reading = Reading(plan(JUDGMENTS, columns, given).checked())
    row = {"doc": "19", "system": " t5 ", "worker": "w1", "winner": "a"}
    values = reading.values(Row(2, row))
    assert (values["question_id"], values["annotator_kind"]) == ("19/t5", "model")
    assert reading.values(Row(3, {**row, "system": ""}))["question_id"] is None


def test_a_column_named_like_a_constant_is_a_column() -> None:
    columns = ("=winner", "question_id", "annotator")
    reading = Reading(plan(JUDGMENTS, columns, {"winner": "=winner"}).checked())
    row = {"=winner": "a", "question_id": "q", "annotator": "w"}
    assert reading.values(Row(2, row))["winner"] == "a"


def test_a_key_that_the_first_rows_lack_is_no_silent_loss() -> None:
    worked_out = plan(JUDGMENTS, ("question_id", "annotator", "winner")).checked()
    row = Row(5, {"question_id": "q", "annotator": "w", "winner": "a", "reasom": "because"})
    with pytest.raises(BadCell, match="reasom"):
        Reading(worked_out).values(row)


def test_a_preview_shows_what_the_first_rows_become(tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    path.write_text("pair,worker,winner,slug\nq1,w1,x,s\nq2,w2,both_bad,s\nq3,w3,who?,s\nq4,w4\n")
    seen = preview(path, "judgments")
    assert seen.columns == ("pair", "worker", "winner", "slug")
    assert (seen.unknown, len(seen.problems)) == (("slug",), 1)
    assert seen.format == "CSV or TSV, separated by commas"
    first, second, third, fourth = seen.rows
    assert first.becomes == (
        "annotator w1 (person)",
        "judgment of q1 by w1: A is better, strength 1",
    )
    assert second.becomes[1] == "judgment of q2 by w2: both are bad"
    assert third.problem.startswith("winner: “who?” names no winner")
    assert "2 cells" in fourth.problem
    assert [row.line for row in seen.rows] == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("prompt_id,prompt", "prompts"),
        ("prompt_id,response,model", "candidates"),
        ("prompt,response_a,response_b", "pairs"),
        ("pair_id,annotator,winner", "judgments"),
        ("question_id,annotator,criterion,answer", "checklist_answers"),
        ("prompt_id,criterion_id,text", "criteria"),
    ],
)
def test_the_kind_is_guessed_from_the_columns(tmp_path: Path, header: str, kind: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(header + "\n" + ",".join("1" for _ in header.split(",")) + "\n")
    assert preview(path).kind == kind


def test_every_kind_explains_its_fields() -> None:
    for kind in KINDS.values():
        names = [field.name for field in kind.fields]
        assert len(names) == len(set(names))
        assert all(field.help for field in kind.fields)
        assert all(name in names for group in kind.needs for name in group)
