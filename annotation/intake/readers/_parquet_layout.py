"""What lies where in a Parquet file, found out in a process of its own before anything is unpacked.

Two dangers are met here. pyarrow unpacks a page whole and doesn't tell its size beforehand, so one
cell of two gigabytes would be in memory before anybody could refuse it; so the page headers are
read here. A page header is a Thrift struct in the compact protocol
(https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md) whose fields 2
and 3 are the page's unpacked and packed size. And a damaged footer can end the whole process from
within pyarrow (version 26: "terminate called after throwing parquet::ParquetException"), which no
`except` catches; so the footer is first looked at by a process that may die. Pure.
"""

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from annotation.intake.refusals import UnreadableFile
from annotation.phrases import say

ROOT = Path(__file__).resolve().parent.parent.parent.parent
PATIENCE = 120  # seconds
TEXT_TYPES = {"string", "large_string", "binary", "large_binary"}
MB = 1 << 20
BOUNDS = {"thrift_string_size_limit": 64 * MB, "thrift_container_size_limit": 1_000_000}
PLAIN = {"pre_buffer": False, "buffer_size": MB, **BOUNDS}

_STOP, _TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE = range(8)
_BINARY, _LIST, _SET, _MAP, _STRUCT = range(8, 13)
DEEPEST = 16


class _Broken(Exception):
    """Bytes that are no page header."""


def _main(path: str) -> None:
    try:
        json.dump(asdict(look(Path(path))), sys.stdout)
    except Exception as error:  # noqa: BLE001 (whatever it is, the file is what is wrong)
        sys.exit(f"{error}".splitlines()[0] if str(error) else type(error).__name__)


@dataclass(frozen=True, slots=True)
class Layout:
    """A Parquet file's rows, columns and sizes. `unpacked` and `page` are in bytes; `page` is the
    largest one, in the column `page_column`. `text_columns` hold text or bytes.
    """

    rows: int
    columns: list[str]
    text_columns: list[str]
    unpacked: int
    page: int
    page_column: str


def layout_of(path: Path) -> Layout:
    """The layout of a file that may be damaged or hostile. Raises UnreadableFile."""
    module = "annotation.intake.readers._parquet_layout"
    command = [sys.executable, "-m", module, str(path.resolve())]
    try:
        looked = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise UnreadableFile(say("The Parquet file's footer takes too long to be read.")) from error
    if looked.returncode == 0:
        return Layout(**json.loads(looked.stdout))
    told = looked.stderr.strip().splitlines()
    reason = told[-1].strip()[:200].rstrip(".") if told else say("its footer can't be read")
    reason = reason.removeprefix("what():").strip()
    raise UnreadableFile(say("The Parquet file is damaged: %(reason)s.", reason=reason))


def look(path: Path) -> Layout:
    """The layout, found in this process, which a damaged file may end."""
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path, **PLAIN) as file:
        metadata = file.metadata
        fields = list(file.schema_arrow)
        groups = [metadata.row_group(place) for place in range(metadata.num_row_groups)]
        column, size = largest_page(path, metadata)
        return Layout(
            rows=metadata.num_rows,
            columns=[str(field.name) for field in fields],
            text_columns=[str(f.name) for f in fields if str(f.type) in TEXT_TYPES],
            unpacked=sum(group.total_byte_size for group in groups),
            page=size,
            page_column=column,
        )


def largest_page(path: Path, metadata: Any) -> tuple[str, int]:
    """The column and unpacked size, in bytes, of the file's largest page; ("", 0) without pages."""
    largest = ("", 0)
    with path.open("rb") as file:
        for group in range(metadata.num_row_groups):
            for place in range(metadata.num_columns):
                chunk = metadata.row_group(group).column(place)
                if chunk.total_uncompressed_size > largest[1]:
                    size = _largest_of_chunk(file, chunk)
                    largest = max(largest, (str(chunk.path_in_schema), size), key=lambda it: it[1])
    return largest


def _largest_of_chunk(file: IO[bytes], chunk: Any) -> int:
    begin = chunk.data_page_offset
    if chunk.has_dictionary_page and chunk.dictionary_page_offset:
        begin = min(begin, chunk.dictionary_page_offset)
    end = begin + chunk.total_compressed_size
    largest = 0
    file.seek(begin)
    while file.tell() < end:
        fields = _struct(file, 0)
        unpacked, packed = fields.get(2, -1), fields.get(3, -1)
        if unpacked < 0 or packed < 0:
            raise _Broken(say("a page's header tells no size"))
        largest = max(largest, unpacked)
        file.seek(packed, 1)
    return largest


def _byte(file: IO[bytes]) -> int:
    data = file.read(1)
    if not data:
        raise _Broken(say("the file ends within a page header"))
    return data[0]


def _varint(file: IO[bytes]) -> int:
    value = shift = 0
    while True:
        byte = _byte(file)
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value
        shift += 7
        if shift > 63:
            raise _Broken(say("a number that is too long"))


def _signed(file: IO[bytes]) -> int:
    value = _varint(file)
    return (value >> 1) ^ -(value & 1)


def _struct(file: IO[bytes], depth: int) -> dict[int, int]:
    """A struct's integer fields by number; everything else is skipped."""
    if depth > DEEPEST:
        raise _Broken(say("nested too deeply"))
    fields: dict[int, int] = {}
    number = 0
    while (head := _byte(file)) != _STOP:
        step, kind = head >> 4, head & 0x0F
        number = number + step if step else _signed(file)
        if kind in (_I16, _I32, _I64):
            fields[number] = _signed(file)
        elif kind not in (_TRUE, _FALSE):
            _skip(file, kind, depth)
    return fields


def _skip(file: IO[bytes], kind: int, depth: int) -> None:
    if kind in (_TRUE, _FALSE, _BYTE):
        file.read(1)
    elif kind in (_I16, _I32, _I64):
        _varint(file)
    elif kind == _DOUBLE:
        file.seek(8, 1)
    elif kind == _BINARY:
        file.seek(_varint(file), 1)
    elif kind in (_LIST, _SET):
        _skip_list(file, depth)
    elif kind == _STRUCT:
        _struct(file, depth + 1)
    else:
        raise _Broken(say("no field of type %(kind)s belongs into a page header", kind=kind))


def _skip_list(file: IO[bytes], depth: int) -> None:
    head = _byte(file)
    length, kind = head >> 4, head & 0x0F
    if length == 15:
        length = _varint(file)
    for _ in range(length):
        _skip(file, kind, depth + 1)


if __name__ == "__main__":
    _main(sys.argv[1])
