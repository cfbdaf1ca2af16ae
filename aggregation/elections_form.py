"""The form of an election: one for the page and the API, so that both refuse the same things."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from aggregation.elections import Election, hold, rule_titles
from aggregation.elections_reading import read_scores
from aggregation.elections_table import ElectionError
from aggregation.options import OptionError
from aggregation.slates.item_values import item_values
from annotation.phrases import say
from annotation.telling import told_lazy

MOST_CHARACTERS = 500_000
MOST_SYSTEMS = 60
MOST_TASKS = 1_000


class ElectionForm(forms.Form):
    """A pasted or uploaded table and how to read it. `election` is what came out, once valid."""

    table = forms.CharField(
        label=_("Paste a table"),
        required=False,
        max_length=MOST_CHARACTERS,
        strip=False,
        help_text=_("A line per system, a column per task; the first line names the tasks."),
        widget=forms.Textarea(attrs={"rows": 10, "spellcheck": "false", "class": "mono"}),
    )
    file = forms.FileField(
        label=_("Or a file"), required=False, help_text=_("CSV, with commas, semicolons or tabs.")
    )
    lower = forms.CharField(
        label=_("Lower is better on"),
        required=False,
        help_text=_("Names of tasks, with commas between them."),
    )
    leave_out = forms.CharField(
        label=_("Leave out"),
        required=False,
        help_text=_("Systems or tasks, with commas between them, such as a human baseline."),
    )
    weights = forms.CharField(
        label=_("Weights"), required=False, help_text=_("TASK: WEIGHT, … and 1 for other tasks.")
    )
    groups = forms.CharField(
        label=_("Groups of tasks"),
        required=False,
        help_text=_("TASK: GROUP, … adds the two-level Borda rule."),
    )
    rules = forms.MultipleChoiceField(
        choices=[(slug, told_lazy(title)) for slug, title in rule_titles().items()],
        widget=forms.CheckboxSelectMultiple,
        required=False,
        label=_("Only these rules"),
        help_text=_("All of them, unless some are ticked."),
    )
    replicates = forms.IntegerField(
        label=_("Resamples of the tasks"),
        required=False,
        min_value=0,
        max_value=500,
        help_text=_("For intervals of ranks; 200 unless told otherwise, 0 for none."),
    )
    seed = forms.IntegerField(label=_("Seed"), required=False, min_value=0, max_value=2**31 - 1)

    election: Election

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if self.errors:
            return given
        try:
            self.election = self._held(given)
        except (ElectionError, OptionError) as error:
            self.add_error("table", str(error))
        return given

    def _held(self, given: dict[str, Any]) -> Election:
        table = read_scores(
            self._text(given),
            weights=given["weights"],
            lower=_names(given["lower"]),
            leave_out=_names(given["leave_out"]),
        )
        if len(table.systems) > MOST_SYSTEMS or len(table.tasks) > MOST_TASKS:
            raise ElectionError(
                say(
                    "Here an election has at most %(most_systems)s systems and "
                    "%(most_tasks)s tasks. The command `./polyphony elections FILE` has no "
                    "such limit.",
                    most_systems=MOST_SYSTEMS,
                    most_tasks=f"{MOST_TASKS:,}",
                )
            )
        replicates = given["replicates"]
        return hold(
            table,
            given["rules"] or None,
            replicates=200 if replicates is None else replicates,
            seed=given["seed"] or 0,
            groups=item_values(given["groups"], "groups"),
        )

    def _text(self, given: dict[str, Any]) -> str:
        upload = given.get("file")
        if upload is None:
            if not given["table"].strip():
                raise ElectionError(say("Paste a table or choose a file."))
            return str(given["table"])
        if upload.size > MOST_CHARACTERS:
            raise ElectionError(
                say(
                    "The file has more than %(most_characters)s bytes.",
                    most_characters=f"{MOST_CHARACTERS:,}",
                )
            )
        try:
            return str(upload.read(), "utf-8-sig")
        except UnicodeDecodeError as error:
            raise ElectionError(say("The file isn't text in UTF-8.")) from error


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
