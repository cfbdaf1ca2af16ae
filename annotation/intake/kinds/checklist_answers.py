"""Checklist answers, one per row: who answered which criterion of which question, and how.

All rows of one annotator about one question make one judgment, which must answer every criterion.
"""

from collections.abc import Mapping
from typing import Any

from annotation.hashes import question_id
from annotation.intake import cells
from annotation.intake.kinds import ANNOTATOR_FIELDS, REASON_FIELDS, Field
from annotation.intake.kinds.judgments import annotator_record
from annotation.intake.records import AnswerRecord, QuestionRecord, Record
from annotation.intake.refusals import BadCell
from annotation.phrases import say


class ChecklistAnswers:
    slug = "checklist_answers"
    title = "Checklist answers"
    help = (
        "One answer per row. The question is named by its id, or by its prompt and response; "
        "together, an annotator's rows about a question must answer every criterion."
    )
    fields: tuple[Field, ...] = (
        Field("question_id", "the question's id", ("item", "item_id")),
        Field("prompt_id", "the prompt's id, where there is no question's id", ("doc",)),
        Field(
            "candidate_id",
            "the response's id, or its system where that is unique",
            ("response_id", "output_id", "system", "model"),
        ),
        Field("criterion", "the criterion: its id, its position or its text", ("criterion_id",)),
        Field("answer", "yes, no or n/a", ("present", "value", "label", "score"), required=True),
        Field(
            "judgment_id",
            "the judgment's id; needed where one annotator answered a question more than once",
            ("submission_id",),
        ),
        *ANNOTATOR_FIELDS,
        *REASON_FIELDS,
    )
    needs: tuple[tuple[str, ...], ...] = (
        ("question_id", "prompt_id"),
        ("question_id", "candidate_id"),
        ("criterion",),
    )

    def records(self, values: Mapping[str, Any], line: int) -> list[Record]:
        question, made = _question(values, line)
        answer = AnswerRecord(
            line=line,
            external_id=cells.identifier(values, "judgment_id"),
            question=question,
            annotator=cells.needed(values, "annotator"),
            candidate=cells.identifier(values, "candidate_id"),
            criterion=_criterion(values),
            answer=cells.answer(values, "answer"),
            reason=cells.text(values, "reason") or "",
            confidence=cells.number(values, "confidence", low=0, high=1),
            prediction=cells.number(values, "prediction", low=0, high=1),
            elapsed_ms=cells.whole(values, "elapsed_ms", low=0, high=10**12),
            judged_at=cells.moment(values, "judged_at"),
        )
        return [*made, annotator_record(values, line), answer]


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
        external_id=question_id(prompt, [candidate]),
        prompt=prompt,
        candidates=[candidate],
        judgment_type="checklist",
        overlap=None,
        priority=None,
        rubric=True,
    )
    return question.external_id, [question]


def _criterion(values: Mapping[str, Any]) -> str:
    """A criterion's id, position or whole text, so longer than an id may be."""
    value = cells.filled_text(values, "criterion")
    if value is None:
        raise BadCell("criterion", say("is empty; every answer needs it"))
    return value.strip()


KIND = ChecklistAnswers()
