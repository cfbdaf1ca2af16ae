"""`./polyphony demo`: the database, the pages, the workers and the clock, in one terminal.

PostgreSQL starts first and stops last. Everything else runs under honcho, which prints each
program's lines in its own colour and ends them together. `--once` runs the loop unattended instead.
"""

import argparse
import contextlib
import fcntl
import os
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import honcho.manager
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from honcho.printer import Message, Printer
from rich.console import Console

from config.embedded import Cluster, EmbeddedError, make_enterable
from config.keeper import PATIENCE

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
THREADS = 8
# Which worker serves which queues; together they are settings.TASK_QUEUES.
WORKERS = {
    "worker": (("interactive", "default", "judge", "aggregate", "export"), "prefork", 2),
    "models": (("generate", "reward"), "solo", 1),
}
SHOWN_PROJECT = "everyday-advice"  # where the models of this machine can be tried
console = Console(highlight=False)


class DemoError(Exception):
    """A step of the demo failed; the message names it and says where to look."""


def main(arguments: list[str]) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    options = _options(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    try:
        with _only_demo_here(), _database():
            return _run_once() if options.once else _run(options.port)
    except (DemoError, EmbeddedError, ImproperlyConfigured) as problem:
        console.print(f"[bold red]{problem}")
        return 1
    except KeyboardInterrupt:
        console.print("\nStopped.")
        return 130


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./polyphony demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="run the whole loop once and end")
    parser.add_argument("--port", type=int, default=8000, help="the port to try first (8000)")
    return parser.parse_args(arguments)


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


# --- What must be there before ----------------------------------------------------------------


@contextlib.contextmanager
def _only_demo_here() -> Iterator[None]:
    """Folders, the secret, and a lock: two demos on one var/ would work twice on one database."""
    _make_folders(settings.VAR_DIR)
    with (settings.VAR_DIR / "demo.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise DemoError(
                f"A demo already runs on {settings.VAR_DIR} ({lock.read().strip()}). "
                "Stop it first, or set POLYPHONY_VAR_DIR to another folder."
            ) from None
        lock.truncate(0)
        lock.write(f"process {os.getpid()}")
        lock.flush()
        yield


def _make_folders(var_dir: Path) -> None:
    make_enterable(var_dir)  # PostgreSQL's own user passes through; what is private is 700 inside
    for name in ("releases", "imports", "media", "broker"):
        (var_dir / name).mkdir(mode=0o700, exist_ok=True)
    secret = var_dir / "secret"
    if not secret.exists():
        descriptor = os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(50) + "\n")


@contextlib.contextmanager
def _database() -> Iterator[None]:
    if os.environ.get("DATABASE_URL"):
        yield
        return
    with contextlib.ExitStack() as stack:
        with _step("Starting PostgreSQL"):
            stack.enter_context(Cluster.under(settings.VAR_DIR).serving())
        stack.callback(lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))  # let it stop in peace
        yield


@contextlib.contextmanager
def _step(what: str) -> Iterator[None]:
    begun = time.monotonic()
    with console.status(f"{what} …"):
        yield
    console.print(f"[green]✓[/] {what} [dim]{time.monotonic() - begun:.1f} s")


def _manage(what: str, *arguments: str) -> str:
    """Run a management command quietly; what it prints, or a `DemoError` with its last words."""
    with _step(what):
        answer = subprocess.run(
            [sys.executable, ROOT / "manage.py", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    if answer.returncode:
        said = (answer.stdout + answer.stderr).strip()[-3000:]
        raise DemoError(f"{what} failed (manage.py {' '.join(arguments)}):\n{said}")
    return answer.stdout


def _show(what: str, *arguments: str) -> int:
    """Run a management command whose own progress the person sees."""
    console.print(f"[bold]{what}")
    return subprocess.run([sys.executable, ROOT / "manage.py", *arguments], check=False).returncode


# --- Running ----------------------------------------------------------------------------------


def _run(wanted_port: int) -> int:
    _manage("Bringing the tables up to date", "migrate", "--no-input", "--verbosity", "0")
    if _show("Seeding the demo world", "seed_demo", "--with-runs"):
        raise DemoError("Seeding the demo world failed; the reason is above.")
    if _show("Looking for models", "offer_models", SHOWN_PROJECT):
        raise DemoError("Registering the demo's models failed; the reason is above.")
    login = _manage("Making a one-time login", "login_link", "--user", "demo").strip()
    port = _free_port(wanted_port)
    manager = _manager(quiet=False)
    environment = _environment(DATABASE_POOL=str(THREADS))
    manager.add_process("web", _kept(_web(port)), env=environment, cwd=str(ROOT))
    threading.Thread(target=_announce, args=(port, login), daemon=True).start()
    return _loop(manager)


def _run_once() -> int:
    _manage("Bringing the tables up to date", "migrate", "--no-input", "--verbosity", "0")
    manager = _manager(quiet=True)
    # Started before honcho forks its programs: a fork in the middle of starting another process
    # inherits the pipe that reports its start, holds it open, and the starter waits for ever.
    console.print("[bold]Running the loop once")
    loop = subprocess.Popen([sys.executable, ROOT / "manage.py", "demo_loop"])
    threading.Thread(target=_end_after, args=(loop, manager), daemon=True).start()
    try:
        _loop(manager)
    finally:
        loop.terminate()
    return loop.wait()


def _end_after(process: "subprocess.Popen[bytes]", manager: honcho.manager.Manager) -> None:
    process.wait()
    while not manager._all_started():  # honcho can't end a program that it is still starting
        time.sleep(0.05)
    manager.terminate()


def _loop(manager: honcho.manager.Manager) -> int:
    honcho.manager.KILL_WAIT = PATIENCE + 5  # the keepers end their programs by force before that
    manager.loop()
    stopped = manager.returncode in (130, 143)  # honcho's numbers for SIGINT and SIGTERM
    return 0 if stopped else int(manager.returncode or 0)


class _Printer(Printer):  # type: ignore[misc]
    """Leaves out honcho's lines about processes that start and end as they should."""

    def write(self, message: Message) -> None:
        usual = ("started (", "sending SIGTERM", "stopped (rc=0)")
        if message.name != "system" or not any(words in message.data for words in usual):
            super().write(message)


def _manager(*, quiet: bool) -> honcho.manager.Manager:
    manager = honcho.manager.Manager(_Printer(sys.stdout))
    for name, (queues, pool, processes) in WORKERS.items():
        command = _celery(
            "worker",
            *("--hostname", f"{name}@%h", "--queues", ",".join(queues)),
            *("--pool", pool, "--concurrency", str(processes)),
            *("--without-gossip", "--without-mingle"),
        )
        manager.add_process(name, _kept(command), env=_environment(), cwd=str(ROOT), quiet=quiet)
    beat = _celery("beat", "--schedule", str(settings.VAR_DIR / "beat-schedule"), "--pidfile=")
    manager.add_process("beat", _kept(beat), env=_environment(), cwd=str(ROOT), quiet=quiet)
    return manager


def _celery(kind: str, *options: str) -> list[str]:
    base = [sys.executable, "-m", "celery", "--app", "config.celery", "--quiet", kind]
    return [*base, "--loglevel", "WARNING", *options]


def _web(port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"{HOST}:{port}"),
        *("--workers", "2", "--threads", str(THREADS)),
        *("--no-control-socket", "--config", "python:config.gunicorn_conf"),
    ]


def _kept(command: list[str]) -> str:
    return "exec " + shlex.join([sys.executable, "-m", "config.keeper", *command])


def _environment(**more: str) -> dict[str, str]:
    added = {f"POLYPHONY_{name}": value for name, value in more.items()}
    return {
        "POLYPHONY_LOG_LEVEL": "WARNING",
        "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
        "OPENBLAS_NUM_THREADS": "1",  # one thread per process: they share few cores
        **os.environ,
        "POLYPHONY_VAR_DIR": str(settings.VAR_DIR),
        "PYTHONUNBUFFERED": "1",
        **added,
    }


# --- The address ------------------------------------------------------------------------------


def _free_port(wanted: int) -> int:
    for port in (*range(wanted, min(wanted + 20, 65536)), 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            found = int(probe.getsockname()[1])
        if found != wanted:
            console.print(f"[yellow]Port {wanted} is taken by another program; using {found}.")
        return found
    raise DemoError("No port is free on this machine.")


def _announce(port: int, login: str) -> None:
    """Wait for the pages to answer, then print where they are and the link that logs in once."""
    base = f"http://{HOST}:{port}"
    deadline = time.monotonic() + 120
    while not _answers(f"{base}/healthz"):
        if time.monotonic() > deadline:
            console.print(f"[bold red]{base} does not answer after two minutes; see above.")
            return
        time.sleep(0.1)
    console.print(
        f"\n[bold green]Polyphony runs at {base}[/]\nLog in once as demo: {base}{login}\n"
        "Ctrl-C stops everything.\n",
        soft_wrap=True,  # a broken link cannot be clicked
    )


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own http address
            return int(answer.status) == 200
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
