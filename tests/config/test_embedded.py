"""The embedded PostgreSQL, started for real in throwaway folders."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from config import embedded
from config.embedded import Cluster, EmbeddedError, find_programs

ROOT = Path(__file__).resolve().parents[2]

try:
    find_programs()
    _MISSING = ""
except EmbeddedError as error:
    _MISSING = str(error)
needs_programs = pytest.mark.skipif(bool(_MISSING), reason=_MISSING)
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="tells of dropping root's privileges")


@pytest.fixture(scope="module")
def cluster(enterable_folder: Path) -> Iterator[Cluster]:
    """One cluster for the module; a test that stops it is followed by one that starts it."""
    made = Cluster.throwaway(enterable_folder / "postgres")
    yield made
    if made.home.exists():
        made.destroy()


def answer(cluster: Cluster, query: str) -> object:
    with psycopg.connect(cluster.url()) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


@needs_programs
def test_a_started_server_answers_keeps_its_socket_private_and_stops(cluster: Cluster) -> None:
    cluster.start()
    assert answer(cluster, "select 1") == 1
    assert stat.S_IMODE(cluster.socket_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE(cluster.data.stat().st_mode) == 0o700
    assert answer(cluster, "show listen_addresses") == ""
    pid = cluster.pid()
    assert pid is not None
    cluster.stop()
    assert cluster.pid() is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@needs_programs
def test_text_sorts_the_same_on_every_machine(cluster: Cluster) -> None:
    cluster.start()
    if find_programs().major >= 17:
        assert answer(cluster, "select datlocale from pg_database where datname='polyphony'") == (
            "C.UTF-8"
        )
    assert answer(
        cluster, "select string_agg(x, '' order by x) from unnest('{a,B,é,Z}'::text[]) x"
    ) == ("BZaé")
    assert answer(cluster, "show server_encoding") == "UTF8"


@needs_programs
def test_starting_twice_is_starting_once(cluster: Cluster) -> None:
    cluster.start()
    pid = cluster.pid()
    cluster.start()
    assert cluster.pid() == pid


@needs_programs
def test_the_server_is_in_a_session_of_its_own_with_its_own_log(cluster: Cluster) -> None:
    cluster.start()
    pid = cluster.pid()
    assert pid is not None
    assert os.getsid(pid) == pid != os.getsid(0)
    assert "ready to accept connections" in cluster.log.read_text()


@needs_programs
def test_a_killed_server_starts_again_with_its_data(cluster: Cluster) -> None:
    cluster.start()
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute("create table if not exists kept (n int)")
        connection.execute("checkpoint")  # throwaway clusters do not sync
    pid = cluster.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    cluster.start()
    assert cluster.pid() not in (None, pid)
    assert answer(cluster, "select count(*) from kept") == 0


@needs_programs
@pytest.mark.parametrize("left_behind", ["a dead process", "a stranger"])
def test_a_stale_pid_file_does_not_stop_the_start(cluster: Cluster, left_behind: str) -> None:
    cluster.start()
    cluster.stop()
    pid = 2**22 - 1 if left_behind == "a dead process" else os.getpid()
    (cluster.data / "postmaster.pid").write_text(f"{pid}\n{cluster.data}\n")
    cluster.start()
    assert answer(cluster, "select 1") == 1


@needs_programs
def test_open_transactions_do_not_hold_up_the_stop(cluster: Cluster) -> None:
    cluster.start()
    connection = psycopg.connect(cluster.url())
    connection.execute("select 1")
    begun = time.monotonic()
    cluster.stop()
    assert time.monotonic() - begun < 10
    connection.close()


@needs_programs
def test_the_last_of_two_users_stops_the_server(cluster: Cluster) -> None:
    script = (
        "import sys; from pathlib import Path; from config.embedded import Cluster\n"
        "with Cluster.throwaway(Path(sys.argv[1])).serving():\n"
        "    print('in', flush=True); sys.stdin.readline()\n"
    )
    cluster.stop()
    with subprocess.Popen(
        [sys.executable, "-c", script, str(cluster.home)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        with cluster.serving():
            pid = cluster.pid()
        assert pid is not None
        assert cluster.pid() == pid  # the other still uses it
        other.communicate("\n")
    assert other.returncode == 0
    assert cluster.pid() is None


STARTING = """
import signal, sys
from pathlib import Path
from config.embedded import Cluster
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
with Cluster.throwaway(Path(sys.argv[1])).serving():
    print("up")
"""
HESITANT = """#!/bin/sh
[ "$1" = --version ] && exec {program} "$@"
[ "$1" = -D ] && touch {home}/hesitates && sleep 1
exec {program} "$@"
"""


@needs_programs
def test_a_start_that_is_interrupted_leaves_no_server(enterable_path: Path) -> None:
    """Not even one that hasn't written its pid file yet, as a server that is slow to begin."""
    real, slow, home = find_programs().bin, enterable_path / "bin", enterable_path / "postgres"
    for folder, mode in ((slow, 0o755), (home, 0o777)):
        folder.mkdir()
        folder.chmod(mode)
    for name in ("initdb", "postgres"):
        (slow / name).write_text(HESITANT.format(program=real / name, home=home))
        (slow / name).chmod(0o755)
    starting = subprocess.Popen(
        [sys.executable, "-c", STARTING, home],
        cwd=ROOT,
        env={**os.environ, "POLYPHONY_PG_BIN": str(slow)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline = time.monotonic() + 30
    while not (home / "hesitates").exists():
        assert starting.poll() is None, starting.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    starting.terminate()
    said, _ = starting.communicate(timeout=30)
    assert said == ""
    time.sleep(2)  # longer than it hesitates
    try:
        assert Cluster.throwaway(home).pid() is None
    finally:
        Cluster.throwaway(home).destroy()


@needs_programs
def test_data_of_another_major_version_is_refused_with_both_numbers(cluster: Cluster) -> None:
    cluster.start()
    cluster.stop()
    version_file = cluster.data / "PG_VERSION"
    kept = version_file.read_text()
    version_file.write_text("9\n")
    try:
        with pytest.raises(EmbeddedError, match="written by PostgreSQL 9.*pg_dumpall"):
            cluster.start()
    finally:
        version_file.write_text(kept)


@needs_programs
def test_a_server_that_cannot_start_shows_its_log(cluster: Cluster) -> None:
    cluster.start()
    cluster.stop()
    settings = cluster.data / "postgresql.conf"
    kept = settings.read_text()
    settings.write_text(kept + "\nno_such_setting = 1\n")
    try:
        with pytest.raises(EmbeddedError, match="no_such_setting"):
            cluster.start()
    finally:
        settings.write_text(kept)


def test_a_lasting_cluster_is_never_deleted(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match="lasting data"):
        Cluster(tmp_path).destroy()


def test_a_deep_folder_gets_a_short_socket_path(tmp_path: Path) -> None:
    deep = Cluster(tmp_path / ("a" * 60) / ("b" * 60))
    assert len(str(deep.socket_dir)) < 60
    assert deep.socket_dir == Cluster(deep.home).socket_dir
    assert deep.socket_dir != Cluster(deep.home / "other").socket_dir


def test_missing_programs_are_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYPHONY_PG_BIN", str(tmp_path))
    with pytest.raises(EmbeddedError, match=r"POLYPHONY_PG_BIN.*DATABASE_URL"):
        find_programs()


def test_programs_that_are_too_old_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("postgres", "initdb"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 13.4'\n")
        program.chmod(0o755)
    monkeypatch.setenv("POLYPHONY_PG_BIN", str(tmp_path))
    with pytest.raises(EmbeddedError, match=r"13\.4 in"):
        find_programs()


@only_root
def test_root_keeps_its_data_where_the_unprivileged_user_can_enter(tmp_path: Path) -> None:
    closed = tmp_path / "home"
    closed.mkdir(mode=0o700)
    cluster = Cluster.under(closed / "polyphony" / "var")
    assert cluster.home.is_relative_to(embedded.SYSTEM_DIR)
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@only_root
@needs_programs
@pytest.mark.slow
def test_root_in_a_closed_home_runs_a_copy_of_the_programs(
    enterable_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Programs under a folder of mode 700 are copied; the folder stays as it is."""
    import shutil

    source = find_programs().bin.parent
    closed = enterable_path / "home"
    closed.mkdir(mode=0o700)
    installed = closed / source.parent.name / source.name
    shutil.copytree(source, installed, symlinks=True)
    libraries = source.parent.with_name(f"{source.parent.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, closed / libraries.name, symlinks=True)
    system = enterable_path / "system"
    monkeypatch.setenv("POLYPHONY_PG_BIN", str(installed / "bin"))
    monkeypatch.setattr(embedded, "SYSTEM_DIR", system)
    cluster = Cluster.throwaway(system / "cluster")
    try:
        cluster.start()
        assert answer(cluster, "select 1") == 1
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        pid = cluster.pid()
        assert pid is not None
        assert Path(f"/proc/{pid}").stat().st_uid != 0
    finally:
        cluster.destroy()


@only_root
def test_a_user_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYPHONY_PG_USER", "no-such-user")
    with pytest.raises(EmbeddedError, match="no-such-user"):
        Cluster.under(Path("/anywhere"))
