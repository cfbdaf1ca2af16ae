"""What people choose when they ask for a study: derived from its own options."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.models import Project
from annotation.telling import told
from models_runtime.catalogue import STUDIES
from models_runtime.forms import JobForm
from models_runtime.judge_forms import OPTION, SEAT, chosen_options, field_of
from models_runtime.study_requests import MOST_MEMBERS


class StudyForm(JobForm):
    """A study: its model, who else is asked, its options, and what it may cost."""

    def __init__(self, *args: Any, project: Project, study: str, **kwargs: Any) -> None:
        super().__init__(*args, project=project, **kwargs)
        self.slug = study
        self.study = STUDIES[study]
        self.fields["checkpoint"].label = told(next(iter(self.study.seats.values())))
        self.fields["max_cost"].label = _("Money cap")
        own = [(key, each.label) for key, each in self.checkpoints.items()]
        if self.study.fewest_members:
            self.fields["members"] = forms.MultipleChoiceField(
                label=_("Further members"),
                choices=own,
                help_text=_(
                    "At least %(fewest)s models in all, of at least three families: nobody judges "
                    "its own."
                )
                % {"fewest": self.study.fewest_members},
                widget=forms.CheckboxSelectMultiple,
            )
        for name, words in list(self.study.seats.items())[1:]:
            self.fields[SEAT + name] = forms.ChoiceField(
                label=told(words), required=False, choices=[("", _("The same model")), *own]
            )
        for option in self.study.options_class.form_fields():
            self.fields[OPTION + option.name] = field_of(option)
        named = [name for name in self.fields if name.startswith((OPTION, SEAT))]
        self.order_fields(["checkpoint", "members", *named, "max_cost", "seed"])

    def clean_members(self) -> list[str]:
        chosen: list[str] = self.cleaned_data["members"]
        first = self.cleaned_data.get("checkpoint")
        rest = [each for each in chosen if self.checkpoints[each] != first]
        if len(rest) >= MOST_MEMBERS:
            raise forms.ValidationError(
                _("At most %(most)s models may sit in it, the first one among them.")
                % {"most": MOST_MEMBERS}
            )
        return rest

    def study_fields(self) -> dict[str, Any]:
        """What `study_requests.request_study` takes beside project and user."""
        given = self.cleaned_data
        return {
            "checkpoint": given["checkpoint"],
            "study": self.slug,
            "options": chosen_options(self.study.options_class, given),
            "seats": {
                name.removeprefix(SEAT): self.checkpoints[value]
                for name, value in given.items()
                if name.startswith(SEAT) and value
            },
            "members": [self.checkpoints[each] for each in given.get("members", ())],
            "max_cost": given["max_cost"],
            "seed": given["seed"],
        }
