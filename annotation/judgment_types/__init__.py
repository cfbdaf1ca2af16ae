"""Judgment types: one file each, found by walking this folder; the file name is the slug.

A judgment type says what may be answered (its form, in terms of what the person saw), what is kept
(a payload in terms of placement positions, free of screen sides) and what that says (evidence).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from django import forms

from annotation.evidence import Evidence

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
    """Fields every judgment type shares: an own reason and a stated confidence.

    `asked` and `shown` (placement positions in screen order) let a subclass build its fields.
    """

    reason = forms.CharField(
        required=False,
        max_length=5000,
        strip=True,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"max_length": "Keep the reason under 5,000 characters."},
    )
    confidence = forms.FloatField(
        required=False,
        min_value=0,
        max_value=1,
        error_messages={
            "min_value": "Confidence is a number from 0 to 1.",
            "max_value": "Confidence is a number from 0 to 1.",
            "invalid": "Confidence is a number from 0 to 1.",
        },
    )

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, asked: Asked, shown: Sequence[int]
    ) -> None:
        super().__init__(data)
        self.asked = asked
        self.shown = tuple(shown)
        if asked.options.get("reason") == "required":
            self.fields["reason"].required = True
            self.fields["reason"].error_messages["required"] = (
                "Please give your reason in a sentence, then choose again."
            )


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
