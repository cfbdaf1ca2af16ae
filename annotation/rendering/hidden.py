"""Characters that deceive the eye, made visible."""

import re
import unicodedata

MOST_MARKS = 20  # on one letter; no script needs more than a handful, and browsers take minutes

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
_TAGS = re.compile(
    "\U0001f3f4[\U000e0030-\U000e007a]{3,6}\U000e007f"  # a region's flag, the one honest use
    "|[\U000e0000-\U000e007f]+"
)
# Between letters of the Latin alphabet, where no script and no emoji needs them.
_ZERO_WIDTH = re.compile(
    "(?<=[!-~\u00c0-\u024f])[\u200b-\u200d\u2060-\u2064\ufeff]+(?=[!-~\u00c0-\u024f])"
)
_MARK = "".join(
    re.escape(chr(point))
    for point in range(0x300, 0x10000)
    if unicodedata.category(chr(point)) in ("Mn", "Me")
)
_MARKS = re.compile(f"([{_MARK}]{{{MOST_MARKS}}})([{_MARK}]+)")


def show_hidden(text: str) -> str:
    """The text with characters that deceive the eye replaced by visible signs.

    Control characters become their Unicode pictures (NUL is ␀), lone surrogates �, marks that
    change the direction of writing ⟦U+202E⟧, as are zero-width characters inside a Latin word, and
    letters hidden in Unicode tags ⟦hidden: …⟧. Of a heap of marks on one letter the first stay.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _SURROGATE.sub("\ufffd", text)
    text = _CONTROL.sub(lambda m: "\u2421" if m[0] == "\x7f" else chr(0x2400 + ord(m[0])), text)
    text = _DIRECTION.sub(lambda m: f"⟦U+{ord(m[0]):04X}⟧", text)
    text = _ZERO_WIDTH.sub(lambda m: "".join(f"⟦U+{ord(c):04X}⟧" for c in m[0]), text)
    text = _MARKS.sub(lambda m: f"{m[1]}⟦{len(m[2]):,} more marks⟧", text)
    return _TAGS.sub(_untagged, text)


def _untagged(match: re.Match[str]) -> str:
    if match[0][0] < "\U000e0000":
        return match[0]
    letters = "".join(chr(ord(tag) - 0xE0000) for tag in match[0])
    return f"⟦hidden: {''.join(c if c.isprintable() else '·' for c in letters)}⟧"
