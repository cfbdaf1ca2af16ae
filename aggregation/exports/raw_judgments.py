"""Every counted judgment as one row: what was said of what, and by which pseudonym."""

from collections.abc import Iterator
from dataclasses import fields
from functools import lru_cache
from typing import Any

from aggregation.exports import (
    ExportedJudgment,
    ExportedQuestion,
    Field,
    Frozen,
    Row,
)
from annotation.evidence import Evidence

SLUG = "raw_judgments"


class RawJudgments:
    slug = SLUG
    title = "Raw judgments"
    description = (
        "One row per counted judgment, with pseudonyms instead of people, so that everything in "
        "this release can be added up again under another rule."
    )
    fields = (
        Field("position", "integer", "Place in the log of judgments."),
        Field("judgment_id", "string", "The judgment's own id."),
        Field("question_id", "string", "The question, as the project names it."),
        Field("prompt_id", "string", "The prompt, as the project names it."),
        Field("candidate_ids", "strings", "The responses judged, in order of their places."),
        Field("systems", "strings", "Who wrote each of them; empty text where unknown."),
        Field("annotator", "string", "A pseudonym, the same in all releases of the project."),
        Field("annotator_kind", "string", "person, model or simulated."),
        Field("judgment_type", "string", "Such as pairwise or checklist."),
        Field("payload", "json", "What was said, about places from 0."),
        Field("evidence", "json", "The same in the common language of all judgment types."),
        Field("shown_order", "integers", "Places in the order shown, left first.", nullable=True),
        Field("confidence", "number", "Stated confidence, 0 to 1.", nullable=True),
        Field(
            "prediction",
            "json",
            "The share of others expected to answer the same, where that was asked.",
            nullable=True,
        ),
        Field("phase", "integer", "2 for an answer given in hindsight, else 1."),
        Field(
            "foresight",
            "json",
            "The payload of the first answer, where this one was given in hindsight.",
            nullable=True,
        ),
        Field("elapsed_ms", "integer", "Milliseconds from showing to answer.", nullable=True),
        Field(
            "reason",
            "string",
            "The annotator's own words, where this release carries them.",
            nullable=True,
        ),
        Field(
            "attributes",
            "json",
            "Declared attributes, where this release carries them and enough people share them.",
            nullable=True,
        ),
        Field(
            "adjudicated",
            "boolean",
            "Whether a reviewer found this answer right, or wrong; empty without a verdict.",
            nullable=True,
        ),
        Field(
            "error_categories",
            "strings",
            "Why answers to the question differ, in the reviewer's eyes; empty without a verdict.",
            nullable=True,
        ),
        Field("source", "string", "How it came in: browser, api, import or model."),
        Field("day", "string", "The day, in UTC; the hour is withheld."),
    )
    loading = (
        "import pyarrow.parquet as pq\n"
        'rows = pq.read_table("raw_judgments.parquet").to_pylist()\n'
        'print(rows[0]["question_id"], rows[0]["annotator"], rows[0]["payload"])'
    )

    def rows(self, snapshot: Frozen) -> Iterator[Row]:
        for question in snapshot.questions():
            for judgment in question.judgments:
                yield _row(question, judgment)

    def about(self, row: Row) -> str:
        return f"judgment {row['position']}"


def _row(question: ExportedQuestion, judgment: ExportedJudgment) -> Row:
    return {
        "position": judgment.position,
        "judgment_id": judgment.public_id,
        "question_id": question.external_id,
        "prompt_id": question.prompt_external_id,
        "candidate_ids": [candidate.external_id for candidate in question.candidates],
        "systems": [candidate.system or "" for candidate in question.candidates],
        "annotator": judgment.annotator,
        "annotator_kind": judgment.annotator_kind,
        "judgment_type": judgment.judgment_type,
        "payload": judgment.payload,
        "evidence": _plain(judgment.evidence),
        "shown_order": None if judgment.shown_order is None else list(judgment.shown_order),
        "confidence": judgment.confidence,
        "prediction": None if judgment.prediction is None else dict(judgment.prediction),
        "phase": judgment.phase,
        "foresight": None if judgment.foresight is None else dict(judgment.foresight),
        "elapsed_ms": judgment.elapsed_ms,
        "reason": judgment.reason,
        "attributes": judgment.attributes,
        **_verdict(question, judgment),
        "source": judgment.source,
        "day": judgment.day,
    }


def _verdict(question: ExportedQuestion, judgment: ExportedJudgment) -> Row:
    verdict = question.verdict
    if verdict is None:
        return {"adjudicated": None, "error_categories": None}
    return {
        "adjudicated": verdict.position == judgment.position,
        "error_categories": list(verdict.categories),
    }


@lru_cache(maxsize=4096)
def _plain(evidence: tuple[Evidence, ...]) -> list[dict[str, Any]]:
    """Evidence as JSON. Few different things are said, so each is spelled out once."""
    return [
        {"says": type(each).__name__.lower()}
        | {field.name: getattr(each, field.name) for field in fields(each)}
        for each in evidence
    ]


EXPORT = RawJudgments()
