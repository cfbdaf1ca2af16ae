"""Slates and what was proved about them, in sentences. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aggregation.results import AggregateResult
from aggregation.slates.item_values import said
from annotation.phrases import listed, say

MOST_SLATES = 20  # lines that a page or a terminal shows

PROMISES = {
    "JR": (
        say("No group that deserves a seat is left without any (justified representation)."),
        say("A group that deserves a seat has none (justified representation fails)."),
    ),
    "EJR+": (
        say("No group is left with fewer seats than it deserves for an item it shares (EJR+)."),
        say("A group has fewer seats than it deserves for an item it shares (EJR+ fails)."),
    ),
    "EJR+ with costs": (
        say(
            "No group is left with less than its share of the money could buy for an "
            "item it shares (EJR+ with costs)."
        ),
        say(
            "A group is left with less than its share of the money could buy for an "
            "item it shares (EJR+ with costs fails)."
        ),
    ),
    "GFS": (
        say("Before the draw every group can expect its share of the seats (group fair share)."),
        say("Before the draw some group can expect less than its share (group fair share fails)."),
    ),
    "BJR": (
        say(
            "No group as large as a part of the people would all be better served by "
            "one statement (balanced justified representation)."
        ),
        say(
            "A group as large as a part of the people would all be better served by "
            "one statement (balanced justified representation fails)."
        ),
    ),
}


def slate_headline(result: AggregateResult, basis: str) -> str:
    """Who is on the slate; or how many slates tie, or are drawn from, and what they share."""
    slates = result.committees
    if not any(slates):
        return say("Nothing is elected, %(basis)s.", basis=basis)
    if len(slates) == 1:
        elected = names(result, slates[0])
        return say("The slate is %(items_list)s, %(basis)s.", items_list=elected, basis=basis)
    sure = sorted(set(slates[0]).intersection(*map(set, slates[1:])))
    drawn = bool(result.committee_probs)
    values = {"n": f"{len(slates):,}", "basis": basis, "items_list": names(result, sure)}
    if not sure and drawn:
        return say(
            "A draw decides between %(n)s slates, %(basis)s; they have no item in common.",
            **values,
        )
    if not sure:
        return say(
            "%(n)s slates are equally good, %(basis)s; they have no item in common.", **values
        )
    if len(sure) == 1 and drawn:
        return say(
            "A draw decides between %(n)s slates, %(basis)s: %(items_list)s is on all of them.",
            **values,
        )
    if len(sure) == 1:
        return say(
            "%(n)s slates are equally good, %(basis)s: %(items_list)s is on all of them.", **values
        )
    if drawn:
        return say(
            "A draw decides between %(n)s slates, %(basis)s: %(items_list)s are on all of them.",
            **values,
        )
    return say(
        "%(n)s slates are equally good, %(basis)s: %(items_list)s are on all of them.", **values
    )


def slate_lines(result: AggregateResult) -> list[tuple[str, str]]:
    """(items, chance of being drawn or nothing) of the first slates, the most likely first."""
    chances: Sequence[float] = result.committee_probs
    order = list(range(len(result.committees)))
    if chances:
        order.sort(key=lambda place: -chances[place])
    return [
        (
            names(result, result.committees[place]) or say("nobody"),
            f"{chances[place]:.1%}" if chances else "",
        )
        for place in order[:MOST_SLATES]
    ]


@dataclass(frozen=True)
class PurchaseLine:
    """An item that Equal Shares bought: at which rate, for how much and of how many."""

    item: str
    rho: str
    cost: str
    payers: str


def purchase_lines(result: AggregateResult) -> list[PurchaseLine]:
    """What was bought for the first slate, in order; nothing for other rules."""
    return [
        PurchaseLine(each["item"], *(_figure(each[name]) for name in ("rho", "cost", "payers")))
        for each in result.fit.parameters.get("purchases", ())
    ]


def purchase_sentence(result: AggregateResult) -> str:
    """What everyone had to pay with, and what nobody paid for."""
    purchases = result.fit.parameters.get("purchases")
    if purchases is None:
        return ""
    held = say("Everyone had %(n_held)s to spend.", n_held=_figure(result.fit.parameters["held"]))
    paid = {each["item"] for each in purchases}
    rest = [item for item in result.committees[0] if said(result.ids[item]) not in paid]
    if not rest:
        return held
    added = say("Added afterwards, not bought: %(items_list)s.", items_list=names(result, rest))
    return f"{held} {added}"


def _figure(value: float) -> str:
    """Four digits of small numbers, as they are about rates; of large ones all before the point."""
    if abs(value) >= 1000:
        return f"{value:,.2f}".rstrip("0").rstrip(".")
    return f"{value:.4g}"


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
    return (
        " "
        + say(
            "For “%(item)s” this concerns %(weight)s voters.",
            item=witness["item"],
            weight=f"{weight:g}",
        )
        if weight
        else ""
    )


def names(result: AggregateResult, slate: Sequence[int]) -> str:
    quoted = [f"“{said(result.ids[item])}”" for item in slate]
    return listed(quoted, 12)
