"""The last word: what may be in the HTML at all."""

import re

import nh3
from pygments.token import STANDARD_TYPES


def _words(text: str) -> set[str]:
    return set(text.split())


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
    "a": {"image-link"},
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


CLEANER = nh3.Cleaner(
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
