"""The page on which the best of a generation job's candidates are picked."""

import json
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from annotation.access import MANAGERS
from annotation.models import Measurement, Project, Role
from annotation.telling import told
from annotation.views.entry import account, for_members
from models_runtime.catalogue import SELECTORS
from models_runtime.errors import NotPossible
from models_runtime.models import GenerationJob
from models_runtime.picking import PICKED, pick_best
from models_runtime.picking_inputs import Input, inputs_of
from models_runtime.views import PAGE_METHODS, context_of, given_in, status_of


class PickForm(forms.Form):
    """A selector and the number it reads; where it reads none, the number breaks ties. One that
    reads several takes those of the usual names."""

    selector = forms.ChoiceField(
        choices=lambda: [(slug, told(each.title)) for slug, each in SELECTORS.items()],
        initial="best_of_n",
        label=gettext_lazy("How"),
    )
    number = forms.ChoiceField(
        choices=list,
        required=False,
        label=gettext_lazy("By which number"),
        help_text=gettext_lazy(
            "Where votes decide, it breaks ties. Left empty, the number of the usual name is taken."
        ),
    )
    options = forms.CharField(
        required=False,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        label=gettext_lazy("Options"),
        help_text=gettext_lazy('Of the way of picking, as JSON, such as {"share": 0.2}.'),
    )

    def __init__(self, *args: Any, job: GenerationJob, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        numbers = (
            Measurement.objects.filter(candidate__generation__job=job, number__isnull=False)
            .order_by("name", "source")
            .values_list("name", "source")
            .distinct()
        )
        field = self.fields["number"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            ("", _("None")),
            *((json.dumps(pair), " · ".join(filter(None, pair))) for pair in numbers),
        ]

    def clean_options(self) -> dict[str, Any]:
        text = self.cleaned_data["options"].strip()
        try:
            options = json.loads(text or "{}")
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(_("This isn't valid JSON.")) from error
        if not isinstance(options, dict):
            raise forms.ValidationError(_("Write an object, such as {}."))
        return options

    def inputs(self) -> dict[str, Input]:
        """What `pick_best` reads the chosen number as."""
        if not self.cleaned_data["number"]:
            return {}
        name, source = json.loads(self.cleaned_data["number"])
        fields = inputs_of(SELECTORS[self.cleaned_data["selector"]]) or ("reward",)
        return {fields[0]: Input(name, source)} if len(fields) == 1 else {}


@require_http_methods(PAGE_METHODS)
@for_members(*MANAGERS)
def pick(request: HttpRequest, project: Project, role: Role, public_id: UUID) -> HttpResponse:
    job = get_object_or_404(GenerationJob, project=project, public_id=public_id)
    form = PickForm(given_in(request), job=job)
    if request.method == "POST" and form.is_valid():
        try:
            picked = pick_best(
                project,
                form.cleaned_data["selector"],
                inputs=form.inputs(),
                options=form.cleaned_data["options"],
                job=job,
                user=account(request),
            )
        except NotPossible as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _told(len(picked.picks), str(picked.made)))
            return redirect("models_runtime:job", project.slug, public_id)
    context = context_of(
        project,
        role,
        form=form,
        title=_("Pick the best of each prompt"),
        lead=_(
            "One of the candidates that this job wrote for a prompt is picked. The pick is kept "
            "as a measurement; no candidate is changed or deleted."
        ),
        action=_("Pick"),
    )
    return render(request, "models_runtime/start.html", context, status=status_of(form))


def _told(prompts: int, source: str) -> str:
    return ngettext(
        "Picked for %(n)s prompt. It is kept as the measurement “%(name)s” from “%(source)s”.",
        "Picked for %(n)s prompts. They are kept as the measurement “%(name)s” from “%(source)s”.",
        prompts,
    ) % {"n": f"{prompts:,}", "name": PICKED, "source": source}
