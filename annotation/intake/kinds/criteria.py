"""Criteria: the lines of a checklist or rubric, for the whole project or for one prompt."""

from collections.abc import Mapping
from typing import Any

from annotation.intake import cells
from annotation.intake.kinds import Field
from annotation.intake.records import CriterionRecord, Record
from annotation.intake.refusals import BadCell
from annotation.phrases import say

KINDS_OF_CRITERION = {
    **dict.fromkeys(("yes_no", "yes/no", "binary", "boolean", "checklist"), "yes_no"),
    **dict.fromkeys(("scale", "likert", "rating"), "scale"),
}


class Criteria:
    slug = "criteria"
    title = "Criteria of a checklist"
    help = (
        "One criterion per row. With a prompt's id they are a checklist for that prompt, "
        "without one for the whole project."
    )
    fields: tuple[Field, ...] = (
        Field("prompt_id", "the prompt they belong to (empty: the whole project)", ("doc",)),
        Field("rubric", "the checklist's name, if a project has several", ("checklist",)),
        Field("version", "the checklist's version (default 1)"),
        Field("criterion_id", "the criterion's id, by which answers name it", ("criterion", "id")),
        Field("position", "its place in the list, from 0 (default: the order of the rows)"),
        Field("text", "what is asked", ("criterion_text", "statement", "question"), required=True),
        Field("explanation", "a longer explanation", ("description", "help")),
        Field("criterion_kind", "yes_no (default) or scale", ("kind", "type")),
        Field("weight", "how much it counts (default 1)"),
        Field("anchors", "for a scale, as JSON: what its ends mean"),
    )
    needs: tuple[tuple[str, ...], ...] = ()

    def records(self, values: Mapping[str, Any], line: int) -> list[Record]:
        body = cells.filled_text(values, "text")
        if body is None:
            raise BadCell("text", say("is empty; every criterion needs it"))
        prompt = cells.identifier(values, "prompt_id")
        weight = cells.number(values, "weight", low=0)
        name = cells.identifier(values, "rubric")
        return [
            CriterionRecord(
                line=line,
                rubric=name or (f"Checklist for {prompt}"[:200] if prompt else "Checklist"),
                version=cells.whole(values, "version", low=1, high=10_000) or 1,
                prompt=prompt,
                external_id=cells.identifier(values, "criterion_id"),
                position=cells.whole(values, "position", low=0, high=30_000),
                body=body,
                explanation=cells.text(values, "explanation") or "",
                kind=_kind(values),
                weight=1.0 if weight is None else weight,
                anchors=cells.attributes(values, "anchors") or "{}",
            )
        ]


def _kind(values: Mapping[str, Any]) -> str:
    value = cells.identifier(values, "criterion_kind")
    if value is None:
        return "yes_no"
    if value.lower() not in KINDS_OF_CRITERION:
        raise BadCell(
            "criterion_kind",
            say("must be yes_no or scale, not %(shown)s", shown=cells.shown(value)),
        )
    return KINDS_OF_CRITERION[value.lower()]


KIND = Criteria()
