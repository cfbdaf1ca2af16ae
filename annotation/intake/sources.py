"""Opening a file that strangers made: what it is, and its bytes under guard. Pure.

The name is only a hint and never used as a path beyond opening it; the first bytes decide.
"""

import gzip
import io
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from annotation.intake.limits import Limits, human_size
from annotation.intake.refusals import UnreadableFile
from annotation.phrases import say

BUFFER = 1 << 18
GZIP = b"\x1f\x8b"

FOREIGN = {
    b"PK\x03\x04": "an Excel workbook or a zip archive. Save it as CSV (UTF-8) or unpack it",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook. Save the sheet as CSV (UTF-8)",
    b"\x28\xb5\x2f\xfd": "compressed with zstd. Unpack it, or compress it with gzip",
    b"BZh": "compressed with bzip2. Unpack it, or compress it with gzip",
    b"\xfd7zXZ": "compressed with xz. Unpack it, or compress it with gzip",
    b"ARROW1": "an Arrow/Feather file. Write it as Parquet",
    b"Obj\x01": "an Avro file. Write it as Parquet or JSONL",
    b"SQLite format": "an SQLite database. Export the table as CSV",
    b"%PDF": "a PDF",
    b"\xff\xfe": "in UTF-16. Convert it: iconv -f UTF-16 -t UTF-8 FILE > FILE.utf8",
    b"\xfe\xff": "in UTF-16. Convert it: iconv -f UTF-16 -t UTF-8 FILE > FILE.utf8",
}


class _Guarded(io.RawIOBase):
    """Counts what comes out of a file and refuses what grows beyond the limits."""

    def __init__(self, inner: IO[bytes], packed: int, limits: Limits, *, compressed: bool) -> None:
        self._inner = inner
        self._packed = max(packed, 1)
        self._limits = limits
        self._compressed = compressed
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        try:
            data = self._inner.read(len(buffer))
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise UnreadableFile(
                say(
                    "The gzip archive is damaged or cut off after %(human_size)s of content "
                    "(%(error)s). Fetch or compress the file again.",
                    human_size=human_size(self.count),
                    error=error,
                )
            ) from error
        self.count += len(data)
        self._refuse_bombs()
        buffer[: len(data)] = data
        return len(data)

    def _refuse_bombs(self) -> None:
        limits = self._limits
        if self.count > limits.unpacked:
            raise UnreadableFile(
                say(
                    "The file holds more than %(human_size)s. Split it into parts.",
                    human_size=human_size(limits.unpacked),
                )
            )
        grown = self._compressed and self.count > limits.ratio_from
        if grown and self.count > limits.ratio * self._packed:
            raise UnreadableFile(
                say(
                    "The archive grows to more than %(ratio)s times its size, like a zip "
                    "bomb. If you trust it, unpack it yourself and import the plain file.",
                    ratio=limits.ratio,
                )
            )


class Line(NamedTuple):
    """One physical line with its end; `data` is None if it was longer than allowed (and skipped).

    `number` counts from 1; `offset` is where it begins in the unpacked file, in bytes.
    """

    number: int
    offset: int
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Source:
    """A file on disk, recognised. `name` is what its owner called it (only shown, never opened)."""

    path: Path
    name: str
    packed: int
    compressed: bool
    head: bytes
    limits: Limits

    @property
    def stem(self) -> str:
        """The name in lower case without a final .gz."""
        return self.name.lower().removesuffix(".gz")

    @contextmanager
    def stream(self) -> Iterator["Stream"]:
        """The unpacked bytes, under guard."""
        with self.path.open("rb") as raw:
            inner = cast(IO[bytes], gzip.GzipFile(fileobj=raw) if self.compressed else raw)
            guard = _Guarded(inner, self.packed, self.limits, compressed=self.compressed)
            with io.BufferedReader(guard, BUFFER) as buffered:
                yield Stream(buffered, guard, raw, self.limits)

    @contextmanager
    def seekable_path(self) -> Iterator[Path]:
        """A plain file with the unpacked content, for readers that jump around in it."""
        if not self.compressed:
            yield self.path
            return
        with tempfile.NamedTemporaryFile(prefix="polyphony-import-") as unpacked:
            with self.stream() as stream:
                shutil.copyfileobj(stream.buffered, unpacked, BUFFER)
            unpacked.flush()
            yield Path(unpacked.name)


@dataclass(slots=True)
class Stream:
    """Unpacked bytes being read; `position` is how far into the file on disk that is."""

    buffered: "io.BufferedReader[Any]"
    guard: _Guarded
    raw: IO[bytes]
    limits: Limits

    @property
    def position(self) -> int:
        """Bytes of the file on disk that have been read, by buffers."""
        return self.raw.tell()

    @property
    def taken(self) -> int:
        """Unpacked bytes so far, by buffers."""
        return self.guard.count

    def lines(self) -> Iterator[Line]:
        """Physical lines, none longer in memory than the limit."""
        readline, limit = self.buffered.readline, self.limits.line
        number = offset = 0
        while data := readline(limit + 1):
            number += 1
            length = len(data)
            if length <= limit:
                yield Line(number, offset, data)
            else:
                length += self._skip_rest(data)
                yield Line(number, offset, None)
            offset += length

    def _skip_rest(self, data: bytes) -> int:
        skipped = 0
        while data and not data.endswith(b"\n"):
            data = self.buffered.readline(BUFFER)
            skipped += len(data)
        return skipped


def open_source(path: Path, *, name: str | None = None, limits: Limits | None = None) -> Source:
    """Look at a file. Raises UnreadableFile when it is missing, empty or of a foreign format."""
    limits = limits or Limits()
    name = Path(name or path.name).name[-200:]
    try:
        packed = path.stat().st_size
        with path.open("rb") as raw:
            head = raw.read(16)
    except (OSError, ValueError) as error:
        raise UnreadableFile(
            say("“%(name)s” can't be opened: %(reason)s.", name=name, reason=_reason(error))
        ) from error
    if not packed:
        raise UnreadableFile(say("“%(name)s” is empty.", name=name))
    compressed = head.startswith(GZIP)
    source = Source(path, name, packed, compressed, head, limits)
    if compressed:
        with source.stream() as stream:
            head = stream.buffered.read(16)
        if not head:
            raise UnreadableFile(say("“%(name)s” is an archive with nothing in it.", name=name))
        source = Source(path, name, packed, compressed, head, limits)
    for magic, meaning in FOREIGN.items():
        if head.startswith(magic):
            raise UnreadableFile(
                say("“%(name)s” is %(meaning)s, then import that.", name=name, meaning=meaning)
            )
    if head.startswith(GZIP):
        raise UnreadableFile(
            say("“%(name)s” is compressed twice. Unpack it once, then import that.", name=name)
        )
    return source


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, IsADirectoryError):
        return "it is a folder"
    if isinstance(error, PermissionError):
        return "you may not read it"
    return str(getattr(error, "strerror", None) or error)
