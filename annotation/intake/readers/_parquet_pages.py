"""The sizes of a Parquet file's pages, read from their headers without unpacking anything. Pure.

pyarrow unpacks a page whole and doesn't tell its size beforehand, so one cell of two gigabytes
would be in memory before anybody could refuse it. A page header is a Thrift struct in the compact
protocol (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md) whose
fields 2 and 3 are the page's unpacked and packed size.
"""

from pathlib import Path
from typing import IO, Any

from annotation.intake.refusals import UnreadableFile

_STOP, _TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE = range(8)
_BINARY, _LIST, _SET, _MAP, _STRUCT = range(8, 13)
DEEPEST = 16


class _Broken(Exception):
    """Bytes that are no page header."""


def largest_page(path: Path, metadata: Any) -> tuple[str, int]:
    """The column and unpacked size, in bytes, of the file's largest page; ("", 0) without pages.

    Raises UnreadableFile where a page header can't be read.
    """
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
    try:
        while file.tell() < end:
            fields = _struct(file, 0)
            unpacked, packed = int(fields[2]), int(fields[3])
            if unpacked < 0 or packed < 0:
                raise _Broken("a page has a negative size")
            largest = max(largest, unpacked)
            file.seek(packed, 1)
    except (_Broken, KeyError) as error:
        raise UnreadableFile(
            f"The Parquet file is damaged: a page of “{chunk.path_in_schema}” has no readable "
            "header. Write the file again."
        ) from error
    return largest


def _byte(file: IO[bytes]) -> int:
    data = file.read(1)
    if not data:
        raise _Broken("the file ends within a page header")
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
            raise _Broken("a number that is too long")


def _signed(file: IO[bytes]) -> int:
    value = _varint(file)
    return (value >> 1) ^ -(value & 1)


def _struct(file: IO[bytes], depth: int) -> dict[int, int]:
    """A struct's integer fields by number; everything else is skipped."""
    if depth > DEEPEST:
        raise _Broken("nested too deeply")
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
        raise _Broken(f"no field of type {kind} belongs into a page header")


def _skip_list(file: IO[bytes], depth: int) -> None:
    head = _byte(file)
    length, kind = head >> 4, head & 0x0F
    if length == 15:
        length = _varint(file)
    for _ in range(length):
        _skip(file, kind, depth + 1)
