"""Markdown, mathematics and code → safe HTML. Done once, when a text arrives, and stored.

Responses come from models and strangers, so the text is hostile until proven otherwise: raw HTML
is shown as text, links are http(s) or mail only, images are never loaded, LaTeX becomes MathML or
stays source, invisible and direction-changing characters are made visible, and an allow-list (nh3)
has the last word. Work is bounded by size: a text too long or too dense for Markdown is shown as
it is, and says so. No function here raises for any `str`.
"""

import html
import json
import re
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from typing import Any

import nh3
from latex2mathml.converter import convert as latex_to_mathml
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from mdit_py_plugins.dollarmath import dollarmath_plugin
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES
from pygments.util import ClassNotFound

RENDERER_VERSION = 1

MARKDOWN_LIMIT = 50_000  # characters; the worst known input of this size takes about a second
HTML_LIMIT = 600_000  # characters; a small source can be blown up by tables
PLAIN_LIMIT = 500_000  # characters shown of a text that is too long for Markdown
CODE_LIMIT = 20_000  # characters of one code block that are still coloured
LATEX_LIMIT = 2_000  # characters of one formula
FORMULA_LIMIT = 500  # formulas of one text
LINK_LIMIT = 300  # bare addresses of one text that are still made into links
NESTING_LIMIT = 30  # levels of quotes and lists
HEADING_SHIFT = 2  # a page has its own first and second level


def _words(text: str) -> set[str]:
    return set(text.split())


# Lexers are regular expressions of mixed quality; only these well-worn ones meet foreign text.
LANGUAGES = _words(
    """bash c clojure cmake console cpp csharp css csv diff docker elixir erlang fortran go graphql
    groovy haskell html http ini java javascript js json jsx julia kotlin latex lisp lua makefile
    markdown matlab nginx objective-c ocaml octave pascal perl php powershell prolog protobuf py
    python python3 r rb rs ruby rust scala scheme sh shell sql svg swift tex toml ts tsx typescript
    vim xml yaml yml zig zsh"""
)

# --- Characters that deceive the eye ------------------------------------------------------------

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
_TAGS = re.compile(
    "\U0001f3f4[\U000e0030-\U000e007a]{3,6}\U000e007f"  # a region's flag, the one honest use
    "|[\U000e0000-\U000e007f]+"
)


def show_hidden(text: str) -> str:
    """The text with characters that deceive the eye replaced by visible signs.

    Control characters become their Unicode pictures (NUL is ␀), lone surrogates �, marks that
    change the direction of writing ⟦U+202E⟧, and letters hidden in Unicode tags ⟦hidden: …⟧.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _SURROGATE.sub("\ufffd", text)
    text = _CONTROL.sub(lambda m: "\u2421" if m[0] == "\x7f" else chr(0x2400 + ord(m[0])), text)
    text = _DIRECTION.sub(lambda m: f"⟦U+{ord(m[0]):04X}⟧", text)
    return _TAGS.sub(_untagged, text)


def _untagged(match: re.Match[str]) -> str:
    if match[0][0] < "\U000e0000":
        return match[0]
    letters = "".join(chr(ord(tag) - 0xE0000) for tag in match[0])
    return f"⟦hidden: {''.join(c if c.isprintable() else '·' for c in letters)}⟧"


# --- Mathematics --------------------------------------------------------------------------------

_MACRO = re.compile(r"\\(?:(?:re)?new|provide|[gex]?def|let|futurelet|csname|input|include)")


def render_latex(source: str, *, display: bool) -> str:
    """MathML of a formula, or its source as code if it is too long, defines macros or has a fault.

    Macro definitions are refused because a few of them expand without bound; everything else the
    converter does is linear in the length of the formula.
    """
    if len(source) <= LATEX_LIMIT and not _MACRO.search(source):
        try:
            return str(latex_to_mathml(source, display="block" if display else "inline"))
        except Exception:  # noqa: BLE001, S110 - its parser raises whatever it stumbles over
            pass
    fence = "$$" if display else "$"
    return f'<code class="latex-source">{html.escape(fence + source + fence)}</code>'


def _math_rule(*, display: bool, block: bool = False) -> Any:
    def render(
        self: RendererHTML,
        tokens: Sequence[Token],
        idx: int,
        options: OptionsDict,
        env: MutableMapping[str, Any],
    ) -> str:
        env["formulas"] = env.get("formulas", 0) + 1
        source = tokens[idx].content.strip()
        if env["formulas"] > FORMULA_LIMIT:
            rendered = f'<code class="latex-source">{html.escape(source)}</code>'
        else:
            rendered = render_latex(source, display=display)
        return f'<div class="math-block">{rendered}</div>\n' if block else rendered

    return render


_BRACKETS = {"(": (r"\)", "math_inline"), "[": (r"\]", "math_inline_double")}


def _bracket_math(state: StateInline, silent: bool) -> bool:
    r"""\( … \) and \[ … \], the form in which models mostly write mathematics."""
    opening = state.src[state.pos + 1 : state.pos + 2]
    if state.src[state.pos] != "\\" or opening not in _BRACKETS:
        return False
    closing, kind = _BRACKETS[opening]
    end = state.src.find(closing, state.pos + 2, state.pos + 2 + LATEX_LIMIT)
    if end < 0 or end > state.posMax or not state.src[state.pos + 2 : end].strip():
        return False
    if not silent:
        state.push(kind, "math", 0).content = state.src[state.pos + 2 : end]
    state.pos = end + 2
    return True


def _bracket_math_block(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    r"""A paragraph that begins with \[ and ends with \]; its lines aren't lists or headings."""
    if state.is_code_block(first):
        return False
    begin = state.bMarks[first] + state.tShift[first]
    if not state.src.startswith(r"\[", begin):
        return False
    lines: list[str] = []
    for line in range(first, min(last, first + 100)):
        text = state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].rstrip()
        lines.append(text)
        if not text or (line > first and state.sCount[line] < state.blkIndent):
            return False
        if text.endswith(r"\]"):
            break
    else:
        return False
    content = "\n".join(lines)[2:-2]
    if not content.strip() or r"\]" in content:
        return False
    if silent:
        return True
    state.line = first + len(lines)
    token = state.push("math_block", "math", 0)
    token.content, token.map = content, [first, state.line]
    return True


# --- Links, images, code, direction -------------------------------------------------------------

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
    """A note in the image's place. Loading it would tell its server who is judging, and when."""
    described = html.escape(self.renderInlineAsText(tokens[idx].children or [], options, env))
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
    md.inline.ruler.before("escape", "bracket_math", _bracket_math)
    md.block.ruler.before(
        "fence", "bracket_math_block", _bracket_math_block, {"alt": ["paragraph"]}
    )
    md.core.ruler.push("settle_blocks", _settle_blocks)
    if md.linkify is not None:
        md.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
    md.validateLink = _is_address  # type: ignore[method-assign]
    md.add_render_rule("image", _image_rule)
    md.add_render_rule("fence", _code_rule)
    md.add_render_rule("code_block", _code_rule)
    md.add_render_rule("table_open", _table_rule)
    md.add_render_rule("table_close", _table_rule)
    md.add_render_rule("math_inline", _math_rule(display=False))
    md.add_render_rule("math_inline_double", _math_rule(display=True))
    md.add_render_rule("math_block", _math_rule(display=True, block=True))
    return md


_MARKDOWN = _parser(linkify=True)
_MARKDOWN_WITH_MANY_ADDRESSES = _parser(linkify=False)  # finding them costs their number squared

# --- The last word: what may be in the HTML at all ----------------------------------------------

_TEXT_TAGS = _words(
    "a blockquote br code del div em h3 h4 h5 h6 hr li ol p pre s span strong table tbody td th "
    "thead tr ul"
)
_MATH_TAGS = _words(
    "math menclose mfrac mi mmultiscripts mn mo mover mpadded mprescripts mroot mrow ms mspace "
    "msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover none"
)
_MATH_ATTRIBUTES = _words(
    "accent accentunder columnalign columnlines columnspacing columnspan displaystyle fence form "
    "frame linethickness lspace mathvariant maxsize minsize movablelimits notation rowlines "
    "rowspacing rowspan rspace scriptlevel separator stretchy symmetric width"
)
_ATTRIBUTES: dict[str, set[str]] = {
    "*": set(),
    "a": {"href"},
    "ol": {"start"},
    **{tag: {"tabindex"} for tag in ("pre", "div")},
    **dict.fromkeys(_MATH_TAGS, _MATH_ATTRIBUTES),
    "math": {"display"},
}
_DIRECTED_TAGS = _words("p h3 h4 h5 h6 ul ol blockquote pre table")
_DIRECTIONS = {"dir": {"auto", "ltr"}}
_ALIGNMENTS = {"align-left", "align-right", "align-center"}
_CLASSES = {
    "span": {"image-note", "image-note-label", *filter(None, STANDARD_TYPES.values())},
    "div": {"math-block", "message", "message-body", "table-scroll"},
    "code": {"latex-source"},
    "pre": {"code", "plain-text"},
    "p": {"render-note", "message-role"},
    "td": _ALIGNMENTS,
    "th": _ALIGNMENTS,
}
_LENGTH = re.compile(r"-?\d{0,2}(?:\.\d+)?(?:em|ex|px|pt|mu|cm|mm|in)?")


def _small_lengths_only(tag: str, attribute: str, value: str) -> str | None:
    """No formula pushes itself over the buttons: lengths stay under a hundred units."""
    if tag in _MATH_TAGS and any(c.isdigit() for c in value):
        return value if _LENGTH.fullmatch(value) else None
    return value


_CLEANER = nh3.Cleaner(
    tags=_TEXT_TAGS | _MATH_TAGS,
    clean_content_tags={"script", "style"},
    attributes=_ATTRIBUTES,
    attribute_filter=_small_lengths_only,
    allowed_classes=_CLASSES,
    tag_attribute_values=dict.fromkeys(_DIRECTED_TAGS, _DIRECTIONS),
    set_tag_attribute_values={"a": {"target": "_blank"}},
    url_schemes={"http", "https", "mailto"},
    url_relative="deny",
    link_rel="nofollow noopener noreferrer",
)

# --- Doors --------------------------------------------------------------------------------------


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
        rendered = (_MARKDOWN_WITH_MANY_ADDRESSES if many_addresses else _MARKDOWN).render(text, {})
    except RecursionError:
        return _plain(text, "nested too deeply")
    if len(rendered) > HTML_LIMIT:
        return _plain(text, "it would fill a page too large to read")
    return _CLEANER.clean(rendered)


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
