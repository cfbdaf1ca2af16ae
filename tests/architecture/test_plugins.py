"""One file, one plug-in, and no plug-in leans on another."""

import importlib
import pkgutil
from itertools import pairwise
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = [
    "aggregation.exports",
    "aggregation.methods",
    "annotation.judgment_types",
    "models_runtime.engines",
    "models_runtime.selection",
]


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("config", "annotation", "aggregation", "models_runtime")


def plugins(package: str) -> set[str]:
    """The modules below `package` that discovery takes for plug-ins."""
    found = set()
    root = importlib.import_module(package)
    for info in pkgutil.walk_packages(root.__path__, f"{package}."):
        own = info.name.removeprefix(package)
        if not info.ispkg and not any(part.startswith("_") for part in own.split(".")):
            found.add(info.name)
    return found


@pytest.mark.parametrize("package", FOLDERS)
def test_no_plugin_imports_another(package: str, graph: grimp.ImportGraph) -> None:
    siblings = plugins(package)
    leaning = {
        f"{name} imports {other}"
        for name in siblings
        for other in graph.find_modules_directly_imported_by(name) & siblings
    }
    assert leaning == set()


def test_the_folders_hold_plugins_in_order() -> None:
    """Guards the tests above against a folder that was renamed and is empty now."""
    assert all(first < second for first, second in pairwise(FOLDERS))
    assert all((ROOT / package.replace(".", "/")).is_dir() for package in FOLDERS)
    assert sum(len(plugins(package)) for package in FOLDERS) > 20
