"""Folders that another user can pass through."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def enterable_folder() -> Iterator[Path]:
    """A temporary folder that PostgreSQL's own user can pass through when the tests run as root.

    pytest's own temporary folders are closed to others, again by each pytest that starts.
    """
    folder = Path(tempfile.mkdtemp(prefix="polyphony-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def enterable_path(enterable_folder: Path) -> Iterator[Path]:
    """The same for one test alone."""
    folder = Path(tempfile.mkdtemp(dir=enterable_folder))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)
