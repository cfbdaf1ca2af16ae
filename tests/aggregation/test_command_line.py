"""`aggregate FILE` works alone: no database, no settings, results on the screen and in a file."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from aggregation.command_line import main
from config.settings import BASE_DIR


@pytest.fixture
def votes(tmp_path: Path) -> Path:
    path = tmp_path / "votes.csv"
    rows = ["x,y,a,p", "y,z,a,p", "x,z,a,q", "z,x,a,q", "y,x,a,r", "z,y,tie,r"]
    path.write_text("a,b,winner,annotator\n" + "\n".join(rows) + "\n")
    return path


def test_scores_appear_and_are_written(
    votes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "scores.json"
    assert main([str(votes), "--method", "bradley_terry", "--out", str(out)]) == 0
    assert "bradley_terry" in capsys.readouterr().out
    result = json.loads(out.read_text())
    assert result["ids"] == ["x", "y", "z"]
    assert len(result["score"]) == 3


def test_several_methods_stand_side_by_side(
    votes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "scores.csv"
    arguments = [
        str(votes),
        "-m",
        "bradley_terry",
        "-m",
        "win_rate",
        "--compare",
        "--out",
        str(out),
    ]
    assert main([*arguments, "--options", "replicates=3", "over=games"]) == 0
    said = capsys.readouterr().out
    assert "Kendall" in said
    assert "pairs stand in another order" in said
    assert "Log loss on held-out annotators" in said
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert {row["method"] for row in rows} == {"bradley_terry", "win_rate"}
    assert all(row["lo"] for row in rows)


def test_rules_without_chances_are_named_beneath_those_that_predict(
    votes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = ["-m", "copeland", "-m", "bradley_terry", "-m", "schulze"]
    assert main([str(votes), *rules, "--compare"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "of copeland, schulze: This rule names no probabilities, so it predicts nothing." in said
    assert main([str(votes), "-m", "copeland", "-m", "schulze", "--compare"]) == 0
    assert "Brier" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method", "borda_terry"], "There is no method 'borda_terry'"),
        ([], "Name a method"),
        (["--method", "bradley_terry", "--options", "penalty"], "needs NAME=VALUE"),
        (["--method", "bradley_terry", "--options", "penalty=x"], "needs a number"),
        (["--method", "bradley_terry", "--out", "scores.xlsx"], "must end in .csv or .json"),
    ],
)
def test_a_wrong_wish_gets_a_sentence(
    votes: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(votes), *arguments]) == 2
    assert message in capsys.readouterr().err.replace("\n", " ")


def test_the_mathematics_imports_neither_django_nor_celery() -> None:
    code = (
        "import sys, aggregation.catalogue, aggregation.command_line;"
        "bad = [m for m in sys.modules if m.split('.')[0] in ('django', 'celery', 'torch', "
        "'pandas')];"
        "sys.exit(repr(bad) if bad else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=BASE_DIR, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_management_command_needs_no_database(votes: Path) -> None:
    code = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'config.settings';"
        "os.environ['DATABASE_URL'] = 'postgres://nobody@127.0.0.1:1/none';"
        "import django; django.setup();"
        "from django.core.management import call_command;"
        "call_command('aggregate', sys.argv[1], method=['majority'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(votes)],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "majority" in done.stdout
