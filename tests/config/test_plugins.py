import sys
from pathlib import Path

import pytest

from config.plugins import PluginError, discover


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An importable package `menagerie`, empty, forgotten after the test."""
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = tmp_path / "menagerie"
    folder.mkdir()
    (folder / "__init__.py").touch()
    for name in [name for name in sys.modules if name.partition(".")[0] == "menagerie"]:
        monkeypatch.delitem(sys.modules, name)
    return folder


def write(folder: Path, path: str, text: str) -> None:
    file = folder / path
    file.parent.mkdir(exist_ok=True)
    (file.parent / "__init__.py").touch()
    file.write_text(text)


def test_every_module_is_a_plugin_under_its_file_name_at_any_depth(package: Path) -> None:
    write(package, "wren.py", "BIRD = 'wren'")
    write(package, "waders/avocet.py", "BIRD = 'avocet'")
    found = discover("menagerie", "BIRD")
    assert found == {"avocet": "avocet", "wren": "wren"}
    assert list(found) == sorted(found)


def test_modules_and_folders_with_an_underscore_are_left_out(package: Path) -> None:
    write(package, "wren.py", "BIRD = 'wren'")
    write(package, "_shared.py", "raise RuntimeError('imported')")
    write(package, "_more/thing.py", "raise RuntimeError('imported')")
    assert list(discover("menagerie", "BIRD")) == ["wren"]


def test_a_module_without_a_plugin_stops_start_up_by_its_name(package: Path) -> None:
    write(package, "waders/stone.py", "")
    with pytest.raises(PluginError, match=r"menagerie\.waders\.stone declares no BIRD"):
        discover("menagerie", "BIRD")


def test_a_module_with_two_plugins_stops_start_up_by_its_name(package: Path) -> None:
    write(package, "pair.py", "BIRD = ['a', 'b']")
    with pytest.raises(PluginError, match=r"menagerie\.pair declares 2"):
        discover("menagerie", "BIRD")


def test_two_files_of_one_name_are_refused_with_both_names(package: Path) -> None:
    write(package, "ducks/teal.py", "BIRD = 1")
    write(package, "geese/teal.py", "BIRD = 2")
    with pytest.raises(PluginError, match=r"menagerie\.ducks\.teal and menagerie\.geese\.teal"):
        discover("menagerie", "BIRD")


def test_a_single_module_is_no_plugin_folder() -> None:
    with pytest.raises(PluginError, match="single module"):
        discover("json.decoder", "X")


def test_a_missing_third_party_package_is_the_catalogues_to_answer(package: Path) -> None:
    write(package, "heron.py", "import no_such_library\nBIRD = 1")
    with pytest.raises(ImportError):
        discover("menagerie", "BIRD")
    found = discover("menagerie", "BIRD", unavailable=lambda slug, error: f"{slug}: {error.name}")
    assert found == {"heron": "heron: no_such_library"}


def test_a_missing_module_of_our_own_is_never_excused(package: Path) -> None:
    write(package, "heron.py", "import menagerie.gone\nBIRD = 1")
    with pytest.raises(ImportError):
        discover("menagerie", "BIRD", unavailable=lambda *_: None)
