"""Checklist: every criterion of a rubric answered yes, no or not applicable, per response.

The form's fields are `answer-<place on screen>-<criterion position>`. The payload is
{"answers": {"<placement position>": {"<criterion position>": "yes" | "no" | "not_applicable"}}}.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.errors import InvalidPayload
from annotation.evidence import Answer, Evidence, Label
from annotation.judgment_types import Asked, JudgmentForm, Payload

CHOICES = [
    (Answer.YES.value, _("Yes")),
    (Answer.NO.value, _("No")),
    (Answer.NOT_APPLICABLE.value, _("Doesn't apply")),
]


def field_name(place: int, criterion: int) -> str:
    return f"answer-{place}-{criterion}"


class ChecklistForm(JudgmentForm):
    def __init__(
        self, data: Mapping[str, Any] | None = None, *, asked: Asked, shown: Sequence[int]
    ) -> None:
        super().__init__(data, asked=asked, shown=shown)
        for place in range(len(self.shown)):
            for criterion in asked.criteria:
                self.fields[field_name(place, criterion.position)] = forms.ChoiceField(
                    choices=CHOICES,
                    label=criterion.text,
                    widget=forms.RadioSelect,
                    error_messages={
                        "required": _("Answer this one with yes, no or not applicable."),
                        "invalid_choice": _("Answer with yes, no or not applicable."),
                    },
                )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        cleaned["answers"] = {
            place: {
                criterion.position: cleaned.get(field_name(place, criterion.position))
                for criterion in self.asked.criteria
            }
            for place in range(len(self.shown))
        }
        return cleaned


class Checklist:
    slug = "checklist"
    title = "Checklist"
    fewest_candidates = 1
    most_candidates = 4
    needs_rubric = True
    criterion_kind: str | None = "yes_no"
    reads_texts = False
    form_class: type[JudgmentForm] = ChecklistForm

    def payload(self, cleaned: Mapping[str, Any], shown: Sequence[int]) -> Payload:
        by_place: Mapping[int, Mapping[int, str]] = cleaned["answers"]
        return {
            "answers": {
                str(shown[place]): {str(criterion): answer for criterion, answer in answers.items()}
                for place, answers in sorted(by_place.items(), key=lambda item: shown[item[0]])
            }
        }

    def form_data(self, payload: Payload, shown: Sequence[int]) -> dict[str, str]:
        return {
            field_name(place, int(criterion)): answer
            for place, position in enumerate(shown)
            for criterion, answer in payload["answers"][str(position)].items()
        }

    def check(self, payload: Payload, asked: Asked) -> None:
        answers = payload.get("answers")
        if set(payload) != {"answers"} or not isinstance(answers, dict):
            raise InvalidPayload(
                'a checklist judgment is {"answers": {place: {criterion: answer}}}'
            )
        places = {str(place) for place in range(asked.candidates)}
        if set(answers) != places:
            raise InvalidPayload(
                f"answers must cover exactly the places {', '.join(sorted(places))}"
            )
        criteria = {str(criterion.position) for criterion in asked.criteria}
        known = {answer.value for answer in Answer}
        for place, given in answers.items():
            if not isinstance(given, dict) or set(given) != criteria:
                raise InvalidPayload(f"place {place} must answer every criterion of the rubric")
            wrong = {value for value in given.values() if value not in known}
            if wrong:
                raise InvalidPayload(f"answers are yes, no or not_applicable, not {wrong.pop()!r}")

    def evidence(self, payload: Payload, candidates: Sequence[int]) -> list[Evidence]:
        return [
            Label(candidates[int(place)], int(criterion), Answer(answer))
            for place, answers in payload["answers"].items()
            for criterion, answer in answers.items()
        ]


JUDGMENT_TYPE = Checklist()
