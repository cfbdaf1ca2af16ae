"""Releases: whole or invisible, the same bytes when built again, nothing left out in silence."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from aggregation import publishing, runs, streaming
from aggregation.curation import Curation
from aggregation.enqueue import NotPossible, request_check, request_release, request_run
from aggregation.models import Check, Release, Snapshot
from annotation.models import Assignment, AssignmentState, Judgment, Standing, System, WorkState
from tests.aggregation.votes import call_both_bad, person, vote
from tests.cast import World, make_project


@pytest.fixture
def judged(world: World) -> World:
    """noise: 3 to 1 for system-0; rent: 2 to 2; snow: everybody calls it the same or both bad."""
    noise, rent, snow = world.questions
    people = [
        person(world.project, f"secret-name-{n}", opinion="calm" if n < 3 else "loud")
        for n in range(4)
    ]
    for number, annotator in enumerate(people):
        vote(noise, annotator, -3 if number == 3 else 1, reason="My neighbour Zed said so.")
        vote(rent, annotator, 2 if number % 2 else -2)
        if number < 2:
            vote(snow, annotator, 0)
        else:
            call_both_bad(snow, annotator)
    return world


@pytest.fixture(autouse=True)
def _empty_releases() -> Iterator[None]:
    """Releases of a test that is rolled back must not meet the next test's."""
    yield
    shutil.rmtree(settings.RELEASES_DIR, ignore_errors=True)


def done(release: Release) -> Release:
    publishing.publish(release.pk)
    release.refresh_from_db()
    assert release.error == ""
    return release


def rows(release: Release, name: str) -> list[dict[str, Any]]:
    text = (publishing.release_folder(release) / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def left_out(release: Release, slug: str | None = None) -> dict[str, int]:
    assert release.manifest is not None
    entries = release.manifest["left_out"]
    if slug:
        entries = next(e for e in release.manifest["exports"] if e["slug"] == slug)["left_out"]
    return {f"{e['reason']}/{e['group']}": e["count"] for e in entries}


def test_a_release_holds_data_card_manifest_and_signature(judged: World) -> None:
    release = done(request_release(judged.project, notes="First.", licence="CC BY 4.0"))
    folder = publishing.release_folder(release)
    assert release.folder == "advice/v1"
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "manifest.json",
        "manifest.json.sig",
        "raw_judgments.jsonl",
        "raw_judgments.parquet",
        "signing-key.pem",
        "trl_preference.jsonl",
        "trl_preference.parquet",
    ]
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "# Everyday advice, release 1" in card
    assert "a tie never becomes a pair" in card
    assert "Licence: CC BY 4.0." in card
    assert "| `chosen` | messages |" in card
    digest = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    assert release.manifest_digest == digest


def test_a_tie_never_becomes_a_pair(judged: World) -> None:
    release = done(request_release(judged.project))
    found = rows(release, "trl_preference.jsonl")
    assert [row["question_id"] for row in found] == ["noise"]
    assert left_out(release, "trl_preference") == {"tie/all": 2}


def test_a_preference_row_reads_as_trainers_expect(judged: World) -> None:
    row = rows(done(request_release(judged.project)), "trl_preference.jsonl")[0]
    assert row["prompt"] == [{"content": "What should I do about noise?", "role": "user"}]
    assert row["chosen"] == [{"content": "Answer 0 to noise.", "role": "assistant"}]
    assert row["rejected"] == [{"content": "Answer 1 to noise.", "role": "assistant"}]
    assert (row["n"], row["agreement"], row["strength"], row["group"]) == (4, 0.75, 0.0, "all")
    assert (row["chosen_id"], row["rejected_id"]) == ("noise-0", "noise-1")


def test_parquet_and_lines_hold_the_same_rows(judged: World) -> None:
    release = done(request_release(judged.project))
    folder = publishing.release_folder(release)
    table = pq.read_table(folder / "trl_preference.parquet").to_pylist()
    assert table == rows(release, "trl_preference.jsonl")


def test_a_release_built_again_has_the_same_bytes(judged: World, tmp_path: Path) -> None:
    run = request_run(judged.project, "bradley_terry")
    runs.execute_run(run.pk)
    run.refresh_from_db()
    release = done(request_release(judged.project, run=run))
    vote(judged.questions[0], person(judged.project, "late"), -3)
    publishing.build(release, tmp_path / "again")
    folder = publishing.release_folder(release)
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name


def test_a_release_with_a_run_carries_its_scores(judged: World) -> None:
    run = request_run(judged.project, "win_rate")
    runs.execute_run(run.pk)
    run.refresh_from_db()
    vote(judged.questions[0], person(judged.project, "late"), -3)
    release = done(request_release(judged.project, run=run))
    assert release.mark == run.mark
    scores = json.loads((publishing.release_folder(release) / "scores.json").read_bytes())
    assert [entry["item"] for entry in scores["scores"]] == ["system-0", "system-1"]
    assert release.manifest is not None
    assert release.manifest["run"]["result_digest"] == run.result_digest


def test_no_account_name_or_own_word_leaves_the_house(judged: World) -> None:
    vote(judged.questions[0], judged.annotator_ada, 1, reason="Ada wrote this.")
    release = done(request_release(judged.project))
    everything = (
        b"".join(
            path.read_bytes()
            for path in publishing.release_folder(release).iterdir()
            if path.suffix != ".parquet"
        )
        + repr(
            pq.read_table(publishing.release_folder(release) / "raw_judgments.parquet").to_pylist()
        ).encode()
    )
    for name in (b"secret-name", b"Secret-Name", b"person-ada", b"Ada", b"Zed"):
        assert name not in everything, name
    assert b"annotator-00001" in everything


def test_own_words_and_attributes_go_along_only_when_asked_and_never_together(
    judged: World,
) -> None:
    words = done(request_release(judged.project, curation=Curation(reasons=True)))
    assert rows(words, "raw_judgments.jsonl")[0]["reason"] == "My neighbour Zed said so."
    told = done(
        request_release(judged.project, curation=Curation(attributes=("opinion",), smallest_cell=2))
    )
    found = [row["attributes"] for row in rows(told, "raw_judgments.jsonl")]
    assert {"opinion": "calm"} in found
    assert None in found, "one loud person must not be told apart"
    assert {"opinion": "loud"} not in found


def test_verdicts_can_be_separated_by_group_with_small_groups_withheld(judged: World) -> None:
    curation = Curation(group_by="opinion", smallest_cell=3)
    release = done(request_release(judged.project, curation=curation))
    noise = [row for row in rows(release, "trl_preference.jsonl") if row["question_id"] == "noise"]
    assert [(row["group"], row["n"], row["strength"]) for row in noise] == [("calm", 3, 1.0)]
    assert left_out(release, "trl_preference")["small_group/all"] == 3


def test_parked_replaced_and_other_kinds_are_counted_as_left_out(judged: World) -> None:
    question = judged.questions[0]
    first = Judgment.objects.filter(question=question).order_by("position")[0]
    vote(question, first.annotator, -1, supersedes=first)
    vote(question, person(judged.project, "late"), -1, standing=Standing.PARKED)
    vote(question, person(judged.project, "judge", kind="model"), -1)
    release = done(request_release(judged.project))
    assert left_out(release) == {"kind/all": 1, "parked/all": 1, "superseded/all": 1}
    assert release.snapshot is not None
    assert release.snapshot.counts == {"judgments": 13, "parked": 1, "superseded": 1}
    assert len(rows(release, "raw_judgments.jsonl")) == 12


def test_skips_are_counted_when_the_release_is_asked_for(judged: World) -> None:
    Assignment.objects.create(
        question=judged.questions[0],
        annotator=judged.annotator_ada,
        state=AssignmentState.RELEASED,
        release_reason="too long",
        shown_order=[0, 1],
        leased_at=timezone.now(),
        lease_until=timezone.now(),
        ended_at=timezone.now(),
    )
    release = done(request_release(judged.project))
    assert release.manifest is not None
    assert release.manifest["skips"] == 1


def test_pseudonyms_stay_the_same_in_later_releases(judged: World) -> None:
    first = rows(done(request_release(judged.project)), "raw_judgments.jsonl")
    vote(judged.questions[1], person(judged.project, "aaa-newcomer"), 1)
    second = rows(done(request_release(judged.project)), "raw_judgments.jsonl")
    named = {row["judgment_id"]: row["annotator"] for row in second}
    assert all(named[row["judgment_id"]] == row["annotator"] for row in first)
    assert len(second) == len(first) + 1


def test_votes_that_arrive_while_a_release_is_built_are_not_in_it(
    judged: World, tmp_path: Path
) -> None:
    release = done(request_release(judged.project))
    newcomer = person(judged.project, "newcomer")
    arrived: list[int] = []

    def somebody_votes(done: int) -> None:
        arrived.append(vote(judged.questions[0], newcomer, -1).pk)

    publishing.build(release, tmp_path / "again", watch=somebody_votes)
    assert len(arrived) >= 3
    for path in publishing.release_folder(release).iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name


def test_versions_count_up_and_numbers_are_never_used_again(judged: World) -> None:
    first = request_release(judged.project)
    first.request_cancel()
    second = done(request_release(judged.project))
    assert (first.version, second.version) == (1, 2)
    assert done(request_release(judged.project)).version == 3
    assert Snapshot.objects.count() == 1


def test_a_wish_that_cannot_be_met_is_refused_with_a_sentence(judged: World) -> None:
    other = make_project("other")
    run = request_run(other, "win_rate")
    with pytest.raises(NotPossible, match="“no_such” isn't one of them"):
        request_release(judged.project, exports=["no_such"])
    with pytest.raises(NotPossible, match="finished run of the same project"):
        request_release(judged.project, run=run)
    assert not Release.objects.exists()


def test_a_cancelled_release_leaves_nothing(judged: World, monkeypatch: pytest.MonkeyPatch) -> None:
    release = request_release(judged.project)
    claimed = Release.objects.claim(release.pk, lease=-timedelta(seconds=1))
    assert claimed is not None
    claimed.request_cancel()
    monkeypatch.setattr(streaming, "CHUNK", 2)
    publishing.publish(release.pk)
    release.refresh_from_db()
    assert release.state == WorkState.CANCELLED
    assert list(Path(settings.RELEASES_DIR).rglob("*.jsonl")) == []


def test_a_log_changed_behind_its_back_is_noticed(judged: World) -> None:
    done(request_release(judged.project))
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE annotation_judgment DISABLE TRIGGER USER")
        cursor.execute(
            """UPDATE annotation_judgment SET payload = '{"strength": -1}' """
            "WHERE position = (SELECT min(position) FROM annotation_judgment)"
        )
        cursor.execute("ALTER TABLE annotation_judgment ENABLE TRIGGER USER")
    release = request_release(judged.project)
    publishing.publish(release.pk)
    release.refresh_from_db()
    assert release.state == WorkState.FAILED
    assert "judgments were altered behind the application's back" in release.error
    assert not (Path(settings.RELEASES_DIR) / "advice" / "v2").exists()


def test_the_signing_key_is_made_once_and_readable_by_nobody_else(judged: World) -> None:
    first = publishing.trusted_fingerprint()
    mode = publishing.key_path().stat().st_mode & 0o777
    assert mode == 0o600
    assert publishing.trusted_fingerprint() == first


def test_a_key_that_others_can_read_is_refused(judged: World) -> None:
    publishing.trusted_fingerprint()
    publishing.key_path().chmod(0o644)
    try:
        release = request_release(judged.project)
        publishing.publish(release.pk)
        release.refresh_from_db()
        assert release.state == WorkState.FAILED
        assert "chmod 600" in release.error
    finally:
        publishing.key_path().chmod(0o600)


def test_only_what_dead_workers_left_is_cleared(judged: World) -> None:
    running = Release.objects.claim(request_release(judged.project).pk, lease=timedelta(minutes=1))
    assert running is not None
    kept = publishing.building_folder(running)
    left = kept.with_name(f"{running.public_id}-7")
    strange = kept.with_name("somebody's folder")
    for folder in (kept, left, strange):
        folder.mkdir(parents=True)
    publishing.clear_leftovers()
    assert (kept.exists(), left.exists(), strange.exists()) == (True, False, True)


# --- Checks -----------------------------------------------------------------------------------


def checked(release: Release, *, rebuild: bool = False) -> Check:
    check = request_check(release, rebuild=rebuild)
    publishing.check(check.pk)
    check.refresh_from_db()
    assert check.state == WorkState.DONE, check.error
    return check


def test_a_check_with_rebuild_proves_the_release_against_the_log(judged: World) -> None:
    check = checked(done(request_release(judged.project)), rebuild=True)
    assert check.passed is True
    assert check.report is not None
    said = " ".join(line["sentence"] for line in check.report)
    assert "Signed by the trusted key" in said
    assert "identical, byte for byte" in said


def test_a_check_names_the_file_that_was_tampered_with(judged: World) -> None:
    release = done(request_release(judged.project))
    path = publishing.release_folder(release) / "trl_preference.jsonl"
    path.write_bytes(path.read_bytes().replace(b"Answer 0", b"Answer 9", 1))
    check = checked(release)
    assert check.passed is False
    assert check.report is not None
    wrong = [line["sentence"] for line in check.report if not line["passed"]]
    assert "trl_preference.jsonl was changed: its SHA-256 is not the one in the manifest." in wrong


def test_a_rebuild_notices_what_a_forged_manifest_would_hide(judged: World) -> None:
    release = done(request_release(judged.project))
    System.objects.filter(name="system-1").update(name="renamed")
    check = checked(release, rebuild=True)
    assert check.passed is False
    assert check.report is not None
    wrong = [line["sentence"] for line in check.report if not line["passed"]]
    assert "raw_judgments.jsonl differs when it is rebuilt from the log." in wrong


def test_an_unpublished_release_cannot_be_checked(judged: World) -> None:
    with pytest.raises(NotPossible):
        request_check(request_release(judged.project))


def test_a_full_disk_publishes_nothing(judged: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operating system refuses to sync, as it does when the last block is gone."""

    def no_space(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    release = request_release(judged.project)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_space)
        publishing.publish(release.pk)
    release.refresh_from_db()
    assert release.state == WorkState.FAILED
    assert release.error.startswith("The disk is full, so nothing was published")
    assert list(Path(settings.RELEASES_DIR).rglob("*.jsonl")) == []
    assert done(request_release(judged.project)).version == 2
