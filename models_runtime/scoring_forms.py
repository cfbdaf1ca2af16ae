"""What people choose to have candidates measured; the API is checked by the same form."""

import json
from typing import Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from annotation.models import Project
from annotation.telling import told_lazy
from models_runtime.catalogue import SCORERS
from models_runtime.checkpoints import abilities_of
from models_runtime.forms import JobForm
from models_runtime.models import Checkpoint

_SCORERS = [
    (slug, format_lazy("{}: {}", told_lazy(each.title), told_lazy(each.summary)))
    for slug, each in SCORERS.items()
]


class ScoringForm(JobForm):
    """The page offers what at least one of the project's models can measure; what else is sent is
    refused with the reason."""

    scorer = forms.ChoiceField(
        choices=_SCORERS,
        initial="reward",
        label=_("What is measured"),
    )
    partner = forms.ChoiceField(
        required=False,
        choices=list,
        label=_("Second model"),
        help_text=_("For a log-density ratio only: the weaker of the two."),
    )
    settings = forms.CharField(
        required=False,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        label=_("Settings"),
        help_text=_('Of the measure, as JSON, such as {"draws": 50}. Left empty, its own.'),
    )
    again = forms.BooleanField(
        required=False,
        label=_("Measure again"),
        help_text=_("Also those candidates that this model has measured in this very way."),
    )

    field_order = ("scorer", "checkpoint", "partner", "settings", "again")

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, project=project, **kwargs)
        field = self.fields["partner"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            ("", _("None")),
            *((key, each.label) for key, each in self.checkpoints.items()),
        ]
        scorers = self.fields["scorer"]
        assert isinstance(scorers, forms.ChoiceField)
        can = [abilities_of(each) for each in self.checkpoints.values()]
        scorers.widget.choices = [
            (slug, words)
            for slug, words in _SCORERS
            if not can or any(each is None or SCORERS[slug].needs <= each for each in can)
        ]

    def clean_partner(self) -> Checkpoint | None:
        chosen = self.cleaned_data["partner"]
        return self.checkpoints[chosen] if chosen else None

    def clean_settings(self) -> dict[str, Any]:
        text = self.cleaned_data["settings"].strip()
        if not text:
            return {}
        try:
            settings = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(_("This isn't valid JSON.")) from error
        if not isinstance(settings, dict):
            raise forms.ValidationError(_("Write an object, such as {}."))
        return settings

    def request_fields(self) -> dict[str, Any]:
        """What `enqueue.request_scoring` takes beside project and user."""
        return dict(self.cleaned_data)

    def estimate_fields(self) -> dict[str, Any]:
        """What `scoring_estimates.estimate_scoring` takes beside the project."""
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if name not in ("seed", "max_cost")
        }
