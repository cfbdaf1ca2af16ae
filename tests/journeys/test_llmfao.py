"""Real crowd votes all the way — import, aggregate, publish, verify — against published figures.

2,139 pairs with real responses, 8,931 votes by 124 people and two judges' votes beside them.
"""

import csv
import gzip
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from django.conf import settings

from aggregation import publishing, runs
from aggregation.curation import Curation
from aggregation.enqueue import request_check, request_release, request_run
from aggregation.models import Check, Release, Run
from aggregation.verification import passed, verify
from annotation.intake.importing import run_import
from annotation.models import Project, WorkState
from tests.cast import make_project

DATA = Path(settings.BASE_DIR).parent / "shared" / "data" / "llmfao"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.exists(), reason="the llmfao data is not on this machine"),
]


def table(name: str) -> list[dict[str, str]]:
    with gzip.open(DATA / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def published_scores(algorithm: str) -> dict[str, float]:
    return {
        row["item"]: float(row["score"])
        for row in table("published_scores")
        if row["algorithm"] == algorithm
    }


@pytest.fixture
def project(db: None) -> Iterator[Project]:
    project = make_project("llmfao", overlap=5)
    run_import(project, DATA / "pairs.csv.gz", "pairs", ignore=["slug", "type"], processes=1)
    run_import(project, DATA / "judgments.csv.gz", "judgments", processes=1)
    yield project
    shutil.rmtree(settings.RELEASES_DIR, ignore_errors=True)


def finished(project: Project, method: str) -> Run:
    run = request_run(project, method, kinds=["person"])
    runs.execute_run(run.pk)
    run.refresh_from_db()
    assert run.state == WorkState.DONE, run.error
    return run


def by_name(run: Run) -> dict[str, float]:
    """Scores by the models' names; the pairs name models by their ids."""
    names = {row["id"]: row["name"] for row in table("models")}
    scores = {score.item: score.score for score in run.scores.all()}
    return {names[item]: score for item, score in scores.items() if score is not None}


def worst_difference(found: dict[str, float], expected: dict[str, float]) -> float:
    assert found.keys() == expected.keys()
    return max(abs(found[item] - expected[item]) for item in expected)


def winners_by_hand() -> tuple[dict[str, str], Counter[str]]:
    """Per pair the side with more half-ties-counted votes by people, and how many have none."""
    votes: dict[str, Counter[str]] = {}
    for row in table("judgments"):
        if row["annotator_kind"] == "human":
            votes.setdefault(row["pair_id"], Counter())[row["winner"]] += 1
    won = {
        pair: "x" if count["x"] > count["y"] else "y" if count["y"] > count["x"] else "tie"
        for pair, count in votes.items()
    }
    return won, Counter(won.values())


def test_from_files_to_a_verified_dataset(project: Project, tmp_path: Path) -> None:
    strengths, rates = finished(project, "bradley_terry"), finished(project, "win_rate")
    assert (strengths.judgments, strengths.annotators) == (8_931, 124)

    odds = {item: float(np.exp(theta)) for item, theta in by_name(strengths).items()}
    total = sum(odds.values())
    shares = {item: value / total for item, value in odds.items()}
    assert worst_difference(shares, published_scores("bradley_terry")) < 1e-6
    assert worst_difference(by_name(rates), published_scores("average_win_rate")) < 1e-6
    assert runs.rebuild(strengths).identical

    release = published(project, strengths)
    folder = publishing.release_folder(release)
    assert passed(verify(folder, trusted=publishing.trusted_fingerprint()))
    no_tie_is_a_pair(release, folder)
    states_its_policy(release, folder)
    is_the_same_when_rebuilt(release, folder, tmp_path)
    notices_one_changed_byte(folder, tmp_path)


def published(project: Project, run: Run) -> Release:
    release = request_release(
        project, run=run, curation=Curation(kinds=("person",)), licence="CC BY 4.0"
    )
    publishing.publish(release.pk)
    release.refresh_from_db()
    assert release.state == WorkState.DONE, release.error
    return release


def no_tie_is_a_pair(release: Release, folder: Path) -> None:
    won, counts = winners_by_hand()
    rows = pq.read_table(folder / "trl_preference.parquet").to_pylist()
    assert len(rows) == counts["x"] + counts["y"]
    sides = {row["pair_id"]: row for row in table("pairs")}
    for row in rows:
        pair = sides[row["question_id"]]
        side = won[row["question_id"]]
        assert side in ("x", "y")
        other = "y" if side == "x" else "x"
        assert row["chosen"] == [{"role": "assistant", "content": pair[f"response_{side}"]}]
        assert row["rejected"] == [{"role": "assistant", "content": pair[f"response_{other}"]}]
        assert row["prompt"] == [{"role": "user", "content": pair["prompt_text"]}]
        assert 0.5 < row["agreement"] <= 1
        assert 0 < row["strength"] <= 1
    assert release.manifest is not None
    export = next(e for e in release.manifest["exports"] if e["slug"] == "trl_preference")
    assert export["left_out"] == [entry("tie", counts["tie"])]
    assert release.manifest["left_out"] == [entry("kind", 2 * 2_139)]


def entry(reason: str, count: int) -> dict[str, Any]:
    from aggregation.curation import REASONS

    return {"reason": reason, "meaning": REASONS[reason], "group": "all", "count": count}


def states_its_policy(release: Release, folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_bytes())
    said = " ".join(manifest["curation"]["sentences"])
    assert "counts as half a vote for each side" in said
    assert "a tie never becomes a pair" in said
    assert "a tie never becomes a pair" in (folder / "README.md").read_text(encoding="utf-8")
    assert manifest["snapshot"]["mark"] == release.mark
    assert manifest["run"]["method"] == "bradley_terry"


def is_the_same_when_rebuilt(release: Release, folder: Path, tmp_path: Path) -> None:
    check = request_check(release, rebuild=True)
    publishing.check(check.pk)
    report = Check.objects.get(pk=check.pk)
    assert report.passed is True, report.report or report.error
    publishing.build(release, tmp_path / "again")
    names = {path.name for path in folder.iterdir()}
    assert names == {path.name for path in (tmp_path / "again").iterdir()}
    for name in names:
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


def notices_one_changed_byte(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    path = copy / "trl_preference.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    wrong = [line.sentence for line in verify(copy) if not line.passed]
    assert (
        "trl_preference.parquet was changed: its SHA-256 is not the one in the manifest." in wrong
    )
