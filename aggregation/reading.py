"""Reading a file of judgments into a table of evidence, with columns found by their names."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aggregation.judgment_files import FileError, read_columns
from aggregation.tables import Ballots, Comparisons, Labels, Ratings, Table, TableError, factorise

__all__ = ["FileError", "Kind", "Reading", "read_columns", "read_table", "table_from_columns"]

Kind = Literal["comparisons", "ballots", "labels", "ratings"]

# Names a column may go by, in order of preference. The first spelling is ours.
ALIASES: dict[str, tuple[str, ...]] = {
    "a": (
        "a",
        "item_a",
        "model_a",
        "model_x",
        "left",
        "candidate_a",
        "first_item",
        "system_a",
        "response_a",
    ),
    "b": (
        "b",
        "item_b",
        "model_b",
        "model_y",
        "right",
        "candidate_b",
        "second_item",
        "system_b",
        "response_b",
    ),
    "outcome": ("outcome", "winner", "preference", "result", "verdict", "strength", "y"),
    "annotator": (
        "annotator",
        "annotator_id",
        "worker",
        "worker_id",
        "judge",
        "judge_model",
        "user",
        "participant",
        "rater",
        "voter",
    ),
    "group": (
        "group",
        "prompt_id",
        "question",
        "question_id",
        "prompt",
        "criterion",
        "ballot_group",
    ),
    "weight": ("weight", "w", "count", "n"),
    "unit": ("unit", "item", "task", "example", "statement", "document"),
    "label": ("label", "class", "answer", "vote", "present"),
    "value": ("value", "score", "rating"),
    "ballot": ("ballot", "ballot_id", "race_id", "vote_id"),
    "item": ("item", "driver", "candidate", "alternative"),
    "rank": ("rank", "position", "place"),
    "confidence": ("confidence", "conf"),
    "first": ("first", "shown_first"),
}
LINE = "__line__"  # where chosen rows remember their line of the file
NEEDED: dict[str, tuple[str, ...]] = {
    "comparisons": ("a", "b", "outcome"),
    "ballots": ("ballot", "item", "rank"),
    "labels": ("unit", "label"),
    "ratings": ("unit", "value"),
}
WINS_A = ("a", "x", "left", "first", "1", "model_a", "win", "a_wins")
WINS_B = ("b", "y", "right", "second", "2", "model_b", "loss", "b_wins")
TIES = (
    "tie",
    "draw",
    "same",
    "equal",
    "0",
    "both_good",
    "both_bad",
    "cannot_tell",
    "tie (bothbad)",
)
SIGNS = dict.fromkeys(WINS_A, 1) | dict.fromkeys(WINS_B, -1) | dict.fromkeys(TIES, 0)
TIE_KINDS = {"both_good": 1, "both_bad": 2, "tie (bothbad)": 2, "cannot_tell": 3}


@dataclass(frozen=True)
class Reading:
    """What to read a file as, and of which rows (`where` column → value). `map` gives our name →
    the file's column and wins over the known aliases.
    """

    kind: Kind | None = None
    map: Mapping[str, str] | None = None
    where: Mapping[str, str] | None = None


def read_table(path: Path, reading: Reading | None = None) -> Table:
    """A table from a file of judgments. Raises FileError naming the column and the line."""
    return table_from_columns(read_columns(path), reading)


def table_from_columns(columns: pa.Table, reading: Reading | None = None) -> Table:
    """A table from columns already in memory; errors as in `read_table`."""
    wanted = reading or Reading()
    columns = chosen_rows(columns, wanted.where or {})
    kind = wanted.kind or _guess_kind(columns.column_names, wanted.map or {})
    found = _columns_of(kind, columns.column_names, wanted.map or {})
    return _BUILDERS[kind](columns, found)


def _guess_kind(names: Sequence[str], given: Mapping[str, str]) -> Kind:
    fitting = [k for k, needed in NEEDED.items() if all(_find(n, names, given) for n in needed)]
    if not fitting:
        needs = "; ".join(f"{kind}: {', '.join(needed)}" for kind, needed in NEEDED.items())
        raise FileError(
            f"Columns {', '.join(names)} fit no kind of judgments ({needs}). Name them with --map."
        )
    return fitting[0]  # type: ignore[return-value]


def _find(name: str, names: Sequence[str], given: Mapping[str, str]) -> str | None:
    if name in given:
        if given[name] not in names:
            raise FileError(
                f"There is no column '{given[name]}'. The file has: {', '.join(names)}."
            )
        return given[name]
    return next((alias for alias in ALIASES[name] if alias in names), None)


def _columns_of(kind: str, names: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    unknown = sorted(set(given) - set(ALIASES))
    if unknown:
        raise FileError(f"'{unknown[0]}' is no column we know. Known are: {', '.join(ALIASES)}.")
    found = {name: column for name in ALIASES if (column := _find(name, names, given)) is not None}
    missing = [name for name in NEEDED[kind] if name not in found]
    if missing:
        raise FileError(f"No column for '{missing[0]}'. Name it with --map {missing[0]}=COLUMN.")
    return found


def _required(columns: pa.Table, name: str) -> pa.ChunkedArray:
    column = columns[name]
    if column.null_count:
        raise FileError(f"Line {_line(columns, pc.is_null(column))}: '{name}' is empty.")
    return column


def _line(columns: pa.Table, wrong: Any) -> int:
    """Line number of the first true entry, counted as an editor counts (a header is line 1)."""
    return _line_of(columns, int(np.flatnonzero(np.asarray(wrong))[0]))


def _line_of(columns: pa.Table, row: int) -> int:
    if LINE in columns.column_names:
        return int(columns[LINE][row].as_py())
    return row + int((columns.schema.metadata or {}).get(b"first_line", b"1"))


def chosen_rows(columns: pa.Table, where: Mapping[str, str]) -> pa.Table:
    """Rows whose columns have the given values; they remember their lines."""
    if not where:
        return columns
    first = _line_of(columns, 0)
    columns = columns.append_column(LINE, pa.array(np.arange(first, first + len(columns))))
    for name, value in where.items():
        if name not in columns.column_names:
            raise FileError(f"There is no column '{name}' to choose rows by.")
        columns = columns.filter(pc.equal(columns[name].cast(pa.string()), value))
    return columns


def _numbers(columns: pa.Table, name: str, needed: bool = False) -> Any:
    column = _required(columns, name) if needed else columns[name]
    try:
        return np.asarray(
            pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64
        )
    except pa.ArrowInvalid as error:
        for row, value in enumerate(column.to_pylist()):
            if not _is_number(value):
                raise FileError(
                    f"Line {_line_of(columns, row)}: '{name}' must be a number, not {value!r}."
                ) from error
        raise


def _is_number(value: Any) -> bool:
    try:
        return value is None or float(value) is not None
    except (TypeError, ValueError):
        return False


def _coded(columns: pa.Table, found: Mapping[str, str], name: str) -> dict[str, Any]:
    if name not in found:
        return {name: None}
    codes, ids = factorise(columns[found[name]])
    return {name: codes, f"{name}_ids": ids}


def _optional_numbers(
    columns: pa.Table, found: Mapping[str, str], ours: str, argument: str
) -> dict[str, Any]:
    return {argument: _numbers(columns, found[ours])} if ours in found else {}


def _comparisons(columns: pa.Table, found: Mapping[str, str]) -> Comparisons:
    left, right = _required(columns, found["a"]), _required(columns, found["b"])
    kind = pa.string() if left.type != right.type else left.type
    both = pa.chunked_array([*left.cast(kind).chunks, *right.cast(kind).chunks], type=kind)
    codes, ids = factorise(both)
    a, b = codes[: len(columns)], codes[len(columns) :]
    if np.equal(a, b).any():
        raise FileError(
            f"Line {_line(columns, a == b)}: {ids[int(a[np.flatnonzero(a == b)[0]])]!r} is "
            "compared with "
            "itself."
        )
    y, tie_kind = _outcomes(columns, found["outcome"])
    rest = _optional_numbers(columns, found, "weight", "weight") | _optional_numbers(
        columns, found, "first", "first"
    )
    rest |= _optional_numbers(columns, found, "confidence", "conf")
    return Comparisons.from_arrays(
        a,
        b,
        y,
        tie_kind=tie_kind,
        ids=ids,
        **_coded(columns, found, "annotator"),
        **_coded(columns, found, "group"),
        **rest,
    )


def _outcomes(columns: pa.Table, name: str) -> tuple[Any, Any]:
    """Signed outcomes from words (a, b, tie, left, model_a, …) or from signed strengths -3…3."""
    column = _required(columns, name)
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        strength = _numbers(columns, name)
        wrong = (strength != np.rint(strength)) | (np.abs(strength) > 100)
        if wrong.any():
            raise FileError(
                f"Line {_line(columns, wrong)}: '{name}' must be a whole signed strength."
            )
        return strength.astype(np.int8), None
    codes, words = factorise(column)
    lowered = [str(w).strip().lower() for w in words]
    signs = np.array([SIGNS.get(w, 99) for w in lowered], dtype=np.int8)
    y = signs[codes]
    if (y == 99).any():
        word = words[int(codes[np.flatnonzero(y == 99)[0]])]
        raise FileError(
            f"Line {_line(columns, y == 99)}: outcome {word!r} is not one of a, b, tie, both_bad, "
            "cannot_tell."
        )
    kinds = np.array([TIE_KINDS.get(w, 0) for w in lowered], dtype=np.int8)[codes]
    return y, kinds if kinds.any() else None


def _labels(columns: pa.Table, found: Mapping[str, str]) -> Labels:
    unit, ids = factorise(_required(columns, found["unit"]))
    label, label_ids = factorise(columns[found["label"]])
    people = _coded(columns, found, "annotator")
    rest = _optional_numbers(columns, found, "weight", "weight") | _optional_numbers(
        columns, found, "confidence", "conf"
    )
    return Labels.from_arrays(
        unit,
        people.pop("annotator"),
        label,
        ids=ids,
        label_ids=label_ids,
        **people,
        **_coded(columns, found, "group"),
        **rest,
    )


def _ratings(columns: pa.Table, found: Mapping[str, str]) -> Ratings:
    unit, ids = factorise(_required(columns, found["unit"]))
    people = _coded(columns, found, "annotator")
    value = _numbers(columns, found["value"])
    rest = _optional_numbers(columns, found, "weight", "weight")
    return Ratings.from_arrays(
        unit,
        people.pop("annotator"),
        value,
        ids=ids,
        **people,
        **_coded(columns, found, "group"),
        **rest,
    )


def _ballots(columns: pa.Table, found: Mapping[str, str]) -> Ballots:
    """One row per (ballot, item); rows without a rank were shown but not ranked."""
    ballot, ballot_ids = factorise(_required(columns, found["ballot"]))
    item, ids = factorise(_required(columns, found["item"]))
    rank = _numbers(columns, found["rank"])
    ranked = np.isfinite(rank)
    order = np.lexsort((np.where(ranked, rank, np.inf), ballot))
    listed = order[ranked[order]]
    n = len(ballot_ids)
    ptr = np.concatenate([[0], np.cumsum(np.bincount(ballot[listed], minlength=n))])
    tier = _dense_tiers(ballot[listed], rank[listed])
    rest: dict[str, Any] = {}
    if not ranked.all():
        rest["shown"] = item[order]
        rest["shown_ptr"] = np.concatenate([[0], np.cumsum(np.bincount(ballot, minlength=n))])
    if "annotator" in found:
        people, rest["annotator_ids"] = factorise(columns[found["annotator"]])
        first = np.zeros(n, dtype=np.int64)
        first[ballot] = np.arange(len(ballot))
        rest["annotator"] = people[first]
    try:
        return Ballots.from_arrays(ptr, item[listed], tier, ids=ids, **rest)
    except TableError as error:
        raise FileError(_named_ballot(str(error), ballot_ids)) from error


def _named_ballot(message: str, ballot_ids: Sequence[Any]) -> str:
    words = message.split()
    if len(words) > 1 and words[0] == "Ballot" and words[1].isdigit():
        words[1] = repr(ballot_ids[int(words[1])])
    return " ".join(words)


def _dense_tiers(ballot: Any, rank: Any) -> Any:
    """Ranks within each ballot as 0, 1, 2 … with ties kept; rows sorted by (ballot, rank)."""
    fresh = np.diff(ballot, prepend=-1) != 0
    tier = np.cumsum((np.diff(rank, prepend=0.0) != 0) & ~fresh)
    return tier - np.repeat(tier[fresh], np.diff(np.append(np.flatnonzero(fresh), len(ballot))))


_BUILDERS: dict[str, Callable[[pa.Table, Mapping[str, str]], Table]] = {
    "comparisons": _comparisons,
    "ballots": _ballots,
    "labels": _labels,
    "ratings": _ratings,
}
