"""The pages on which several rewards are made into one, and on which one sees how it was done."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from annotation.access import MANAGERS, REVIEWERS
from annotation.models import Project, Role
from annotation.views.entry import account, for_members
from models_runtime.combining_forms import METHOD_WORDS, CombineForm
from models_runtime.combining_rewards import (
    available_to,
    combinations_of,
    combine_rewards,
    spread_of,
)
from models_runtime.errors import NotPossible
from models_runtime.views import PAGE_METHODS, context_of, given_in, status_of

MOST_LISTED = 50


@require_http_methods(PAGE_METHODS)
@for_members(*MANAGERS)
def combine(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    form = CombineForm(given_in(request), available=available_to(project))
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        asked: dict[str, Any] = {name: given[name] for name in ("name", "method", "quantile")}
        try:
            made = combine_rewards(project, given["parts"], user=account(request), **asked)
            return redirect("models_runtime:combination", project.slug, made.pk)
        except NotPossible as refusal:
            form.add_error(None, str(refusal))
    listed = [(each, METHOD_WORDS[each.method]) for each in combinations_of(project)[:MOST_LISTED]]
    context = context_of(project, role, form=form, listed=listed)
    return render(request, "models_runtime/combine.html", context, status=status_of(form))


@require_safe
@never_cache
@for_members(*REVIEWERS)
def combination(request: HttpRequest, project: Project, role: Role, pk: int) -> HttpResponse:
    made = get_object_or_404(combinations_of(project), pk=pk)
    context = context_of(
        project,
        role,
        made=made,
        method=METHOD_WORDS[made.method],
        uses_references=made.method != "weighted",
        spread=spread_of(made),
    )
    return render(request, "models_runtime/combination.html", context)
