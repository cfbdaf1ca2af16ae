"""Reading what strangers made: rows as they stand, flaws by line, refusals that help."""

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from annotation.intake.catalogue import reader_of
from annotation.intake.limits import Limits, human_size
from annotation.intake.readers import Row
from annotation.intake.refusals import Flaw, UnreadableFile
from annotation.intake.sources import open_source

BASE_DIR = Path(__file__).resolve().parent.parent.parent

SMALL = Limits(cell=100, line=1_000, unpacked=50_000, ratio=20, ratio_from=2_000)


def put(folder: Path, name: str, content: bytes | str) -> Path:
    path = folder / name
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def read(path: Path, limits: Limits | None = None) -> list[Row | Flaw]:
    source = open_source(path, limits=limits)
    with reader_of(source).open(source) as sheet:
        return list(sheet.rows)


def columns_of(path: Path) -> tuple[str, ...]:
    source = open_source(path)
    with reader_of(source).open(source) as sheet:
        return sheet.columns


def cells_of(rows: list[Row | Flaw]) -> list[dict[str, Any]]:
    return [row.cells for row in rows if isinstance(row, Row)]


def flaws_of(rows: list[Row | Flaw]) -> list[str]:
    return [str(row) for row in rows if isinstance(row, Flaw)]


# --- CSV ----------------------------------------------------------------------------------------


def test_a_quoted_cell_may_hold_separators_quotes_and_lines(tmp_path: Path) -> None:
    rows = read(put(tmp_path, "a.csv", 'id,text\n1,"one, ""two""\nthree"\n2,plain\n'))
    assert rows == [
        Row(2, {"id": "1", "text": 'one, "two"\nthree'}),
        Row(4, {"id": "2", "text": "plain"}),
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("comma.csv", "id,text\n1,a\n"),
        ("semicolon.csv", "id;text\n1;a\n"),
        ("tab.csv", "id\ttext\n1\ta\n"),
        ("tab.tsv", "id\ttext\n1\ta\n"),
        ("windows.csv", "id,text\r\n1,a\r\n"),
        ("no-end.csv", "id,text\n1,a"),
        ("blank.csv", "id,text\n\n1,a\n\n"),
        ("packed.csv.gz", "id,text\n1,a\n"),
        ("marked.csv", "\ufeffid,text\n1,a\n"),
        ("quoted.csv", '"id","text"\n"1","a"\n'),
    ],
)
def test_the_usual_dialects_are_read_alike(tmp_path: Path, name: str, content: str) -> None:
    assert cells_of(read(put(tmp_path, name, content))) == [{"id": "1", "text": "a"}]


def test_every_cell_stays_the_text_it_is(tmp_path: Path) -> None:
    cells = ["=cmd|' /C calc'!A0", "007", "1e5", "2026-01-02", "TRUE", " blank ", "-3", "@sum"]
    content = "a,b,c,d,e,f,g,h\n" + ",".join(cells) + "\n"
    assert list(cells_of(read(put(tmp_path, "a.csv", content)))[0].values()) == cells


def test_a_ragged_row_is_a_flaw_and_reading_goes_on(tmp_path: Path) -> None:
    rows = read(put(tmp_path, "a.csv", "a,b\n1\n2,3\n4,5,6\n7,8\n"))
    assert [row.line for row in rows] == [2, 3, 4, 5]
    assert cells_of(rows) == [{"a": "2", "b": "3"}, {"a": "7", "b": "8"}]
    assert flaws_of(rows)[0].startswith("line 2: has 1 cells where the header names 2 columns")


def test_a_quotation_mark_that_is_never_closed_is_told_by_its_line(tmp_path: Path) -> None:
    rows = read(put(tmp_path, "a.csv", 'a,b\n1,2\n3,"open\n4,5\n'))
    assert flaws_of(rows) == ["line 3: a quotation mark is opened in this row and never closed"]


def test_a_quotation_mark_that_swallows_the_file_stops_the_reading(tmp_path: Path) -> None:
    content = 'a,b\n1,"open\n' + "4,5\n" * 1_000
    with pytest.raises(UnreadableFile, match="quotation mark is opened and never closed"):
        read(put(tmp_path, "a.csv", content), SMALL)


def test_text_after_a_closing_quotation_mark_is_a_flaw(tmp_path: Path) -> None:
    rows = read(put(tmp_path, "a.csv", 'a,b\n1,"x"y\n3,4\n'))
    assert "Quotation marks inside a cell must be doubled" in flaws_of(rows)[0]
    assert cells_of(rows) == [{"a": "3", "b": "4"}]


def test_a_byte_that_is_not_utf8_is_told_by_line_and_offset(tmp_path: Path) -> None:
    content = b"id,text\n1,fine\n2,caf\xe9\n3,fine\n"
    rows = read(put(tmp_path, "a.csv", content))
    assert [row.line for row in rows] == [2, 3, 4]
    told = flaws_of(rows)[0]
    assert told.startswith("line 3: byte 0xE9 at offset 20 of the file is not UTF-8.")
    assert "iconv -f WINDOWS-1252 -t UTF-8" in told
    assert content[20] == 0xE9


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16_is_recognised_and_told_how_to_convert(tmp_path: Path, encoding: str) -> None:
    path = put(tmp_path, "a.csv", "id,text\n1,a\n".encode(encoding))
    with pytest.raises(UnreadableFile, match="UTF-16"):
        read(path)


def test_a_header_is_checked(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="names “a” twice"):
        read(put(tmp_path, "twice.csv", "a,b,a\n1,2,3\n"))
    with pytest.raises(UnreadableFile, match="first line is empty"):
        read(put(tmp_path, "blank.csv", "\n1,2\n"))
    with pytest.raises(UnreadableFile, match="501 columns"):
        read(put(tmp_path, "wide.csv", ",".join(f"c{n}" for n in range(501)) + "\n"))
    with pytest.raises(UnreadableFile, match=r"header \(line 1\)"):
        read(put(tmp_path, "open.csv", '"a,b\n1,2\n'))
    with pytest.raises(UnreadableFile, match="not UTF-8"):
        read(put(tmp_path, "latin.csv", b"caf\xe9,b\n1,2\n"))


def test_a_column_without_a_name_gets_one(tmp_path: Path) -> None:
    assert columns_of(put(tmp_path, "pandas.csv", ",text\n0,a\n")) == ("(column 1)", "text")


def test_old_macintosh_line_ends_are_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="Unix or Windows line ends"):
        read(put(tmp_path, "mac.csv", "a,b\r1,2\r"))


# --- JSON Lines ---------------------------------------------------------------------------------


def test_json_lines_keep_their_values(tmp_path: Path) -> None:
    rows = read(put(tmp_path, "a.jsonl", '{"a": 1, "b": [true, null]}\n\n{"b": {"c": "ü"}}\n'))
    assert rows == [Row(1, {"a": 1, "b": [True, None]}), Row(3, {"b": {"c": "ü"}})]


def test_columns_are_the_keys_of_the_first_rows(tmp_path: Path) -> None:
    assert columns_of(put(tmp_path, "a.jsonl", '{"a": 1}\n{"b": 2, "a": 3}\n')) == ("a", "b")


def test_bad_json_lines_are_flaws_and_reading_goes_on(tmp_path: Path) -> None:
    lines = [
        b'\xef\xbb\xbf{"a": 1}',
        b'{"a": ',
        b"[1, 2]",
        b'{"a": "\\ud800"}',
        b'{"a": "caf\xe9"}',
        b'{"a": NaN}',
        b'{"a": "' + b"x" * 2_000 + b'"}',
        b'{"a": 2}',
    ]
    rows = read(put(tmp_path, "a.jsonl", b"\n".join(lines)), SMALL)
    assert cells_of(rows) == [{"a": 1}, {"a": 2}]
    told = flaws_of(rows)
    assert [row.line for row in rows] == [1, 2, 3, 4, 5, 6, 7, 8]
    for flaw, reason in zip(
        told,
        [
            "not valid JSON",
            "no JSON object",
            "lone surrogate",
            "byte 0xE9 at offset",
            "not valid JSON",
            "longer than 1000 bytes",
        ],
        strict=True,
    ):
        assert reason in flaw


def test_a_json_array_is_told_how_to_convert(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"jq -c '\.\[\]'"):
        read(put(tmp_path, "a.json", '[{"a": 1}]'))


def test_a_file_without_a_single_object_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="No line of the file holds a JSON object: line 1"):
        read(put(tmp_path, "a.jsonl", "hello\nworld\n"))


# --- Parquet ------------------------------------------------------------------------------------


def put_parquet(folder: Path, name: str = "a.parquet", **columns: Any) -> Path:
    path = folder / name
    parquet.write_table(pyarrow.table(columns), path)
    return path


def test_parquet_rows_are_counted_from_one(tmp_path: Path) -> None:
    path = put_parquet(tmp_path, id=[1, 2], text=["a", None], tags=[["x"], []])
    assert read(path) == [
        Row(1, {"id": 1, "text": "a", "tags": ["x"]}),
        Row(2, {"id": 2, "text": None, "tags": []}),
    ]


def test_parquet_may_be_gzipped(tmp_path: Path) -> None:
    plain = put_parquet(tmp_path, text=["a"])
    packed = put(tmp_path, "packed.parquet.gz", plain.read_bytes())
    assert cells_of(read(packed)) == [{"text": "a"}]


def test_many_parquet_rows_come_in_order(tmp_path: Path) -> None:
    path = put_parquet(tmp_path, n=list(range(20_000)), t=[str(n % 7) for n in range(20_000)])
    rows = read(path)
    assert [row.line for row in rows] == list(range(1, 20_001))
    assert [cells["t"] for cells in cells_of(rows)] == [str(n % 7) for n in range(20_000)]


def test_a_small_parquet_file_that_unfolds_to_terabytes_is_read_in_small_pieces(
    tmp_path: Path,
) -> None:
    text = pyarrow.DictionaryArray.from_arrays(
        pyarrow.array([0] * 200_000, pyarrow.int32()), pyarrow.array(["x" * 5_000_000])
    )
    path = put_parquet(tmp_path, text=text)
    assert path.stat().st_size < 300_000
    source = open_source(path)
    with reader_of(source).open(source) as sheet:
        before = pyarrow.total_allocated_bytes()
        first = [next(sheet.rows) for _ in range(10)]
        assert pyarrow.total_allocated_bytes() - before < 64_000_000
    assert all(isinstance(row, Row) and len(row.cells["text"]) == 5_000_000 for row in first)


def test_a_row_too_long_is_a_flaw_in_parquet_too(tmp_path: Path) -> None:
    path = put_parquet(tmp_path, text=["short", "x" * 2_000, "short"])
    rows = read(path, Limits(line=1_000))
    assert [type(row) for row in rows] == [Row, Flaw, Row]


def test_parquet_text_that_is_not_utf8_is_a_flaw(tmp_path: Path) -> None:
    path = put_parquet(tmp_path, text=pyarrow.array([b"a", b"\xff\xfe", b"b"], pyarrow.binary()))
    rows = read(path)
    assert flaws_of(rows) == [
        "line 2: holds text that is not UTF-8. Write the file again with UTF-8"
    ]
    assert cells_of(rows) == [{"text": "a"}, {"text": "b"}]


def test_a_damaged_parquet_file_is_refused(tmp_path: Path) -> None:
    whole = put_parquet(tmp_path, text=["some text"] * 1000).read_bytes()
    with pytest.raises(UnreadableFile, match="Parquet file is damaged"):
        read(put(tmp_path, "cut.parquet", whole[: len(whole) // 2]))
    with pytest.raises(UnreadableFile, match="Parquet file is damaged"):
        read(put(tmp_path, "hollow.parquet", b"PAR1" + b"\xff" * 60 + b"PAR1"))
    with pytest.raises(UnreadableFile, match="named like a Parquet file but isn't one"):
        read(put(tmp_path, "not.parquet", "id,text\n"))


def test_a_footer_that_would_end_the_process_is_a_damaged_file(tmp_path: Path) -> None:
    """pyarrow 26 calls `terminate` on this histogram; here a process of its own meets it."""
    talk = [[{"role": "user", "content": "x"}]] * 3
    whole = bytearray(put_parquet(tmp_path, prompt_text=["why"] * 3, l=talk).read_bytes())
    whole[504] = 146
    with pytest.raises(UnreadableFile, match="Parquet file is damaged"):
        read(put(tmp_path, "deadly.parquet", bytes(whole)))


def test_a_parquet_file_is_found_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_parquet(tmp_path, text=["a"])
    monkeypatch.chdir(tmp_path)
    assert cells_of(read(Path("a.parquet"))) == [{"text": "a"}]


# --- Files of the wrong kind --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.csv", b"", "is empty"),
        ("sheet.csv", b"PK\x03\x04" + bytes(30), "Excel workbook or a zip archive"),
        ("old.csv", b"\xd0\xcf\x11\xe0" + bytes(30), "old Excel workbook"),
        ("a.csv", b"\x28\xb5\x2f\xfd" + bytes(30), "compressed with zstd"),
        ("a.dat", b"id,text\n", "unknown ending"),
        ("a.csv.gz", gzip.compress(b"id,text\n1,a\n", mtime=0), "compressed twice"),
        ("nothing.csv.gz", b"", "an archive with nothing in it"),
    ],
)
def test_foreign_files_are_named_for_what_they_are(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    with pytest.raises(UnreadableFile, match=reason):
        read(put(tmp_path, name, content))


def test_missing_files_and_folders_are_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="there is no such file"):
        open_source(tmp_path / "gone.csv")
    with pytest.raises(UnreadableFile, match="it is a folder"):
        open_source(tmp_path)


def test_the_content_decides_where_the_name_says_nothing(tmp_path: Path) -> None:
    path = put(tmp_path, "upload-1234", '{"a": 1}\n')
    assert cells_of(read(path)) == [{"a": 1}]


def test_an_uploaded_name_is_shown_but_never_followed(tmp_path: Path) -> None:
    path = put(tmp_path, "stored", "id,text\n1,a\n")
    for name in ("../../etc/passwd.csv", "/etc/shadow.csv", "x" * 65_536 + ".csv"):
        source = open_source(path, name=name)
        assert source.path == path
        assert "/" not in source.name
        assert len(source.name) <= 200
        with reader_of(source).open(source) as sheet:
            assert cells_of(list(sheet.rows)) == [{"id": "1", "text": "a"}]


def test_a_cut_off_archive_is_told(tmp_path: Path) -> None:
    packed = gzip.compress(b"id,text\n" + b"".join(b"%d,some text\n" % n for n in range(9_999)))
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(UnreadableFile, match="gzip archive is damaged or cut off"):
        read(path)


def test_an_archive_that_grows_without_measure_is_refused(tmp_path: Path) -> None:
    bomb = put(tmp_path, "bomb.csv.gz", b"a,b\n" + b"1,2\n" * 10_000)
    with pytest.raises(UnreadableFile, match="like a zip bomb"):
        read(bomb, SMALL)


def test_a_file_larger_than_allowed_is_refused(tmp_path: Path) -> None:
    rows = "".join(json.dumps({"n": n, "t": f"{n * 7919:x}"}) + "\n" for n in range(3_000))
    with pytest.raises(UnreadableFile, match="holds more than 48.8 KB. Split it"):
        read(put(tmp_path, "large.jsonl", rows), SMALL)


def test_sizes_are_told_as_people_read_them() -> None:
    assert [human_size(size) for size in (12, 2048, 8 << 20, 3 << 29)] == [
        "12 bytes",
        "2 KB",
        "8 MB",
        "1.5 GB",
    ]


# --- Purity -------------------------------------------------------------------------------------


def test_files_can_be_read_and_previewed_without_django() -> None:
    code = (
        "import sys; import annotation.intake.previewing, annotation.intake.texts, "
        "annotation.pairing; print(sorted({'django', 'pyarrow', 'celery'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=BASE_DIR, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
