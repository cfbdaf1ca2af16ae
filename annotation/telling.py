"""What pure parts said, told in the reader's language: recognised by the shape of its message."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from django.utils.formats import get_format
from django.utils.functional import lazy
from django.utils.translation import get_language, gettext, pgettext, trans_real

from annotation.phrases import AND, capital

CONTEXT = "said"
MARK = f"{CONTEXT}\x04"  # how a compiled catalogue writes a context before its message

_VALUE = re.compile(r"%\((\w+)\)s")
_NUMBER = re.compile(r"(?<![\w.])\d{1,3}(?:,\d{3})*(?:\.\d+)?(?![\w.]*\d)")
_NUMBERS = re.compile(r"[\s\d.,;:%±+−–\-\[\]()/×…]*\d[\s\d.,;:%±+−–\-\[\]()/×…]*")
_ENDS = re.compile(r"(?<=[.:;!?”)]) (?=[“(A-Z0-9])")
_CLAUSES = re.compile(r"; (?![^“”]*”)")
_LAST = re.compile(rf"(.*){AND}((?:“[^“”]*”|(?!{AND}).)*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Shape:
    """A message with values, and what it starts and ends with before any of them."""

    message: str
    pattern: re.Pattern[str]
    start: str
    end: str

    @classmethod
    def of(cls, message: str) -> Self:
        pattern, texts, last, seen = "", [], 0, set[str]()
        for value in _VALUE.finditer(message):
            text = message[last : value.start()].replace("%%", "%")
            texts.append(text)
            name = value[1]
            pattern += re.escape(text) + (
                f"(?P={name})" if name in seen else f"(?P<{name}>{_kind(name)})"
            )
            seen.add(name)
            last = value.end()
        texts.append(message[last:].replace("%%", "%"))
        pattern += re.escape(texts[-1])
        return cls(message, re.compile(pattern, re.DOTALL), texts[0], texts[-1])

    @property
    def literal(self) -> int:
        return len(_VALUE.sub("", self.message))


def told(said: object) -> str:
    """`said` in the language of the page; as it stands where no message has its shape."""
    language, text = get_language() or "en", str(said)
    if language.startswith("en") or not text:
        return text
    found = _told(language, text)
    return gettext(text) if found == text else found


told_lazy = lazy(told, str)


@lru_cache(maxsize=4096)
def _told(language: str, said: str) -> str:
    return _whole(language, said) or _figures(said)


def _whole(language: str, said: str) -> str:
    """Told as one message, or as several in a row; "" where it is none."""
    known = _known(said)
    if known:
        return known
    found = _in_a_row(language, _ENDS.split(said))
    return " ".join(found) if found else ""


def _in_a_row(language: str, parts: list[str]) -> list[str]:
    """Sentences told, with as few of them to a message as can be; empty where some say nothing."""
    for size in range(1, len(parts) + 1):
        first = _message(language, " ".join(parts[:size]))
        if not first:
            continue
        rest = _in_a_row(language, parts[size:]) if size < len(parts) else []
        if rest or size == len(parts):
            return [first, *rest]
    return []


def _message(language: str, said: str) -> str:
    """Told as one message, or "". A clause may stand with a capital and a stop, or in brackets."""
    known = _known(said)
    if known:
        return known
    clause = said[:1].lower() + said[1:].removesuffix(".")
    known = _known(clause) if clause != said else ""
    if known:
        return capital(known) + "." * said.endswith(".")
    if said.startswith("(") and said.endswith(")"):
        return f"({_told(language, said[1:-1])})"
    return _shaped(language, said)


def _known(said: str) -> str:
    """What the catalogue has for just this text, or ""."""
    marked = said.replace("%", "%%")
    found = pgettext(CONTEXT, marked)
    return "" if found == marked else found.replace("%%", "%")


def _shaped(language: str, said: str) -> str:
    """Told clause by clause, or by the first message that has this shape; or ""."""
    clauses = _CLAUSES.split(said)
    found = [_whole(language, clause) for clause in clauses] if len(clauses) > 1 else [""]
    if all(found):
        return "; ".join(found)
    for shape in _shapes(language):
        if said.startswith(shape.start) and said.endswith(shape.end):
            match = shape.pattern.fullmatch(said)
            if match:
                return _filled(language, shape.message, match.groupdict())
    return ""


def _filled(language: str, message: str, values: dict[str, str]) -> str:
    translated = pgettext(CONTEXT, message)
    given = {name: _value(language, message, name, value) for name, value in values.items()}
    return translated % given


def _value(language: str, message: str, name: str, value: str) -> str:
    if f"“%({name})s”" in message:
        return value
    return _list(language, value) if name.endswith("_list") else _told(language, value)


def _list(language: str, value: str) -> str:
    match = _LAST.fullmatch(value)
    if not match:
        return _one_by_one(language, value)
    last = _whole(language, match[2]) or match[2]
    return f"{_one_by_one(language, match[1])} {pgettext(CONTEXT, AND.strip())} {last}"


def _one_by_one(language: str, value: str) -> str:
    return ", ".join(_whole(language, each) or each for each in value.split(", "))


def _figures(value: str) -> str:
    """A text of numbers alone, written as the language writes them; any other as it is."""
    if not _NUMBERS.fullmatch(value):
        return value
    return _NUMBER.sub(lambda match: _figure(match[0]), value)


def _figure(number: str) -> str:
    whole, _, rest = number.partition(".")
    whole = whole.replace(",", str(get_format("THOUSAND_SEPARATOR")))
    return whole + (f"{get_format('DECIMAL_SEPARATOR')}{rest}" if rest else "")


@lru_cache(maxsize=8)
def _shapes(language: str) -> tuple[Shape, ...]:
    """The messages with values of a language's catalogue, those that say most first."""
    found = [
        Shape.of(message) for message, _told in what_is_said(language) if _VALUE.search(message)
    ]
    return tuple(sorted(found, key=lambda shape: -shape.literal))


def what_is_said(language: str) -> Iterator[tuple[str, str]]:
    """Every message of pure parts with its translation."""
    catalogue = trans_real.translation(language)._catalog  # type: ignore[attr-defined]
    for key in catalogue.keys():  # noqa: SIM118 - Django's catalogue isn't a mapping
        if isinstance(key, str) and key.startswith(MARK):
            yield key.removeprefix(MARK), catalogue[key]


def _kind(name: str) -> str:
    """What a value may be: `n` and `n_…` are numbers, anything else any text."""
    return r"[+−\-\d.,e]+" if name == "n" or name.startswith("n_") else ".*?"
