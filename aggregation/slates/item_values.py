"""Values of items given as text, "a: 3, b: 2" or a JSON object, for options such as costs."""

import json
from collections.abc import Sequence
from typing import Any

from aggregation.options import OptionError
from annotation.phrases import say


def item_values(text: str, name: str) -> dict[str, str]:
    """Value by item, as texts. Raises OptionError for what is neither pairs nor a JSON object."""
    stripped = text.strip()
    if not stripped:
        return {}
    if stripped.startswith("{"):
        return _from_json(stripped, name)
    values: dict[str, str] = {}
    for part in stripped.replace("\n", ",").split(","):
        if not part.strip():
            continue
        item, colon, value = part.rpartition(":")
        if not colon or not item.strip() or not value.strip():
            raise OptionError(
                say(
                    "Option '%(name)s' needs ITEM: VALUE pairs, not %(strip)s.",
                    name=name,
                    strip=f"{part.strip()!r}",
                )
            )
        _add(values, item.strip(), value.strip(), name)
    return values


def _from_json(text: str, name: str) -> dict[str, str]:
    try:
        found: Any = json.loads(text)
    except json.JSONDecodeError as error:
        raise OptionError(
            say("Option '%(name)s' is no JSON object: %(error)s.", name=name, error=error)
        ) from error
    return {str(item): str(value) for item, value in found.items()}


def _add(values: dict[str, str], item: str, value: str, name: str) -> None:
    if item in values:
        raise OptionError(
            say("Option '%(name)s' names %(item)s twice.", name=name, item=f"{item!r}")
        )
    values[item] = value


def item_numbers(text: str, name: str) -> dict[str, float]:
    """The same for finite numbers that aren't negative."""
    numbers = {}
    for item, value in item_values(text, name).items():
        try:
            numbers[item] = float(value)
        except ValueError as error:
            raise OptionError(
                say(
                    "Option '%(name)s' gives %(item)s no number: %(value)s.",
                    name=name,
                    item=f"{item!r}",
                    value=f"{value!r}",
                )
            ) from error
        if not 0 <= numbers[item] < float("inf"):
            raise OptionError(
                say(
                    "Option '%(name)s' gives %(item)s %(value)s; it must be 0 or more.",
                    name=name,
                    item=f"{item!r}",
                    value=value,
                )
            )
    return numbers


def along(values: dict[str, Any], ids: Sequence[object], default: Any, name: str) -> list[Any]:
    """One value per id. Raises OptionError for a value of an item that doesn't exist."""
    known = {said(item): item for item in ids}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise OptionError(
            say(
                "Option '%(name)s' speaks of %(unknown)s, which is no item here.",
                name=name,
                unknown=f"{unknown[0]!r}",
            )
        )
    return [values.get(said(item), default) for item in ids]


def said(item: object) -> str:
    """An item's id as people write it."""
    return " / ".join(map(str, item)) if isinstance(item, tuple) else str(item)
