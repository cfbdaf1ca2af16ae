"""What a rendering process runs. Pure: such a process knows neither Django nor the database."""

import json
from collections.abc import Callable

from annotation.rendering import render_markdown, render_messages


def render_stored_messages(messages: str) -> str:
    """The HTML of a prompt's messages, given as JSON text."""
    return render_messages(json.loads(messages))


RENDERERS: dict[str, Callable[[str], str]] = {
    "prompt": render_stored_messages,
    "candidate": render_markdown,
}
