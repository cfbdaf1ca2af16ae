"""What makes two contents the same: hashes of texts and messages, and the ids made from them. Pure.

An id made here is the same whenever the same content arrives, so importing twice changes nothing.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

LONGEST_ID = 200


def hash_text(text: str) -> str:
    """The content hash of a candidate: SHA-256 of its UTF-8 bytes, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def canonical_json(messages: Sequence[Mapping[str, Any]]) -> str:
    """Messages as JSON text, the same for equal messages: keys sorted, no blanks."""
    told = [dict(message) for message in messages]
    return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def hash_messages(messages: Sequence[Mapping[str, Any]]) -> str:
    """The content hash of a prompt: SHA-256 of its messages as canonical JSON, in hexadecimal."""
    return hash_text(canonical_json(messages))


def prompt_id(digest: str) -> str:
    """The external id of a prompt that came without one."""
    return f"prompt-{digest[:16]}"


def candidate_id(digest: str, system: str | None = None) -> str:
    """The external id of a candidate that came without one, unique per system and text."""
    return "candidate-" + hash_text(f"{system or ''}/{digest}")[:16]


def question_id(prompt: str, candidates: Sequence[str]) -> str:
    """The external id of a question that came without one, from the ids of what it shows.

    Readable ("p1/alpha~beta") where it fits into an id's 200 characters, hashed otherwise.
    """
    readable = f"{prompt}/{'~'.join(candidates)}"
    if len(readable) <= LONGEST_ID:
        return readable
    return f"question-{hash_text(readable)[:32]}"
