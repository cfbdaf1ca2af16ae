"""Ratings, one per row: who gave which response how much on which criterion.

All rows of one annotator about one question make one judgment, which must rate every criterion.
"""

from collections.abc import Mapping
from typing import Any

from annotation.hashes import question_id
from annotation.intake import cells
from annotation.intake.kinds import ANNOTATOR_FIELDS, REASON_FIELDS, Field
from annotation.intake.kinds.judgments import annotator_record
from annotation.intake.records import QuestionRecord, RatingRecord, Record
from annotation.intake.refusals import BadCell
from annotation.phrases import say

LARGEST = 1e9


class Ratings:
    slug = "ratings"
    title = "Ratings"
    help = (
        "One rating per row. The question is named by its id, or by its prompt and response; "
        "together, an annotator's rows about a question must rate every criterion."
    )
    fields: tuple[Field, ...] = (
        Field("question_id", "the question's id", ("item", "item_id")),
        Field("prompt_id", "the prompt's id, where there is no question's id", ("doc",)),
        Field(
            "candidate_id",
            "the response's id, or its system where that is unique",
            ("response_id", "output_id", "system", "model"),
        ),
        Field(
            "criterion",
            "the criterion: its id, its position or its text",
            ("criterion_id", "attribute", "aspect"),
            required=True,
        ),
        Field("rating", "a number on the criterion's scale", ("stars", "points"), required=True),
        Field(
            "judgment_id",
            "the judgment's id; needed where one annotator rated a question more than once",
            ("submission_id",),
        ),
        *ANNOTATOR_FIELDS,
        *REASON_FIELDS,
    )
    needs: tuple[tuple[str, ...], ...] = (
        ("question_id", "prompt_id"),
        ("question_id", "candidate_id"),
    )

    def records(self, values: Mapping[str, Any], line: int) -> list[Record]:
        question, made = _question(values, line)
        criterion = cells.filled_text(values, "criterion")
        value = cells.number(values, "rating", low=-LARGEST, high=LARGEST)
        if criterion is None:
            raise BadCell("criterion", say("is empty; every rating needs it"))
        if value is None:
            raise BadCell("rating", say("is empty; every row needs it"))
        rating = RatingRecord(
            line=line,
            external_id=cells.identifier(values, "judgment_id"),
            question=question,
            annotator=cells.needed(values, "annotator"),
            candidate=cells.identifier(values, "candidate_id"),
            criterion=criterion.strip(),
            value=value,
            reason=cells.text(values, "reason") or "",
            confidence=cells.number(values, "confidence", low=0, high=1),
            prediction=cells.number(values, "prediction", low=0, high=1),
            elapsed_ms=cells.whole(values, "elapsed_ms", low=0, high=10**12),
            judged_at=cells.moment(values, "judged_at"),
        )
        return [*made, annotator_record(values, line), rating]


def _question(values: Mapping[str, Any], line: int) -> tuple[str, list[Record]]:
    given = cells.identifier(values, "question_id")
    prompt = cells.identifier(values, "prompt_id")
    candidate = cells.identifier(values, "candidate_id")
    if given is not None:
        return given, []
    if prompt is None or candidate is None:
        raise BadCell("question_id", say("is empty; give it, or prompt_id and candidate_id"))
    question = QuestionRecord(
        line=line,
        mention=True,
        external_id=question_id(f"{prompt}/rating", [candidate]),
        prompt=prompt,
        candidates=[candidate],
        judgment_type="rating",
        overlap=None,
        priority=None,
        rubric=True,
    )
    return question.external_id, [question]


KIND = Ratings()
