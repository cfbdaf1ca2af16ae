"""Files written by others are the ones that were checked in, byte for byte."""

import hashlib
import re

import pytest
from django.conf import settings

LINES = re.findall(
    r"^\| `(annotation/static[^`]+)` .*`([0-9a-f]{64})` \|$",
    (settings.BASE_DIR / "THIRD_PARTY.md").read_text(encoding="utf-8"),
    flags=re.MULTILINE,
)


def test_the_list_names_every_vendored_script() -> None:
    vendored = (settings.BASE_DIR / "annotation/static/annotation/vendor").glob("*.js")
    assert {path for path, _ in LINES} == {
        str(file.relative_to(settings.BASE_DIR)) for file in vendored
    }


@pytest.mark.parametrize(("path", "digest"), LINES)
def test_a_vendored_file_is_unchanged(path: str, digest: str) -> None:
    assert hashlib.sha256((settings.BASE_DIR / path).read_bytes()).hexdigest() == digest
