"""From a checkpoint's JSON options to an engine's frozen dataclass, refusing what doesn't fit."""

import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from annotation.phrases import say
from models_runtime.engines import Cause, EngineError

T = TypeVar("T")


def read_options(options_class: type[T], given: Mapping[str, Any]) -> T:
    """`options_class` filled from `given`; raises EngineError(BAD_OPTIONS) that names the field.

    Values must have the declared type (int passes for float, a list for a tuple).
    """
    hints = typing.get_type_hints(options_class)
    unknown = sorted(set(given) - set(hints))
    if unknown:
        raise EngineError(
            Cause.BAD_OPTIONS,
            say(
                "Unknown option %(unknown)s. Known are: %(names)s.",
                unknown=f"{unknown[0]!r}",
                names=", ".join(sorted(hints)),
            ),
        )
    values = {name: _fit(name, value, hints[name]) for name, value in given.items()}
    try:
        return options_class(**values)
    except ValueError as error:
        raise EngineError(
            Cause.BAD_OPTIONS, say("These options don't fit: %(error)s.", error=error)
        ) from error


def _fit(name: str, value: Any, hint: Any) -> Any:
    kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if isinstance(value, int) and not isinstance(value, bool) and int not in kinds:
        value = float(value) if float in kinds else value
    if isinstance(value, list):
        value = tuple(value)
    for kind in kinds:
        if type(value) is (typing.get_origin(kind) or kind):
            return value
    raise EngineError(
        Cause.BAD_OPTIONS,
        say(
            "The option %(name)s must be %(words)s, not %(name_2)s.",
            name=f"{name!r}",
            words=_words(kinds),
            name_2=type(value).__name__,
        ),
    )


def _words(kinds: tuple[Any, ...]) -> str:
    names = {
        int: say("a whole number"),
        float: say("a number"),
        str: say("text"),
        bool: say("true or false"),
    }
    return " or ".join(
        "empty" if kind is type(None) else names.get(kind, "a list") for kind in kinds
    )
