"""Candidates: one response per row, with its prompt's id or text."""

from collections.abc import Mapping
from typing import Any

from annotation.intake import cells
from annotation.intake.kinds import (
    PROMPT_FIELDS,
    Field,
    candidate_record,
    prompt_record,
    read_prompt,
)
from annotation.intake.records import Record
from annotation.intake.refusals import BadCell
from annotation.phrases import say


class Candidates:
    slug = "candidates"
    title = "Candidates"
    help = (
        "One response per row. The prompt is named by its id, or comes along as text; "
        "several rows may share it."
    )
    fields: tuple[Field, ...] = (
        *PROMPT_FIELDS,
        Field("candidate_id", "the response's id within its prompt", ("response_id", "id")),
        Field(
            "response",
            "the response's text",
            ("text", "response_text", "completion", "answer", "output", "summary", "summary_text"),
            required=True,
        ),
        Field(
            "system",
            "who wrote it: a model, a person (annotators never see this)",
            ("model", "model_id", "model_name", "author", "source"),
        ),
        Field("family", "systems of one maker, for audits", ("org", "vendor", "model_family")),
    )
    needs: tuple[tuple[str, ...], ...] = (("prompt_id", "prompt_text", "messages"),)

    def records(self, values: Mapping[str, Any], line: int) -> list[Record]:
        prompt, told = prompt_record(values, line, mention=True)
        body = cells.response(values, "response", read_prompt(values))
        if body is None:
            raise BadCell(
                "response", say("is missing; an empty response is written as an empty text")
            )
        candidate = candidate_record(
            line,
            prompt=prompt,
            text=body,
            given_id=cells.identifier(values, "candidate_id"),
            system=cells.identifier(values, "system"),
            family=cells.identifier(values, "family"),
            mention=False,
        )
        return [candidate] if told is None else [told, candidate]


KIND = Candidates()
