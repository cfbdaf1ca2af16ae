"""CSV and TSV with a header line, by RFC 4180; commas, semicolons or tabs. Pure.

Every cell stays text: nothing is guessed to be a number, a date or a formula.
"""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from annotation.intake.limits import human_size
from annotation.intake.readers import Row, Sheet
from annotation.intake.refusals import Flaw, UnreadableFile
from annotation.intake.sources import Line, Source, Stream
from annotation.phrases import say

BOM = "\ufeff"
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}


@dataclass(slots=True)
class _Lines:
    """Feeds decoded lines to the csv module and remembers what was wrong with them."""

    stream: Stream
    number: int = 0
    fed: int = 0
    flaws: list[Flaw] = field(default_factory=list)

    def __iter__(self) -> Iterator[str]:
        limit = self.stream.limits.line
        for line in self.stream.lines():
            if line.data is None:
                raise UnreadableFile(
                    say(
                        "Line %(number)s is longer than %(human_size)s, so reading stopped. "
                        "Shorten or remove it.",
                        number=line.number,
                        human_size=human_size(limit),
                    )
                )
            self.number = line.number
            self.fed += len(line.data)
            if self.fed > limit:
                raise UnreadableFile(
                    say(
                        "The row that ends after line %(number)s is longer than %(human_size)s. "
                        "Most likely a quotation mark is opened and never closed.",
                        number=line.number,
                        human_size=human_size(limit),
                    )
                )
            yield self._decoded(line, line.data)

    def _decoded(self, line: Line, data: bytes) -> str:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            self.flaws.append(undecodable(line, data, error))
            return data.decode("utf-8", "replace")

    def begin_row(self) -> int:
        """Called between rows: the line on which the next one begins."""
        self.fed = 0
        self.flaws.clear()
        return self.number + 1


def undecodable(line: Line, data: bytes, error: UnicodeDecodeError) -> Flaw:
    """What is wrong with a line that isn't UTF-8, and what to do about it."""
    if data.count(0) > len(data) // 4:
        advice = say("It looks like UTF-16; convert it: iconv -f UTF-16 -t UTF-8 FILE > FILE.utf8")
    else:
        advice = say(
            "If the file comes from Windows, convert it: iconv -f WINDOWS-1252 -t "
            "UTF-8 FILE > FILE.utf8"
        )
    return Flaw(
        line.number,
        "",
        say(
            "byte 0x%(data)s at offset %(offset)s of the file is not UTF-8. %(advice)s",
            data=f"{data[error.start]:02X}",
            offset=f"{line.offset + error.start:,}",
            advice=advice,
        ),
    )


class Csv:
    slug = "csv"
    title = say("CSV or TSV")
    suffixes = (".csv", ".tsv", ".tab", ".txt")

    def recognises(self, head: bytes) -> bool:
        return False

    @contextmanager
    def open(self, source: Source) -> Iterator[Sheet]:
        with source.stream() as stream:
            lines = _Lines(stream)
            feed = iter(lines)
            first = next(feed, "").removeprefix(BOM)
            separator = _separator(first, source.stem)
            csv.field_size_limit(max(csv.field_size_limit(), source.limits.line + 1))
            parser = csv.reader(_chain(first, feed), delimiter=separator, strict=True)
            columns = _header(parser, lines, source)
            yield Sheet(
                source=source,
                description=say("separated by %(separators)s", separators=SEPARATORS[separator]),
                columns=columns,
                rows=_rows(parser, lines, columns),
                position=lambda: stream.position,
            )


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _separator(header: str, stem: str) -> str:
    if stem.endswith((".tsv", ".tab")):
        return "\t"
    outside_quotes = "".join(header.split('"')[::2])
    return max(SEPARATORS, key=outside_quotes.count)


def _header(parser: "Iterator[list[str]]", lines: _Lines, source: Source) -> tuple[str, ...]:
    try:
        names = [name.strip() for name in next(parser, [])]
    except csv.Error as error:
        raise UnreadableFile(
            say("The header (line 1) can't be read: %(sentence)s", sentence=_sentence(error))
        ) from error
    if lines.flaws:
        raise UnreadableFile(
            say("The header can't be read: %(reason)s", reason=lines.flaws[0].reason)
        )
    if "\0" in "".join(names):
        raise UnreadableFile(
            say(
                "The header holds NUL characters; the file is probably in UTF-16. "
                "Convert it: iconv -f UTF-16LE -t UTF-8 FILE > FILE.utf8"
            )
        )
    if not any(names):
        raise UnreadableFile(say("The first line is empty; it must hold the names of the columns."))
    if len(names) > source.limits.columns:
        raise UnreadableFile(
            say("The header has %(names)s columns; at most 500 are read.", names=f"{len(names):,}")
        )
    names = [name or f"(column {place})" for place, name in enumerate(names, 1)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UnreadableFile(
            say(
                "The header names “%(twice)s” twice. Give each column its own name.", twice=twice[0]
            )
        )
    return tuple(names)


def _rows(
    parser: "Iterator[list[str]]", lines: _Lines, columns: tuple[str, ...]
) -> Iterator[Row | Flaw]:
    width = len(columns)
    while True:
        begins = lines.begin_row()
        try:
            cells = next(parser)
        except StopIteration:
            return
        except csv.Error as error:
            yield Flaw(begins, "", _sentence(error))
            continue
        if lines.flaws:
            yield lines.flaws[0]
        elif len(cells) == width:
            yield Row(begins, dict(zip(columns, cells, strict=True)))
        elif cells:
            yield Flaw(
                begins,
                "",
                say(
                    "has %(cells)s cells where the header names %(width)s columns. A "
                    "separator or quotation mark may be missing or too many.",
                    cells=len(cells),
                    width=width,
                ),
            )


def _sentence(error: csv.Error) -> str:
    reason = str(error)
    if "unexpected end of data" in reason:
        return say("a quotation mark is opened in this row and never closed")
    if "new-line character" in reason:
        return say(
            "holds a bare carriage return outside quotation marks. Save the file "
            "with Unix or Windows line ends"
        )
    if "expected after" in reason:
        return say(
            "a closing quotation mark is followed by more text. Quotation marks "
            "inside a cell must be doubled"
        )
    return say("can't be read as CSV: %(reason)s", reason=reason)


READER = Csv()
