"""The forms of the page about newcomers: whose place is asked for, and how large a panel is."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from aggregation.catalogue import method_title
from aggregation.models import Run
from aggregation.pluralism.onboarding import MOST_AT_ONCE
from annotation.models import Annotator, Project
from annotation.telling import told

MOST_SEATS = 10_000
MOST_NAMED = 500  # annotators offered by name, newest first


class RunChoice(forms.ModelChoiceField):  # type: ignore[type-arg]  # not generic at runtime
    """Runs by their method, what they score, and when they were asked for."""

    def label_from_instance(self, obj: Any) -> str:
        when = f"{obj.created_at:%d %B %Y, %H:%M}"
        return f"{told(method_title(obj.method))}: {obj.get_items_display()}, {when}"


class NewcomerForm(forms.Form):
    """By which run's groups, and about whom; nobody in particular for somebody new."""

    run = RunChoice(
        queryset=Run.objects.none(),
        to_field_name="public_id",
        label=_("Groups of"),
        empty_label=None,
    )
    annotator = forms.CharField(
        required=False,
        max_length=200,
        label=_("Annotator"),
        help_text=_("Their id in this project; blank for somebody who hasn't answered yet."),
        widget=forms.TextInput(attrs={"list": "annotators", "autocomplete": "off"}),
    )
    number = forms.IntegerField(
        min_value=1, max_value=MOST_AT_ONCE, initial=5, label=_("How many questions")
    )

    def __init__(self, *args: Any, project: Project, runs: list[Run], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.project = project
        field = self.fields["run"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Run.objects.filter(pk__in=[run.pk for run in runs]).order_by("-id")

    def clean_annotator(self) -> Annotator | None:
        name = self.cleaned_data["annotator"].strip()
        if not name:
            return None
        found = Annotator.objects.filter(project=self.project, external_id=name).first()
        if found is None:
            raise forms.ValidationError(_("There is no such annotator in this project."))
        return found

    def offered(self) -> list[str]:
        known = Annotator.objects.filter(project=self.project).order_by("-pk")
        return list(known.values_list("external_id", flat=True)[:MOST_NAMED])


class PanelForm(forms.Form):
    """How many seats, drawn by which seed."""

    seats = forms.IntegerField(min_value=1, max_value=MOST_SEATS, label=_("Seats"))
    seed = forms.IntegerField(
        min_value=0,
        max_value=2**31 - 1,
        initial=0,
        label=_("Seed"),
        help_text=_("The same seed draws the same panel. Choose it before you see the draw."),
    )
