"""`./polyphony`: what it says before anything is installed."""

import ast
import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "polyphony"


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module whose .venv is an empty folder of this test."""
    loader = importlib.machinery.SourceFileLoader("polyphony_script", str(SCRIPT))
    spec = importlib.util.spec_from_loader("polyphony_script", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    venv = tmp_path / "venv"
    monkeypatch.setattr(module, "VENV", venv)
    monkeypatch.setattr(module, "PYTHON", venv / "bin" / "python")
    monkeypatch.setattr(module, "STAMP", venv / "stamp.json")
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").touch()
    return module


def test_it_imports_nothing_but_the_standard_library() -> None:
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"))
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= sys.stdlib_module_names
    assert len(imported) > 5


def test_help_needs_no_installation(tmp_path: Path) -> None:
    copy = tmp_path / "polyphony"
    copy.write_bytes(SCRIPT.read_bytes())
    answer = subprocess.run(
        [sys.executable, "-S", "-I", copy, "--help"], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert "demo" in answer.stdout
    assert not (tmp_path / ".venv").exists()


def test_an_old_python_is_told_which_one_is_needed(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script.sys, "version_info", (3, 9, 2))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(script.Stop, match=r"Python 3\.11 or newer"):
        script.insist_on_python()


def test_a_python_without_ensurepip_is_told_what_to_install(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    (script.VENV / "bin" / "python").unlink()
    monkeypatch.delenv("POLYPHONY_INSTALLER", raising=False)
    monkeypatch.setattr(script.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(script.Stop, match="apt install python3-venv"):
        script.make_venv()


def test_an_unknown_installer_is_refused(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYPHONY_INSTALLER", "conda")
    with pytest.raises(script.Stop, match="pip or uv"):
        script.uses_uv()


def test_a_matching_stamp_makes_the_installation_instant(script: ModuleType) -> None:
    fingerprint = script.fingerprint_of_requirements()
    script.STAMP.write_text(json.dumps({"fingerprint": fingerprint, "extras": ["dev", "embedded"]}))
    script.install({"embedded"})  # would fail: there is nothing in this .venv to run


@pytest.mark.parametrize("stamp", ["", "{}", '{"fingerprint": "other", "extras": ["embedded"]}'])
def test_a_stamp_of_other_requirements_counts_for_nothing(script: ModuleType, stamp: str) -> None:
    script.STAMP.write_text(stamp)
    assert script.installed_extras(script.fingerprint_of_requirements()) == set()


def test_every_extra_the_script_asks_for_exists() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {"models", "embedded", "dev"} <= set(project["optional-dependencies"])


def test_every_dependency_is_pinned() -> None:
    import tomllib

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"]]
    for extra in project["optional-dependencies"].values():
        wanted += extra
    pins = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, version = line.partition("==")
            assert version, f"{line} is no pin"
            pins[canonicalize_name(name)] = version
    for text in wanted:
        requirement = Requirement(text)
        pinned = pins.get(canonicalize_name(requirement.name))
        assert pinned is not None, f"{requirement.name} is not pinned"
        assert requirement.specifier.contains(pinned), f"{text} does not allow {pinned}"


def test_a_browser_that_is_named_must_exist(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYPHONY_CHROMIUM", "/nowhere/chromium")
    with pytest.raises(script.Stop, match="/nowhere/chromium"):
        script.find_chromium()


def test_a_failed_step_names_itself(script: ModuleType) -> None:
    with pytest.raises(script.Stop, match=r"Doing it failed \(status 3\)"):
        script.run("Doing it", [sys.executable, "-c", "raise SystemExit(3)"])


def test_it_is_executable() -> None:
    assert os.access(SCRIPT, os.X_OK)
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
