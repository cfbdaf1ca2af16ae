"""Opening a file of judgments as columns: CSV, JSON Lines or Parquet, gzipped or not."""

import gzip
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet


class FileError(ValueError):
    """The file can't be read as judgments; the message says where and why."""


def read_columns(path: Path) -> pa.Table:
    """The file as columns, by its suffix (.csv, .tsv, .jsonl, .ndjson, .parquet; also .gz)."""
    if not path.exists():
        raise FileError(f"There is no file {path}.")
    suffixes = [s.lower() for s in path.suffixes]
    zipped = suffixes[-1:] == [".gz"]
    kind = suffixes[-2] if zipped and len(suffixes) > 1 else suffixes[-1] if suffixes else ""
    try:
        if kind == ".parquet":
            return _read_parquet(path, zipped)
        with gzip.open(path) if zipped else path.open("rb") as stream:
            return _read_text(stream, kind)
    except (
        pa.ArrowInvalid,
        pa.ArrowTypeError,
        UnicodeDecodeError,
        gzip.BadGzipFile,
        EOFError,
    ) as error:
        raise FileError(f"{path.name} can't be read: {error}") from error


def _read_parquet(path: Path, zipped: bool) -> pa.Table:
    if not zipped:
        return pa.parquet.read_table(path)
    with gzip.open(path) as stream:
        return pa.parquet.read_table(pa.BufferReader(stream.read()))


def _read_text(stream: Any, kind: str) -> pa.Table:
    if kind in (".csv", ".tsv"):
        parse = pa.csv.ParseOptions(
            delimiter="\t" if kind == ".tsv" else ",", newlines_in_values=True
        )
        keep = pa.csv.ConvertOptions(strings_can_be_null=True, null_values=[""])
        if not stream.peek(1) if hasattr(stream, "peek") else False:
            raise FileError("The file is empty: not even a header line.")
        table = pa.csv.read_csv(stream, parse_options=parse, convert_options=keep)
        return table.replace_schema_metadata({"first_line": "2"})
    if kind in (".jsonl", ".ndjson", ".json"):
        return pa.json.read_json(
            io.BufferedReader(stream) if not hasattr(stream, "peek") else stream
        )
    raise FileError(
        f"Unknown kind of file '{kind}'. Known are .csv, .tsv, .jsonl and .parquet, also with .gz."
    )
