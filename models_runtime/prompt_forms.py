"""What people choose to have prompts written; the API is checked by the same form."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.models import Prompt
from models_runtime.forms import JobForm, read_json_object
from models_runtime.models.prompt_making import PARAPHRASE, SYNTHESIS

KINDS = [
    (SYNTHESIS, _("New prompts, like those that are there")),
    (PARAPHRASE, _("A twin in other words for each prompt")),
]


class PromptsForm(JobForm):
    kind = forms.ChoiceField(choices=KINDS, initial=SYNTHESIS, label=_("What is written"))
    calls = forms.IntegerField(
        min_value=1,
        max_value=100_000,
        initial=10,
        required=False,
        label=_("Calls for ideas"),
        help_text=_("Each brings a few new prompts. Twins take one call per prompt."),
    )
    seeds = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        label=_("Start from"),
        help_text=_("External ids, one a line. Left empty, every prompt that no model wrote."),
    )
    settings = forms.CharField(
        required=False,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        label=_("Filters"),
        help_text=_(
            'As JSON, such as {"per_call": 4, "most_overlap": 0.7, "least_quality": 6, '
            '"rollouts": 8, "hardest": 0.2, "easiest": 0.9}. Left empty, their own.'
        ),
    )

    field_order = ("checkpoint", "kind", "calls", "seeds", "settings")

    def clean_seeds(self) -> list[str] | None:
        names = list(filter(None, map(str.strip, self.cleaned_data["seeds"].splitlines())))
        return list(dict.fromkeys(names)) or None

    def clean_settings(self) -> dict[str, Any]:
        return read_json_object(self.cleaned_data["settings"])

    def estimate_fields(self) -> dict[str, Any]:
        """What `prompt_requests.estimate_prompts` takes beside the project."""
        given = self.cleaned_data
        calls = 10 if given["calls"] is None else given["calls"]
        told = {name: given[name] for name in ("checkpoint", "kind", "seeds", "settings")}
        return told | {"calls": calls}

    def request_fields(self) -> dict[str, Any]:
        """What `prompt_requests.request_prompts` takes beside project and user."""
        given = self.cleaned_data
        return self.estimate_fields() | {"seed": given["seed"], "max_cost": given["max_cost"]}


def seeds_there(project: Any) -> int:
    """How many prompts a synthesis may start from."""
    return Prompt.objects.filter(project=project, idea__isnull=True).count()
