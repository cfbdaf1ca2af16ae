"""Slates and what was proved about them, in sentences. Pure."""

from collections.abc import Sequence
from typing import Any

from aggregation.results import AggregateResult
from aggregation.slates.item_values import said

MOST_SLATES = 20  # lines that a page or a terminal shows

PROMISES = {
    "JR": (
        "No group that deserves a seat is left without any (justified representation).",
        "A group that deserves a seat has none (justified representation fails).",
    ),
    "EJR+": (
        "No group is left with fewer seats than it deserves for an item it shares (EJR+).",
        "A group has fewer seats than it deserves for an item it shares (EJR+ fails).",
    ),
    "EJR+ with costs": (
        "No group is left with less than its share of the money could buy for an item it shares "
        "(EJR+ with costs).",
        "A group is left with less than its share of the money could buy for an item it shares "
        "(EJR+ with costs fails).",
    ),
    "GFS": (
        "Before the draw every group can expect its share of the seats (group fair share).",
        "Before the draw some group can expect less than its share (group fair share fails).",
    ),
    "BJR": (
        "No group as large as a part of the people would all be better served by one statement "
        "(balanced justified representation).",
        "A group as large as a part of the people would all be better served by one statement "
        "(balanced justified representation fails).",
    ),
}


def slate_headline(result: AggregateResult, basis: str) -> str:
    """Who is on the slate; or how many slates tie, or are drawn from, and what they share."""
    slates = result.committees
    if not any(slates):
        return f"Nothing is elected, {basis}."
    if len(slates) == 1:
        return f"The slate is {names(result, slates[0])}, {basis}."
    sure = sorted(set(slates[0]).intersection(*map(set, slates[1:])))
    shared = f"{names(result, sure)} {'is' if len(sure) == 1 else 'are'} on all of them"
    if result.committee_probs:
        first = f"A draw decides between {len(slates):,} slates, {basis}"
    else:
        first = f"{len(slates):,} slates are equally good, {basis}"
    return f"{first}: {shared}." if sure else f"{first}; they have no item in common."


def slate_lines(result: AggregateResult) -> list[tuple[str, str]]:
    """(items, chance of being drawn or nothing) of the first slates, the most likely first."""
    chances: Sequence[float] = result.committee_probs
    order = list(range(len(result.committees)))
    if chances:
        order.sort(key=lambda place: -chances[place])
    return [
        (
            names(result, result.committees[place]) or "nobody",
            f"{chances[place]:.1%}" if chances else "",
        )
        for place in order[:MOST_SLATES]
    ]


def proofs(result: AggregateResult) -> list[tuple[str, bool]]:
    """What was proved, and whether it holds; a witness says where it fails."""
    told = []
    for name, found in result.axioms.items():
        if name in PROMISES and isinstance(found, dict) and "holds" in found:
            sentence = PROMISES[name][0 if found["holds"] else 1]
            told.append((sentence + _witness(found.get("witness", {})), bool(found["holds"])))
    return told


def _witness(witness: dict[str, Any]) -> str:
    if "item" not in witness:
        return ""
    weight = witness.get("weight", witness.get("people"))
    return f" For “{witness['item']}” this concerns {weight:g} voters." if weight else ""


def names(result: AggregateResult, slate: Sequence[int]) -> str:
    quoted = [f"“{said(result.ids[item])}”" for item in slate]
    if len(quoted) > 12:
        return f"{', '.join(quoted[:11])} and {len(quoted) - 11} others"
    if len(quoted) < 2:
        return "".join(quoted)
    return f"{', '.join(quoted[:-1])} and {quoted[-1]}"
