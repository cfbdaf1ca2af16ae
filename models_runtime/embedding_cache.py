"""Vectors on disk, by what was embedded: the same text by the same model is computed once. Pure.

One SQLite file per model, with the text's SHA-256 as the key; several processes may use it at
once. Deleting it loses nothing but time.
"""

import hashlib
import sqlite3
from array import array
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from models_runtime.engines import EmbeddingReply, EmbeddingRequest, Engine
from models_runtime.engines._wrapped import Wrapped

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


class Remembering(Wrapped):
    """An engine whose embeddings are looked up first. Vectors are kept in single precision, and
    come back so whether they were known or not. A reply counts as computed what wasn't known, and
    no usage for the rest."""

    def __init__(self, engine: Engine, cache: EmbeddingCache) -> None:
        super().__init__(engine)
        self._cache = cache

    def embed(self, requests: Iterable[EmbeddingRequest]) -> Generator[EmbeddingReply, None, None]:
        open_: dict[str, _Looked] = {}
        remembered: list[EmbeddingReply] = []

        def missing() -> Iterator[EmbeddingRequest]:
            for request in requests:
                looked = _Looked(request, self._cache.read(request.texts))
                if looked.missing:
                    open_[request.key] = looked
                    yield EmbeddingRequest(request.key, looked.missing)
                else:
                    remembered.append(looked.put_together(EmbeddingReply(request.key)))

        with closing(self._engine.embed(missing())) as replies:
            for reply in replies:
                yield self._remember(open_.pop(reply.key), reply)
                while remembered:
                    yield remembered.pop()
        yield from remembered

    def _remember(self, looked: "_Looked", reply: EmbeddingReply) -> EmbeddingReply:
        if reply.failure is not None:
            return reply
        self._cache.write(dict(zip(looked.missing, reply.vectors, strict=True)))
        return looked.put_together(reply)


class _Looked:
    """A request with the vectors that were known, and the texts that have none yet."""

    def __init__(self, request: EmbeddingRequest, known: Mapping[str, list[float]]) -> None:
        self._texts = request.texts
        self._known = known
        self.missing = tuple(text for text in dict.fromkeys(request.texts) if text not in known)

    def put_together(self, reply: EmbeddingReply) -> EmbeddingReply:
        """The reply to the whole request, given that to what was missing."""
        fresh = (list(array("f", vector)) for vector in reply.vectors)
        known = {**self._known, **dict(zip(self.missing, fresh, strict=True))}
        return replace(reply, vectors=tuple(known[text] for text in self._texts))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
