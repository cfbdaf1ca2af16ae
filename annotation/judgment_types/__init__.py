"""Judgment types: one file each, found by walking this folder; the file name is the slug.

A judgment type says what may be answered (its form, in terms of what the person saw), what is kept
(a payload in terms of placement positions, free of screen sides) and what that says (evidence).
"""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Protocol, Self, runtime_checkable

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.evidence import Evidence
from annotation.steps import OFF, REQUIRED, Steps

Payload = dict[str, Any]


@dataclass(frozen=True, slots=True)
class AskedCriterion:
    """One criterion as a question asks it. `kind` is "yes_no" or "scale"."""

    position: int
    text: str
    explanation: str = ""
    kind: str = "yes_no"
    anchors: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question asks, as far as its judgment type needs to know.

    `candidates` is how many are shown; positions run from 0. `options` are the project's settings
    for the judgment type; unknown ones are refused when the project is saved, not here. `texts`
    are the candidates' own, by position, for types that read them.
    """

    candidates: int
    criteria: tuple[AskedCriterion, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    texts: tuple[str, ...] = ()


class JudgmentForm(forms.Form):
    """Fields every judgment type shares: a reason, a stated confidence, a guess at the others.

    `asked` and `shown` (placement positions in screen order) let a subclass build its fields; the
    project's `steps` say which of the shared ones are asked for.
    """

    reason = forms.CharField(
        required=False,
        max_length=5000,
        strip=True,
        label=_("Why?"),
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={
            "required": _("Please give your reason in a sentence, then choose again."),
            "max_length": _("Keep the reason under 5,000 characters."),
        },
    )
    confidence = forms.FloatField(
        required=False,
        min_value=0,
        max_value=1,
        label=_("How sure are you?"),
        error_messages={
            "required": _("Please say how sure you are, then choose again."),
            "min_value": _("Confidence is a number from 0 to 1."),
            "max_value": _("Confidence is a number from 0 to 1."),
            "invalid": _("Confidence is a number from 0 to 1."),
        },
    )
    others = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=100,
        label=_("Of 100 others, how many will answer as you do?"),
        error_messages={
            "required": _("Please guess how many of 100 others will answer as you do."),
            "min_value": _("Give a whole number from 0 to 100."),
            "max_value": _("Give a whole number from 0 to 100."),
            "invalid": _("Give a whole number from 0 to 100."),
        },
    )

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, asked: Asked, shown: Sequence[int]
    ) -> None:
        super().__init__(data)
        self.asked = asked
        self.shown = tuple(shown)
        self.steps = steps = Steps.of(asked.options)
        wanted = {
            "reason": steps.reason,
            "confidence": steps.confidence,
            "others": steps.prediction,
        }
        for name, want in wanted.items():
            self.fields[name].required = want == REQUIRED
        if steps.reason == OFF:
            del self.fields["reason"]
        if steps.prediction == OFF:
            del self.fields["others"]

    def answered(self, data: Mapping[str, Any]) -> Self:
        """This form with an answer; they share their fields, which nobody changes once made."""
        form = copy(self)
        vars(form).update(data=data, is_bound=True, _errors=None, _bound_fields_cache={})
        return form

    def clean_reason(self) -> str:
        reason = str(self.cleaned_data["reason"])
        least = self.steps.reason_words
        if (reason or self.steps.reason == REQUIRED) and len(reason.split()) < least:
            raise forms.ValidationError(
                _("A little more, please: give your reason in at least %(least)s words.")
                % {"least": least}
            )
        return reason


class JudgmentType(Protocol):
    """The protocol of a judgment type. See `pairwise` for the shortest example.

    `criterion_kind` is the one kind of criterion its rubrics may hold, None if it uses no rubric.
    `reads_texts` says that its form needs the candidates' own texts.
    """

    slug: str
    title: str
    fewest_candidates: int
    most_candidates: int
    needs_rubric: bool
    criterion_kind: str | None
    reads_texts: bool
    form_class: type[JudgmentForm]

    def payload(self, cleaned: Mapping[str, Any], shown: Sequence[int]) -> Payload:
        """The canonical payload of a valid form, with screen places turned into positions."""

    def form_data(self, payload: Payload, shown: Sequence[int]) -> dict[str, str]:
        """The form values that say `payload`, for reopening an answer on the sides it was given."""

    def check(self, payload: Payload, asked: Asked) -> None:
        """Raise InvalidPayload, with a sentence, unless `payload` could come from a valid form."""

    def evidence(self, payload: Payload, candidates: Sequence[int]) -> list[Evidence]:
        """What the payload says; `candidates[p]` names the candidate at position p."""


@runtime_checkable
class WritesText(Protocol):
    """A judgment type whose answer holds a new text, which becomes a candidate of the prompt."""

    def text_of(self, payload: Payload) -> str:
        """The new text."""

    def placed(self, payload: Payload, position: int) -> Payload:
        """The payload, naming the position that the new candidate was given in its question."""
