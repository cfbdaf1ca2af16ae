"""Forms for breaking a tie: a draw by a beacon, a game of commitments, a record to check."""

import json
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from aggregation.diagnostics.tie_break import TieBreak, TieBreakError, beacon_draw, played
from annotation.phrases import say

MOST_OPTIONS = 1_000


class _TieForm(forms.Form):
    """A form whose `record` is there once it is valid."""

    record: TieBreak

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                self.record = self.broken(cleaned)
            except json.JSONDecodeError as error:
                raise forms.ValidationError(_("This is no JSON: %s.") % error) from error
            except (TieBreakError, TypeError, ValueError) as error:
                raise forms.ValidationError(str(error)) from error
        return cleaned

    def broken(self, cleaned: dict[str, Any]) -> TieBreak:
        """The record; raises TieBreakError, TypeError or ValueError."""
        raise NotImplementedError


class DrawForm(_TieForm):
    """One of the options by a text that nobody knew before the votes."""

    options = forms.CharField(
        max_length=100_000,
        widget=forms.Textarea(attrs={"rows": 4}),
        label=_("Tied options"),
        help_text=_("One per line."),
    )
    beacon = forms.CharField(
        max_length=2_000,
        label=_("Beacon"),
        help_text=_(
            "A text that nobody could know when the votes were cast and everybody can look up, "
            "such as Friday’s lottery numbers. Say which one before it is published."
        ),
    )
    digest = forms.CharField(
        max_length=200, required=False, label=_("Digest of the data"),
        help_text=_("Such as the SHA-256 of the run’s result."),
    )  # fmt: skip
    question = forms.CharField(max_length=500, required=False, label=_("What is decided"))

    def broken(self, cleaned: dict[str, Any]) -> TieBreak:
        options = [line.strip() for line in cleaned["options"].splitlines() if line.strip()]
        if len(options) > MOST_OPTIONS:
            raise TieBreakError(
                say(
                    "At most %(most_options)s options can be drawn from.",
                    most_options=f"{MOST_OPTIONS:,}",
                )
            )
        return beacon_draw(options, cleaned["digest"], cleaned["question"], cleaned["beacon"])


class GameForm(_TieForm):
    """The game of commitments, once everybody has revealed."""

    game = forms.CharField(
        max_length=1_000_000,
        widget=forms.Textarea(attrs={"rows": 6}),
        label=_("Game"),
        help_text='{"options": […], "commits": {"who": "hash"}, '
        '"reveals": {"who": {"number": 5, "salt": "…"}}}',
    )

    def broken(self, cleaned: dict[str, Any]) -> TieBreak:
        return played(json.loads(cleaned["game"]))


class RecordForm(_TieForm):
    """A record that somebody published."""

    text = forms.CharField(
        max_length=1_000_000,
        widget=forms.Textarea(attrs={"rows": 6}),
        label=_("Record"),
        help_text=_("As this page or the API gave it."),
    )

    def broken(self, cleaned: dict[str, Any]) -> TieBreak:
        given = json.loads(cleaned["text"])
        if not isinstance(given, dict):
            raise TieBreakError(say("A record is a JSON object."))
        return TieBreak.from_plain(given)
