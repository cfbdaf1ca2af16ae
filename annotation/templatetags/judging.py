"""Fields of the judging page that a template can't name by itself."""

from dataclasses import dataclass

from django import template
from django.forms import BoundField

from annotation.judgment_types import AskedCriterion, JudgmentForm, ranking, rating

register = template.Library()


@dataclass(frozen=True, slots=True)
class Level:
    """One button of a scale: `key` presses it, if a single digit can."""

    value: str
    label: str
    key: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class RatingRow:
    """One criterion to rate: buttons where the scale has few levels, else a number to type."""

    field: BoundField
    scale: rating.Scale
    levels: tuple[Level, ...]


@register.simple_tag
def rating_row(form: JudgmentForm, place: int, criterion: AskedCriterion) -> RatingRow:
    field = form[rating.field_name(place, criterion.position)]
    scale = rating.Scale.of(criterion)
    given = str(field.value())
    levels = tuple(
        Level(
            value=f"{level:g}",
            label=scale.labels.get(f"{level:g}", ""),
            key=f"{level:g}" if level in range(10) else "",
            chosen=given == f"{level:g}",
        )
        for level in scale.levels()
    )
    return RatingRow(field, scale, levels)


@register.simple_tag
def rank_field(form: JudgmentForm, place: int) -> BoundField:
    """The field that ranks the response at `place` on the screen."""
    return form[ranking.field_name(place)]
