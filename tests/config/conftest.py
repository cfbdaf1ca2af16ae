import os
from pathlib import Path

import pytest


@pytest.fixture
def enterable_path(tmp_path: Path) -> Path:
    """A temporary folder that PostgreSQL's own user can pass through when the tests run as root."""
    if os.geteuid() == 0:
        for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
            folder.chmod(0o711)
    return tmp_path
