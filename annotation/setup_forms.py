"""The options of a project that runs already, as a form."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.models import Project
from annotation.steps import MOST_WORDS, OFF, OPTIONAL, REQUIRED, InvalidSteps, Steps

WANTED = [(OFF, _("Not asked")), (OPTIONAL, _("May be given")), (REQUIRED, _("Needed"))]
OWN = {
    "pairwise": {
        "allow_tie": _("Offer “about the same”"),
        "allow_both_bad": _("Offer “both are bad”"),
    }
}
BEST_ONLY = _("Ask only for the best response")


class OptionsForm(forms.Form):
    """`OptionsForm.showing(project)` shows them; a valid form holds `steps` and `own()`."""

    name = forms.CharField(max_length=200, label=_("Name"))
    description = forms.CharField(
        required=False,
        max_length=2_000,
        label=_("Description"),
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    overlap = forms.IntegerField(
        min_value=1,
        max_value=1000,
        label=_("People per question"),
        help_text=_("For questions asked from now on; earlier ones keep theirs."),
    )
    lease_minutes = forms.IntegerField(
        min_value=1, max_value=24 * 60, label=_("Minutes per question")
    )
    reason = forms.ChoiceField(choices=WANTED, label=_("Reason"))
    reason_words = forms.IntegerField(
        required=False, min_value=0, max_value=MOST_WORDS, label=_("Least words of a reason")
    )
    confidence = forms.ChoiceField(choices=WANTED, label=_("How sure are you?"))
    prediction = forms.ChoiceField(choices=WANTED, label=_("What will others say?"))
    hindsight = forms.BooleanField(required=False, label=_("Ask again once consequences are shown"))

    steps: Steps

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "option_%s", **kwargs})
        self.choices_of_type = OWN.get(project.judgment_type, {})
        for name, label in self.choices_of_type.items():
            self.fields[name] = forms.BooleanField(required=False, label=label)
        if project.judgment_type == "ranking":
            self.fields["best_only"] = forms.BooleanField(required=False, label=BEST_ONLY)

    @classmethod
    def showing(cls, project: Project) -> "OptionsForm":
        steps = Steps.of(project.options)
        own = {
            name: project.options.get(name) is not False
            for name in OWN.get(project.judgment_type, {})
        }
        initial = {
            "name": project.name,
            "description": project.description,
            "overlap": project.overlap,
            "lease_minutes": max(1, project.lease_seconds // 60),
            "reason": steps.reason,
            "reason_words": steps.reason_words,
            "confidence": steps.confidence,
            "prediction": steps.prediction,
            "hindsight": steps.hindsight,
            "best_only": project.options.get("top") == 1,
        }
        return cls(project=project, initial=initial | own)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        wanted = ("reason", "confidence", "prediction", "hindsight")
        try:
            self.steps = Steps.of(
                {name: cleaned[name] for name in wanted}
                | {"reason_words": cleaned["reason_words"] or 0}
            )
        except InvalidSteps as error:
            self.add_error(None, str(error))
        return cleaned

    def own(self) -> dict[str, Any]:
        """Options of the judgment type: False where something isn't offered, None for the usual."""
        own: dict[str, Any] = {
            name: None if self.cleaned_data[name] else False for name in self.choices_of_type
        }
        if "best_only" in self.fields:
            own["top"] = 1 if self.cleaned_data["best_only"] else None
        return own

    def project_fields(self) -> dict[str, Any]:
        given = self.cleaned_data
        return {
            "name": given["name"],
            "description": given["description"],
            "overlap": given["overlap"],
            "lease_seconds": given["lease_minutes"] * 60,
        }
