"""Content hashes: the same text has the same hash, wherever it came from. Pure."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any


def text_hash(text: str) -> str:
    """SHA-256 of a candidate's text in UTF-8, as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def messages_hash(messages: Iterable[Mapping[str, Any]]) -> str:
    """SHA-256 of a conversation's canonical JSON: sorted keys, no spaces, UTF-8."""
    canonical = json.dumps(
        list(messages), ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )
    return text_hash(canonical)
