"""Pairs: a prompt and two responses per row; each row becomes a question."""

from collections.abc import Mapping
from typing import Any

from annotation.hashes import question_id
from annotation.intake import cells
from annotation.intake.kinds import (
    PROMPT_FIELDS,
    Field,
    candidate_record,
    prompt_record,
    read_prompt,
)
from annotation.intake.records import CandidateRecord, QuestionRecord, Record
from annotation.intake.refusals import BadCell
from annotation.phrases import say


def _aliases(name: str, side: str) -> tuple[str, ...]:
    other = {"a": ("x", "1", "left"), "b": ("y", "2", "right")}[side]
    return tuple(f"{name}_{place}" for place in other)


PAIR_FIELDS = tuple(
    field
    for side in ("a", "b")
    for field in (
        Field(
            f"response_{side}",
            f"the text of response {side.upper()}",
            (
                *_aliases("response", side),
                *(f"{name}_{side}" for name in ("answer", "output", "completion", "text")),
                *_aliases("answer", side),
                *_aliases("output", side),
                *_aliases("completion", side),
            ),
        ),
        Field(
            f"system_{side}",
            f"who wrote response {side.upper()} (annotators never see this)",
            (f"model_{side}", *_aliases("system", side), *_aliases("model", side)),
        ),
        Field(
            f"consequence_{side}",
            f"what came of following response {side.upper()}, shown only after a first answer",
            (f"outcome_{side}",),
        ),
        Field(
            f"candidate_{side}_id",
            f"the id of response {side.upper()} within its prompt",
            (f"candidate_{side}", f"response_{side}_id", *_aliases("candidate", side)),
        ),
    )
)


def pair_of_candidates(values: Mapping[str, Any], line: int, prompt: str) -> list[CandidateRecord]:
    """The records of both responses of a row, A first. Raises BadCell."""
    told = read_prompt(values)
    records = []
    for side in ("a", "b"):
        body = cells.response(values, f"response_{side}", told)
        if body is None:
            raise BadCell(
                f"response_{side}",
                say("is missing; an empty response is written as an empty text"),
            )
        records.append(
            candidate_record(
                line,
                prompt=prompt,
                text=body,
                given_id=cells.identifier(values, f"candidate_{side}_id"),
                system=cells.identifier(values, f"system_{side}"),
                mention=True,
            )
        )
    first, second = records
    if first.external_id == second.external_id:
        raise BadCell(
            "response_b",
            say(
                "is the same response as response_a: there is nothing to choose. Leave "
                "the row out, or name the two systems (or ids) if they really answered "
                "alike"
            ),
        )
    return records


class Pairs:
    slug = "pairs"
    title = "Pairs"
    help = "A prompt and two responses per row. Each row becomes a question to be judged."
    fields: tuple[Field, ...] = (
        Field(
            "pair_id", "the pair's id, by which judgments name it", ("id", "pair", "question_id")
        ),
        *PROMPT_FIELDS,
        *PAIR_FIELDS,
        Field("overlap", "how many people are to judge it (default: the project's)"),
        Field("priority", "questions with a higher number are asked first"),
    )
    needs: tuple[tuple[str, ...], ...] = (
        ("prompt_text", "messages", "prompt_id"),
        ("response_a",),
        ("response_b",),
    )

    def records(self, values: Mapping[str, Any], line: int) -> list[Record]:
        prompt, prompted = prompt_record(values, line, mention=True)
        first, second = pair_of_candidates(values, line, prompt)
        ids = [first.external_id, second.external_id]
        told = [cells.text(values, f"consequence_{side}") or "" for side in ("a", "b")]
        given = cells.identifier(values, "pair_id")
        if given is None:  # then the same two responses are one question, whichever comes first
            ids, told = map(list, zip(*sorted(zip(ids, told, strict=True)), strict=True))
        question = QuestionRecord(
            line=line,
            mention=False,
            external_id=given or question_id(prompt, ids),
            prompt=prompt,
            candidates=ids,
            judgment_type="pairwise",
            overlap=cells.whole(values, "overlap", low=1, high=10_000),
            priority=cells.number(values, "priority", low=-1e9, high=1e9),
            rubric=False,
            consequences=told if any(told) else None,
        )
        return [*([prompted] if prompted else []), first, second, question]


KIND = Pairs()
