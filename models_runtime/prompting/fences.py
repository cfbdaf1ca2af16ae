"""Fences around text that is to be judged, never obeyed. Pure.

A fence carries a nonce that the text inside can't know, so nothing a candidate says can close it.
"""

import hashlib
from collections.abc import Iterable

NONCE_LENGTH = 12


def nonce_for(secret: str, texts: Iterable[str]) -> str:
    """A nonce derived from `secret` that occurs in none of `texts`.

    The same secret and texts give the same nonce, so a repeated call is the same request. The
    secret must be unknown to the authors of the texts.
    """
    everything = "\n".join(texts)
    turn = 0
    while True:
        digest = hashlib.sha256(f"{secret}:{turn}".encode()).hexdigest()
        nonce = digest[:NONCE_LENGTH]
        if nonce not in everything:
            return nonce
        turn += 1


def fenced(label: str, text: str, nonce: str) -> str:
    """`text` between an opening and a closing line that both name `label` and `nonce`."""
    return f"<<<{label} {nonce}>>>\n{text}\n<<<END {label} {nonce}>>>"
