"""Prompts: one per row, a text or a conversation."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from annotation.intake.kinds import (
    MESSAGES,
    PROMPT_ID,
    PROMPT_TEXT,
    SYSTEM_MESSAGE,
    Field,
    prompt_record,
)
from annotation.intake.records import Record
from annotation.intake.refusals import BadCell
from annotation.phrases import say


class Prompts:
    slug = "prompts"
    title = "Prompts"
    help = "One prompt per row. Candidates may come later, from a file or from a model."
    fields: tuple[Field, ...] = (
        replace(PROMPT_ID, aliases=(*PROMPT_ID.aliases, "id", "external_id")),
        replace(PROMPT_TEXT, aliases=(*PROMPT_TEXT.aliases, "text", "content")),
        MESSAGES,
        SYSTEM_MESSAGE,
    )
    needs: tuple[tuple[str, ...], ...] = (("prompt_text", "messages"),)

    def records(self, values: Mapping[str, Any], line: int) -> list[Record]:
        _, record = prompt_record(values, line, mention=False)
        if record is None:
            raise BadCell("prompt_text", say("is empty; every row needs its prompt"))
        return [record]


KIND = Prompts()
