"""The parse ladder: from what a model wrote to what it said, or to the reason why not. Pure.

Rungs, in order: reasoning blocks and code fences are taken off; a JSON contract is read strictly,
then tolerantly; then patterns are tried from strict to loose, the last match of a pattern counting
(as Arena-Hard's judge does). Different answers under the strictest pattern are no answer. What is
found must be one of the contract's values. Asking again is the course's business, not the
ladder's. An unparsable text is never turned into a tie.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

from models_runtime.engines import Finish

Value = TypeVar("Value")


class ParseStatus(StrEnum):
    OK = "ok"
    REPAIRED = "repaired"  # read from the model's own restatement of its verdict
    UNPARSABLE = "unparsable"
    REFUSED = "refused"
    TRUNCATED = "truncated"
    ENGINE_ERROR = "engine_error"

    @property
    def is_answer(self) -> bool:
        return self in {ParseStatus.OK, ParseStatus.REPAIRED}


@dataclass(frozen=True, slots=True)
class Contract(Generic[Value]):
    """What a prompt asked for: allowed answers and where they stand.

    `values` maps each spelling (lower case, blanks removed) to its value. `patterns` are tried from
    strict to loose; group 1 holds the answer. The first `safe` of them can't be met by a sentence
    that was cut off, so only they are tried on a truncated text. `json_field` names the field of a
    JSON reply.
    """

    values: Mapping[str, Value]
    patterns: tuple[re.Pattern[str], ...] = ()
    json_field: str | None = None
    safe: int = 2

    def validate(self, raw: object) -> Value | None:
        """The value spelled by `raw`, None if it isn't one of the allowed ones."""
        if isinstance(raw, bool) or not isinstance(raw, str | int):
            return None
        return self.values.get(re.sub(r"\s+", "", str(raw)).lower())


@dataclass(frozen=True, slots=True)
class Parsed(Generic[Value]):
    """The outcome of one climb. `value` is None iff the status isn't an answer."""

    status: ParseStatus
    value: Value | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)


LONGEST_JSON = 50_000
Reader = Callable[[str, Finish], Parsed[Value]]

_REASONING = re.compile(
    r"<(think|thinking|reasoning|scratchpad)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE
)
_REASONING_END = re.compile(r"\A.*</(?:think|thinking|reasoning)>", re.DOTALL | re.IGNORECASE)
_FENCE_LINE = re.compile(r"^[ \t]*```[\w-]*[ \t]*$", re.MULTILINE)
_REFUSAL = re.compile(
    r"\b(?:I(?:'|’)?m sorry,? but I|I (?:can(?:'|’)?t|cannot|am unable to|won(?:'|’)?t) "
    r"(?:help|assist|comply|judge|compare|evaluate|provide|answer|choose|continue)|"
    r"as an AI(?: language model)?,? I (?:can(?:'|’)?t|cannot|do not|don(?:'|’)?t)|"
    r"es tut mir leid|je suis désolée?,|je ne peux pas|lo siento,|no puedo (?:ayudar|evaluar)|"
    r"mi dispiace,|desculpe,|извините|не могу помочь|عذر)|抱歉|对不起|無法|"
    r"无法(?:提供|帮助|比较|评)|"
    r"申し訳|できません",
    re.IGNORECASE,
)


def climb(text: str, contract: Contract[Value], *, finish: Finish = Finish.STOP) -> Parsed[Value]:
    """What `text` says under `contract`, or why nothing could be read from it."""
    if finish is Finish.REFUSED:
        return Parsed(ParseStatus.REFUSED)
    bare = unicodedata.normalize("NFKC", strip_wrapping(text))
    if contract.json_field is not None:
        fields = outermost_json(bare)
        if fields is not None:
            value = contract.validate(fields.get(contract.json_field))
            if value is not None:
                return Parsed(ParseStatus.OK, value, fields)
    rungs = contract.patterns[: contract.safe] if finish is Finish.LENGTH else contract.patterns
    reading = _by_patterns(bare, rungs, contract)
    if reading.value is not None:
        return Parsed(ParseStatus.OK, reading.value)
    if finish is Finish.LENGTH:
        return Parsed(ParseStatus.TRUNCATED)
    if not reading.found and _REFUSAL.search(bare):
        return Parsed(ParseStatus.REFUSED)
    return Parsed(ParseStatus.UNPARSABLE)


@dataclass(frozen=True, slots=True)
class _Reading(Generic[Value]):
    value: Value | None
    found: bool


def _by_patterns(
    text: str, patterns: tuple[re.Pattern[str], ...], contract: Contract[Value]
) -> _Reading[Value]:
    """The value of the first pattern that matches, and whether any did."""
    for rung, pattern in enumerate(patterns):
        spelled = [match.group(1) for match in pattern.finditer(text)]
        if not spelled:
            continue
        values: list[Value | None] = [contract.validate(raw) for raw in spelled]
        if rung == 0 and any(value != values[0] for value in values):
            return _Reading(None, True)
        return _Reading(values[-1], True)
    return _Reading(None, False)


def is_refusal(text: str) -> bool:
    """Whether a text declines to answer, by its usual phrases."""
    return _REFUSAL.search(text) is not None


def plain(contract: Contract[Value]) -> "Reader[Value]":
    """A contract as something that reads a reply."""
    return lambda text, finish: climb(text, contract, finish=finish)


def strip_wrapping(text: str) -> str:
    """`text` without fence lines and reasoning (closed, unclosed, or opened by the template)."""
    text = _REASONING.sub("", text)
    text = _REASONING_END.sub("", text)
    return _FENCE_LINE.sub("", text).strip()


def outermost_json(text: str) -> dict[str, Any] | None:
    """The object from the first brace to the last, read strictly and then tolerantly, else None."""
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start or end - start > LONGEST_JSON:
        return None
    body = text[start : end + 1]
    for candidate in (body, _tolerant(body)):
        try:
            value = json.loads(candidate)
        except (json.JSONDecodeError, RecursionError):
            continue
        if isinstance(value, dict):
            return value
    return None


_SMART = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'"})
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_STRINGS = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'", re.DOTALL)


def _tolerant(body: str) -> str:
    """Smart and single quotes made straight and double, trailing commas dropped."""
    pieces: list[str] = []
    last = 0
    straight = body.translate(_SMART)
    for match in _STRINGS.finditer(straight):
        pieces.append(_TRAILING_COMMA.sub(r"\1", straight[last : match.start()]))
        inner = match.group(0)[1:-1]
        if match.group(0)[0] == "'":
            inner = inner.replace("\\'", "'").replace('"', '\\"')
        pieces.append(f'"{inner}"'.replace("\n", "\\n"))
        last = match.end()
    pieces.append(_TRAILING_COMMA.sub(r"\1", straight[last:]))
    return "".join(pieces)
