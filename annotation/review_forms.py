"""What reviewers type: filters, verdicts, remarks, and reasons to ask again."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.catalogue import JUDGMENT_TYPES
from annotation.models import Annotator, ErrorCategory, Project, Standing
from annotation.quality.flags import TITLES
from annotation.review.browsing import Wanted
from annotation.review.verdicts import MOST_MORE
from annotation.telling import told

STANDINGS = [("", _("any")), *Standing.choices, ("replaced", _("Replaced by a later one"))]


class BrowseForm(forms.Form):
    """Filters of the list of judgments. `wanted()` is what valid ones ask for."""

    annotator = forms.ChoiceField(required=False, label=_("Who"))
    judgment_type = forms.ChoiceField(required=False, label=_("Kind"))
    standing = forms.ChoiceField(required=False, choices=STANDINGS, label=_("Standing"))
    flag = forms.ChoiceField(required=False, label=_("From people with the remark"))
    since = forms.DateField(
        required=False, label=_("From"), widget=forms.DateInput(attrs={"type": "date"})
    )
    until = forms.DateField(
        required=False, label=_("Until"), widget=forms.DateInput(attrs={"type": "date"})
    )
    differs = forms.BooleanField(required=False, label=_("Others answered differently"))
    has_reason = forms.BooleanField(required=False, label=_("With a reason"))
    question = forms.UUIDField(required=False, widget=forms.HiddenInput)
    before = forms.IntegerField(
        required=False, min_value=0, max_value=2**63 - 1, widget=forms.HiddenInput
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = Annotator.objects.filter(project=project).order_by("display_name", "external_id")
        kinds = project.questions.values_list("judgment_type", flat=True).distinct()
        self._offer("annotator", [(str(each.public_id), str(each)) for each in people])
        self._offer(
            "judgment_type", [(kind, str(_(JUDGMENT_TYPES[kind].title))) for kind in sorted(kinds)]
        )
        self._offer("flag", [(slug, told(title)) for slug, title in TITLES.items()])

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("any")), *choices]

    def wanted(self, flagged: list[int] | None) -> Wanted:
        """`flagged` are the annotators with the remark asked for, None where none is."""
        given = self.cleaned_data
        return Wanted(
            annotator=given["annotator"],
            annotators=flagged,
            question=str(given["question"] or ""),
            judgment_type=given["judgment_type"],
            standing=given["standing"],
            differs=given["differs"],
            has_reason=given["has_reason"],
            since=given["since"],
            until=given["until"],
        )


class VerdictForm(forms.Form):
    winner = forms.CharField(max_length=40)
    categories = forms.MultipleChoiceField(
        required=False,
        choices=ErrorCategory.choices,
        label=_("Why answers differ"),
        widget=forms.CheckboxSelectMultiple,
    )
    explanation = forms.CharField(
        required=False,
        max_length=5_000,
        label=_("Explanation"),
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class CommentForm(forms.Form):
    text = forms.CharField(
        max_length=5_000,
        label=_("Remark"),
        help_text=_("@name calls another reviewer. Annotators don't see remarks."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class AskAgainForm(forms.Form):
    more = forms.IntegerField(
        min_value=1, max_value=MOST_MORE, initial=1, label=_("Further people")
    )
    reason = forms.CharField(max_length=2_000, label=_("Why"))
