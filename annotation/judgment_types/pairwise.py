"""Pairwise: which of two responses is better, and how much; about the same; or both bad.

The form speaks of the screen: `choice` is 3 … -3, positive when the response shown first (left, A)
is better, or "both_bad". The payload speaks of places: {"strength": s}, positive when the
candidate at position 0 is better, with "both_bad": true beside strength 0 where both were bad.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from annotation.errors import InvalidPayload
from annotation.evidence import Comparison, Evidence, TieKind
from annotation.judgment_types import Asked, JudgmentForm, Payload

BOTH_BAD = "both_bad"
CHOICES = [
    ("3", "A is much better"),
    ("2", "A is better"),
    ("1", "A is slightly better"),
    ("0", "About the same"),
    ("-1", "B is slightly better"),
    ("-2", "B is better"),
    ("-3", "B is much better"),
    (BOTH_BAD, "Both are bad"),
]


class PairwiseForm(JudgmentForm):
    choice = forms.ChoiceField(
        choices=CHOICES,
        error_messages={
            "required": "Choose which response is better, or say that they are about the same.",
            "invalid_choice": "That isn't one of the choices. Choose one of the buttons.",
        },
    )

    def clean_choice(self) -> str:
        choice = str(self.cleaned_data["choice"])
        options = self.asked.options
        if choice == "0" and options.get("allow_tie") is False:
            raise forms.ValidationError("This project asks you to choose one of the two.")
        if choice == BOTH_BAD and options.get("allow_both_bad") is False:
            raise forms.ValidationError("This project doesn't offer “both are bad”.")
        return choice


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
        if cleaned["choice"] == BOTH_BAD:
            return {"strength": 0, "both_bad": True}
        towards_first_shown = int(cleaned["choice"])
        sign = 1 if shown[0] == 0 else -1
        return {"strength": sign * towards_first_shown}

    def form_data(self, payload: Payload, shown: Sequence[int]) -> dict[str, str]:
        if payload.get("both_bad"):
            return {"choice": BOTH_BAD}
        sign = 1 if shown[0] == 0 else -1
        return {"choice": str(sign * int(payload["strength"]))}

    def check(self, payload: Payload, asked: Asked) -> None:
        strength = payload.get("strength")
        if type(strength) is not int or not -3 <= strength <= 3:
            raise InvalidPayload(f"strength must be a whole number from -3 to 3, not {strength!r}")
        both_bad = payload.get("both_bad", False)
        if type(both_bad) is not bool or (both_bad and strength != 0):
            raise InvalidPayload("both_bad is true or false, and only stands beside strength 0")
        unknown = set(payload) - {"strength", "both_bad"}
        if unknown:
            raise InvalidPayload(f"a pairwise judgment has no {', '.join(sorted(unknown))}")

    def evidence(self, payload: Payload, candidates: Sequence[int]) -> list[Evidence]:
        strength = int(payload["strength"])
        if strength:
            kind = TieKind.NONE
        else:
            kind = TieKind.BOTH_BAD if payload.get("both_bad") else TieKind.ABOUT_THE_SAME
        return [Comparison(candidates[0], candidates[1], strength, kind)]


JUDGMENT_TYPE = Pairwise()
