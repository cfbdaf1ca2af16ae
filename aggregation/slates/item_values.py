"""Values of items given as text, "a: 3, b: 2" or a JSON object, for options such as costs."""

import json
from collections.abc import Sequence
from typing import Any

from aggregation.options import OptionError


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
            raise OptionError(f"Option '{name}' needs ITEM: VALUE pairs, not {part.strip()!r}.")
        _add(values, item.strip(), value.strip(), name)
    return values


def _from_json(text: str, name: str) -> dict[str, str]:
    try:
        found: Any = json.loads(text)
    except json.JSONDecodeError as error:
        raise OptionError(f"Option '{name}' is no JSON object: {error}.") from error
    return {str(item): str(value) for item, value in found.items()}


def _add(values: dict[str, str], item: str, value: str, name: str) -> None:
    if item in values:
        raise OptionError(f"Option '{name}' names {item!r} twice.")
    values[item] = value


def item_numbers(text: str, name: str) -> dict[str, float]:
    """The same for finite numbers that aren't negative."""
    numbers = {}
    for item, value in item_values(text, name).items():
        try:
            numbers[item] = float(value)
        except ValueError as error:
            raise OptionError(f"Option '{name}' gives {item!r} no number: {value!r}.") from error
        if not 0 <= numbers[item] < float("inf"):
            raise OptionError(f"Option '{name}' gives {item!r} {value}; it must be 0 or more.")
    return numbers


def along(values: dict[str, Any], ids: Sequence[object], default: Any, name: str) -> list[Any]:
    """One value per id. Raises OptionError for a value of an item that doesn't exist."""
    known = {said(item): item for item in ids}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise OptionError(f"Option '{name}' speaks of {unknown[0]!r}, which is no item here.")
    return [values.get(said(item), default) for item in ids]


def said(item: object) -> str:
    """An item's id as people write it."""
    return " / ".join(map(str, item)) if isinstance(item, tuple) else str(item)
