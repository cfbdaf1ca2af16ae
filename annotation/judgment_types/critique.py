"""Critique: what is wrong, where, and how badly, as marked stretches of the responses.

The categories are the criteria of the question's rubric ("Factual error", "Unclear", …). The form's
field `problems` is a JSON list of {"place": place on screen, "start": …, "end": …, "category":
criterion position, "severity": 1 to 3}; `nothing` says that nothing is wrong; without
JavaScript, rows `quote-<n>`, `response-<n>`, `category-<n>`, `severity-<n>` say the same in words.
`start` and `end` count the characters (code points) of the response's own text, before rendering.
Stretches may overlap. The payload is {"problems": [{"place": placement position, "start", "end",
"quote", "category", "severity"}, …], "categories": [criterion positions asked], "of":
number shown}.

As evidence, each category rates each response by how free of it the response is: 3 where nothing
was marked, less the worst severity marked, down to 0.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotation.errors import InvalidPayload
from annotation.evidence import Evidence, Rating
from annotation.judgment_types import Asked, JudgmentForm, Payload

SEVERITIES = [("1", _("Slight")), ("2", _("Serious")), ("3", _("Severe"))]
WORST = len(SEVERITIES)
MOST_PROBLEMS = 200
ROWS = 4  # for pages without JavaScript

Problem = dict[str, Any]


class CritiqueForm(JudgmentForm):
    def __init__(
        self, data: Mapping[str, Any] | None = None, *, asked: Asked, shown: Sequence[int]
    ) -> None:
        super().__init__(data, asked=asked, shown=shown)
        self.fields["problems"] = forms.CharField(
            required=False, max_length=200_000, label=_("Problems")
        )
        self.fields["nothing"] = forms.BooleanField(required=False, label=_("Nothing is wrong"))
        for row in range(ROWS):
            self.fields[f"quote-{row}"] = forms.CharField(required=False, max_length=10_000)
            self.fields[f"response-{row}"] = _choice(
                [(str(place), "ABCDEFGHIJ"[place]) for place in range(len(self.shown))]
            )
            self.fields[f"category-{row}"] = _choice(
                [(str(each.position), each.text) for each in asked.criteria]
            )
            self.fields[f"severity-{row}"] = _choice(SEVERITIES)

    def clean_problems(self) -> list[Problem]:
        """The marked stretches, in terms of the screen; a page's script wrote them."""
        try:
            listed = json.loads(self.cleaned_data["problems"] or "[]")
        except ValueError as error:
            raise forms.ValidationError(gettext("The marks can't be read.")) from error
        if not isinstance(listed, list) or len(listed) > MOST_PROBLEMS:
            raise forms.ValidationError(
                gettext("Mark at most %(most)s problems.") % {"most": MOST_PROBLEMS}
            )
        for each in listed:
            fault = _fault(each, self.asked, len(self.shown), self._text_at)
            if fault:
                raise forms.ValidationError(gettext("The marks can't be read: %s.") % fault)
        return [_cleaned(each, self._text_at(each["place"])) for each in listed]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        found = [*cleaned.get("problems", ()), *self._typed(cleaned)]
        cleaned |= {"found": found, "categories": categories_of(self.asked)}
        if self.errors:
            return cleaned
        if not found and not cleaned.get("nothing"):
            self.add_error("problems", _("Mark what is wrong, or say that nothing is wrong."))
        if found and cleaned.get("nothing"):
            self.add_error(
                "nothing", _("You marked something, so “nothing is wrong” can't be true too.")
            )
        return cleaned

    def _text_at(self, place: int) -> str:
        return self.asked.texts[self.shown[place]]

    def _typed(self, cleaned: Mapping[str, Any]) -> list[Problem]:
        """The rows filled in without JavaScript: words copied from a response."""
        found = []
        for row in range(ROWS):
            quote = cleaned.get(f"quote-{row}") or ""
            if not quote:
                continue
            place = int(cleaned.get(f"response-{row}") or 0)
            category, severity = cleaned.get(f"category-{row}"), cleaned.get(f"severity-{row}")
            start = self._text_at(place).find(quote)
            if start < 0:
                self.add_error(
                    f"quote-{row}", _("These words aren't in the response. Copy them exactly.")
                )
            elif not category or not severity:
                self.add_error(f"quote-{row}", _("Say what kind of problem it is, and how bad."))
            else:
                found.append(
                    {
                        "place": place,
                        "start": start,
                        "end": start + len(quote),
                        "quote": quote,
                        "category": int(category),
                        "severity": int(severity),
                    }
                )
        return found


def _choice(choices: Sequence[tuple[str, Any]]) -> forms.ChoiceField:
    return forms.ChoiceField(
        required=False,
        choices=[("", ""), *choices],
        error_messages={"invalid_choice": _("Choose one of those offered.")},
    )


def _cleaned(each: Mapping[str, Any], text: str) -> Problem:
    kept: Problem = {name: each[name] for name in ("place", "start", "end")}
    kept |= {"quote": text[each["start"] : each["end"]]}
    return kept | {name: each[name] for name in ("category", "severity")}


def _fault(each: object, asked: Asked, places: int, text_at: Any) -> str:
    """What is wrong with one problem as a machine wrote it; empty if nothing is."""
    if not isinstance(each, dict):
        return "each problem is an object"
    unknown = set(each) - {"place", "start", "end", "quote", "category", "severity"}
    if unknown:
        return f"a problem has no {', '.join(sorted(map(str, unknown)))}"
    numbers: list[Any] = [each.get(name) for name in ORDER]
    if any(type(number) is not int for number in numbers):
        return "place, start, end, category and severity are whole numbers"
    place, start, end, category, severity = numbers
    if place not in range(places):
        return f"there is no place {place}"
    text = text_at(place)
    if not 0 <= start < end <= len(text):
        return f"{start} to {end} is no stretch of a text of {len(text)} characters"
    if "quote" in each and each["quote"] != text[start:end]:
        return f"the words from {start} to {end} are others than quoted"
    if category not in {criterion.position for criterion in asked.criteria}:
        return f"there is no category {category}"
    if not 1 <= severity <= WORST:
        return f"severity is 1 to {WORST}"
    return ""


class Critique:
    slug = "critique"
    title = "Critique"
    fewest_candidates = 1
    most_candidates = 4
    needs_rubric = True
    criterion_kind: str | None = "yes_no"
    reads_texts = True
    form_class: type[JudgmentForm] = CritiqueForm

    def payload(self, cleaned: Mapping[str, Any], shown: Sequence[int]) -> Payload:
        found = [problem | {"place": shown[problem["place"]]} for problem in cleaned["found"]]
        found.sort(key=lambda each: [each[name] for name in ORDER])
        return {"problems": found, "categories": cleaned["categories"], "of": len(shown)}

    def form_data(self, payload: Payload, shown: Sequence[int]) -> dict[str, str]:
        if not payload["problems"]:
            return {"nothing": "on"}
        place_of = {position: place for place, position in enumerate(shown)}
        found = [each | {"place": place_of[each["place"]]} for each in payload["problems"]]
        return {"problems": json.dumps(found, ensure_ascii=False)}

    def check(self, payload: Payload, asked: Asked) -> None:
        problems = payload.get("problems")
        if set(payload) != {"problems", "categories", "of"} or not isinstance(problems, list):
            raise InvalidPayload(
                'a critique is {"problems": […], "categories": [criteria asked], "of": shown}'
            )
        if payload["of"] != asked.candidates:
            raise InvalidPayload(f"this question shows {asked.candidates} candidates")
        if payload["categories"] != categories_of(asked):
            raise InvalidPayload("the categories of a critique are its rubric's")
        for each in problems:
            fault = _fault(each, asked, asked.candidates, asked.texts.__getitem__)
            if not fault and "quote" not in each:
                fault = "each problem quotes the words it is about"
            if fault:
                raise InvalidPayload(fault)

    def evidence(self, payload: Payload, candidates: Sequence[int]) -> list[Evidence]:
        worst: dict[tuple[int, int], int] = {}
        for each in payload["problems"]:
            key = each["place"], each["category"]
            worst[key] = max(worst.get(key, 0), each["severity"])
        return [
            Rating(candidates[place], category, WORST - worst.get((place, category), 0), 0, WORST)
            for place in range(payload["of"])
            for category in payload["categories"]
        ]


ORDER = ("place", "start", "end", "category", "severity")


def categories_of(asked: Asked) -> list[int]:
    return [criterion.position for criterion in asked.criteria]


JUDGMENT_TYPE = Critique()
