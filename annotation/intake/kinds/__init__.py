"""Kinds of import: one file each, found by walking this folder; the file's name is the slug.

A kind says which fields a row has, under which names they are often found, and which records a row
turns into. Pure: it sees one row and no database.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from annotation.hashes import candidate_id, canonical_json, hash_text, prompt_id
from annotation.intake import cells
from annotation.intake.records import CandidateRecord, PromptRecord, Record
from annotation.intake.refusals import BadCell
from annotation.phrases import say


@dataclass(frozen=True, slots=True)
class Field:
    """One thing a row can say. `aliases` are names under which files often carry it."""

    name: str
    help: str
    aliases: tuple[str, ...] = ()
    required: bool = False


class Kind(Protocol):
    """The protocol of a kind. See `prompts` for the shortest example.

    `needs` are groups of fields of which at least one must be mapped, beside the required ones.
    """

    slug: str
    title: str
    help: str
    fields: tuple[Field, ...]
    needs: tuple[tuple[str, ...], ...]

    def records(self, values: Mapping[str, Any], line: int) -> list[Record]:
        """What a row turns into; `values` by field. Raises BadCell."""


PROMPT_ID = Field("prompt_id", "the prompt's id", ("prompt_key", "pid", "doc", "doc_id"))
PROMPT_TEXT = Field(
    "prompt_text",
    "what was asked: text, or a list of messages",
    ("prompt", "instruction", "question", "input", "query", "question_text"),
)
MESSAGES = Field(
    "messages",
    'a conversation as JSON: [{"role": "user", "content": "…"}, …]',
    ("conversation", "chat", "prompt_messages"),
)
SYSTEM_MESSAGE = Field(
    "system_message", "a system message that stands before the prompt", ("system_prompt",)
)
PROMPT_FIELDS = (PROMPT_ID, PROMPT_TEXT, MESSAGES, SYSTEM_MESSAGE)

ANNOTATOR_FIELDS = (
    Field(
        "annotator",
        "who judged: an id, never a name or an address",
        ("annotator_id", "worker", "worker_id", "user_id", "rater", "judge", "user", "participant"),
        required=True,
    ),
    Field("annotator_kind", "person (default), model or simulated", ("kind", "annotator_type")),
    Field("annotator_name", "a name to show to the project's owners", ("display_name",)),
    Field(
        "attributes",
        'what the annotator declared, as a JSON object: {"age": "30-39"}',
        ("annotator_attributes", "demographics", "profile"),
    ),
)
REASON_FIELDS = (
    Field("reason", "the annotator's own words", ("rationale", "comment", "justification")),
    Field("confidence", "from 0 to 1", ("certainty",)),
    Field(
        "prediction",
        "the share of others the annotator expects to answer the same, from 0 to 1",
        ("expected_agreement",),
    ),
    Field("elapsed_ms", "milliseconds the judgment took", ("duration_ms", "time_ms")),
    Field(
        "judged_at",
        "when, as ISO 8601 or seconds since 1970",
        ("timestamp", "tstamp", "created_at", "judged", "time", "date"),
    ),
)

Messages = list[dict[str, str]]


def read_prompt(values: Mapping[str, Any]) -> Messages | None:
    """The messages a row gives for its prompt, None if it gives none. Raises BadCell."""
    told = cells.messages(values, "messages")
    plain = cells.prompt_text(values, "prompt_text")
    if told is not None and plain is not None:
        raise BadCell("messages", say("and prompt_text are both given; use one of them"))
    prompt = told if told is not None else plain
    before = cells.filled_text(values, "system_message")
    if prompt is not None and before is not None:
        return [{"role": "system", "content": before}, *prompt]
    return prompt


def prompt_record(
    values: Mapping[str, Any], line: int, *, mention: bool
) -> tuple[str, PromptRecord | None]:
    """The id of a row's prompt, and its record where the row gives the prompt's content.

    Raises BadCell when the row gives neither an id nor a content.
    """
    told = read_prompt(values)
    given = cells.identifier(values, "prompt_id")
    if told is None:
        if given is None:
            raise BadCell("prompt_text", say("is empty; every row needs its prompt"))
        return given, None
    content = canonical_json(told)
    digest = hash_text(content)
    external_id = given or prompt_id(digest)
    return external_id, PromptRecord(line, mention, external_id, content, digest)


def candidate_record(
    line: int,
    *,
    prompt: str,
    text: str,
    given_id: str | None = None,
    system: str | None = None,
    family: str | None = None,
    mention: bool,
) -> CandidateRecord:
    """A response's record; without an id of its own, one is made from system and text."""
    digest = hash_text(text)
    external_id = given_id or candidate_id(digest, system)
    return CandidateRecord(line, mention, prompt, external_id, system, family, text, digest)
