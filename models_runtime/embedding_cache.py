"""Vectors on disk, by what was embedded: the same text by the same model is computed once. Pure.

One SQLite file per model, with the text's SHA-256 as the key; several processes may use it at
once. Deleting it loses nothing but time.
"""

import hashlib
import sqlite3
from array import array
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from models_runtime.engines import Engine

PATIENCE = 10.0  # seconds to wait for another writer
AT_ONCE = 500


class EmbeddingCache:
    """The vectors of one model. `identity` names it so exactly that it can't mean two models."""

    def __init__(self, folder: Path, identity: str) -> None:
        name = hashlib.sha256(identity.encode()).hexdigest()[:32]
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{name}.sqlite3"
        with closing(self._open()) as db, db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute(
                "CREATE TABLE IF NOT EXISTS vectors"
                " (digest BLOB PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID"
            )

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=PATIENCE)

    def read(self, texts: Sequence[str]) -> dict[str, list[float]]:
        """The vectors that are known, by text."""
        by_digest = {_digest(text): text for text in texts}
        digests = list(by_digest)
        found: dict[str, list[float]] = {}
        with closing(self._open()) as db:
            for start in range(0, len(digests), AT_ONCE):
                part = digests[start : start + AT_ONCE]
                marks = ",".join("?" * len(part))
                rows = db.execute(
                    f"SELECT digest, vector FROM vectors WHERE digest IN ({marks})",  # noqa: S608
                    part,
                )
                for digest, blob in rows:
                    found[by_digest[digest]] = list(array("f", blob))
        return found

    def write(self, vectors: Mapping[str, Sequence[float]]) -> None:
        rows = [(_digest(text), array("f", vector).tobytes()) for text, vector in vectors.items()]
        with closing(self._open()) as db, db:
            db.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", rows)


class Remembering(Engine):
    """An engine whose embeddings are looked up first. Vectors are kept in single precision, and
    come back so whether they were known or not. `asked` counts texts, `computed` those that
    weren't known."""

    def __init__(self, engine: Engine, cache: EmbeddingCache) -> None:
        self.info = engine.info
        self.asked = 0
        self.computed = 0
        self._engine = engine
        self._cache = cache

    @property
    def device(self) -> str:  # type: ignore[override]  # asked when the work is over
        return self._engine.device

    def check(self) -> None:
        self._engine.check()

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        known = self._cache.read(texts)
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        if missing:
            fresh = dict(zip(missing, self._engine.embed(missing), strict=True))
            self._cache.write(fresh)
            known |= {text: list(array("f", vector)) for text, vector in fresh.items()}
        self.asked += len(texts)
        self.computed += len(missing)
        return [known[text] for text in texts]

    def close(self) -> None:
        self._engine.close()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
