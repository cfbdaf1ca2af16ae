"""A file of judgments becomes a table, or the person learns which line is wrong."""

import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aggregation.reading import FileError, Reading, read_table
from aggregation.tables import Ballots, Comparisons, Labels, Ratings

ROWS = [
    {"item_a": "x", "item_b": "y", "winner": "a", "annotator": "p"},
    {"item_a": "y", "item_b": "z", "winner": "tie", "annotator": "q"},
    {"item_a": "z", "item_b": "x", "winner": "b", "annotator": "p"},
]


def written(path: Path, rows: list[dict[str, object]]) -> Path:
    if path.suffix == ".csv":
        lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
        path.write_text("\n".join(lines) + "\n")
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    return path


@pytest.mark.parametrize("name", ["f.csv", "f.jsonl", "f.parquet"])
@pytest.mark.parametrize("zipped", [False, True])
def test_every_format_gives_the_same_table(tmp_path: Path, name: str, zipped: bool) -> None:
    path = written(tmp_path / name, ROWS)  # type: ignore[arg-type]
    if zipped:
        path.with_name(name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
        path = path.with_name(name + ".gz")
    table = read_table(path)
    assert isinstance(table, Comparisons)
    assert table.ids == ("x", "y", "z")
    assert table.y.tolist() == [1, 0, -1]
    assert table.annotator_ids == ("p", "q")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b,winner\nx,y,a\nx,x,b\n", "Line 3: 'x' is compared with itself"),
        ("a,b,winner\nx,y,a\nx,z,perhaps\n", "Line 3: outcome 'perhaps'"),
        ("a,b,winner\nx,y,a\n,z,b\n", "Line 3: 'a' is empty"),
        (
            "a,b,winner,weight\nx,y,a,1\nx,z,b,much\n",
            "Line 3: 'weight' must be a number, not 'much'",
        ),
        ("a,b,winner,weight\nx,y,a,-1\n", "negative"),
        ("a,b,strength\nx,y,0.5\n", "Line 2: 'strength' must be a whole signed strength"),
        ("a,b\nx,y\n", "fit no kind"),
        ("a,b,winner\nx,y\n", "can't be read"),
        ("", "empty"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "f.csv"
    path.write_text(text)
    with pytest.raises((FileError, ValueError), match=message):
        read_table(path)


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes("a,b,winner\nx,ÿ,a\n".encode("utf-16"))
    with pytest.raises(FileError):
        read_table(path)


def test_columns_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("eins,zwei,urteil\nx,y,2\ny,x,-3\n")
    table = read_table(path, Reading(map={"a": "eins", "b": "zwei", "outcome": "urteil"}))
    assert isinstance(table, Comparisons)
    assert table.y.tolist() == [2, -3]
    with pytest.raises(FileError, match="no column 'drei'"):
        read_table(path, Reading(map={"a": "drei"}))
    with pytest.raises(FileError, match="'colour' is no column we know"):
        read_table(
            path, Reading(map={"a": "eins", "b": "zwei", "outcome": "urteil", "colour": "eins"})
        )


def test_rows_can_be_chosen_and_keep_their_line_numbers(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("a,b,winner,kind\nx,y,a,llm\nx,y,b,human\nx,x,a,llm\n")
    table = read_table(path, Reading(where={"kind": "human"}))
    assert isinstance(table, Comparisons)
    assert table.y.tolist() == [-1]
    with pytest.raises(FileError, match="Line 4: 'x' is compared with itself"):
        read_table(path, Reading(where={"kind": "llm"}))
    with pytest.raises(FileError, match="no column 'sort'"):
        read_table(path, Reading(where={"sort": "human"}))


def test_kinds_of_ties_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("a,b,winner\nx,y,both_bad\nx,y,cannot_tell\nx,y,tie\n")
    table = read_table(path)
    assert isinstance(table, Comparisons)
    assert table.tie_kind is not None
    assert table.tie_kind.tolist() == [2, 3, 0]


def test_labels_ratings_and_ballots(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("item,annotator,label\nu1,p,yes\nu1,q,\nu2,p,no\n")
    labels = read_table(tmp_path / "l.csv")
    assert isinstance(labels, Labels)
    assert labels.label.tolist() == [1, -1, 0]
    (tmp_path / "r.csv").write_text("item,annotator,score\nu1,p,3\nu1,q,\nu2,p,4.5\n")
    ratings = read_table(tmp_path / "r.csv")
    assert isinstance(ratings, Ratings)
    assert np.isnan(ratings.value[1])
    (tmp_path / "b.csv").write_text("ballot,item,rank\nb1,x,1\nb1,y,2\nb1,z,\nb2,z,1\nb2,x,7\n")
    ballots = read_table(tmp_path / "b.csv")
    assert isinstance(ballots, Ballots)
    assert ballots.completed().profile[0].tolist() == [[0, 1, 2], [1, -1, 0]]


def test_a_missing_file_and_an_unknown_kind_are_said(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="There is no file"):
        read_table(tmp_path / "none.csv")
    (tmp_path / "f.xlsx").write_text("x")
    with pytest.raises(FileError, match="Unknown kind of file"):
        read_table(tmp_path / "f.xlsx")
