"""Quotes that are checked against what they claim to quote. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

STRUCK = "[quote struck out: it stands in neither response]"
_QUOTE = re.compile(r"<quote>(.*?)</quote>", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Quoted:
    """A text whose false quotes were struck out, with how many held and how many were struck."""

    text: str
    verified: int
    struck: int


def verify_quotes(text: str, sources: Sequence[str]) -> Quoted:
    """Strike out every quote that is no part of any source; blanks and case may differ, words not.
    An empty quote is struck too."""
    bodies = [_folded(source) for source in sources]
    counts = {True: 0, False: 0}

    def check(match: re.Match[str]) -> str:
        said = _folded(match.group(1))
        holds = bool(said) and any(said in body for body in bodies)
        counts[holds] += 1
        return match.group(0) if holds else STRUCK

    return Quoted(_QUOTE.sub(check, text), counts[True], counts[False])


def _folded(text: str) -> str:
    straight = text.translate(str.maketrans("“”„‘’", '"""\'\''))
    return " ".join(straight.split()).casefold()
