"""Pages of an annotator about themselves: their answers, the survey, and leaving."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation import consent
from annotation.access import annotator_of
from annotation.joining_forms import WithdrawForm
from annotation.models import Annotator, Project, Role, Withdrawal
from annotation.own_page import own_answers, own_pace
from annotation.progress import own_progress_of
from annotation.rendering import render_markdown
from annotation.surveys import asking
from annotation.surveys.forms import AnswersForm
from annotation.views.entry import account, for_members


@never_cache
@require_safe
@for_members()
def mine(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    return _own_page(request, project, role, WithdrawForm(), 200)


def _own_page(
    request: HttpRequest, project: Project, role: Role, form: WithdrawForm, status: int
) -> HttpResponse:
    annotator = Annotator.objects.filter(project=project, user=account(request)).first()
    before = request.GET.get("before", "")
    known = before.isascii() and before.isdigit() and len(before) < 19
    answers, following = (
        own_answers(annotator, before=int(before) if known else None) if annotator else ([], None)
    )
    survey = asking.current_survey(project)
    profile = annotator.current_profile() if annotator else None
    context = {
        "project": project,
        "role": role,
        "own": own_progress_of(project, account(request)),
        "pace": own_pace(annotator) if annotator else None,
        "answers": answers,
        "following": following,
        "survey": survey if survey and survey.items else None,
        "attributes": sorted(profile.attributes.items()) if profile else [],
        "profile": profile,
        "withdrawal": Withdrawal.objects.filter(annotator=annotator).first(),
        "annotator": annotator,
        "form": form,
    }
    return render(request, "annotation/own.html", context, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members()
def my_survey(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    survey = asking.current_survey(project)
    if survey is None or not survey.items:
        return redirect("annotation:own", project.slug)
    annotator = annotator_of(project, account(request))
    if request.method == "POST" and "skip" in request.POST:
        asking.skip(survey=survey, annotator=annotator)
        return redirect("annotation:judge", project.slug)
    profile = annotator.current_profile()
    form = AnswersForm(
        request.POST or None,
        questions=asking.questions_of(survey),
        known=profile.attributes if profile else {},
    )
    if request.method == "POST" and form.is_valid():
        asking.answer(survey=survey, annotator=annotator, answers=form.answers())
        messages.success(
            request, _("Thank you. Your answers count for what you judge from now on.")
        )
        return redirect("annotation:own", project.slug)
    context = {
        "project": project,
        "role": role,
        "form": form,
        "introduction": render_markdown(survey.introduction),
        "survey": survey,
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "annotation/my_survey.html", context, status=status)


@require_POST
@for_members()
def withdraw(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    form = WithdrawForm(request.POST)
    if not form.is_valid():
        return _own_page(request, project, role, form, 422)
    consent.withdraw(annotator_of(project, account(request)))
    messages.success(request, _("You have withdrawn. No later release holds your answers."))
    return redirect("annotation:own", project.slug)
