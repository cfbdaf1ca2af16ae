"""The survey as owners write it and as annotators answer it."""

from typing import Any

from django import forms
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from annotation.surveys.questions import MOST_TEXT, Kind, SurveyQuestion

PRIVATE = "private"
KINDS = [
    (Kind.CHOICE.value, _("One of several")),
    (Kind.MULTI.value, _("Any of several")),
    (Kind.NUMBER.value, _("A number")),
    (Kind.TEXT.value, _("A short text")),
]


class ItemForm(forms.Form):
    """One question of the survey; an empty text leaves it out."""

    text = forms.CharField(required=False, max_length=MOST_TEXT, label=_("Question"))
    name = forms.CharField(
        required=False,
        max_length=40,
        label=_("Name"),
        help_text=_("What results call it. Left empty, it is made from the question."),
    )
    kind = forms.ChoiceField(choices=KINDS, label=_("Answer"))
    options = forms.CharField(
        required=False,
        max_length=5_000,
        label=_("Options, one a line"),
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    must = forms.BooleanField(required=False, label=_("Needs an answer"))

    def plain(self) -> dict[str, Any] | None:
        given = self.cleaned_data
        if not given.get("text"):
            return None
        name = given["name"] or slugify(given["text"]).replace("-", "_")[:40].strip("_")
        return {
            "name": name,
            "text": given["text"],
            "kind": given["kind"],
            "options": given["options"].splitlines(),
            "optional": not given["must"],
        }


class SurveyForm(forms.Form):
    introduction = forms.CharField(
        required=False,
        max_length=5_000,
        label=_("Introduction"),
        help_text=_("Why you ask, and who will see the answers. Markdown."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    required = forms.BooleanField(
        required=False, label=_("Ask before judging (it can still be skipped)")
    )


class AnswersForm(forms.Form):
    """An annotator's answers. Each question can be answered with “Prefer not to say”."""

    def __init__(
        self, *args: Any, questions: list[SurveyQuestion], known: dict[str, Any], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.questions = questions
        for question in questions:
            self.fields[question.name] = _field(question, known.get(question.name))
            if question.kind != Kind.CHOICE:
                self.fields[_private(question)] = forms.BooleanField(
                    required=False, label=_("Prefer not to say")
                )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for question in self.questions:
            given = cleaned.get(question.name)
            private = given == PRIVATE or cleaned.get(_private(question))
            if not (private or question.optional or given not in (None, "", [])):
                if question.name not in self.errors:
                    self.add_error(question.name, _("Answer this, or say that you prefer not to."))
            elif private:
                cleaned[question.name] = None
                self.errors.pop(question.name, None)
        return cleaned

    def answers(self) -> dict[str, Any]:
        return {question.name: self.cleaned_data.get(question.name) for question in self.questions}

    def rows(self) -> list[tuple[SurveyQuestion, forms.BoundField, forms.BoundField | None]]:
        return [
            (
                question,
                self[question.name],
                self[_private(question)] if _private(question) in self.fields else None,
            )
            for question in self.questions
        ]


def _private(question: SurveyQuestion) -> str:
    return f"{question.name}-private"


def _field(question: SurveyQuestion, known: Any) -> forms.Field:
    options = [(option, option) for option in question.options]
    match question.kind:
        case Kind.CHOICE:
            return forms.ChoiceField(
                required=False,
                label=question.text,
                initial=known,
                choices=[*options, (PRIVATE, _("Prefer not to say"))],
                widget=forms.RadioSelect,
            )
        case Kind.MULTI:
            return forms.MultipleChoiceField(
                required=False,
                label=question.text,
                initial=question.chosen(known),
                choices=options,
                widget=forms.CheckboxSelectMultiple,
            )
        case Kind.NUMBER:
            return forms.FloatField(
                required=False, label=question.text, initial=known, min_value=-1e9, max_value=1e9
            )
        case Kind.TEXT:
            return forms.CharField(
                required=False, label=question.text, initial=known, max_length=200
            )
