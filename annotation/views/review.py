"""Pages of reviewers: the log of answers, questions in dispute, and one question with all of it.

They name no system that wrote a response: a reviewer may be asked to judge too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotation.access import REVIEWERS
from annotation.models import (
    Adjudication,
    Annotator,
    Comment,
    ErrorCategory,
    Judgment,
    Project,
    Question,
    Role,
    Standing,
)
from annotation.quality.members import flagged
from annotation.review import browsing, disputes, verdicts
from annotation.review.wording import in_words
from annotation.review_forms import AskAgainForm, BrowseForm, CommentForm, VerdictForm
from annotation.views.entry import account, for_members

MOST_MENTIONS = 10


@dataclass(frozen=True, slots=True)
class Line:
    """A judgment and what it says."""

    judgment: Judgment
    said: str


@require_safe
@for_members(*REVIEWERS)
def judgments(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    form = BrowseForm(request.GET, project=project)
    context: dict[str, Any] = {"project": project, "role": role, "form": form}
    if form.is_valid():
        flag = form.cleaned_data["flag"]
        wanted = form.wanted(flagged(project, flag) if flag else None)
        found = browsing.judgments(project, wanted)
        page, following = browsing.page(found, before=form.cleaned_data["before"])
        query = request.GET.copy()
        if following is not None:
            query["before"] = str(following)
        context |= {
            "lines": _in_words(page),
            "next_page": query.urlencode() if following is not None else "",
            "of_question": wanted.question and page and page[0].question,
        }
    status = 200 if form.is_valid() else 422
    return render(request, "annotation/judgments.html", context, status=status)


@require_safe
@for_members(*REVIEWERS)
def in_dispute(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    between = _named(project, request)
    settled = request.GET.get("settled") == "yes"
    found = disputes.disputes(
        project, between=between, settled=settled, after=request.GET.get("after", "")
    )
    query = request.GET.copy()
    query["after"] = found.following
    mentions = (
        Comment.objects.filter(question__project=project, mentioned=account(request))
        .select_related("author", "question__prompt")
        .order_by("-created_at")[:MOST_MENTIONS]
    )
    context = {
        "project": project,
        "role": role,
        "found": found,
        "between": between,
        "settled": settled,
        "next_page": query.urlencode() if found.following else "",
        "mentions": mentions,
    }
    return render(request, "annotation/disputes.html", context)


@require_safe
@for_members(*REVIEWERS)
def question(request: HttpRequest, project: Project, role: Role, public_id: str) -> HttpResponse:
    return _question_page(request, project, role, _question(project, public_id), {})


@require_POST
@for_members(*REVIEWERS)
def adjudicate(request: HttpRequest, project: Project, role: Role, public_id: str) -> HttpResponse:
    asked = _question(project, public_id)
    form = VerdictForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose the answer that is right, or that none is."))
        return _question_page(request, project, role, asked, {"verdict_form": form})
    try:
        verdicts.adjudicate(
            question=asked,
            reviewer=account(request),
            winner=_winner(asked, form.cleaned_data["winner"]),
            categories=form.cleaned_data["categories"],
            explanation=form.cleaned_data["explanation"],
        )
        messages.success(request, _("Your verdict is kept. The answers stay as they are."))
    except verdicts.ReviewRefused as error:
        messages.error(request, str(error))
    return redirect("annotation:question", project.slug, asked.public_id)


@require_POST
@for_members(*REVIEWERS)
def remark(request: HttpRequest, project: Project, role: Role, public_id: str) -> HttpResponse:
    asked = _question(project, public_id)
    form = CommentForm(request.POST)
    if form.is_valid():
        text = form.cleaned_data["text"]
        made = verdicts.comment(question=asked, author=account(request), text=text)
        called = ", ".join(each.username for each in made.mentioned.all())
        messages.success(
            request,
            _("Your remark is kept; it calls %(names)s.") % {"names": called}
            if called
            else _("Your remark is kept."),
        )
        return redirect("annotation:question", project.slug, asked.public_id)
    return _question_page(request, project, role, asked, {"comment_form": form})


@require_POST
@for_members(*REVIEWERS)
def ask_again(request: HttpRequest, project: Project, role: Role, public_id: str) -> HttpResponse:
    asked = _question(project, public_id)
    form = AskAgainForm(request.POST)
    if not form.is_valid():
        return _question_page(request, project, role, asked, {"again_form": form})
    try:
        made = verdicts.ask_again(question=asked, by=account(request), **form.cleaned_data)
        messages.success(
            request,
            _("The question is asked again, of %(n)s people in all.") % {"n": made.overlap_after},
        )
    except verdicts.ReviewRefused as error:
        messages.error(request, str(error))
    return redirect("annotation:question", project.slug, asked.public_id)


def _question(project: Project, public_id: str) -> Question:
    found = Question.objects.filter(project=project).select_related("prompt", "rubric", "project")
    return get_object_or_404(found, public_id=public_id)


def _winner(asked: Question, named: str) -> Judgment | None:
    """The judgment a form names, None for “none”. Raises ReviewRefused."""
    if named == "none":
        return None
    for judgment in asked.judgments.all():
        if str(judgment.public_id) == named:
            return judgment
    raise verdicts.ReviewRefused(_("That isn't an answer to this question. Nothing was decided."))


def _named(project: Project, request: HttpRequest) -> list[Annotator]:
    """The two people whose disagreements are asked for; nobody where the address names none."""
    wanted = {request.GET.get("one", ""), request.GET.get("other", "")} - {""}
    everybody = Annotator.objects.filter(project=project)
    return [each for each in everybody if str(each.public_id) in wanted] if wanted else []


def _in_words(judgments: Sequence[Judgment]) -> list[Line]:
    return [Line(each, in_words(each.judgment_type, each.payload)) for each in judgments]


def _question_page(
    request: HttpRequest, project: Project, role: Role, asked: Question, forms: dict[str, Any]
) -> HttpResponse:
    rubric = asked.rubric
    criteria = dict(rubric.criteria.values_list("position", "text")) if rubric else {}
    everything = list(asked.judgments.select_related("annotator").order_by("position"))
    replaced = {judgment.supersedes_id for judgment in everything}
    lines = [
        Line(each, in_words(each.judgment_type, each.payload, criteria)) for each in everything
    ]
    verdict = verdicts.standing_verdict(asked)
    history = Adjudication.objects.filter(question=asked).select_related("reviewer", "winner")
    context = {
        "project": project,
        "role": role,
        "question": asked,
        "responses": asked.placements.asked().values_list("position", "candidate__html"),
        "answers": [line for line in lines if line.judgment.pk not in replaced],
        "earlier": [line for line in lines if line.judgment.pk in replaced],
        "counted": Standing.COUNTED,
        "verdict": verdict,
        "verdict_said": verdict
        and verdict.winner
        and in_words(verdict.winner.judgment_type, verdict.winner.payload, criteria),
        "verdict_categories": verdict and _labels(verdict),
        "history": history.order_by("-created_at"),
        "comments": asked.comments.select_related("author").order_by("created_at"),
        "requeues": asked.requeues.select_related("asked_by").order_by("created_at"),
        "verdict_form": VerdictForm(),
        "comment_form": CommentForm(),
        "again_form": AskAgainForm(),
    } | forms
    return render(request, "annotation/question.html", context, status=422 if forms else 200)


def _labels(verdict: Adjudication) -> list[str]:
    return [str(ErrorCategory(each).label) for each in verdict.categories]
