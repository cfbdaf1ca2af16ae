"""What people type when they set up a webhook; pages and API read the same form."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.webhooks.events import Event
from annotation.webhooks.managing import InvalidWebhook, check_url


class WebhookForm(forms.Form):
    url = forms.CharField(
        max_length=2000,
        label=_("Address"),
        help_text=_("Where letters are sent, such as https://example.org/polyphony."),
        widget=forms.URLInput(attrs={"autocomplete": "off", "size": 60}),
    )
    events = forms.MultipleChoiceField(
        choices=Event.choices,
        label=_("Tell it when"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one thing to be told of.")},
    )

    def clean_url(self) -> Any:
        url = self.cleaned_data["url"]
        try:
            check_url(url)
        except InvalidWebhook as error:
            raise forms.ValidationError(str(error)) from error
        return url
