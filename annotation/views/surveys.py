"""The page on which owners write the survey."""

from typing import Any

from django.contrib import messages
from django.forms import formset_factory
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from annotation.access import MANAGERS
from annotation.models import Project, Role, Survey
from annotation.surveys import asking
from annotation.surveys.forms import ItemForm, SurveyForm
from annotation.surveys.questions import MOST_QUESTIONS, SurveyRefused
from annotation.views.entry import account, for_members

Items = formset_factory(ItemForm, extra=2, max_num=MOST_QUESTIONS, absolute_max=MOST_QUESTIONS)


@require_http_methods(["GET", "HEAD", "POST"])
@for_members(*MANAGERS)
def survey(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    current = asking.current_survey(project)
    form = SurveyForm(request.POST or None, initial=_initial(current))
    items = Items(request.POST or None, initial=_items(current), prefix="item")
    refusal = ""
    if request.method == "POST" and form.is_valid() and items.is_valid():
        wanted = [plain for each in items if (plain := each.plain()) is not None]
        try:
            kept = asking.set_survey(
                project=project, by=account(request), items=wanted, **form.cleaned_data
            )
            messages.success(
                request, _("Version %(n)s of the survey is now asked.") % {"n": kept.version}
            )
            return redirect("annotation:survey", project.slug)
        except SurveyRefused as error:
            refusal = str(error)
    context = {
        "project": project,
        "role": role,
        "form": form,
        "items": items,
        "survey": current,
        "refusal": refusal,
        "replies": current.replies.exclude(profile=None).values("annotator").distinct().count()
        if current
        else 0,
        "skipped": current.replies.filter(profile=None).values("annotator").distinct().count()
        if current
        else 0,
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "annotation/survey.html", context, status=status)


def _initial(current: Survey | None) -> dict[str, Any]:
    if current is None:
        return {}
    return {"introduction": current.introduction, "required": current.required}


def _items(current: Survey | None) -> list[dict[str, Any]]:
    if current is None:
        return []
    return [
        {
            "text": question.text,
            "name": question.name,
            "kind": question.kind.value,
            "options": "\n".join(question.options),
            "must": not question.optional,
        }
        for question in asking.questions_of(current)
    ]
