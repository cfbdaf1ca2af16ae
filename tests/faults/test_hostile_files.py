"""Files that are huge, ragged, marked, or full of formulas, and ids that are almost the same."""

import codecs
import csv
import io
from pathlib import Path

import pytest

from aggregation.tabulating import Sheet
from annotation.intake.importing import import_rows, run_import
from annotation.intake.refusals import ImportRefused, UnreadableFile
from annotation.models import Candidate, Project, Prompt
from annotation.spreadsheets import harmless
from tests.faults.test_intake_faults import on_linux, pair, project, read_in_a_child

__all__ = ["project"]


@on_linux
def test_a_file_of_two_gigabytes_is_refused_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    with path.open("wb") as file:
        file.write(b"prompt_text\n")
        file.truncate(2 << 30)  # nothing but NULs, which costs no disk
    megabytes, told = read_in_a_child(path)
    assert "longer than 8 MB" in told or "NUL" in told
    assert megabytes < 100


@pytest.mark.parametrize(
    ("mark", "encoding"), [(codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le")]
)
def test_a_mark_at_the_beginning_of_a_file_is_no_part_of_a_name(
    project: Project, tmp_path: Path, mark: bytes, encoding: str
) -> None:
    path = tmp_path / "marked.csv"
    path.write_bytes(mark + "prompt_text,prompt_id\nWhy?,p1\n".encode(encoding))
    if encoding != "utf-8":
        with pytest.raises(UnreadableFile, match="is in UTF-16"):
            run_import(project, path, "prompts")
        return
    run_import(project, path, "prompts")
    assert Prompt.objects.get().external_id == "p1"


def test_ragged_rows_are_told_by_their_lines(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "ragged.csv"
    path.write_text("prompt_id,prompt_text\np1,Why?\np2\np3,How?,and more\np4,Who?\n")
    with pytest.raises(ImportRefused) as refused:
        run_import(project, path, "prompts")
    assert {flaw.line for flaw in refused.value.report.flaws} == {3, 4}
    assert not Prompt.objects.exists()


FORMULAS = ['=cmd|" /C calc"!A0', "+1+cmd", "-2+3", "@SUM(A1)", "\t=1", "\r=1"]


def test_formulas_stay_text_and_leave_quoted(project: Project, tmp_path: Path) -> None:
    rows = [{"prompt_text": "Why?", "response": text} for text in FORMULAS]
    import_rows(project, "candidates", rows)
    assert [each.text for each in Candidate.objects.order_by("pk")] == FORMULAS
    sheet = Sheet("hostile", ("=head", "n"), tuple((text, -1.5) for text in FORMULAS))
    for row in csv.reader(io.StringIO(sheet.csv(), newline="")):
        assert row[0].startswith("'")
    assert [harmless(each) for each in ("-1.5", "a=b", -2, None)] == ["-1.5", "a=b", -2, None]


def test_ids_that_differ_by_blanks_are_one_and_by_case_are_asked_about(project: Project) -> None:
    def prompts(*ids: str) -> list[dict[str, str]]:
        return [{"prompt_id": each, "prompt_text": "Why?"} for each in ids]

    with pytest.raises(ImportRefused) as refused:
        import_rows(project, "prompts", prompts("q1", " q1", "q1\t"))
    assert "is already the id of line 1" in str(refused.value.report.flaws[0])
    with pytest.raises(ImportRefused) as refused:
        import_rows(project, "prompts", prompts("q1", "Q1"))
    assert {flaw.line for flaw in refused.value.report.flaws} & {1, 2}
    assert not Prompt.objects.exists()
    import_rows(project, "prompts", prompts("q1", "Q1"), allow_similar_ids=True)
    assert sorted(Prompt.objects.values_list("external_id", flat=True)) == ["Q1", "q1"]


def test_one_id_for_two_texts_is_refused_with_both_lines(project: Project) -> None:
    rows = [pair(1), {**pair(1), "response_a": "Another text."}]
    with pytest.raises(ImportRefused) as refused:
        import_rows(project, "pairs", rows)
    told = " ".join(str(flaw) for flaw in refused.value.report.flaws)
    assert "line 2" in told
    assert "q1" in told
    assert not Prompt.objects.exists()
