"""Results in words: the first sentence of a run's page, numbers with their intervals. Pure."""

from collections.abc import Sequence
from typing import Any

from aggregation.results import AggregateResult, MethodComparison, WarningCode
from aggregation.slates.in_words import slate_headline

UNITS = {
    "logit": "strength (log-odds)",
    "probit": "strength (probit)",
    "elo": "Elo points",
    "points": "points",
    "share": "share",
    "probability": "probability",
    "utility": "utility",
    "order": "order only",
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
    basis = f"from {_count(judgments, 'judgment')} by {_count(annotators, 'annotator')}"
    if result.label is not None and result.rank is None:
        decided = int((result.label >= 0).sum())
        rest = "; the rest is undecided" if decided < len(result.ids) else ""
        return (
            f"{decided:,} of {len(result.ids):,} units have a label that more annotators gave than "
            f"any other, {basis}{rest}."
        )
    if WarningCode.DISCONNECTED in result.codes:
        parts = 0 if result.component is None else int(result.component.max()) + 1
        return (
            f"There is no overall winner: the items fall into {parts:,} parts that were never "
            f"compared with each other ({basis})."
        )
    if result.committees:
        return slate_headline(result, basis)
    if not result.winners:
        return f"No winner can be named, {basis}."
    if len(result.winners) > 1:
        names = _listed([f"“{named(result.ids[w])}”" for w in result.winners])
        return f"{names} share the first place, {basis}: nothing here decides between them."
    return _one_winner(result, basis)


def _one_winner(result: AggregateResult, basis: str) -> str:
    place = result.winners[0]
    said = f"“{named(result.ids[place])}” comes first with {number(float(result.score[place]))}"
    if result.lo is not None and result.hi is not None and result.lo[place] == result.lo[place]:
        lo, hi = number(float(result.lo[place])), number(float(result.hi[place]))
        said += f" [{lo}, {hi}]"
    said += f", {basis}."
    if result.rank_hi is not None and int(result.rank_hi[place]) > 1:
        said += (
            f" That place isn't certain: at {result.level:.0%} its rank lies between "
            f"{int(result.rank_lo[place]) if result.rank_lo is not None else 1} and "
            f"{int(result.rank_hi[place])}."
        )
    return said


def comparison_headline(comparison: MethodComparison, titles: Sequence[str]) -> str:
    """Which items win under which rules."""
    winners: dict[tuple[int, ...], list[str]] = {}
    for title, won in zip(titles, comparison.winners, strict=True):
        winners.setdefault(won, []).append(title)
    silent = winners.pop((), [])
    if not winners:
        return "None of these rules names a winner."
    ranked = sorted(winners.items(), key=lambda item: -len(item[1]))
    total = len(titles)
    if len(ranked) == 1 and not silent:
        names = _listed([f"“{named(comparison.ids[w])}”" for w in ranked[0][0]])
        verb = "win" if len(ranked[0][0]) > 1 else "wins"
        return (
            f"{names} {verb} under {'the one rule' if total == 1 else f'all {total} rules'} here."
        )
    said = []
    for won, rules in ranked:
        names = _listed([f"“{named(comparison.ids[w])}”" for w in won])
        which = f"{len(rules)} of {total} rules" if len(rules) > 2 else _listed(rules)
        verb = "picks" if len(rules) == 1 else "pick"
        said.append(f"{which} {verb} {names}")
    if silent:
        said.append(f"{_listed(silent)} {'names' if len(silent) == 1 else 'name'} no winner")
    sentence = "; ".join(said)
    return f"{sentence[0].upper()}{sentence[1:]}."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _listed(names: Sequence[str]) -> str:
    if len(names) > 6:
        return f"{', '.join(names[:5])} and {len(names) - 5} others"
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def excerpt(text: str, most: int) -> str:
    """The text on one line, cut off with an ellipsis at `most` characters."""
    said = " ".join(text.split())
    return said if len(said) <= most else f"{said[: most - 1].rstrip()}…"
