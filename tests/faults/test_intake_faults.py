"""Imports under bad input and bad luck: nothing half-written, memory flat, a sentence each time."""

import contextlib
import gzip
import json
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection, transaction
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from annotation.intake.importing import import_rows, run_import
from annotation.intake.limits import Limits
from annotation.intake.previewing import preview
from annotation.intake.refusals import ImportBusy, ImportRefused, IntakeError, UnreadableFile
from annotation.intake.reports import Progress
from annotation.intake.texts import RenderingStopped, rendering
from annotation.models import Annotator, Candidate, Judgment, Project, Prompt, Question
from tests.cast import make_project

ROOT = Path(settings.BASE_DIR)
MB = 1 << 20

# Reads a file as a door would preview it, and tells what came of it and the peak of its memory.
READ_IN_A_CHILD = """
import sys
from annotation.intake.catalogue import reader_of
from annotation.intake.refusals import AnnotationError
from annotation.intake.sources import open_source
from pathlib import Path
import pyarrow.parquet
def peak():  # ru_maxrss would begin with the parent's peak, which a child inherits
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
before = peak()
try:
    source = open_source(Path(sys.argv[1]))
    with reader_of(source).open(source) as sheet:
        told = "; ".join(str(row)[:200] for row in sheet.rows)
except AnnotationError as error:
    told = str(error)
print((peak() - before) // 1024, told)
"""


def read_in_a_child(path: Path) -> tuple[int, str]:
    """The megabytes that reading a file took beyond the imports, and what was told about it."""
    done = subprocess.run(
        [sys.executable, "-c", READ_IN_A_CHILD, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    megabytes, _, told = done.stdout.partition(" ")
    return int(megabytes), told


@pytest.fixture
def project(db: None) -> Project:
    return make_project("faults")


def nothing_was_written() -> bool:
    nouns = (Prompt, Candidate, Question, Annotator, Judgment)
    return not any(noun._default_manager.exists() for noun in nouns)


def pair(number: int) -> dict[str, Any]:
    return {
        "pair_id": f"q{number}",
        "prompt_id": f"p{number // 10}",
        "prompt_text": f"What about {number // 10}?",
        "response_a": f"One, {number}.",
        "response_b": f"Two, {number}.",
    }


# --- Giants -------------------------------------------------------------------------------------


on_linux = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc"
)


@on_linux
@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.jsonl", "a.jsonl.gz"])
def test_a_cell_of_200_megabytes_is_an_error_not_the_end_of_memory(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    opener: Any = gzip.open if name.endswith(".gz") else open
    packing = {"compresslevel": 1} if name.endswith(".gz") else {}
    with opener(path, "wb", **packing) as file:
        begin, end = (b'{"text": "', b'"}\n') if "json" in name else (b'text\n"', b'"\n')
        file.write(begin)
        for number in range(200):
            file.write(os.urandom(MB // 2).hex().encode() if number < 3 else b"x" * MB)
        file.write(end)
    megabytes, told = read_in_a_child(path)
    assert "longer than 8 MB" in told or "zip bomb" in told
    assert megabytes < 60


@on_linux
@pytest.mark.slow
def test_a_parquet_cell_of_200_megabytes_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    make = (
        "import pyarrow, pyarrow.parquet, sys;"
        "table = pyarrow.table({'text': ['small', 'x' * 200_000_000]});"
        "pyarrow.parquet.write_table(table, sys.argv[1], compression='zstd')"
    )
    subprocess.run([sys.executable, "-c", make, str(path)], check=True)
    megabytes, told = read_in_a_child(path)
    assert "holds a block of 190.7 MB, most likely one huge cell" in told
    assert megabytes < 60


def test_a_long_cell_within_a_line_is_a_flaw_of_its_row(project: Project) -> None:
    rows = [pair(1), {**pair(2), "response_a": "x" * 1_500_000}]
    with pytest.raises(ImportRefused) as refused:
        import_rows(project, "pairs", rows)
    [flaw] = refused.value.report.flaws
    assert str(flaw) == (
        "line 2, response_a: has 1,500,000 characters; at most 1,000,000 are taken"
    )
    assert nothing_was_written()


def test_a_zip_bomb_leaves_nothing_behind(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress(b"prompt_text\n" + b"why\n" * 500_000))
    limits = Limits(ratio=100, ratio_from=100_000)
    with pytest.raises(UnreadableFile, match="like a zip bomb"):
        run_import(project, path, "prompts", limits=limits)
    assert nothing_was_written()


@pytest.mark.slow
def test_memory_stays_flat_while_rows_grow_tenfold(project: Project) -> None:
    import_rows(project, "pairs", (pair(number) for number in range(100)))

    def votes(rows: int, who: str) -> Iterator[dict[str, Any]]:
        for number in range(rows):
            yield {
                "question_id": f"q{number % 100}",
                "annotator": f"{who}{number // 100}",
                "winner": "ab"[number % 2],
            }

    def peak_of(rows: int, who: str) -> int:
        tracemalloc.start()
        try:
            report = import_rows(project, "judgments", votes(rows, who))
            assert report.created["judgments"] == rows
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak_of(1_000, "warm")  # caches of Django and psycopg fill up
    small, large = peak_of(12_000, "a"), peak_of(50_000, "b")
    assert large < small * 1.25 + 2 * MB
    assert Judgment.objects.count() == 63_000


VOTES = [
    {"question_id": f"q{number % 30}", "annotator": f"p{number // 30}", "winner": "a"}
    for number in range(3_000)
]
PEOPLE = [
    {
        "question_id": "q1",
        "annotator": f"p{number}",
        "winner": "a",
        "attributes": '{"age": "20-29"}',
    }
    for number in range(3_000)
]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("rows", "table"), [(VOTES, "annotation_judgment"), (PEOPLE, "annotation_annotator")]
)
def test_what_a_rehearsal_left_behind_does_not_slow_the_import(
    rows: list[dict[str, Any]], table: str
) -> None:
    """Its dead rows may keep their pages, and the planner takes the table for empty."""
    project = make_project("faults")
    import_rows(project, "pairs", (pair(number) for number in range(30)))
    with connection.cursor() as cursor:  # it could tidy up first, or hold the table just then
        cursor.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
    import_rows(project, "judgments", rows, dry_run=True)
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM (TRUNCATE false, ANALYZE) {table}")
        cursor.execute("SELECT reltuples, relpages > 0 FROM pg_class WHERE relname = %s", [table])
        assert cursor.fetchone() == (0, True)
    with transaction.atomic():
        import_rows(project, "judgments", rows)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables "
                "WHERE relname = %s",
                [table],
            )
            (read,) = cursor.fetchone()
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RESET (autovacuum_enabled)")
    assert len(rows) <= read < 20 * len(rows)


# --- Hostile texts ------------------------------------------------------------------------------

HOSTILE = [
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "[click](javascript:alert(1)) ![](http://169.254.169.254/)",
    "<svg onload=alert(1)>",
    '=cmd|" /C calc"!A0',
    "\u202eabc\u2066 a\u200bb Ａ",
    "> " * 10_000 + "deep",
    "x" * 200_000,
    "$" + "\\frac{" * 3_000 + "$",
    "|" * 5_000 + "\n" + "|-" * 5_000,
    "",
]


def test_hostile_texts_are_kept_as_they_are_and_shown_harmless(
    project: Project, tmp_path: Path
) -> None:
    path = tmp_path / "hostile.jsonl"
    rows = [{"prompt_text": f"{n}?", "response": text} for n, text in enumerate(HOSTILE)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    began = time.monotonic()
    run_import(project, path, "candidates", processes=1)
    assert time.monotonic() - began < 60
    kept = list(Candidate.objects.order_by("id"))
    assert [candidate.text for candidate in kept] == HOSTILE
    for candidate in kept:
        html = candidate.html.lower()
        assert bool(html) == bool(candidate.text)
        for danger in ("<script", "<svg", "<img", 'href="javascript:', "\u202e"):
            assert danger not in html


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"prompt_text": "a\\u0000b"}', "NUL"),
        (b'{"prompt_text": "\\ud800"}', "lone surrogate"),
        (b'{"prompt_text": "caf\xe9"}', "not UTF-8"),
        (b'{"prompt_text": "ok", "prompt_id": "a\\u202eb"}', "U+202E"),
        (b'{"prompt_text": ' + b"[" * 2_000 + b"]" * 2_000 + b"}", "JSON"),
        (b'{"prompt_text": {"a": 1}}', "must be text, not an object"),
    ],
)
def test_a_text_that_cannot_be_kept_is_told_and_nothing_is_written(
    project: Project, tmp_path: Path, line: bytes, reason: str
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"prompt_text": "fine"}\n' + line + b"\n")
    with pytest.raises(ImportRefused) as refused:
        run_import(project, path, "prompts")
    [flaw] = refused.value.report.flaws
    assert flaw.line == 2
    assert reason in flaw.reason
    assert nothing_was_written()


def test_a_wrong_encoding_is_told_with_line_and_offset(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes("prompt_text\nWhy?\nDéjà vu?\n".encode("cp1252"))
    with pytest.raises(ImportRefused) as refused:
        run_import(project, path, "prompts")
    [flaw] = refused.value.report.flaws
    assert str(flaw).startswith("line 3: byte 0xE9 at offset 18 of the file is not UTF-8")
    assert nothing_was_written()


# --- Bad luck -----------------------------------------------------------------------------------


class Cancelled(Exception):
    """What a door raises from `progress` when its person has had enough."""


@pytest.mark.parametrize("stage", ["reading", "checking", "rendering", "writing"])
def test_an_import_cancelled_at_any_stage_leaves_nothing(project: Project, stage: str) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == stage:
            raise Cancelled

    rows = [{**pair(n), "annotator": "w", "winner": "a"} for n in range(20)]
    for row in rows:
        row["question_id"] = row.pop("pair_id")
    with pytest.raises(Cancelled):
        import_rows(project, "judgments", rows, progress=stop)
    assert nothing_was_written()
    assert import_rows(project, "judgments", rows).created["judgments"] == 20


def test_two_imports_into_one_project_do_not_mix(project: Project) -> None:
    where = connection.settings_dict
    with psycopg.connect(host=where["HOST"], user=where["USER"], dbname=where["NAME"]) as other:
        other.execute("SELECT pg_advisory_xact_lock(7402, %s)", [project.pk])
        with pytest.raises(ImportBusy, match="Another import into this project is running"):
            import_rows(project, "pairs", [pair(1)])
        elsewhere = make_project("elsewhere")
        assert import_rows(elsewhere, "pairs", [pair(1)]).created["questions"] == 1
    assert import_rows(project, "pairs", [pair(1)]).created["questions"] == 1


KILLED_WHILE_WRITING = """
import os, signal, sys
import django
django.setup()
from annotation.intake.importing import run_import
from annotation.models import Project
def tell(progress):
    if progress.stage == "writing":
        os.kill(os.getpid(), signal.SIGKILL)
run_import(Project.objects.get(), sys.argv[1], "judgments", progress=tell)
"""


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_process_killed_while_writing_leaves_nothing(tmp_path: Path) -> None:
    project = make_project("killed")
    path = tmp_path / "votes.jsonl"
    rows = [{**pair(n), "annotator": "w", "winner": "a"} for n in range(50)]
    for row in rows:
        row["question_id"] = row.pop("pair_id")
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    where = connection.settings_dict
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": f"postgresql://{where['USER']}@/{where['NAME']}?host={where['HOST']}",
    }
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_WHILE_WRITING, str(path)], cwd=ROOT, env=environment
    )
    assert killed.returncode == -signal.SIGKILL
    assert nothing_was_written()
    assert _when_free(lambda: run_import(project, path, "judgments")).created["judgments"] == 50


def _when_free(act: Any) -> Any:
    """The server needs a moment to notice that a client is gone and to drop its lock."""
    for _ in range(50):
        try:
            return act()
        except ImportBusy:
            time.sleep(0.1)
    return act()


@pytest.mark.parametrize("dead", [False, True], ids=["is dying", "is dead"])
def test_a_rendering_process_that_dies_ends_the_import_with_a_sentence(dead: bool) -> None:
    def render_among_the_dying() -> None:
        with rendering(2) as render:
            assert "<em>a</em>" in render("candidate", ["*a*"])[0]
            for child in _children():
                os.kill(child, signal.SIGKILL)
            while dead and _children():
                time.sleep(0.01)
            render("candidate", ["*a*"] * 10)

    with pytest.raises(RenderingStopped, match="Nothing was written"):
        render_among_the_dying()
    assert issubclass(RenderingStopped, IntakeError)


def test_several_processes_render_what_one_does() -> None:
    texts = [f"# {n}\n\n*a* $x^{n}$ <b>" for n in range(23)]
    prompts = [json.dumps([{"role": "user", "content": text}]) for text in texts]
    with rendering(1) as alone, rendering(2) as together:
        assert together("candidate", texts) == alone("candidate", texts)
        assert together("prompt", prompts) == alone("prompt", prompts)
        assert together("candidate", []) == []
    assert not _children()


def _children() -> list[int]:
    """Rendering processes that this one has started."""
    tasks = Path("/proc/self/task").glob("*/children")
    pids = [int(pid) for task in tasks for pid in task.read_text().split()]
    return [pid for pid in pids if b"intake.texts" in Path(f"/proc/{pid}/cmdline").read_bytes()]


# --- Whatever bytes -----------------------------------------------------------------------------

GOOD_CSV = b"prompt_id,prompt_text\n" + b"".join(
    b'%d,"why, ""%d""\n?"\n' % (n, n) for n in range(9)
)
GOOD_JSONL = b"".join(b'{"prompt_id": %d, "prompt_text": "why"}\n' % n for n in range(9))
damage = st.lists(
    st.tuples(st.floats(0, 1), st.sampled_from(["set", "cut", "put"]), st.binary(max_size=6)),
    min_size=1,
    max_size=6,
)


def damaged(data: bytes, wounds: list[tuple[float, str, bytes]]) -> bytes:
    changed = bytearray(data)
    for place, wound, more in wounds:
        at = int(place * len(changed))
        if wound == "put":
            changed[at:at] = more
        elif wound == "cut":
            del changed[at : at + len(more)]
        else:
            changed[at : at + len(more)] = more
    return bytes(changed)


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.jsonl", "a.jsonl.gz"])
@settings_of_hypothesis(max_examples=150, deadline=None)
@given(wounds=damage)
def test_whatever_a_file_holds_it_is_read_or_refused_with_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, name: str, wounds: list[tuple[float, str, bytes]]
) -> None:
    path = tmp_path_factory.mktemp("bytes") / name
    whole = GOOD_CSV if "csv" in name else GOOD_JSONL
    path.write_bytes(damaged(gzip.compress(whole) if name.endswith(".gz") else whole, wounds))
    with contextlib.suppress(UnreadableFile):
        seen = preview(path, "prompts", rows=100)
        assert all(row.problem or row.becomes for row in seen.rows if not seen.problems)
