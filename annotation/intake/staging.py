"""Temporary tables that an import's records are copied into before anything is checked.

They live until the transaction ends. Memory stays constant: records wait in small buffers.
"""

from collections.abc import Sequence
from typing import Any

from django.db.backends.utils import CursorWrapper

from annotation.intake.records import (
    AnnotatorRecord,
    AnswerRecord,
    CandidateRecord,
    CriterionRecord,
    JudgmentRecord,
    PromptRecord,
    QuestionRecord,
    RankingRecord,
    RatingRecord,
    Record,
)
from annotation.intake.refusals import Flaw

TABLES: dict[type[Any], str] = {
    PromptRecord: "staged_prompt",
    CandidateRecord: "staged_candidate",
    QuestionRecord: "staged_question",
    CriterionRecord: "staged_criterion",
    AnnotatorRecord: "staged_annotator",
    JudgmentRecord: "staged_judgment",
    AnswerRecord: "staged_answer",
    RatingRecord: "staged_rating",
    RankingRecord: "staged_ranking",
    Flaw: "staged_flaw",
}
TYPES = {
    "line": "bigint NOT NULL",
    "mention": "boolean NOT NULL",
    "messages": "jsonb NOT NULL",
    "candidates": "text[] NOT NULL",
    "consequences": "text[]",
    "overlap": "integer",
    "priority": "double precision",
    "rubric": "text",
    "version": "integer",
    "position": "integer",
    "weight": "double precision",
    "anchors": "jsonb",
    "attributes": "jsonb",
    "strength": "integer NOT NULL",
    "both_bad": "boolean NOT NULL",
    "swapped": "boolean",
    "confidence": "double precision",
    "prediction": "double precision",
    "value": "double precision NOT NULL",
    "tiers": "jsonb NOT NULL",
    "elapsed_ms": "bigint",
    "judged_at": "timestamptz",
}  # all others are text
MADE_LATER = (
    "fresh",
    "rendered",
    "numbered_criterion",
    "placed_question",
    "declared_annotator",
    "judging",
    "touched_question",
    "oriented",
    "named_criterion",
    "placed_answer",
    "placed_rating",
    "placed_ranking",
    "resolved_judgment",
    "new_judgment",
    "numbered_judgment",
)
LARGE = {PromptRecord: ("messages",), CandidateRecord: ("body",)}  # told apart by their hashes

BUFFER_ROWS = 10_000
BUFFER_CHARACTERS = 8_000_000
REMEMBERED = 50_000


class Staging:
    """Buffers records and copies them. Records that only repeat another are dropped early."""

    def __init__(self, cursor: CursorWrapper) -> None:
        self._cursor = cursor
        self._buffers: dict[type[Any], list[Any]] = {table: [] for table in TABLES}
        self._rows = 0
        self._characters = 0
        self._seen: set[tuple[Any, ...]] = set()
        self.flaws = 0

    def create(self) -> None:
        """Make the tables anew; an earlier import in an outer transaction leaves its own."""
        names = ", ".join(f"pg_temp.{name}" for name in (*TABLES.values(), *MADE_LATER))
        self._cursor.execute(f"DROP TABLE IF EXISTS {names}")
        for record, table in TABLES.items():
            columns = ", ".join(f'"{name}" {TYPES.get(name, "text")}' for name in record._fields)
            self._cursor.execute(f"CREATE TEMP TABLE {table} ({columns}) ON COMMIT DROP")

    def add(self, records: Sequence[Record]) -> None:
        for record in records:
            if not self._repeats(record):
                self._put(record)

    def add_flaw(self, flaw: Flaw) -> None:
        self.flaws += 1
        self._put(flaw)

    def flush(self) -> None:
        """Copy what is buffered."""
        for kind, buffer in self._buffers.items():
            if buffer:
                self._copy(TABLES[kind], kind._fields, buffer)
                buffer.clear()
        self._rows = self._characters = 0

    def close(self) -> None:
        """Copy the rest and let the planner know what is there."""
        self.flush()
        for table in TABLES.values():
            self._cursor.execute(f"ANALYZE {table}")

    def _put(self, record: "Record | Flaw") -> None:
        self._buffers[type(record)].append(record)
        self._rows += 1
        large = LARGE.get(type(record))
        if large:
            self._characters += sum(len(getattr(record, name)) for name in large)
        if self._rows >= BUFFER_ROWS or self._characters >= BUFFER_CHARACTERS:
            self.flush()

    def _copy(self, table: str, columns: tuple[str, ...], rows: list[Any]) -> None:
        names = ", ".join(f'"{name}"' for name in columns)
        statement = f"COPY {table} ({names}) FROM STDIN"
        with self._cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)

    def _repeats(self, record: Record) -> bool:
        """Whether the same thing was said shortly before (an annotator, a pair's prompt)."""
        if not (isinstance(record, AnnotatorRecord) or getattr(record, "mention", False)):
            return False
        key = _identity(record)
        if key in self._seen:
            return True
        if len(self._seen) >= REMEMBERED:
            self._seen.clear()
        self._seen.add(key)
        return False


def _identity(record: Record) -> tuple[Any, ...]:
    """What a record says, without its line and without long texts, whose hashes stand for them."""
    if isinstance(record, AnnotatorRecord):
        return record[1:]
    large = LARGE.get(type(record), ())
    return (
        type(record).__name__,
        *(
            tuple(value) if isinstance(value, list) else value
            for name, value in zip(record._fields[1:], record[1:], strict=True)
            if name not in large
        ),
    )
