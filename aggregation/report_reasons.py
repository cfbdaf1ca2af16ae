"""Which numbers of a stored report have no interval, and the reason that each gives."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from annotation.phrases import say
from annotation.telling import told as in_words

Plain = dict[str, Any]

FIGURE = {"value", "n", "of", "lo", "hi", "why"}
NAMES = ("name", "title", "group", "item", "text", "preference", "attribute")  # of what it is about
OLDER = say("this report was written before such numbers had one")


@dataclass(frozen=True)
class Unbounded:
    """A reason, and the numbers that give it, each with what it is of."""

    why: str
    numbers: tuple[str, ...]


def figure_of(value: Any) -> Plain:
    """A figure as stored now, from one or from the bare number of an older report."""
    if isinstance(value, dict):
        return value
    return {"value": value, "n": None, "of": "", "lo": None, "hi": None, "why": in_words(OLDER)}


def unbounded(told: Plain) -> tuple[Unbounded, ...]:
    """Every number of the report without an interval, by its reason, in the report's order."""
    found: dict[str, list[str]] = {}
    for path, figure in figures(told):
        if figure["lo"] is None and path[-1][0] not in _PLAIN:
            said = f"{_name(path)}: {number(path[-1][0], figure)}"
            found.setdefault(figure["why"], []).append(said)
    return tuple(Unbounded(why, tuple(dict.fromkeys(each))) for why, each in found.items())


Path = tuple[tuple[str, str], ...]  # of (field, what it is about or "")


def figures(value: Any, path: Path = ()) -> Iterator[tuple[Path, Plain]]:
    """Every figure of a report with the fields that lead to it."""
    if isinstance(value, dict):
        if set(value) == FIGURE:
            yield path, value
            return
        about = next((str(value[key]) for key in NAMES if isinstance(value.get(key), str)), "")
        for key, each in value.items():
            yield from figures(each, (*path[:-1], (path[-1][0], about), (key, "")) if path
                               else ((key, ""),))  # fmt: skip
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from figures(each, (*path[:-1], (path[-1][0], str(place + 1))))


def number(field: str, figure: Plain) -> str:
    """A figure's value as the page prints it: a count, or a share in per cent."""
    value = figure["value"]
    if value is None:
        return _("not known")
    if field in _CRITERIA:
        return in_words(f"{value:,.1f}".replace("-", "−"))
    if field in _COUNTS:
        return in_words(f"{value:,.1f}".removesuffix(".0").replace("-", "−"))
    return f"{100 * value:.0f}\N{NO-BREAK SPACE}%".replace("-", "−")


_PLAIN = ("groups", "opposed")  # how many groups a row is about; a group against itself
_CRITERIA = ("bic", "heldout", "error")
_COUNTS = {
    "people", "votes", "votes_median", "votes_tenth", "repeats", "size", "groups", "choices",
    "statements_judged", "opposed", "looked_at",
}  # fmt: skip


def _name(path: Path) -> str:
    """ "group 1, size" from the fields that lead to a figure."""
    field, place = path[-1]
    about = [each for _field, each in path[:-1] if each]
    said = _fields().get(field) or in_words(field.replace("_", " "))
    return ", ".join([*about, f"{said} {place}".strip()])


def _fields() -> dict[str, str]:
    return {
        "votes_median": _("votes of the median person"),
        "votes_tenth": _("votes that nine in ten people reach"),
        "overlap": _("pairs judged by two people or more"),
        "repeats": _("pairs asked again"),
        "bic": "BIC",
        "heldout": _("held-out log-likelihood, to the best"),
        "error": _("its standard error"),
        "within_people": _("one person, asked again"),
        "within_groups": _("two people of one group"),
        "between_groups": _("people of different groups"),
        "ambiguity": _("added by ambiguity"),
        "pluralism": _("added by pluralism"),
        "flips_gold": _("flip rate by known answers"),
        "flips_repeats": _("flip rate by repeats"),
        "flips_groups": _("flip rate within groups"),
        "looks_random": _("people whose votes look random"),
        "size": _("size"),
        "sure": _("members placed with certainty"),
        "stability": _("members placed here again by resamples"),
        "inconsistency": _("group inconsistency"),
        "opposed": _("pairs with opposite verdicts"),
        "explained": _("surprise that the map holds"),
        "statements_judged": _("statements compared"),
        "looked_at": _("effects of properties looked at"),
        "disagreeing": _("prompts on which rules disagree"),
        "tenth": _("tenth percentile over prompts of the least-served group"),
        "maxmin_pick": _("MaxMin pick, chosen and valued on different people"),
        "maxmin_lottery": _("MaxMin lottery, chosen and valued on different people"),
        "frequency": _("same pick in resamples"),
        "opposite": _("resamples on the other side"),
        "filter_rate": _("votes that a filter would drop"),
        "filtered_plain": _("dropped by a plain filter"),
        "filtered_aware": _("dropped by a group-aware filter"),
        "minimum": _("least-served group"),
        "mean": _("mean over people"),
    }
