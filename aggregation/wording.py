"""Results in words: the first sentence of a run's page, numbers with their intervals. Pure."""

from collections.abc import Sequence
from typing import Any

from aggregation.results import AggregateResult, MethodComparison, WarningCode
from aggregation.slates.in_words import slate_headline
from annotation.phrases import capital, listed, say

UNITS = {
    "logit": say("strength (log-odds)"),
    "probit": say("strength (probit)"),
    "elo": say("Elo points"),
    "points": "points",
    "share": "share",
    "probability": "probability",
    "utility": "utility",
    "order": say("order only"),
}
SHARES = ("share", "probability")


def number(value: float | None) -> str:
    """Three decimals where they say something; nothing for an unknown."""
    if value is None or value != value:
        return ""
    size = abs(value)
    said = f"{value:,.0f}" if size >= 1000 else f"{value:.1f}" if size >= 100 else f"{value:.3f}"
    return said.replace("-", "−")


def named(key: Any) -> str:
    return " · ".join(map(str, key)) if isinstance(key, tuple | list) else str(key)


def headline(result: AggregateResult, judgments: int, annotators: int) -> str:
    """What a run found, in a sentence or two that a person can repeat."""
    basis = say(
        "from %(count)s by %(count_2)s",
        count=_count(judgments, "judgment"),
        count_2=_count(annotators, "annotator"),
    )
    if result.label is not None and result.rank is None:
        decided = int((result.label >= 0).sum())
        counts = {"n": f"{decided:,}", "n_all": f"{len(result.ids):,}", "basis": basis}
        if decided < len(result.ids):
            return say(
                "%(n)s of %(n_all)s units have a label that more annotators gave than any other, "
                "%(basis)s; the rest is undecided.",
                **counts,
            )
        return say(
            "%(n)s of %(n_all)s units have a label that more annotators gave than any other, "
            "%(basis)s.",
            **counts,
        )
    if WarningCode.DISCONNECTED in result.codes:
        parts = 0 if result.component is None else int(result.component.max()) + 1
        return say(
            "There is no overall winner: the items fall into %(parts)s parts that "
            "were never compared with each other (%(basis)s).",
            parts=f"{parts:,}",
            basis=basis,
        )
    if result.committees:
        return slate_headline(result, basis)
    if not result.winners:
        return say("No winner can be named, %(basis)s.", basis=basis)
    if len(result.winners) > 1:
        names = listed([f"“{named(result.ids[w])}”" for w in result.winners], 6)
        return say(
            "%(items_list)s share the first place, %(basis)s: nothing here decides between them.",
            items_list=names,
            basis=basis,
        )
    return _one_winner(result, basis)


def _one_winner(result: AggregateResult, basis: str) -> str:
    place = result.winners[0]
    said = _first(result, place, basis)
    if result.rank_hi is not None and int(result.rank_hi[place]) > 1:
        said += " " + say(
            "That place isn't certain: at %(level)s its rank lies between %(value)s and %(int)s.",
            level=f"{result.level:.0%}",
            value=int(result.rank_lo[place]) if result.rank_lo is not None else 1,
            int=int(result.rank_hi[place]),
        )
    return said


def _first(result: AggregateResult, place: int, basis: str) -> str:
    values = {
        "item": named(result.ids[place]),
        "n_score": number(float(result.score[place])),
        "basis": basis,
    }
    if result.lo is None or result.hi is None or result.lo[place] != result.lo[place]:
        return say("“%(item)s” comes first with %(n_score)s, %(basis)s.", **values)
    return say(
        "“%(item)s” comes first with %(n_score)s [%(n_lo)s, %(n_hi)s], %(basis)s.",
        **values,
        n_lo=number(float(result.lo[place])),
        n_hi=number(float(result.hi[place])),
    )


def comparison_headline(comparison: MethodComparison, titles: Sequence[str]) -> str:
    """Which items win under which rules."""
    winners: dict[tuple[int, ...], list[str]] = {}
    for title, won in zip(titles, comparison.winners, strict=True):
        winners.setdefault(won, []).append(title)
    silent = winners.pop((), [])
    if not winners:
        return say("None of these rules names a winner.")
    ranked = sorted(winners.items(), key=lambda item: -len(item[1]))
    total = len(titles)
    if len(ranked) == 1 and not silent:
        return _winners_everywhere([named(comparison.ids[w]) for w in ranked[0][0]], total)
    said = [_picked(rules, total, [named(comparison.ids[w]) for w in won]) for won, rules in ranked]
    if len(silent) == 1:
        said.append(say("%(rule)s names no winner", rule=silent[0]))
    elif silent:
        said.append(say("%(rules_list)s name no winner", rules_list=listed(silent, 6)))
    sentence = "; ".join(said)
    return f"{capital(sentence)}."


def _winners_everywhere(winners: Sequence[str], total: int) -> str:
    if len(winners) == 1 and total == 1:
        return say("“%(item)s” wins under the one rule here.", item=winners[0])
    if len(winners) == 1:
        return say("“%(item)s” wins under all %(n)s rules here.", item=winners[0], n=total)
    names = listed([f"“{name}”" for name in winners], 6)
    if total == 1:
        return say("%(items_list)s win under the one rule here.", items_list=names)
    return say("%(items_list)s win under all %(n)s rules here.", items_list=names, n=total)


def _picked(rules: Sequence[str], total: int, winners: Sequence[str]) -> str:
    items = listed([f"“{name}”" for name in winners], 6)
    if len(rules) == 1:
        return say("%(rule)s picks %(items_list)s", rule=rules[0], items_list=items)
    if len(rules) == 2:
        both = listed(rules)
        return say("%(rules_list)s pick %(items_list)s", rules_list=both, items_list=items)
    return say(
        "%(n)s of %(total)s rules pick %(items_list)s", n=len(rules), total=total, items_list=items
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def excerpt(text: str, most: int) -> str:
    """The text on one line, cut off with an ellipsis at `most` characters."""
    said = " ".join(text.split())
    return said if len(said) <= most else f"{said[: most - 1].rstrip()}…"
