"""Common ways to collect preferences, as data: one JSON file each; the file's name is the slug."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Protocol:
    """What a new project begins with. `criteria` become a rubric, `survey` the first survey."""

    title: str
    about: str
    order: int
    judgment_type: str
    overlap: int
    lease_minutes: int
    options: Mapping[str, Any]
    guideline: str
    criteria: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    survey: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


@cache
def protocols() -> dict[str, Protocol]:
    """All of them by slug, in the order in which they are offered."""
    found = {
        path.stem: Protocol(**json.loads(path.read_text(encoding="utf-8")))
        for path in FOLDER.glob("*.json")
    }
    return dict(sorted(found.items(), key=lambda item: item[1].order))
