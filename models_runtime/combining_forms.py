"""What people choose to make several rewards into one."""

import hashlib
from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from models_runtime.combining_rewards import Available, Part

METHOD_WORDS = {
    "log_sigmoid": _("Log-sigmoid against a reference, summed"),
    "weighted": _("Weighted sum"),
    "minimum": _("The least of them"),
}


class CombineForm(forms.Form):
    """A tick and a weight for each number that there is, and how they are made into one."""

    method = forms.ChoiceField(
        choices=list(METHOD_WORDS.items()),
        label=_("How"),
        help_text=_(
            "The log-sigmoid asks that all be good enough: far above its reference a better number "
            "adds little. A weighted sum lets the widest scale decide. The least lets no number "
            "make up for another; it compares each with its reference, in quartile spreads."
        ),
    )
    quantile = forms.FloatField(
        initial=0.5,
        min_value=0.001,
        max_value=0.999,
        label=_("Reference quantile"),
        help_text=_("Of each number over the candidates: 0.5 is its median."),
    )
    name = forms.CharField(
        initial="combined", max_length=100, label=_("Name"), help_text=_("Of the new number.")
    )

    def __init__(self, *args: Any, available: Sequence[Available], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.available = {_key(each): each for each in available}
        for key, each in self.available.items():
            words = f"{each.name} {each.source}".strip()
            self.fields[f"use_{key}"] = forms.BooleanField(required=False, label=words)
            self.fields[f"weight_{key}"] = forms.FloatField(
                required=False,
                initial=1.0,
                label=_("Weight of %(name)s") % {"name": words},
                widget=forms.NumberInput(attrs={"step": "any"}),
            )

    def rows(self) -> list[tuple[Available, forms.BoundField, forms.BoundField]]:
        """Each number with its tick and its weight, for the page."""
        return [
            (each, self[f"use_{key}"], self[f"weight_{key}"])
            for key, each in self.available.items()
        ]

    def settings(self) -> list[forms.BoundField]:
        """The fields that are not about one number."""
        return [self[name] for name in ("method", "quantile", "name")]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        ticked = [key for key in self.available if cleaned.get(f"use_{key}")]
        if not ticked:
            raise forms.ValidationError(_("Choose at least one number."))
        cleaned["parts"] = [
            Part(self.available[key].name, self.available[key].source, self._weight(key))
            for key in ticked
        ]
        return cleaned

    def _weight(self, key: str) -> float:
        given = self.cleaned_data.get(f"weight_{key}")
        return 1.0 if given is None else float(given)


def _key(each: Available) -> str:
    """A field's name that stays the same when other numbers come or go."""
    told = f"{each.name}\0{each.source}".encode()
    return hashlib.sha256(told).hexdigest()[:16]
