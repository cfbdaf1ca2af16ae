"""Markdown, mathematics and code → safe HTML. Done once, when a text arrives, and stored.

Responses come from models and strangers, so the text is hostile until proven otherwise: raw HTML
is shown as text, links are http(s) or mail only, images become links, LaTeX becomes MathML or
stays source, invisible and direction-changing characters are made visible, and an allow-list (nh3)
has the last word. Work is bounded by size: a text too long or too dense for Markdown is shown as
it is, and says so. No function here raises for any `str`.
"""

import html
import json
from collections.abc import Iterable, Mapping
from typing import Any

from annotation.rendering.cleaning import CLEANER
from annotation.rendering.hidden import show_hidden
from annotation.rendering.markdown import MARKDOWN, MARKDOWN_WITH_MANY_ADDRESSES
from annotation.rendering.mathematics import FORMULA_LIMIT, render_latex

__all__ = [
    "FORMULA_LIMIT",
    "RENDERER_VERSION",
    "render_latex",
    "render_markdown",
    "render_messages",
    "show_hidden",
]

RENDERER_VERSION = 2

MARKDOWN_LIMIT = 50_000  # characters; the worst known input of this size takes about a second
HTML_LIMIT = 600_000  # characters; a small source can be blown up by tables
PLAIN_LIMIT = 500_000  # characters shown of a text that is too long for Markdown
LINK_LIMIT = 300  # bare addresses of one text that are still made into links


def render_markdown(text: str) -> str:
    """Safe HTML of a Markdown text, or its plain form with a note where Markdown costs too much.

    CommonMark with tables, strike-through, bare links, coloured code, and mathematics between
    `$…$`, `$$…$$`, `\\(…\\)` or `\\[…\\]`.
    """
    text = show_hidden(text)
    if len(text) > MARKDOWN_LIMIT:
        return _plain(text, f"longer than {MARKDOWN_LIMIT:,} characters")
    many_addresses = text.lower().count("http") + text.count("mailto:") > LINK_LIMIT
    try:
        rendered = (MARKDOWN_WITH_MANY_ADDRESSES if many_addresses else MARKDOWN).render(text, {})
    except RecursionError:
        return _plain(text, "nested too deeply")
    if len(rendered) > HTML_LIMIT:
        return _plain(text, "it would fill a page too large to read")
    return CLEANER.clean(rendered)


def render_messages(messages: Iterable[Mapping[str, Any]]) -> str:
    """Safe HTML of a conversation; a single message from the user stands without its role."""
    told = [(str(message.get("role", "")), _content(message)) for message in messages]
    if [role for role, _ in told] == ["user"]:
        return render_markdown(told[0][1])
    return "\n".join(
        f'<div class="message"><p class="message-role">{_role(role)}</p>'
        f'<div class="message-body">{render_markdown(text)}</div></div>'
        for role, text in told
    )


def _content(message: Mapping[str, Any]) -> str:
    content = message.get("content", "")
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    return f"```json\n{json.dumps(content, ensure_ascii=False, indent=1, default=str)}\n```"


def _role(role: str) -> str:
    return html.escape(show_hidden(role[:60]).strip().capitalize() or "Unnamed role")


def _plain(text: str, why: str) -> str:
    shown = text[:PLAIN_LIMIT]
    note = f"Shown as plain text: {why}."
    if len(shown) < len(text):
        note += f" Only the first {len(shown):,} of {len(text):,} characters are shown."
    return (
        f'<p class="render-note">{note}</p>'
        f'<pre class="plain-text" dir="auto" tabindex="0">{html.escape(shown)}</pre>'
    )
