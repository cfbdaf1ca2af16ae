"""manage.py brings the database along, for the commands that need one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.embedded import Cluster

ROOT = Path(__file__).resolve().parents[2]


def manage(var_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "POLYPHONY_VAR_DIR": str(var_dir)}
    environment.pop("DATABASE_URL", None)
    return subprocess.run(
        [sys.executable, ROOT / "manage.py", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_a_command_that_needs_the_database_finds_it_running_and_leaves_it_stopped(
    enterable_path: Path,
) -> None:
    answer = manage(enterable_path / "var", "showmigrations", "annotation")
    assert answer.returncode == 0, answer.stderr
    assert "[ ] 0001_initial" in answer.stdout
    cluster = Cluster.under(enterable_path / "var")
    assert (cluster.data / "PG_VERSION").exists()
    assert cluster.pid() is None


def test_aggregating_a_file_needs_no_database(tmp_path: Path) -> None:
    votes = tmp_path / "votes.csv"
    votes.write_text("a,b,y\nx,y,1\ny,z,1\nz,x,1\nx,z,1\n")
    answer = manage(tmp_path / "var", "aggregate", str(votes), "--method", "win_rate")
    assert answer.returncode == 0, answer.stderr
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize("arguments", [["help"], ["migrate", "--help"], ["check"]])
def test_asking_for_help_starts_nothing(tmp_path: Path, arguments: list[str]) -> None:
    answer = manage(tmp_path / "var", *arguments)
    assert answer.returncode == 0, answer.stderr
    assert not (tmp_path / "var").exists()
