"""Rewrite: a better text in place of a response. It says that the new one is better than the old.

The form's field `text` starts as the response. The payload is {"text": …, "of": 0}; once kept,
"written" names the position at which the new candidate was placed in the question. Nobody is shown
it there; it may meet other responses, blind, in questions of its own.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.errors import InvalidPayload
from annotation.evidence import Comparison, Evidence
from annotation.judgment_types import Asked, JudgmentForm, Payload

LONGEST = 50_000  # characters, as many as are rendered
BETTER = 2  # on the scale of 1 "slightly" to 3 "much": whoever rewrites says "better" and no more


def as_kept(text: str) -> str:
    """Line ends as one character; a form sends two. Nothing else is touched."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def is_unchanged(text: str, original: str) -> bool:
    """Whether the two differ in nothing but white space."""
    return text.split() == original.split()


class RewriteForm(JudgmentForm):
    text = forms.CharField(
        max_length=LONGEST,
        strip=False,
        label=_("Your version"),
        widget=forms.Textarea(attrs={"rows": 12}),
        error_messages={
            "required": _("Your version is empty. Write a better text, or skip this question."),
            "max_length": _("Keep your version under 50,000 characters."),
        },
    )

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, asked: Asked, shown: Sequence[int]
    ) -> None:
        super().__init__(data, asked=asked, shown=shown)
        self.original = asked.texts[self.shown[0]] if asked.texts else ""
        self.fields["text"].initial = self.original

    def clean_text(self) -> str:
        text = as_kept(str(self.cleaned_data["text"]))
        if not text.strip():
            raise forms.ValidationError(self.fields["text"].error_messages["required"])
        if is_unchanged(text, self.original):
            raise forms.ValidationError(
                _("Your version is the same as the response. Change it, or skip this question.")
            )
        return text


class Rewrite:
    slug = "rewrite"
    title = "Rewrite"
    fewest_candidates = 1
    most_candidates = 1
    needs_rubric = False
    criterion_kind: str | None = None
    reads_texts = True
    form_class: type[JudgmentForm] = RewriteForm

    def payload(self, cleaned: Mapping[str, Any], shown: Sequence[int]) -> Payload:
        return {"text": cleaned["text"], "of": shown[0]}

    def form_data(self, payload: Payload, shown: Sequence[int]) -> dict[str, str]:
        return {"text": str(payload["text"])}

    def check(self, payload: Payload, asked: Asked) -> None:
        text, of = payload.get("text"), payload.get("of")
        unknown = set(payload) - {"text", "of", "written"}
        if unknown:
            raise InvalidPayload(f"a rewrite has no {', '.join(sorted(unknown))}")
        if not isinstance(text, str) or not text.strip() or len(text) > LONGEST:
            raise InvalidPayload(f"text must be a text of 1 to {LONGEST:,} characters")
        if type(of) is not int or of not in range(asked.candidates):
            raise InvalidPayload(f"of names the position of the response rewritten, not {of!r}")
        if asked.texts and is_unchanged(text, asked.texts[of]):
            raise InvalidPayload("the text is the same as the response")
        written = payload.get("written", asked.candidates)
        if type(written) is not int or written < asked.candidates:
            raise InvalidPayload("written names a position after those that were asked about")

    def evidence(self, payload: Payload, candidates: Sequence[int]) -> list[Evidence]:
        return [Comparison(candidates[payload["written"]], candidates[payload["of"]], BETTER)]

    def text_of(self, payload: Payload) -> str:
        return str(payload["text"])

    def placed(self, payload: Payload, position: int) -> Payload:
        return payload | {"written": position}


JUDGMENT_TYPE = Rewrite()
