"""The page of iterations: what each generation job found, how well rewards tell it apart, and the
votes that stand in where nobody knows what is right."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotation.access import MANAGERS, REVIEWERS
from annotation.models import Project, Role
from annotation.views.entry import account, for_members
from models_runtime.errors import NotPossible
from models_runtime.iterating import USUAL, iterations_of, numbers_there
from models_runtime.picking_inputs import Input
from models_runtime.views import context_of
from models_runtime.voting import MAJORITY, TWINS, Voted, reward_votes


class IterationsForm(forms.Form):
    """Which numbers say what is right and what is rewarded; the API takes the same."""

    correct = forms.CharField(
        required=False,
        max_length=100,
        label=gettext_lazy("Right by"),
        help_text=gettext_lazy("The name of a number; 0.5 or more is right."),
    )
    reward = forms.CharField(
        required=False,
        max_length=100,
        label=gettext_lazy("Reward"),
        help_text=gettext_lazy("The name of the number by which answers would be selected."),
    )
    least_reward = forms.FloatField(required=False, label=gettext_lazy("Selected from a reward of"))
    target = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=1000,
        label=gettext_lazy("Wanted per prompt"),
        help_text=gettext_lazy("Distinct right answers that would be enough."),
    )

    def asked(self) -> dict[str, Any]:
        """What `iterations_of` takes beside the project."""
        given = self.cleaned_data
        told: dict[str, Any] = {
            name: Input(given[name]) for name in ("correct", "reward") if given[name]
        }
        told["least_reward"] = 0.0 if given["least_reward"] is None else given["least_reward"]
        return told | {"target": given["target"] or 4}


@require_safe
@never_cache
@for_members(*REVIEWERS)
def iterations(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    form = IterationsForm(request.GET or None, initial={**USUAL, "least_reward": 0, "target": 4})
    found, refusal = [], ""
    try:
        if not form.is_bound:
            found = iterations_of(project)
        elif form.is_valid():
            found = iterations_of(project, **form.asked())
    except NotPossible as error:
        refusal = str(error)
    names = sorted({name for name, _source in numbers_there(project)})
    context = context_of(project, role, form=form, found=found, refusal=refusal, names=names)
    return render(request, "models_runtime/iterations.html", context)


@require_POST
@for_members(*MANAGERS)
def vote(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    kind = TWINS if "twins" in request.POST else MAJORITY
    try:
        messages.success(request, told(reward_votes(project, kind=kind, user=account(request))))
    except NotPossible as refusal:
        messages.error(request, str(refusal))
    return redirect("models_runtime:iterations", project.slug)


def told(voted: Voted) -> str:
    """What a vote came to, in a sentence or two."""
    sentence = _(
        "%(rewarded)s candidates have the number “%(name)s”, %(mean).2f on average. %(prompts)s of "
        "%(asked)s prompts have a vote; %(without)s have no answer that can be read and %(tied)s "
        "are tied."
    ) % {
        "rewarded": f"{voted.rewarded:,}",
        "name": voted.made.name,
        "mean": voted.mean,
        "prompts": f"{voted.prompts:,}",
        "asked": f"{voted.asked:,}",
        "without": f"{voted.without_answer:,}",
        "tied": f"{voted.tied:,}",
    }
    if voted.pairs is None:
        return sentence
    agreeing = _("Of %(pairs)s pairs of twins %(agreeing)s have the same vote.") % {
        "pairs": f"{voted.pairs:,}",
        "agreeing": f"{voted.agreeing:,}",
    }
    return f"{sentence} {agreeing}"
