"""What every test shares: the throwaway database (below); the cast of people follows it."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation
from hypothesis import settings as hypothesis

from config.embedded import Cluster

pytest_plugins = ["tests.cast", "tests.browsing", "tests.folders"]

# What a test takes depends on what else the machine does, and says nothing about what it proves.
hypothesis.register_profile("untimed", deadline=None)
hypothesis.load_profile("untimed")

_CLUSTERS = Path(tempfile.gettempdir()) / f"polyphony-tests-{os.geteuid()}"
_VARIABLE = "POLYPHONY_TEST_CLUSTER"  # tells xdist's workers where the run keeps its cluster


@pytest.fixture(autouse=True)
def _no_language_of_an_earlier_test() -> None:
    """A request activates its language for its thread, where it would meet the next test."""
    translation.deactivate()


# --- Database ---------------------------------------------------------------------------------
# One throwaway PostgreSQL per run, started by the first test that needs a database and shared by
# xdist's workers, each with a database of its own. With DATABASE_URL set, that server is used.


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("DATABASE_URL") or hasattr(config, "workerinput"):
        return
    _CLUSTERS.mkdir(exist_ok=True)
    _sweep_abandoned()
    home = _CLUSTERS / str(os.getpid())
    os.environ[_VARIABLE] = str(home)
    config.add_cleanup(lambda: _destroy(home))


def _destroy(home: Path) -> None:
    if home.exists():
        Cluster.throwaway(home).destroy()


def _sweep_abandoned() -> None:
    """Stop and delete the clusters of runs that were killed before they could do it themselves."""
    for home in _CLUSTERS.iterdir():
        if home.name.isdigit() and not _runs(int(home.name)):
            with contextlib.suppress(FileNotFoundError):  # another run sweeps at the same time
                _destroy(home)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Point Django at the run's own cluster, before pytest-django makes the test database."""
    database = settings.DATABASES["default"]
    database["OPTIONS"].pop("pool", None)
    # Transactional tests empty their tables; elsewhere the judgment log refuses that.
    database["OPTIONS"]["options"] = "-c polyphony.throwaway=on"
    home = os.environ.get(_VARIABLE)
    if home is None:
        return
    cluster = Cluster.throwaway(Path(home))
    cluster.start()
    database.update(cluster.django_database())


# --- Files ------------------------------------------------------------------------------------


@pytest.fixture(autouse=True, scope="session")
def _quick_passwords() -> None:
    """Hashing that is slow on purpose would cost the cast a second per test."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True, scope="session")
def _own_var_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests write releases and imports to a folder of their own, never to the checkout's var/."""
    var_dir = tmp_path_factory.mktemp("var")
    kept = {name: getattr(settings, name) for name in ("VAR_DIR", "RELEASES_DIR", "IMPORTS_DIR")}
    settings.VAR_DIR = var_dir
    settings.RELEASES_DIR = var_dir / "releases"
    settings.IMPORTS_DIR = var_dir / "imports"
    yield
    for name, value in kept.items():
        setattr(settings, name, value)
    shutil.rmtree(var_dir, ignore_errors=True)


@pytest.fixture(autouse=True, scope="session")
def _own_broker() -> None:
    """Wake-ups sent by tests stay in this process, out of the checkout's broker folder."""
    from config.celery import app

    app.conf.update(broker_url="memory://localhost/", broker_transport_options={})
