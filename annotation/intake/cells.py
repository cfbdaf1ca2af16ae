"""Values out of cells: text, ids, numbers, times, winners, answers. Pure.

Each function takes a row's values by field and the field's name, and raises `BadCell` with a reason
a person can act on. A value that is absent or blank is None; only a text may be an empty string.
"""

import math
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson

from annotation.intake.limits import Limits
from annotation.intake.refusals import BadCell
from annotation.phrases import say

Values = Mapping[str, Any]

CELL = Limits().cell
LONGEST_ID = 200
SHOWN = 40
NUL = say("holds a NUL character (U+0000); remove it")

TRUE = {"1", "yes", "y", "true", "t", "present"}
FALSE = {"0", "no", "n", "false", "f", "absent"}
NOT_APPLICABLE = {"na", "n/a", "not_applicable", "not applicable", "none applicable", "-"}

KINDS_OF_ANNOTATOR = {
    **dict.fromkeys(("person", "human", "crowd", "worker", "expert", "people"), "person"),
    **dict.fromkeys(("model", "llm", "ai", "machine", "judge"), "model"),
    **dict.fromkeys(("simulated", "simulation", "synthetic"), "simulated"),
}

_BARE_WINNERS = {
    "a": ("a", "x", "1", "left", "first"),
    "b": ("b", "y", "2", "right", "second"),
}
_PREFIXES = ("", "model_", "response_", "output_", "answer_", "system_", "assistant_", "option_")
WINNERS = {
    prefix + name: side
    for side, names in _BARE_WINNERS.items()
    for name in names
    for prefix in _PREFIXES
} | {
    **dict.fromkeys(("tie", "same", "equal", "draw", "about_the_same", "tied"), "tie"),
    **dict.fromkeys(("both_bad", "bothbad", "tie_(bothbad)", "both_are_bad"), "both_bad"),
}
WINNER_HELP = "a or b (also x/y, left/right, 1/2, model_a/model_b), tie, or both_bad"


def shown(value: Any) -> str:
    """A value as a message may quote it: short, on one line, without invisible characters."""
    start = " ".join(str(value)[: SHOWN * 2].split())
    start = "".join(c if c.isprintable() else "�" for c in start)
    return f"“{start[:SHOWN]}…”" if len(start) > SHOWN else f"“{start}”"


def text(values: Values, field: str) -> str | None:
    """A text exactly as it stands, which may be empty; a number becomes its digits."""
    value = values.get(field)
    if isinstance(value, str):
        return _storable(value, field)
    if value is None or _is_missing(value):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _plain_number(value)
    raise BadCell(field, say("must be text, not %(kind_of)s", kind_of=_kind_of(value)))


def filled_text(values: Values, field: str) -> str | None:
    """A text with something in it, or None."""
    value = text(values, field)
    return value if value is not None and value.strip() else None


def needed(values: Values, field: str) -> str:
    """The id or short text of a field that must not be blank."""
    value = identifier(values, field)
    if value is None:
        raise BadCell(field, say("is empty; every row needs it"))
    return value


def identifier(values: Values, field: str) -> str | None:
    """An id or name: one visible line of at most 200 characters, blanks around it dropped."""
    value = text(values, field)
    return None if value is None else _identifier(value, field)


@lru_cache(maxsize=20_000)
def _identifier(value: str, field: str) -> str | None:
    value = value.strip()
    if not value:
        return None
    if len(value) > LONGEST_ID:
        raise BadCell(
            field,
            say(
                "has %(value)s characters; an id has at most %(longest_id)s",
                value=f"{len(value):,}",
                longest_id=LONGEST_ID,
            ),
        )
    for character in value:
        if not character.isprintable():
            name = unicodedata.name(character, "a control character")
            raise BadCell(
                field,
                say(
                    "%(shown)s holds the invisible character U+%(ord)s (%(name)s); remove it",
                    shown=shown(value),
                    ord=f"{ord(character):04X}",
                    name=name,
                ),
            )
    return value


def messages(values: Values, field: str) -> list[dict[str, str]] | None:
    """A conversation: a list of {"role": …, "content": …}, as JSON or as JSON text."""
    value = values.get(field)
    if isinstance(value, str):
        if not value.strip():
            return None
        try:
            value = orjson.loads(_storable(value, field))
        except orjson.JSONDecodeError as error:
            raise BadCell(
                field,
                say("must be a JSON list of messages, but is not JSON: %(error)s", error=error),
            ) from error
    return None if value is None else _conversation(value, field)


def prompt_text(values: Values, field: str) -> list[dict[str, str]] | None:
    """A prompt given as plain text, or as a list of messages where the format has lists."""
    value = values.get(field)
    if isinstance(value, list):
        return _conversation(value, field)
    plain = filled_text(values, field)
    return None if plain is None else [{"role": "user", "content": plain}]


def response(values: Values, field: str, prompt: list[dict[str, str]] | None) -> str | None:
    """A response given as text, or as messages that end with the assistant's.

    Messages before the last must repeat the prompt; otherwise part of a conversation would be lost.
    """
    value = values.get(field)
    if not isinstance(value, list):
        return text(values, field)
    told = _conversation(value, field)
    before, last = told[:-1], told[-1]
    if last["role"] not in ("assistant", "model", "gpt"):
        raise BadCell(
            field,
            say("ends with a message of “%(role)s”; it must be the assistant's", role=last["role"]),
        )
    if before and before != prompt:
        raise BadCell(field, say("begins with other messages than the prompt"))
    return last["content"]


def _conversation(value: Any, field: str) -> list[dict[str, str]]:
    if not isinstance(value, list) or not value:
        raise BadCell(field, say("must be a list of messages with at least one message"))
    return [_message(item, field) for item in value]


def _message(item: Any, field: str) -> dict[str, str]:
    if not isinstance(item, Mapping):
        raise BadCell(field, say('each message must be {"role": …, "content": …}'))
    role = item.get("role", item.get("from"))
    content = item.get("content", item.get("value"))
    if not isinstance(role, str) or not isinstance(content, str) or not role.strip():
        raise BadCell(field, say('each message needs "role" and "content", both text'))
    return {"role": _storable(role.strip(), field), "content": _storable(content, field)}


def number(values: Values, field: str, *, low: float, high: float = math.inf) -> float | None:
    """A finite number within bounds."""
    value = values.get(field)
    if value is None or _is_missing(value) or (isinstance(value, str) and not value.strip()):
        return None
    try:
        result = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError):
        result = math.nan
    if not math.isfinite(result):
        raise BadCell(field, say("must be a number, not %(shown)s", shown=shown(value)))
    if not low <= result <= high:
        span = (
            say("from %(low)s to %(high)s", low=f"{low:g}", high=f"{high:g}")
            if math.isfinite(high)
            else say("of at least %(low)s", low=f"{low:g}")
        )
        raise BadCell(
            field, say("must be a number %(span)s, not %(shown)s", span=span, shown=shown(value))
        )
    return result


def whole(values: Values, field: str, *, low: int, high: int) -> int | None:
    """A whole number within bounds."""
    result = number(values, field, low=low, high=high)
    if result is None:
        return None
    if result != int(result):
        raise BadCell(
            field, say("must be a whole number, not %(shown)s", shown=shown(values[field]))
        )
    return int(result)


def moment(values: Values, field: str) -> datetime | None:
    """A time: ISO 8601, or seconds or milliseconds since 1970. Without a zone it is UTC."""
    value = values.get(field)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    result = value if isinstance(value, datetime) else _read_moment(value, field)
    if result.tzinfo is None:
        result = result.replace(tzinfo=UTC)
    if result > datetime.now(UTC) + timedelta(days=1):
        raise BadCell(field, say("%(shown)s lies in the future", shown=shown(value)))
    return result


def _read_moment(value: Any, field: str) -> datetime:
    try:
        return datetime.fromisoformat(str(value).strip())
    except ValueError:
        pass
    try:
        seconds = float(value)
        return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise BadCell(
            field,
            say("must be a time like 2026-05-31T14:00:00Z, not %(shown)s", shown=shown(value)),
        ) from error


def attributes(values: Values, field: str) -> str | None:
    """Declared attributes as canonical JSON text: an object of plain values."""
    value = values.get(field)
    if isinstance(value, str):
        if not value.strip():
            return None
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise BadCell(
                field, say("must be a JSON object, but is not JSON: %(error)s", error=error)
            ) from error
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise BadCell(
            field,
            say(
                'must be a JSON object like {"age": "30-39"}, not %(kind_of)s',
                kind_of=_kind_of(value),
            ),
        )
    plain = str | int | float | bool | None
    kept = {str(name): entry for name, entry in value.items() if entry is not None}
    for name, entry in kept.items():
        is_list = isinstance(entry, list) and all(isinstance(item, plain) for item in entry)
        if not isinstance(entry, plain) and not is_list:
            raise BadCell(
                field, say("%(shown)s must be a plain value or a list of them", shown=shown(name))
            )
    try:
        dumped = orjson.dumps(kept, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError as error:
        raise BadCell(field, say("can't be kept as JSON: %(error)s", error=error)) from error
    if "\\u0000" in dumped:
        raise BadCell(field, NUL)
    return _storable(dumped, field)


def kind_of_annotator(values: Values, field: str) -> str | None:
    value = identifier(values, field)
    if value is None:
        return None
    if value.lower() not in KINDS_OF_ANNOTATOR:
        raise BadCell(
            field, say("must be person, model or simulated, not %(shown)s", shown=shown(value))
        )
    return KINDS_OF_ANNOTATOR[value.lower()]


def flag(values: Values, field: str) -> bool | None:
    """Yes or no, in the usual spellings."""
    value = identifier(values, field)
    if value is None:
        return None
    if value.lower() in TRUE:
        return True
    if value.lower() in FALSE:
        return False
    raise BadCell(field, say("must be yes or no, not %(shown)s", shown=shown(value)))


def answer(values: Values, field: str) -> str:
    """A checklist answer: yes, no or not_applicable."""
    value = needed(values, field).lower()
    if value.endswith(".0"):
        value = value[:-2]
    if value in TRUE:
        return "yes"
    if value in FALSE:
        return "no"
    if value in NOT_APPLICABLE:
        return "not_applicable"
    raise BadCell(
        field,
        say("must be yes, no or n/a (also 1/0, true/false), not %(shown)s", shown=shown(value)),
    )


def winner(values: Values, field: str, first: str | None, second: str | None) -> str | None:
    """Who won: "a", "b", "tie" or "both_bad". The systems' own names are understood too."""
    value = identifier(values, field)
    if value is None:
        return None
    side = WINNERS.get(value.lower().replace(" ", "_").removesuffix(".0"))
    named = {"a": first, "b": second}
    systems = [place for place, name in named.items() if name is not None and name == value]
    if len(systems) == 1 and side not in (None, systems[0]):
        raise BadCell(
            field,
            say(
                "%(shown)s is a system's name here and also means “%(side)s”",
                shown=shown(value),
                side=side,
            ),
        )
    if side is None and len(systems) == 1:
        return systems[0]
    if side is None:
        raise BadCell(
            field,
            say(
                "%(shown)s names no winner. Use %(winner_help)s",
                shown=shown(value),
                winner_help=WINNER_HELP,
            ),
        )
    return side


def _is_missing(value: Any) -> bool:
    """Whether a value is NaN, which data frames write where they have no value."""
    return isinstance(value, float) and math.isnan(value)


def _storable(value: str, field: str) -> str:
    """The text if PostgreSQL can keep it and nobody has to wait for it."""
    if len(value) > CELL:
        raise BadCell(
            field,
            say(
                "has %(value)s characters; at most %(cell)s are taken",
                value=f"{len(value):,}",
                cell=f"{CELL:,}",
            ),
        )
    if "\0" in value:
        raise BadCell(field, NUL)
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise BadCell(
                field,
                say(
                    "holds half of a character (a lone surrogate) at character %(start)s; "
                    "remove it",
                    start=error.start + 1,
                ),
            ) from error
    return value


def _plain_number(value: float) -> str:
    exact = math.isfinite(value) and value == int(value) and abs(value) < 1e15
    return str(int(value)) if exact else str(value)


def _kind_of(value: Any) -> str:
    if isinstance(value, Mapping):
        return "an object"
    return "a list" if isinstance(value, list) else f"a {type(value).__name__}"
