"""What people choose when they build a judge: derived from the protocol's own options."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.models import Project, Rubric
from annotation.telling import told
from models_runtime.catalogue import PROTOCOLS
from models_runtime.forms import JobForm
from models_runtime.judge_planning import LEAST_LENGTH, MOST_BUDGET
from models_runtime.judging.options import OptionField, Options
from models_runtime.judging.protocol import JudgingProtocol
from models_runtime.models import Checkpoint

OPTION, SEAT = "option_", "seat_"


class JudgingForm(JobForm):
    """A judge under one protocol: its model, its options, who else sits, and what it may cost."""

    reveals = forms.BooleanField(
        required=False,
        label=_("Show its verdicts to people"),
        help_text=_(
            "Whoever has answered a question may then read what this judge said of it. Nobody "
            "sees it before answering."
        ),
    )

    def __init__(self, *args: Any, project: Project, protocol: str, **kwargs: Any) -> None:
        super().__init__(*args, project=project, **kwargs)
        self.protocol = protocol
        self.way: JudgingProtocol = PROTOCOLS[protocol]
        self.fields["max_cost"].label = _("Money cap")
        for option in self.way.options_class.form_fields():
            self.fields[OPTION + option.name] = field_of(option)
        own = [(key, each.label) for key, each in self.checkpoints.items()]
        for name, words in list(self.way.seats.items())[1:]:
            self.fields[SEAT + name] = forms.ChoiceField(
                label=told(words), required=False, choices=[("", _("The same model")), *own]
            )
        first = ["checkpoint", *(name for name in self.fields if name.startswith((OPTION, SEAT)))]
        if not self.way.judgment_types:
            del self.fields["reveals"]
        self.order_fields([*first, "reveals", "max_cost", "seed"])

    def request_fields(self) -> dict[str, Any]:
        """What `enqueue.request_judging` takes beside project and user."""
        given = self.cleaned_data
        seats: Mapping[str, Checkpoint] = {
            name.removeprefix(SEAT): self.checkpoints[value]
            for name, value in given.items()
            if name.startswith(SEAT) and value
        }
        return {
            "checkpoint": given["checkpoint"],
            "protocol": self.protocol,
            "options": self.options(),
            "seats": seats,
            "reveals": given.get("reveals", False),
            "max_cost": given["max_cost"],
            "seed": given["seed"],
        }

    def options(self) -> dict[str, Any]:
        """The protocol's options as chosen; one left empty has its default."""
        return chosen_options(self.way.options_class, self.cleaned_data)


def chosen_options(options: type[Options], given: Mapping[str, Any]) -> dict[str, Any]:
    """Options from a form's fields; one left empty has its default."""
    chosen: dict[str, Any] = {}
    for option in options.form_fields():
        value = given[OPTION + option.name]
        chosen[option.name] = option.default if value in (None, "") else value
    return chosen


def field_of(option: OptionField) -> forms.Field:
    """The form field of a protocol's or study's option."""
    words: dict[str, Any] = {
        "label": told(option.label), "help_text": told(option.help), "initial": option.default,
        "required": False,
    }  # fmt: skip
    if option.choices:
        return forms.ChoiceField(
            choices=[(slug, told(words)) for slug, words in option.choices.items()], **words
        )
    if option.kind == "bool":
        return forms.BooleanField(**words)
    if option.kind == "str":
        return forms.CharField(max_length=200, **words)
    bounds: dict[str, Any] = {"min_value": option.low, "max_value": option.high}
    return (forms.IntegerField if option.kind == "int" else forms.FloatField)(**bounds, **words)


class PlanForm(forms.Form):
    """What the planner of solving and verifying needs to know."""

    plateau = forms.IntegerField(
        label=_("Plateau"),
        min_value=1,
        max_value=10_000,
        help_text=_("Solutions at which voting over them stops getting better."),
    )
    verifications = forms.IntegerField(
        label=_("Verifications of each response"), min_value=1, max_value=64
    )
    budget = forms.FloatField(
        label=_("Budget of a prompt, in solutions"),
        required=False,
        min_value=1,
        max_value=MOST_BUDGET,
        help_text=_("Empty: what verifying the responses that are here would cost."),
    )
    length = forms.FloatField(
        label=_("Length of a verification, in solutions"),
        required=False,
        min_value=LEAST_LENGTH,
        max_value=100,
        help_text=_("Empty: as counted in this project."),
    )


class LaunchForm(forms.Form):
    """Starting the judge that was tried."""

    max_cost = forms.FloatField(
        required=False,
        min_value=1e-9,
        label=_("Money cap"),
        help_text=_("Stops the job when its calls have cost so much, by the checkpoint's prices."),
    )
    reveals = forms.BooleanField(
        required=False, label=_("Show its verdicts to people once they have answered")
    )


class ChecklistForm(forms.Form):
    """A checklist as text, one question a line."""

    text = forms.CharField(
        label=_("Questions, one a line"),
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 10}),
        help_text=_("Each can be answered yes or no; yes means good."),
    )

    def __init__(self, *args: Any, rubric: Rubric, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["text"].initial = "\n".join(each.text for each in rubric.criteria.all())

    def items(self) -> list[str]:
        lines = str(self.cleaned_data["text"]).splitlines()
        return [" ".join(line.split()) for line in lines if line.strip()]
