"""Options written on the command line as NAME=VALUE."""

import json
from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError


def option(written: str) -> tuple[str, Any]:
    """The name and the value, read as JSON where it is JSON, else as text."""
    name, equals, value = written.partition("=")
    if not equals:
        raise CommandError(f"Write an option as NAME=VALUE, not {written!r}.")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def by_name(options: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Those of the options that were given."""
    return {name: options[name] for name in names if options[name] is not None}
