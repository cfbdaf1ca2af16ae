"""What owners type about questions with known answers."""

from django import forms
from django.utils.translation import gettext_lazy as _

HIDDEN_HELP = _("Nobody is told that this was a check, even where the project tells afterwards.")


class FeedbackForm(forms.Form):
    explanation = forms.CharField(
        required=False,
        max_length=2_000,
        label=_("Feedback"),
        help_text=_("Read by annotators after their answer, where the project tells them."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    is_hidden = forms.BooleanField(required=False, label=_("Keep it hidden"), help_text=HIDDEN_HELP)


class MarkForm(FeedbackForm):
    qualifies = forms.BooleanField(
        required=False, label=_("Part of the qualification: newcomers get it first")
    )


class RetireForm(forms.Form):
    reason = forms.CharField(max_length=2_000, label=_("Why it is retired"))


class SearchForm(forms.Form):
    containing = forms.CharField(required=False, max_length=100, label=_("Search questions"))
