"""Reading request bodies: JSON that the database can hold, or a refusal with the reason."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import IO, Any, NoReturn

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from annotation.api.problems import Problem

DEEPEST = 50


class StrictJSONParser(BaseParser):
    """JSON in UTF-8, without what PostgreSQL can't store or a reader could mistake.

    Refuses NaN and infinities, NUL characters, lone surrogates, a name given twice in one object,
    and nesting deeper than `DEEPEST`.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(most + 1)
        if len(body) > most:
            raise Problem(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"The body is larger than {most // 1024**2} MiB, so nothing was done.",
            )
        try:
            text = body.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ParseError("The body isn't text in UTF-8.") from error
        return read(text)


def read(text: str) -> Any:
    """The value of a JSON text, under the rules above. Raises ParseError."""
    try:
        value = json.loads(
            text, parse_constant=_refuse_constant, object_pairs_hook=_object_without_repeats
        )
    except RecursionError as error:
        raise ParseError(f"The body is nested deeper than {DEEPEST} levels.") from error
    except ValueError as error:
        raise ParseError(f"The body isn't valid JSON: {_short(error)}.") from error
    _check(value, 0)
    return value


def _short(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    return "a number is too long"


def _refuse_constant(name: str) -> NoReturn:
    raise ParseError(f"{name} isn't a JSON number.")


def _object_without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ParseError("An object in the body names the same field twice.")
    return found


def _check(value: Any, depth: int) -> None:
    if depth > DEEPEST:
        raise ParseError(f"The body is nested deeper than {DEEPEST} levels.")
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, dict):
        for name, part in value.items():
            _check_text(name)
            _check(part, depth + 1)
    elif isinstance(value, list):
        for part in value:
            _check(part, depth + 1)


def _check_text(text: str) -> None:
    if "\0" in text:
        raise ParseError("The body contains a NUL character (\\u0000), which can't be stored.")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ParseError("The body contains half a surrogate pair, not a character.") from error
