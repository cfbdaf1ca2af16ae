"""Markdown to HTML that is still to be cleaned: links, images, code, direction, headings."""

import html
import re
from collections.abc import MutableMapping, Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from mdit_py_plugins.dollarmath import dollarmath_plugin
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from annotation.rendering.mathematics import bracket_math, bracket_math_block, math_rule

CODE_LIMIT = 20_000  # characters of one code block that are still coloured
NESTING_LIMIT = 30  # levels of quotes and lists
HEADING_SHIFT = 2  # a page has its own first and second level


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Lexers are regular expressions of mixed quality; only these well-worn ones meet foreign text.
LANGUAGES = _words(
    """bash c clojure cmake console cpp csharp css csv diff docker elixir erlang fortran go
    graphql groovy haskell html http ini java javascript js json jsx julia kotlin latex lisp
    lua makefile markdown matlab nginx objective-c ocaml octave pascal perl php powershell
    prolog protobuf py python python3 r rb rs ruby rust scala scheme sh shell sql svg swift
    tex toml ts tsx typescript vim xml yaml yml zig zsh"""
)


_WEB = re.compile(r"https?://", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)


def _is_address(url: str) -> bool:
    """Only absolute web and mail addresses: a relative one would point into this site."""
    return bool(_ADDRESS.match(url))


def _image_rule(
    self: RendererHTML,
    tokens: Sequence[Token],
    idx: int,
    options: OptionsDict,
    env: MutableMapping[str, Any],
) -> str:
    """A labelled link in the image's place, or a note if it has no web address.

    Loading it from here would tell its server who is judging, and when. `annotation.images` shows
    it through this site where a project's owner allows that.
    """
    described = html.escape(self.renderInlineAsText(tokens[idx].children or [], options, env))
    source = str(tokens[idx].attrs.get("src", ""))
    if _WEB.match(source):
        label = f"Image: {described or 'without a description'}"
        return f'<a class="image-link" href="{html.escape(source)}">{label}</a>'
    return (
        '<span class="image-note"><span class="image-note-label">Image, not loaded</span> '
        f"{described or 'without a description'}</span>"
    )


def _code_rule(
    self: RendererHTML,
    tokens: Sequence[Token],
    idx: int,
    options: OptionsDict,
    env: MutableMapping[str, Any],
) -> str:
    token = tokens[idx]
    language = token.info.strip().partition(" ")[0].lower()
    return (
        f'<pre class="code" dir="ltr" tabindex="0"><code>{_coloured(token.content, language)}'
        "</code></pre>\n"
    )


def _coloured(code: str, language: str) -> str:
    if language in LANGUAGES and len(code) <= CODE_LIMIT:
        try:
            return str(highlight(code, get_lexer_by_name(language), HtmlFormatter(nowrap=True)))
        except ClassNotFound:
            pass
    return html.escape(code)


def _settle_blocks(state: StateCore) -> None:
    """Direction by each block's own text, headings below the page's own, alignment by class."""
    for token in state.tokens:
        if token.level == 0 and token.nesting == 1:
            token.attrSet("dir", "auto")
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + HEADING_SHIFT)}"
        if token.type in ("td_open", "th_open") and "style" in token.attrs:
            aligned = str(token.attrs.pop("style")).removeprefix("text-align:")
            token.attrSet("class", f"align-{aligned}")


def _table_rule(
    self: RendererHTML,
    tokens: Sequence[Token],
    idx: int,
    options: OptionsDict,
    env: MutableMapping[str, Any],
) -> str:
    opening = tokens[idx].nesting == 1
    tag = self.renderToken(tokens, idx, options, env)
    return f'<div class="table-scroll" tabindex="0">{tag}' if opening else f"{tag}</div>\n"


def _parser(*, linkify: bool) -> MarkdownIt:
    md = MarkdownIt(
        "commonmark", {"html": False, "linkify": linkify, "maxNesting": NESTING_LIMIT}
    ).enable(["table", "strikethrough", "linkify"])
    md.disable("html_block").disable("html_inline")
    md.use(dollarmath_plugin, allow_labels=False, allow_space=False, allow_digits=False)
    md.inline.ruler.before("escape", "bracket_math", bracket_math)
    md.block.ruler.before("fence", "bracket_math_block", bracket_math_block, {"alt": ["paragraph"]})
    md.core.ruler.push("settle_blocks", _settle_blocks)
    if md.linkify is not None:
        md.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
    md.validateLink = _is_address  # type: ignore[method-assign]
    md.add_render_rule("image", _image_rule)
    md.add_render_rule("fence", _code_rule)
    md.add_render_rule("code_block", _code_rule)
    md.add_render_rule("table_open", _table_rule)
    md.add_render_rule("table_close", _table_rule)
    md.add_render_rule("math_inline", math_rule(display=False))
    md.add_render_rule("math_inline_double", math_rule(display=True))
    md.add_render_rule("math_block", math_rule(display=True, block=True))
    return md


MARKDOWN = _parser(linkify=True)
MARKDOWN_WITH_MANY_ADDRESSES = _parser(linkify=False)  # finding them costs their number squared
