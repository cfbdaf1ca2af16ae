"""A look at a file before it is imported: columns, a mapping, the first rows and what they become.

Reads the beginning of the file only, writes nothing and needs no database.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from annotation.intake.catalogue import KINDS, kind_named, reader_of
from annotation.intake.cells import shown
from annotation.intake.kinds import Field, Kind
from annotation.intake.limits import Limits
from annotation.intake.mapping import Plan, Reading, plan
from annotation.intake.readers import Row, Sheet
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
from annotation.intake.refusals import BadCell, Flaw
from annotation.intake.sources import open_source
from annotation.phrases import say

FIRST_ROWS = 5

VERDICTS = {
    3: say("A is better, strength 3"),
    2: say("A is better, strength 2"),
    1: say("A is better, strength 1"),
    0: say("about the same"),
    -1: say("B is better, strength 1"),
    -2: say("B is better, strength 2"),
    -3: say("B is better, strength 3"),
}


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """A row as it stands in the file, and what it would become; or the `problem` with it."""

    line: int
    cells: dict[str, Any]
    becomes: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What importing a file as `kind` would mean. `problems` is empty when it may start."""

    name: str
    size: int
    format: str
    kind: str
    fields: tuple[Field, ...]
    columns: tuple[str, ...]
    mapping: dict[str, str]
    unknown: tuple[str, ...]
    problems: tuple[str, ...]
    rows: tuple[PreviewRow, ...]


def preview(
    path: Path | str,
    kind: str | None = None,
    mapping: Mapping[str, str] | None = None,
    *,
    ignore: Collection[str] = (),
    filename: str | None = None,
    limits: Limits | None = None,
    rows: int = FIRST_ROWS,
) -> Preview:
    """Look at the first `rows` rows of a file as a `kind` (guessed from the columns if None).

    Raises UnreadableFile, and BadMapping for an unknown kind; what is wrong with the mapping itself
    comes back in `problems`.
    """
    source = open_source(Path(path), name=filename, limits=limits)
    reader = reader_of(source)
    with reader.open(source) as sheet:
        chosen = kind_named(kind) if kind else guess_kind(sheet.columns)
        worked_out = plan(chosen, sheet.columns, mapping, ignore)
        return Preview(
            name=source.name,
            size=source.packed,
            format=_format(reader.title, source.compressed, sheet),
            kind=chosen.slug,
            fields=chosen.fields,
            columns=sheet.columns,
            mapping=worked_out.mapping,
            unknown=worked_out.unknown,
            problems=worked_out.problems,
            rows=tuple(_looked_at(row, chosen, worked_out) for row in islice(sheet.rows, rows)),
        )


def guess_kind(columns: tuple[str, ...]) -> Kind:
    """The kind whose fields take most of the columns with the fewest problems."""

    def fit(kind: Kind) -> tuple[int, int]:
        worked_out = plan(kind, columns)
        return -len(worked_out.problems), -len(worked_out.unknown)

    return max(KINDS.values(), key=fit)


def _format(title: str, compressed: bool, sheet: Sheet) -> str:
    return ", ".join([title, *(["gzip"] if compressed else []), sheet.description])


def _looked_at(row: Row | Flaw, kind: Kind, worked_out: Plan) -> PreviewRow:
    if isinstance(row, Flaw):
        return PreviewRow(row.line, {}, problem=row.reason)
    try:
        values = Reading(worked_out).values(row)
        records = kind.records(values, row.line)
    except BadCell as error:
        problem = f"{worked_out.column_of(error.field)}: {error.reason}"
        return PreviewRow(row.line, row.cells, problem=problem)
    return PreviewRow(row.line, row.cells, tuple(described(record) for record in records))


def described(record: Record) -> str:
    """A record in a line for a person."""
    match record:
        case PromptRecord():
            last = orjson.loads(record.messages)[-1]["content"]
            return say(
                "prompt %(external_id)s: %(shown)s",
                external_id=record.external_id,
                shown=shown(last),
            )
        case CandidateRecord():
            body = shown(record.body)
            if not record.system:
                return say("candidate %(id)s: %(text)s", id=record.external_id, text=body)
            return say(
                "candidate %(id)s by %(system)s: %(text)s",
                id=record.external_id,
                system=record.system,
                text=body,
            )
        case QuestionRecord():
            return say(
                "question %(external_id)s: %(names)s",
                external_id=record.external_id,
                names=" against ".join(record.candidates),
            )
        case CriterionRecord():
            return say(
                "criterion of “%(rubric)s”: %(shown)s",
                rubric=record.rubric,
                shown=shown(record.body),
            )
        case AnnotatorRecord():
            return say(
                "annotator %(external_id)s (%(value)s)",
                external_id=record.external_id,
                value=record.kind or "person",
            )
        case JudgmentRecord():
            verdict = say("both are bad") if record.both_bad else VERDICTS[record.strength]
            return say(
                "judgment of %(question)s by %(annotator)s: %(verdict)s",
                question=record.question,
                annotator=record.annotator,
                verdict=verdict,
            )
        case AnswerRecord():
            return say(
                "answer about %(question)s by %(annotator)s: %(shown)s %(answer)s",
                question=record.question,
                annotator=record.annotator,
                shown=shown(record.criterion),
                answer=record.answer,
            )
        case RatingRecord():
            return say(
                "rating of %(question)s by %(annotator)s: %(shown)s %(record)s",
                question=record.question,
                annotator=record.annotator,
                shown=shown(record.criterion),
                record=f"{record.value:g}",
            )
        case RankingRecord():
            tiers = " > ".join(" = ".join(tier) for tier in orjson.loads(record.tiers))
            return say(
                "ranking of %(question)s by %(annotator)s: %(shown)s",
                question=record.question,
                annotator=record.annotator,
                shown=shown(tiers),
            )
