"""JSON Lines: one JSON object per line. Pure."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain

import orjson

from annotation.intake.limits import MB, human_size
from annotation.intake.readers import Row, Sheet
from annotation.intake.readers.csv import undecodable
from annotation.intake.refusals import Flaw, UnreadableFile
from annotation.intake.sources import Line, Source, Stream
from annotation.phrases import say

BOM = b"\xef\xbb\xbf"
SAMPLE_ROWS = 1_000
SAMPLE_BYTES = 4 * MB


class Jsonl:
    slug = "jsonl"
    title = say("JSON Lines")
    suffixes = (".jsonl", ".ndjson", ".json")

    def recognises(self, head: bytes) -> bool:
        return head.removeprefix(BOM).lstrip().startswith((b"{", b"["))

    @contextmanager
    def open(self, source: Source) -> Iterator[Sheet]:
        if source.head.removeprefix(BOM).lstrip().startswith(b"["):
            raise UnreadableFile(
                say(
                    "The file is one JSON array. JSON Lines has one object per line and no "
                    "brackets around them; convert it: jq -c '.[]' FILE > FILE.jsonl"
                )
            )
        with source.stream() as stream:
            rows = _rows(stream)
            sample = _sample(rows, stream)
            columns = tuple(
                dict.fromkeys(name for row in sample if isinstance(row, Row) for name in row.cells)
            )
            if not columns:
                reason = next(
                    (str(row) for row in sample if isinstance(row, Flaw)), say("it is empty")
                )
                raise UnreadableFile(
                    say("No line of the file holds a JSON object: %(reason)s", reason=reason)
                )
            if len(columns) > source.limits.columns:
                raise UnreadableFile(
                    say(
                        "The rows have %(columns)s keys; at most 500 are read.",
                        columns=f"{len(columns):,}",
                    )
                )
            yield Sheet(
                source=source,
                description=say("one object per line"),
                columns=columns,
                rows=chain(sample, rows),
                position=lambda: stream.position,
            )


def _sample(rows: Iterator[Row | Flaw], stream: Stream) -> list[Row | Flaw]:
    """The first rows, whose keys are the columns; bounded in number and in bytes."""
    sample: list[Row | Flaw] = []
    for row in rows:
        sample.append(row)
        if len(sample) >= SAMPLE_ROWS or stream.taken > SAMPLE_BYTES:
            break
    return sample


def _rows(stream: Stream) -> Iterator[Row | Flaw]:
    for line in stream.lines():
        row = _row(line, stream.limits.line)
        if row is not None:
            yield row


def _row(line: Line, limit: int) -> Row | Flaw | None:
    if line.data is None:
        return Flaw(
            line.number,
            "",
            say(
                "is longer than %(human_size)s. Shorten or remove it", human_size=human_size(limit)
            ),
        )
    data = line.data.removeprefix(BOM) if line.number == 1 else line.data
    if not data.strip():
        return None
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        return _flaw(line, data, error)
    if isinstance(value, dict):
        return Row(line.number, value)
    return Flaw(line.number, "", say("is no JSON object; each line must be one, in curly brackets"))


def _flaw(line: Line, data: bytes, error: orjson.JSONDecodeError) -> Flaw:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as undecoded:
        return undecodable(line, data, undecoded)
    if "surrogate" in error.msg:
        return Flaw(
            line.number,
            "",
            say(
                "holds half of a character (a lone surrogate) at character %(colno)s. "
                "Write the character whole, or leave it out",
                colno=error.colno,
            ),
        )
    return Flaw(
        line.number,
        "",
        say("is not valid JSON at character %(colno)s: %(msg)s", colno=error.colno, msg=error.msg),
    )


READER = Jsonl()
