"""Real Celery workers on the folder broker and the run's throwaway PostgreSQL."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode

from django.conf import settings
from django.db import connection

PATIENCE = 90.0
MIGRATE = "from django.core.management import call_command; call_command('migrate', verbosity=0)"


def database_url() -> str:
    """The address of the test's own database, for another process."""
    told = connection.settings_dict
    query = {"host": told["HOST"], **({"port": told["PORT"]} if told["PORT"] else {})}
    secret = f":{quote(told['PASSWORD'])}" if told["PASSWORD"] else ""
    return f"postgresql://{quote(told['USER'])}{secret}@/{told['NAME']}?{urlencode(query)}"


def wait_until(
    reached: Callable[[], bool], what: str, *, patience: float = PATIENCE, every: float = 0.05
) -> None:
    deadline = time.monotonic() + patience
    while not reached():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience:g} s in vain: {what}")
        time.sleep(every)


@dataclass
class House:
    """Processes that share a database and a broker folder. Everything is killed at the end."""

    var_dir: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    told: dict[str, str] = field(default_factory=dict)  # environment that differs from the usual

    def environment(self, **more: str) -> dict[str, str]:
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("POLYPHONY_", "CELERY_", "DATABASE_", "DJANGO_"))
        }
        return clean | {
            "DATABASE_URL": self.told.get("DATABASE_URL") or database_url(),
            "POLYPHONY_VAR_DIR": str(self.var_dir),
            "POLYPHONY_SWEEP_SECONDS": "1",
            "POLYPHONY_OUTBOUND_ALLOW": "127.0.0.1",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONPATH": str(settings.BASE_DIR),
            **self.told,
            **more,
        }

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A process of its own group, with its output in a file that failures can be read from."""
        log = (self.var_dir / f"{len(self.running)}-{arguments[0]}.log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "config.celery", *arguments],
            cwd=settings.BASE_DIR,
            env=self.environment(),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        log.close()
        self.running.append(process)
        return process

    def worker(self, *, processes: int = 2) -> subprocess.Popen[bytes]:
        return self.start(
            "worker", "-Q", "default,generate,judge", "-c", str(processes), "-l", "INFO"
        )

    def beat(self) -> subprocess.Popen[bytes]:
        return self.start("beat", "-l", "INFO")

    def run(self, script: str, **environment: str) -> None:
        """Run Python with Django set up, as the web process would."""
        self._run(script, environment, PATIENCE)

    def migrate(self) -> None:
        """Make the tables, which takes a while where others use the machine too."""
        self._run(MIGRATE, {}, 4 * PATIENCE)

    def _run(self, script: str, environment: dict[str, str], patience: float) -> None:
        setup = "import django; django.setup()\n"
        done = subprocess.run(
            [sys.executable, "-c", setup + script],
            cwd=settings.BASE_DIR,
            env=self.environment(**environment),
            capture_output=True,
            text=True,
            timeout=patience,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """kill -9 of the whole process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def logs(self) -> str:
        return "\n".join(
            f"--- {path.name}\n{path.read_text(errors='replace')[-4000:]}"
            for path in sorted(self.var_dir.glob("*.log"))
        )


@contextlib.contextmanager
def house(var_dir: Path) -> Iterator[House]:
    made = House(var_dir)
    try:
        yield made
    except AssertionError as failure:
        failure.add_note(made.logs())
        raise
    finally:
        for process in made.running:
            made.kill(process)
