"""Pairwise: which of two responses is better, and how much; about the same; or both bad.

The form speaks of the screen: `choice` is 3 … -3, positive when the response shown first (left, A)
is better, or "both_bad". The payload speaks of places: {"strength": s}, positive when the
candidate at position 0 is better, with "both_bad": true beside strength 0 where both were bad.

Where a question has criteria, the two may also be compared on each: fields `criterion-<position>`
say a, b or same; the payload's "criteria" maps criterion positions to 1 (position 0 is better), 0
or -1. They are the annotator's notes beside the one preference; evidence is the preference alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.errors import InvalidPayload
from annotation.evidence import Comparison, Evidence, TieKind
from annotation.judgment_types import Asked, JudgmentForm, Payload

BOTH_BAD = "both_bad"
CHOICES = [
    ("3", _("A is much better")),
    ("2", _("A is better")),
    ("1", _("A is slightly better")),
    ("0", _("About the same")),
    ("-1", _("B is slightly better")),
    ("-2", _("B is better")),
    ("-3", _("B is much better")),
    (BOTH_BAD, _("Both are bad")),
]
SIDES = {"a": 1, "same": 0, "b": -1}
ASPECTS = [("a", _("A better")), ("same", _("Same")), ("b", _("B better"))]


def field_name(criterion: int) -> str:
    return f"criterion-{criterion}"


class PairwiseForm(JudgmentForm):
    choice = forms.ChoiceField(
        choices=CHOICES,
        error_messages={
            "required": _("Choose which response is better, or say that they are about the same."),
            "invalid_choice": _("That isn't one of the choices. Choose one of the buttons."),
        },
    )

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, asked: Asked, shown: Sequence[int]
    ) -> None:
        super().__init__(data, asked=asked, shown=shown)
        for criterion in asked.criteria:
            self.fields[field_name(criterion.position)] = forms.ChoiceField(
                required=False,
                choices=[("", ""), *ASPECTS],
                label=criterion.text,
                error_messages={"invalid_choice": _("Say which of the two is better here.")},
            )

    def clean_choice(self) -> str:
        choice = str(self.cleaned_data["choice"])
        options = self.asked.options
        if choice == "0" and options.get("allow_tie") is False:
            raise forms.ValidationError(_("This project asks you to choose one of the two."))
        if choice == BOTH_BAD and options.get("allow_both_bad") is False:
            raise forms.ValidationError(_("This project doesn't offer “both are bad”."))
        return choice

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        said = {
            each.position: cleaned.get(field_name(each.position)) for each in self.asked.criteria
        }
        cleaned["criteria"] = {position: SIDES[side] for position, side in said.items() if side}
        return cleaned


class Pairwise:
    slug = "pairwise"
    title = "Pairwise preference"
    fewest_candidates = 2
    most_candidates = 2
    needs_rubric = False
    criterion_kind: str | None = None
    reads_texts = False
    form_class: type[JudgmentForm] = PairwiseForm

    def payload(self, cleaned: Mapping[str, Any], shown: Sequence[int]) -> Payload:
        sign = 1 if shown[0] == 0 else -1
        payload: Payload = {"strength": 0, "both_bad": True}
        if cleaned["choice"] != BOTH_BAD:
            payload = {"strength": sign * int(cleaned["choice"])}
        aspects = {str(each): sign * side for each, side in cleaned.get("criteria", {}).items()}
        return payload | ({"criteria": aspects} if aspects else {})

    def form_data(self, payload: Payload, shown: Sequence[int]) -> dict[str, str]:
        sign = 1 if shown[0] == 0 else -1
        side_of = {sign * number: side for side, number in SIDES.items()}
        both_bad = payload.get("both_bad")
        aspects = payload.get("criteria", {})
        return {
            "choice": BOTH_BAD if both_bad else str(sign * int(payload["strength"])),
            **{field_name(int(each)): side_of[side] for each, side in aspects.items()},
        }

    def check(self, payload: Payload, asked: Asked) -> None:
        strength = payload.get("strength")
        if type(strength) is not int or not -3 <= strength <= 3:
            raise InvalidPayload(f"strength must be a whole number from -3 to 3, not {strength!r}")
        both_bad = payload.get("both_bad", False)
        if type(both_bad) is not bool or (both_bad and strength != 0):
            raise InvalidPayload("both_bad is true or false, and only stands beside strength 0")
        unknown = set(payload) - {"strength", "both_bad", "criteria"}
        if unknown:
            raise InvalidPayload(f"a pairwise judgment has no {', '.join(sorted(unknown))}")
        aspects = payload.get("criteria", {})
        known = {str(criterion.position) for criterion in asked.criteria}
        if not isinstance(aspects, dict) or not set(aspects) <= known:
            raise InvalidPayload("criteria names only criteria that were asked about")
        if any(type(side) is not int or side not in (-1, 0, 1) for side in aspects.values()):
            raise InvalidPayload("on each criterion a pair is judged 1, 0 or -1")

    def evidence(self, payload: Payload, candidates: Sequence[int]) -> list[Evidence]:
        strength = int(payload["strength"])
        if strength:
            kind = TieKind.NONE
        else:
            kind = TieKind.BOTH_BAD if payload.get("both_bad") else TieKind.ABOUT_THE_SAME
        return [Comparison(candidates[0], candidates[1], strength, kind)]


JUDGMENT_TYPE = Pairwise()
