"""The form that asks for a report; the page and the API read the same options."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from aggregation.models import Level
from aggregation.report import ReportOptions
from aggregation.snapshot import attribute_names
from annotation.models import AnnotatorKind, Project

DEFAULTS = ReportOptions()


class ReportForm(forms.Form):
    """What is compared, how groups are told, and whose judgments count."""

    level = forms.ChoiceField(choices=Level.choices, label=_("What is compared"))
    attribute = forms.ChoiceField(
        required=False,
        label=_("Groups"),
        help_text=_("Sought in the votes, or by what people had declared when they judged."),
    )
    replicates = forms.IntegerField(
        min_value=0,
        max_value=2_000,
        initial=DEFAULTS.replicates,
        label=_("Resamples of people"),
        help_text=_("For the intervals. 200 is plenty; 0 gives none."),
    )
    seed = forms.IntegerField(
        min_value=0,
        max_value=2**53,
        initial=0,
        label=_("Seed"),
        help_text=_("The same seed on the same judgments gives the same report."),
    )
    kinds = forms.MultipleChoiceField(
        choices=AnnotatorKind.choices,
        widget=forms.CheckboxSelectMultiple,
        label=_("Whose judgments count"),
        error_messages={"required": _("Choose at least one kind of annotator.")},
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, project: Project, **rest: Any):
        super().__init__(data, **rest)
        named = [(name, name) for name in attribute_names(project)]
        self.fields["attribute"].choices = [  # type: ignore[attr-defined]
            ("", _("Sought in the votes")),
            *named,
        ]

    def plain_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in ("level", "attribute", "replicates", "seed")]

    def options(self) -> dict[str, Any]:
        """What differs from the defaults, so that the stored options say what was chosen."""
        cleaned = self.cleaned_data
        chosen: dict[str, Any] = {}
        if cleaned["attribute"]:
            chosen["attribute"] = cleaned["attribute"]
        if cleaned["replicates"] != DEFAULTS.replicates:
            chosen["replicates"] = cleaned["replicates"]
        return chosen
