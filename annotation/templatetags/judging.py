"""Fields of the judging page that a template can't name by itself."""

from collections.abc import Iterator
from dataclasses import dataclass

from django import template
from django.forms import BoundField
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from annotation.judgment_types import (
    AskedCriterion,
    JudgmentForm,
    critique,
    pairwise,
    ranking,
    rating,
)

register = template.Library()


@dataclass(frozen=True, slots=True)
class Level:
    """One button of a scale: `key` presses it, if there is one; `word` is what stands on it."""

    value: str
    label: str
    key: str = ""
    chosen: bool = False
    word: str = ""


# --- Ratings --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RatingRow:
    """One criterion to rate: buttons where the scale has few levels, else a slider with a number.

    Ends and the number given are written as HTML wants them, whatever the language.
    """

    field: BoundField
    levels: tuple[Level, ...]
    low: str
    high: str
    step: str
    low_label: str
    high_label: str
    given: str


@register.simple_tag
def rating_row(form: JudgmentForm, place: int, criterion: AskedCriterion) -> RatingRow:
    field = form[rating.field_name(place, criterion.position)]
    scale = rating.Scale.of(criterion)
    given = "" if field.value() is None else str(field.value())
    levels = tuple(
        Level(
            value=f"{level:g}",
            label=scale.labels.get(f"{level:g}", ""),
            key=f"{level:g}" if level in range(10) else "",
            chosen=given == f"{level:g}",
        )
        for level in scale.levels()
    )
    low, high = f"{scale.low:g}", f"{scale.high:g}"
    return RatingRow(
        field=field,
        levels=levels,
        low=low,
        high=high,
        step=f"{scale.step:g}",
        low_label=scale.labels.get(low, ""),
        high_label=scale.labels.get(high, ""),
        given=given,
    )


@register.simple_tag
def rank_field(form: JudgmentForm, place: int) -> BoundField:
    """The field that ranks the response at `place` on the screen."""
    return form[ranking.field_name(place)]


# --- Pairs ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Strengths:
    """The buttons of the strength scale, in the order in which they stand on the screen."""

    first: tuple[Level, ...]
    tie: Level | None
    second: tuple[Level, ...]
    both_bad: Level | None


@register.simple_tag
def strengths(form: JudgmentForm) -> Strengths:
    options, given = form.asked.options, str(form["choice"].value())
    labels = dict(pairwise.CHOICES)
    words = (_("Much"), _("Better"), _("Slightly"))

    def level(value: str, key: str, word: str) -> Level:
        label = word if value == pairwise.BOTH_BAD else str(labels[value])
        return Level(value, label, key, given == value, word)

    ties = options.get("allow_tie") is not False
    bad = options.get("allow_both_bad") is not False
    return Strengths(
        first=tuple(level(f"{3 - n}", f"{n + 1}", word) for n, word in enumerate(words)),
        tie=level("0", "4", str(labels["0"])) if ties else None,
        second=tuple(level(f"{-n}", f"{4 + n}", words[3 - n]) for n in (1, 2, 3)),
        both_bad=level(pairwise.BOTH_BAD, "0", _("Both bad")) if bad else None,
    )


@register.simple_tag
def aspect_field(form: JudgmentForm, criterion: AskedCriterion) -> BoundField:
    """The field that compares the two responses on one criterion."""
    return form[pairwise.field_name(criterion.position)]


# --- Texts ----------------------------------------------------------------------------------------


@register.filter
def canonical(text: str) -> SafeString:
    """The text so that a browser reads exactly these characters, its line ends included."""
    return mark_safe(escape(text).replace("\r", "&#13;"))  # noqa: S308 - escaped one call before


@register.simple_tag
def canonical_text(form: JudgmentForm, place: int) -> SafeString:
    """The response at `place` on the screen as it was written, before rendering."""
    return canonical(form.asked.texts[form.shown[place]])


@register.simple_tag
def severities() -> list[Level]:
    return [
        Level(value, str(label), key)
        for (value, label), key in zip(critique.SEVERITIES, "qwe", strict=True)
    ]


@dataclass(frozen=True, slots=True)
class QuoteRow:
    """A problem told without JavaScript."""

    quote: BoundField
    response: BoundField
    category: BoundField
    severity: BoundField


@register.simple_tag
def quote_rows(form: JudgmentForm) -> list[QuoteRow]:
    names = ("quote", "response", "category", "severity")
    return [QuoteRow(*(form[f"{name}-{row}"] for name in names)) for row in range(critique.ROWS)]


# --- Steps ----------------------------------------------------------------------------------------


@register.simple_tag
def confidence_levels(form: JudgmentForm) -> list[Level]:
    """From guessing to certain in five steps; what lies between has no words of its own."""
    given = form["confidence"].value()
    return list(_confidence("" if given is None else str(given)))


def _confidence(given: str) -> Iterator[Level]:
    labels = (_("Guessing"), _("Unsure"), _("Fairly sure"), _("Sure"), _("Certain"))
    for number, label in enumerate(labels):
        value = f"{number / 4:g}"
        yield Level(value, label, chosen=given == value)
