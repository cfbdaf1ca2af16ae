"""Tools whose findings stand beside a response when it is ranked: exact, small, and recorded. Pure.

Nothing a response says is ever run. The calculator reads arithmetic only.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

NUMBER = r"-?\d{1,12}(?:\.\d{1,9})?"
_CLAIM = re.compile(rf"({NUMBER})\s*([-+*/×÷·])\s*({NUMBER})\s*=\s*({NUMBER})")
_LIMIT = re.compile(
    r"\b(at most|no more than|fewer than|less than|at least|exactly|in)\s+(\d{1,5})\s+"
    r"(words?|sentences?)\b",
    re.I,
)
_SENTENCE = re.compile(r"[^.!?]+[.!?]+|[^.!?]+\Z")
MOST_FINDINGS = 8
SNIPPET = 240


def calculator(prompt: str, response: str, references: Sequence[str]) -> str:
    """Every sum of two numbers that the response states, worked out again."""
    found = []
    for left, sign, right, claimed in _CLAIM.findall(response)[:MOST_FINDINGS]:
        value = _worked_out(Fraction(left), sign, Fraction(right))
        if value is None:
            found.append(f"{left} {sign} {right} has no value")
        else:
            right_or = "right" if value == Fraction(claimed) else f"wrong: it is {_plain(value)}"
            found.append(f"{left} {sign} {right} = {claimed} is {right_or}")
    return "; ".join(found)


def _worked_out(left: Fraction, sign: str, right: Fraction) -> Fraction | None:
    if sign == "+":
        return left + right
    if sign == "-":
        return left - right
    if sign in "*×·":
        return left * right
    return left / right if right else None


def _plain(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.9g}"


def counter(prompt: str, response: str, references: Sequence[str]) -> str:
    """Length asked for in the prompt beside the response's own."""
    counts = {"word": len(response.split()), "sentence": _sentences(response)}
    found = []
    for bound, spelled, unit in _LIMIT.findall(prompt)[:MOST_FINDINGS]:
        what, limit = unit.lower().rstrip("s"), int(spelled)
        kept = _keeps(bound.lower(), counts[what], limit)
        found.append(
            f"asked for {bound.lower()} {limit} {what}s: it has {counts[what]}, "
            f"{'as asked' if kept else 'not as asked'}"
        )
    return "; ".join(found)


def _sentences(text: str) -> int:
    return sum(bool(re.search(r"\w", each)) for each in _SENTENCE.findall(text))


def _keeps(bound: str, count: int, limit: int) -> bool:
    if bound in {"fewer than", "less than"}:
        return count < limit
    if bound == "at least":
        return count >= limit
    return count == limit if bound == "exactly" else count <= limit


def retrieval(prompt: str, response: str, references: Sequence[str]) -> str:
    """The reference that shares most words with the response, as far as a snippet reaches."""
    words = _bag(response)
    scored = [(len(words & _bag(text)) / max(1, len(_bag(text))), text) for text in references]
    best = max(scored, default=(0.0, ""), key=lambda each: each[0])
    return f"shares {best[0]:.0%} of the words of: {best[1][:SNIPPET]}" if best[0] > 0 else ""


def _bag(text: str) -> set[str]:
    return set(re.findall(r"\w{3,}", text.lower()))


TOOLS: Mapping[str, Callable[[str, str, Sequence[str]], str]] = {
    "calculator": calculator,
    "counter": counter,
    "retrieval": retrieval,
}
