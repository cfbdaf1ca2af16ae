"""The command line: preview, import, refusal; and no project left over from a failed import."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from annotation.models import Candidate, Judgment, Project, Question
from tests.cast import account, make_project

pytestmark = pytest.mark.django_db

PAIRS = (
    "pair_id,prompt_text,response_x,model_x,response_y,model_y,slug\n"
    "1,Why?,So.,alpha,No.,beta,s\n"
    "2,How?,So.,alpha,No.,beta,s\n"
)
VOTES = "pair_id,annotator,winner\n1,w1,x\n2,w1,tie\n"


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.csv"
    path.write_text(PAIRS)
    return path


@pytest.fixture
def votes(tmp_path: Path) -> Path:
    path = tmp_path / "votes.csv"
    path.write_text(VOTES)
    return path


def run(*arguments: "str | Path") -> str:
    out = StringIO()
    call_command("import", *map(str, arguments), stdout=out, no_color=True)
    return out.getvalue()


def refusal(*arguments: "str | Path") -> tuple[str, str]:
    out = StringIO()
    with pytest.raises(CommandError) as refused:
        call_command("import", *map(str, arguments), stdout=out, no_color=True)
    return str(refused.value), out.getvalue()


def test_a_project_is_made_and_filled_with_two_files(pairs: Path, votes: Path) -> None:
    account("olga")
    told = run(
        *("--project", "fresh", "--create", "--name", "Fresh", "--overlap", "1"),
        *("--owner", "olga", "--kind", "pairs", "--ignore", "slug", pairs),
    )
    assert "pairs.csv: CSV or TSV, separated by commas, as pairs" in told
    assert "question 1: candidate-" in told
    assert "2 rows of “pairs.csv” brought 2 prompts, 2 systems, 4 candidates, 2 questions." in told
    told = run("--project", "fresh", votes)
    assert "as judgments" in told
    assert "brought 1 annotator, 2 judgments, 2 questions answered." in told
    project = Project.objects.get(slug="fresh")
    assert (project.name, project.overlap, project.memberships.get().role) == ("Fresh", 1, "owner")
    assert Judgment.objects.count() == 2


def test_an_unknown_column_is_told_with_the_known_ones_and_nothing_is_left(pairs: Path) -> None:
    error, _ = refusal("--project", "fresh", "--create", pairs)
    assert "“slug” is a column that no field of pairs takes" in error
    assert "--map FIELD=COLUMN" in error
    assert "prompt_text, messages" in error
    assert not Project.objects.exists()


def test_bad_rows_are_shown_and_the_made_project_goes_away(tmp_path: Path) -> None:
    path = tmp_path / "prompts.csv"
    path.write_text("prompt_text\nWhy?\n\nHow?,too many\n")
    error, shown = refusal("--project", "fresh", "--create", "--kind", "prompts", path)
    assert error == "1 row of 2 in “prompts.csv” is bad, so nothing was written."
    assert "line 4: has 2 cells where the header names 1 columns" in shown
    assert "All of them with their reasons: " in shown
    assert not Project.objects.exists()


def test_a_rehearsal_and_a_preview_leave_nothing(pairs: Path) -> None:
    base = ("--project", "fresh", "--create", "--ignore", "slug", pairs)
    assert "would bring 2 prompts" in run(*base, "--dry-run")
    assert "line 2 becomes" in run(*base, "--preview")
    assert not Project.objects.exists()


def test_columns_constants_and_patterns_are_mapped(tmp_path: Path) -> None:
    path = tmp_path / "outputs.csv"
    path.write_text("doc,model,text\n7,t5,So.\n7,bart,No.\n")
    told = run(
        *("--project", "fresh", "--create", "--kind", "candidates", path),
        *("--map", "prompt_id=doc", "--map", "prompt_text==Summarise."),
        *("--map", "candidate_id={doc}-{model}"),
    )
    assert "always “Summarise.”" in told
    ids = Candidate.objects.order_by("id").values_list("external_id", flat=True)
    assert list(ids) == ["7-t5", "7-bart"]


def test_wrong_arguments_are_told(pairs: Path) -> None:
    make_project("known")
    error, _ = refusal("--project", "knwon", "--ignore", "slug", pairs)
    assert error == ("There is no project “knwon” (there are: known). Add --create to make it.")
    error, _ = refusal("--project", "known", "--map", "prompt_text", pairs)
    assert error == "--map takes FIELD=COLUMN, not “prompt_text”."
    error, _ = refusal("--project", "known", pairs.with_name("gone.csv"))
    assert error == "“gone.csv” can't be opened: there is no such file."
    error, _ = refusal("--project", "Not a slug", "--create", "--ignore", "slug", pairs)
    assert error.startswith("The project can't be made:")
    error, _ = refusal("--project", "x", "--create", "--owner", "sam", "--ignore", "slug", pairs)
    assert error == "There is no account “sam”."


def test_questions_are_asked_from_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "outputs.csv"
    path.write_text("prompt,model,text\nWhy?,a,So.\nWhy?,b,No.\nWhy?,c,Oh.\nHow?,a,So.\n")
    run("--project", "fresh", "--create", "--kind", "candidates", path)

    def asked(*arguments: str) -> str:
        out = StringIO()
        call_command("ask", "--project", "fresh", *arguments, stdout=out)
        return out.getvalue().strip()

    assert asked("--design", "round_robin", "--per-prompt", "2", "--overlap", "4") == (
        "Asked 2 questions. Left out 1 prompt with fewer than two responses."
    )
    assert set(Question.objects.values_list("overlap", flat=True)) == {4}
    assert asked().startswith("Asked 1 question. Already there: 2.")
    with pytest.raises(CommandError, match="needs a list of criteria"):
        asked("--judgment-type", "checklist")
    with pytest.raises(CommandError, match="at least one pair"):
        asked("--design", "random", "--per-prompt", "0")
