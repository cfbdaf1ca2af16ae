"""Replies that aren't a comparison: numbers, answers to a list, lists, plain text. Pure.

Each function gives something that climbs the parse ladder: reasoning and code fences off, JSON
first, then patterns from strict to loose, the last match counting, and what is out of range, or
said in two different ways, left unread.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from models_runtime.engines import Finish
from models_runtime.prompting.parsing import (
    Contract,
    Parsed,
    ParseStatus,
    Reader,
    climb,
    is_refusal,
    outermost_json,
    strip_wrapping,
)

V = TypeVar("V")

_NUMBER = r"-?\d{1,4}(?:[.,]\d{1,3})?"
_SCORE_WORD = (
    r"(?:\[RESULT\]|result|rating|score|grade|final score|note|bewertung|punktzahl|puntuación|"
    r"calificación|punteggio|оценка|评分|分数|得分|評価|点数|التقييم|الدرجة)"
)
_STRICT = re.compile(rf"^[ \t>*_#-]*rating[ \t*_]*:?[ \t*_]*\[\[\s*({_NUMBER})\s*\]\]", re.M | re.I)
_BRACKETS = re.compile(rf"\[\[\s*({_NUMBER})\s*(?:/\s*\d+)?\s*\]\]")
_AT_END = re.compile(
    rf"{_SCORE_WORD}[^\w\n-]{{0,12}}(?:is|of|ist|est|es|是|为)?[^\w\n-]{{0,6}}({_NUMBER})"
    r"(?:\s*(?:/|out of|von|sur|de|из|分)\s*\d{0,4})?[^\w]*(?:points?)?[^\w]*\Z",
    re.I,
)
_ALONE = re.compile(rf"\A\W*?({_NUMBER})(?:[\s*_]*(?:/|out of)\s*\d{{1,4}})?\W*\Z")


def number(low: float, high: float, step: float = 0.0) -> Reader[float]:
    """A number from `low` to `high`, on a level of the scale where `step` is given.

    The marker must stand at the end of the text unless it is in double brackets.
    """

    def read(text: str, finish: Finish) -> Parsed[float]:
        if finish is Finish.REFUSED:
            return Parsed(ParseStatus.REFUSED)
        bare = western(strip_wrapping(text))
        value = _in_json(bare, low, high, step)
        found = value is not None
        rungs = (_STRICT, _BRACKETS, _AT_END, _ALONE)
        for rung, pattern in enumerate(rungs[:2] if finish is Finish.LENGTH else rungs):
            spelled = [] if found else [match.group(1) for match in pattern.finditer(bare)]
            if spelled:
                found = True
                if rung != 0 or len({_as_number(each) for each in spelled}) == 1:
                    value = _on_scale(_as_number(spelled[-1]), low, high, step)
        return _parsed(value, bare, finish, found)

    return read


def _in_json(bare: str, low: float, high: float, step: float) -> float | None:
    fields = outermost_json(bare)
    for name in ("rating", "score", "result"):
        value = None if fields is None else fields.get(name)
        if isinstance(value, str) and re.fullmatch(_NUMBER, value.strip()):
            value = _as_number(value.strip())
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _on_scale(float(value), low, high, step)
    return None


def _as_number(text: str) -> float:
    return float(text.replace(",", "."))


def _on_scale(value: float, low: float, high: float, step: float) -> float | None:
    if not low <= value <= high:
        return None
    steps = (value - low) / step if step else 0.0
    return value if abs(steps - round(steps)) < 1e-9 else None


def _parsed(value: V | None, bare: str, finish: Finish, found: bool) -> Parsed[V]:
    """What was read, or why nothing was."""
    if value is not None:
        return Parsed(ParseStatus.OK, value)
    if finish is Finish.LENGTH:
        return Parsed(ParseStatus.TRUNCATED)
    if not found and is_refusal(bare):
        return Parsed(ParseStatus.REFUSED)
    return Parsed(ParseStatus.UNPARSABLE)


def western(text: str) -> str:
    """`text` in NFKC with digits of any script as 0-9."""
    folded = unicodedata.normalize("NFKC", text)
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in folded)


# --- One of a few words -------------------------------------------------------------------------

YES, NO, NOT_APPLICABLE = "yes", "no", "not_applicable"
_YES_NO = {
    YES: ("yes", "y", "true", "ja", "oui", "sí", "si", "sì", "sim", "да", "是", "はい", "نعم", "✓"),
    NO: ("no", "n", "false", "nein", "non", "não", "нет", "否", "不是", "いいえ", "لا", "✗"),
    NOT_APPLICABLE: ("notapplicable", "not_applicable", "n/a", "na", "nichtanwendbar"),
}
SPELLINGS = {spelling: value for value, all_ in _YES_NO.items() for spelling in all_}
_WORD = r"[^\]\n]{1,20}"


def word(values: Mapping[str, V], marker: str, json_field: str) -> Reader[V]:
    """One of `values` after `marker` in double brackets; the last line alone may say it barely."""
    spelled = "|".join(re.escape(each) for each in sorted(values, key=len, reverse=True))
    contract: Contract[V] = Contract(
        values,
        (
            re.compile(rf"^[ \t>*_#-]*{marker}[ \t*_]*:?[ \t*_]*\[\[({_WORD})\]\]", re.M | re.I),
            re.compile(rf"\[\[({_WORD})\]\]"),
            re.compile(rf"\b{marker}\b[ \t*_]*[:=][ \t*_]*\"?({spelled})\"?[.*_\s]*\Z", re.I),
            re.compile(rf"(?:\A|\n)[\s*_`\"'(\[]*({spelled})[\s*_`\"').\]!]*\Z", re.I),
        ),
        json_field,
    )
    return lambda text, finish: climb(text, contract, finish=finish)


def yes_or_no() -> Reader[str]:
    """`Answer: [[yes]]`, no, or not applicable, in several languages."""
    return word(SPELLINGS, "answer", "answer")


# --- Lists --------------------------------------------------------------------------------------

_NUMBERED = re.compile(r"^[ \t>*_#(-]*(\d{1,3})[\]).:][ \t*_]*(.*)$", re.M)
_VERDICT_WORD = re.compile(r"\[\[([^\]\n]{1,20})\]\]")
_BULLET = re.compile(r"^[ \t]*(?:[-*•]|\d{1,2}[.)])[ \t]+(.+?)[ \t]*$", re.M)


def numbered_answers(count: int) -> Reader[dict[int, str]]:
    """A line per item, `3. [[yes]]`, from 1 to `count`. Read if any item is; those that aren't, or
    are answered in two ways, are left out."""

    def read(text: str, finish: Finish) -> Parsed[dict[int, str]]:
        if finish is Finish.REFUSED:
            return Parsed(ParseStatus.REFUSED)
        bare = western(strip_wrapping(text))
        said: dict[int, set[str | None]] = {}
        for item, rest in _NUMBERED.findall(bare):
            spelled = _VERDICT_WORD.findall(rest) or [
                rest.split()[0].strip(".,;:*") if rest else ""
            ]
            value = SPELLINGS.get(re.sub(r"\s+", "", spelled[-1]).lower())
            if 1 <= int(item) <= count and value is not None:
                said.setdefault(int(item), set()).add(value)
        answers = {item: v.pop() for item, v in sorted(said.items()) if len(v) == 1}
        known = {item: value for item, value in answers.items() if value is not None}
        return _parsed(known or None, bare, finish, bool(said))

    return read


def bullets(fewest: int = 1, most: int = 50) -> Reader[tuple[str, ...]]:
    """A list, one entry a line after a dash or a number; also a JSON list of texts."""

    def read(text: str, finish: Finish) -> Parsed[tuple[str, ...]]:
        if finish is Finish.REFUSED:
            return Parsed(ParseStatus.REFUSED)
        bare = strip_wrapping(text)
        entries = _json_list(bare) or tuple(each.strip() for each in _BULLET.findall(bare))
        if finish is Finish.LENGTH:  # the last entry was cut off
            entries = entries[:-1]
        fits = fewest <= len(entries) <= most
        return _parsed(entries if fits else None, bare, finish, bool(entries))

    return read


def _json_list(bare: str) -> tuple[str, ...]:
    start, end = bare.find("["), bare.rfind("]")
    fields = outermost_json('{"list": ' + bare[start : end + 1] + "}") if 0 <= start < end else None
    found = None if fields is None else fields.get("list")
    texts = found if isinstance(found, list) else []
    return tuple(each.strip() for each in texts if isinstance(each, str) and each.strip())


_SCORED = re.compile(rf"\A(?:[^:=\n]*[:=])?[\s*_]*({_NUMBER})(?:\s*/\s*\d{{1,4}})?\W*\Z")
_SCORES = re.compile(r"scores?[ \t*_]*:?[ \t*_]*\[{1,2}([^\]\n]{1,400})\]", re.I)


def scores(count: int, low: float, high: float) -> Reader[tuple[float, ...]]:
    """`Scores: [[7, 5]]`: exactly `count` numbers in range, or nothing."""

    def read(text: str, finish: Finish) -> Parsed[tuple[float, ...]]:
        if finish is Finish.REFUSED:
            return Parsed(ParseStatus.REFUSED)
        bare = western(strip_wrapping(text))
        fields = outermost_json(bare) or {}
        told = [_numbers(fields["scores"])] if isinstance(fields.get("scores"), list) else []
        told = told or [_numbers(re.split(r"[,;、]\s*", each)) for each in _SCORES.findall(bare)]
        fit = bool(told) and len(set(told)) == 1 and len(told[0]) == count
        good = fit and all(low <= value <= high for value in told[0])
        return _parsed(told[0] if good else None, bare, finish, bool(told))

    return read


def _numbers(texts: Sequence[Any]) -> tuple[float, ...]:
    """Numbers of a list; empty if any entry is none."""
    found = [_SCORED.match(str(text)) for text in texts]
    if any(match is None for match in found):
        return ()
    return tuple(_as_number(match[1]) for match in found if match is not None)


# --- Text ---------------------------------------------------------------------------------------


def prose(text: str, finish: Finish) -> Parsed[str]:
    """Any text; an empty one, or a refusal, is no answer. A text cut off still says something."""
    bare = strip_wrapping(text)
    if finish is Finish.REFUSED or (is_refusal(bare[:200]) and len(bare) < 400):
        return Parsed(ParseStatus.REFUSED)
    return Parsed(ParseStatus.OK, bare) if bare else Parsed(ParseStatus.UNPARSABLE)


_CONFIDENCE = re.compile(
    r"confidence[ \t*_]*[:=][ \t*_]*\[{0,2}(\d{1,3}(?:[.,]\d+)?)[ \t]*(%?)", re.I
)


def stated_confidence(text: str) -> float | None:
    """The last confidence a text states, from 0 to 1 (a percentage is divided by 100)."""
    found = _CONFIDENCE.findall(western(text))
    if not found:
        return None
    spelled, percent = found[-1]
    value = _as_number(spelled) / (100 if percent or _as_number(spelled) > 1 else 1)
    return value if 0 <= value <= 1 else None
