"""Rating: every criterion of a rubric answered with a number on its scale, per response.

A criterion of kind "scale" describes its scale in `anchors`: {"low": 0, "high": 4, "step": 1,
"labels": {"0": "Useless", "4": "Excellent"}}; without them it runs from 1 to 5. The form's fields
are `rating-<place on screen>-<criterion position>`. The payload is
{"ratings": {"<placement position>": {"<criterion position>": number}},
"scales": {"<criterion position>": [low, high]}}, so that a rating is never apart from its scale.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.errors import InvalidPayload, InvalidQuestion
from annotation.evidence import Evidence, Rating
from annotation.judgment_types import Asked, AskedCriterion, JudgmentForm, Payload
from annotation.phrases import say

MOST_BUTTONS = 11  # scales with more levels are typed as a number


@dataclass(frozen=True, slots=True)
class Scale:
    """`low` to `high` in steps of `step`; `labels` say what some of the levels mean."""

    low: float = 1
    high: float = 5
    step: float = 1
    labels: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, criterion: AskedCriterion) -> Self:
        """The scale a criterion describes. Raises InvalidQuestion if it describes none."""
        anchors = criterion.anchors
        numbers = {name: anchors[name] for name in ("low", "high", "step") if name in anchors}
        if any(type(value) not in (int, float) for value in numbers.values()):
            raise InvalidQuestion(
                say("The scale of “%(text)s” must be made of numbers.", text=criterion.text)
            )
        scale = cls(**numbers, labels=anchors.get("labels", {}))
        if not (scale.low < scale.high and scale.step > 0 and scale.holds(scale.high)):
            raise InvalidQuestion(
                say(
                    "The scale of “%(text)s” must rise from its low to its high end in whole "
                    "steps.",
                    text=criterion.text,
                )
            )
        return scale

    def holds(self, value: float) -> bool:
        steps = (value - self.low) / self.step
        return self.low <= value <= self.high and abs(steps - round(steps)) < 1e-9

    def levels(self) -> list[float]:
        """All levels if they are few enough for a button each, otherwise none."""
        count = round((self.high - self.low) / self.step) + 1
        return [self.low + k * self.step for k in range(count)] if count <= MOST_BUTTONS else []


def field_name(place: int, criterion: int) -> str:
    return f"rating-{place}-{criterion}"


def as_number(value: float) -> int | float:
    """1.0 is kept as 1, so that the same answer is the same payload."""
    return int(value) if value == int(value) else value


class RatingForm(JudgmentForm):
    def __init__(
        self, data: Mapping[str, Any] | None = None, *, asked: Asked, shown: Sequence[int]
    ) -> None:
        super().__init__(data, asked=asked, shown=shown)
        for place in range(len(self.shown)):
            for criterion in asked.criteria:
                self.fields[field_name(place, criterion.position)] = _field(criterion)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        cleaned["ratings"] = {
            place: {
                criterion.position: cleaned.get(field_name(place, criterion.position))
                for criterion in self.asked.criteria
            }
            for place in range(len(self.shown))
        }
        cleaned["scales"] = scales_of(self.asked)
        return cleaned


def scales_of(asked: Asked) -> dict[str, list[int | float]]:
    """The ends of each criterion's scale, as a payload keeps them."""
    scales = {criterion.position: Scale.of(criterion) for criterion in asked.criteria}
    return {
        str(position): [as_number(scale.low), as_number(scale.high)]
        for position, scale in scales.items()
    }


def _field(criterion: AskedCriterion) -> forms.FloatField:
    scale = Scale.of(criterion)
    ends = {"low": f"{scale.low:g}", "high": f"{scale.high:g}"}
    sentence = _("Rate this one from %(low)s to %(high)s.") % ends
    return forms.FloatField(
        label=criterion.text,
        min_value=scale.low,
        max_value=scale.high,
        step_size=scale.step,
        error_messages=dict.fromkeys(
            ("required", "invalid", "min_value", "max_value", "step_size"), sentence
        ),
    )


class RatingType:
    slug = "rating"
    title = "Rating"
    fewest_candidates = 1
    most_candidates = 4
    needs_rubric = True
    criterion_kind: str | None = "scale"
    reads_texts = False
    form_class: type[JudgmentForm] = RatingForm

    def payload(self, cleaned: Mapping[str, Any], shown: Sequence[int]) -> Payload:
        by_place: Mapping[int, Mapping[int, float]] = cleaned["ratings"]
        return {
            "ratings": {
                str(shown[place]): {
                    str(criterion): as_number(value) for criterion, value in ratings.items()
                }
                for place, ratings in sorted(by_place.items(), key=lambda item: shown[item[0]])
            },
            "scales": cleaned["scales"],
        }

    def form_data(self, payload: Payload, shown: Sequence[int]) -> dict[str, str]:
        return {
            field_name(place, int(criterion)): f"{value:g}"
            for place, position in enumerate(shown)
            for criterion, value in payload["ratings"][str(position)].items()
        }

    def check(self, payload: Payload, asked: Asked) -> None:
        ratings = payload.get("ratings")
        if set(payload) != {"ratings", "scales"} or not isinstance(ratings, dict):
            raise InvalidPayload(
                'a rating is {"ratings": {place: {criterion: number}}, "scales": {criterion: ends}}'
            )
        if payload["scales"] != scales_of(asked):
            raise InvalidPayload("the scales of a rating are those of its rubric")
        places = {str(place) for place in range(asked.candidates)}
        if set(ratings) != places:
            raise InvalidPayload(
                f"ratings must cover exactly the places {', '.join(sorted(places))}"
            )
        for place, given in ratings.items():
            _check_place(place, given, asked)

    def evidence(self, payload: Payload, candidates: Sequence[int]) -> list[Evidence]:
        scales = payload["scales"]
        return [
            Rating(candidates[int(place)], int(criterion), value, *scales[criterion])
            for place, ratings in payload["ratings"].items()
            for criterion, value in ratings.items()
        ]


def _check_place(place: str, given: object, asked: Asked) -> None:
    scales = {str(criterion.position): Scale.of(criterion) for criterion in asked.criteria}
    if not isinstance(given, dict) or set(given) != set(scales):
        raise InvalidPayload(f"place {place} must rate every criterion of the rubric")
    for criterion, value in given.items():
        scale = scales[criterion]
        if type(value) not in (int, float) or not scale.holds(value):
            raise InvalidPayload(
                f"criterion {criterion} is rated from {scale.low:g} to {scale.high:g}, "
                f"not {value!r}"
            )


JUDGMENT_TYPE = RatingType()
