"""Pages of questions with known answers: the list, marking one, and how people did on it."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from annotation import gold as items
from annotation.access import MANAGERS
from annotation.assigning import make_check
from annotation.catalogue import JUDGMENT_TYPES
from annotation.errors import AnnotationError
from annotation.gold_forms import FeedbackForm, MarkForm, RetireForm, SearchForm
from annotation.models import Project, Question, Role
from annotation.project_rules import rules_of
from annotation.showing import show_expected
from annotation.views.entry import for_members


@require_safe
@for_members(*MANAGERS)
def gold(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    search = SearchForm(request.GET)
    containing = search.cleaned_data["containing"] if search.is_valid() else ""
    offered = list(items.may_become_gold(project, containing=containing)[: items.MOST_OFFERED + 1])
    context = {
        "project": project,
        "role": role,
        "items": items.gold_items(project),
        "rules": rules_of(project),
        "search": search,
        "containing": containing,
        "offered": offered[: items.MOST_OFFERED],
        "more": len(offered) > items.MOST_OFFERED,
    }
    return render(request, "annotation/gold.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@for_members(*MANAGERS)
def mark_gold(request: HttpRequest, project: Project, role: Role, public_id: str) -> HttpResponse:
    """The question as annotators see it, to be answered with the answer that is expected."""
    asked = get_object_or_404(items.may_become_gold(project), public_id=public_id)
    data = request.POST if request.method == "POST" else None
    form, marking = items.expected_form(asked, data), MarkForm(data)
    if data is not None and form.is_valid() and marking.is_valid():
        payload = JUDGMENT_TYPES[asked.judgment_type].payload(form.cleaned_data, form.shown)
        try:
            make_check(question=asked, payload=payload, **marking.cleaned_data)
            messages.success(request, _("The question has a known answer now and checks people."))
            return redirect("annotation:gold", project.slug)
        except AnnotationError as error:
            messages.error(request, str(error))
    context = {
        "project": project,
        "role": role,
        "question": asked,
        "showing": show_expected(asked, form),
        "marking": marking,
        "asks": _(JUDGMENT_TYPES[asked.judgment_type].title),
    }
    return render(request, "annotation/gold_mark.html", context, status=422 if data else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@for_members(*MANAGERS)
def gold_item(request: HttpRequest, project: Project, role: Role, public_id: str) -> HttpResponse:
    """How people did on one of them; its feedback is changed and it is retired here."""
    found = Question.objects.filter(project=project, gold_answer__isnull=False)
    asked = get_object_or_404(
        found.select_related("gold_answer", "prompt", "rubric", "project"), public_id=public_id
    )
    forms: dict[str, Any] = {}
    if request.method == "POST" and request.POST.get("form") == "retire":
        form = RetireForm(request.POST)
        if form.is_valid():
            items.retire(question=asked, reason=form.cleaned_data["reason"])
            messages.success(request, _("It is retired: it checks nobody any more."))
            return redirect("annotation:gold-item", project.slug, asked.public_id)
        forms["retire_form"] = form
    elif request.method == "POST":
        feedback = FeedbackForm(request.POST)
        if feedback.is_valid():
            items.set_feedback(known=asked.gold_answer, **feedback.cleaned_data)
            messages.success(request, _("The feedback is kept and told from now on."))
            return redirect("annotation:gold-item", project.slug, asked.public_id)
        forms["feedback_form"] = feedback
    item, tried = items.gold_item(asked)
    known = asked.gold_answer
    context = {
        "project": project,
        "role": role,
        "item": item,
        "tried": tried,
        "rules": rules_of(project),
        "responses": asked.placements.asked()
        .order_by("position")
        .values_list("position", "candidate__html"),
        "feedback_form": FeedbackForm(
            initial={"explanation": known.explanation, "is_hidden": known.is_hidden}
        ),
        "retire_form": RetireForm(),
    } | forms
    return render(request, "annotation/gold_item.html", context, status=422 if forms else 200)
