"""A project's rules of assignment as a form: one set of rules, whichever door is used."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.assignment.rules import BY_GROUP, AssignmentRules, Order, RulesRefused
from annotation.telling import told

LABELS = {
    "order": _("Order of questions"),
    "most_per_annotator": _("Most questions per person"),
    "most_per_day": _("Most questions per person and day"),
    "overlap_least": _("Fewest people per question"),
    "overlap_most": _("Most people per question"),
    "certainty": _("Certainty that ends a question early"),
    "group_by": _("Attribute that makes the groups"),
    "seats_per_group": _("Seats kept for groups"),
    "judgments_per_group": _("Judgments asked of each group in the whole project"),
    "gold_share": _("Share of questions with a known answer"),
    "gold_feedback": _("Tell the expected answer afterwards"),
    "repeat_share": _("Share of one's own questions again"),
    "repeat_after": _("Answers between a question and its repeat"),
    "qualification_questions": _("Questions of the qualification"),
    "qualification_pass": _("Agreement that passes the qualification"),
    "gold_least": _("Least agreement with known answers"),
    "gold_window": _("Known answers looked at"),
    "repeat_least": _("Least agreement with oneself"),
    "repeat_window": _("Repeats looked at"),
    "fastest_ms": _("Faster than this many milliseconds is too fast"),
    "too_fast_share": _("Share of answers that may be too fast"),
    "too_fast_window": _("Answers looked at for haste"),
    "warnings": _("Warnings before a pause"),
    "pause_hours": _("Hours of a pause"),
}
SECTIONS = (
    (_("Order and limits"), ("order", "most_per_annotator", "most_per_day")),
    (_("How many people answer a question"), ("overlap_least", "overlap_most", "certainty")),
    (_("Groups"), ("group_by", "seats_per_group", "judgments_per_group")),
    (_("Known answers"), ("gold_share", "gold_least", "gold_window", "gold_feedback")),
    (
        _("The same question again"),
        ("repeat_share", "repeat_after", "repeat_least", "repeat_window"),
    ),
    (_("Qualification"), ("qualification_questions", "qualification_pass")),
    (_("Haste"), ("fastest_ms", "too_fast_share", "too_fast_window")),
    (_("What follows"), ("warnings", "pause_hours")),
)
ORDERS = [
    (Order.PRIORITY.value, _("Highest priority first")),
    (Order.SEQUENTIAL.value, _("As they were asked")),
    (Order.RANDOM.value, _("Random for each person")),
    (Order.LEAST_JUDGED.value, _("Least judged first")),
]
GROUPS_HELP = _("One group per line with its seats, such as “woman: 2”. Others share the rest.")
QUOTAS_HELP = _(
    "One group per line, such as “woman: 500”; “*: 200” is for everybody in no named group."
)
OFF_HELP = _("0 switches the rule off.")


class SeatsField(forms.CharField):
    """Lines of “group: seats”, read as a mapping."""

    widget = forms.Textarea(attrs={"rows": 3})

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        found: dict[str, int] = {}
        for line in filter(None, map(str.strip, text.splitlines())):
            group, colon, seats = line.rpartition(":")
            if not colon or not seats.strip().isdecimal() or not group.strip():
                raise forms.ValidationError(_("Write each line as “group: seats”."))
            found[group.strip()] = int(seats)
        return found

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return "\n".join(f"{group}: {seats}" for group, seats in value.items())
        return value


class AssignmentForm(forms.Form):
    """`AssignmentForm.showing(rules)` shows rules; a valid form holds them in `rules`."""

    rules: AssignmentRules

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for each in fields(AssignmentRules):
            self.fields[each.name] = _field_of(each.name, each.metadata)

    @classmethod
    def showing(cls, rules: AssignmentRules) -> "AssignmentForm":
        return cls(initial={each.name: getattr(rules, each.name) for each in fields(rules)})

    def sections(self) -> "list[tuple[Any, list[forms.BoundField]]]":
        """Fields that belong together, under their heading."""
        return [(title, [self[name] for name in names]) for title, names in SECTIONS]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        given = {name: value for name, value in cleaned.items() if value is not None}
        if not self.errors:
            try:
                self.rules = AssignmentRules.of(given)
            except RulesRefused as refused:
                for name, sentence in refused.errors.items():
                    self.add_error(name, told(sentence))
        return cleaned


def _field_of(name: str, limits: Mapping[str, Any]) -> forms.Field:
    label = LABELS[name]
    if name == "order":
        return forms.ChoiceField(label=label, choices=ORDERS)
    if name in BY_GROUP:
        told = GROUPS_HELP if name == "seats_per_group" else QUOTAS_HELP
        return SeatsField(label=label, required=False, help_text=told)
    if name == "group_by":
        return forms.CharField(label=label, required=False, max_length=100)
    if name == "gold_feedback":
        return forms.BooleanField(label=label, required=False)
    least, most = limits["least"], limits["most"]
    options = {"label": label, "required": False, "min_value": least, "max_value": most}
    if least == 0:
        options["help_text"] = OFF_HELP
    if isinstance(least, int):
        return forms.IntegerField(**options)
    return forms.FloatField(**options, widget=forms.NumberInput(attrs={"step": "0.01"}))
