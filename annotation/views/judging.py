"""The judging page: one question, one answer, the next question."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from annotation import ahead, hindsight, queue
from annotation.access import annotator_of
from annotation.amendment import amend, latest_of, own_answer
from annotation.errors import (
    AnnotationError,
    InvalidAnswer,
    JudgingStopped,
    NotYourAssignment,
    SurveyDue,
)
from annotation.forms import SKIP_REASONS, AheadForm, AnswerEnvelope, SkipForm
from annotation.models import Annotator, Project, Role
from annotation.progress import OwnProgress, own_progress
from annotation.showing import Showing, look_back, reopen, show, show_again
from annotation.submission import submit
from annotation.surveys.asking import due
from annotation.views.entry import account, for_members, is_fragment


@never_cache
@require_http_methods(["GET", "POST"])
@for_members()
def judge(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    annotator = _annotator(request, project)
    if request.method != "POST":
        if due(annotator) is not None:
            return redirect("annotation:my-survey", project.slug)
        return _next_question(request, annotator)
    try:
        envelope = AnswerEnvelope.of(request.POST)
        kept = submit(
            annotator=annotator,
            assignment_id=envelope.handle,
            data=request.POST,
            submission_key=envelope.submission_key,
        )
    except InvalidAnswer:
        return _same_question(request, annotator)
    except AnnotationError as error:
        return _done(request, annotator, warning=_(str(error)), status=409)
    shown = None if kept.notice else _already_shown(request, annotator)
    return shown or _done(request, annotator, saved=True, warning=kept.notice)


def _already_shown(request: HttpRequest, annotator: Annotator) -> HttpResponse | None:
    """If the page shows the question leased ahead already: log that, and bring the one after it."""
    try:
        handle = AheadForm(request.POST).handle()
        if handle is None or ahead.put_on_screen(annotator, handle) is None:
            return None
    except AnnotationError:
        return None  # then the page is told what to show, and why
    response = _ahead(request, annotator)
    response["X-Shown"] = handle
    return response


@never_cache
@require_POST
@for_members()
def ahead_of(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    """The question after the one on the screen, for the page to keep unseen; 204 if none is due."""
    return _ahead(request, _annotator(request, project))


@require_POST
@for_members()
def unseen(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    """The page is being left: what it kept unseen goes back."""
    try:
        ahead.let_go(_annotator(request, project), AnswerEnvelope.of(request.POST).handle)
    except NotYourAssignment:
        return HttpResponse(status=409)
    return HttpResponse(status=204)


def _ahead(request: HttpRequest, annotator: Annotator) -> HttpResponse:
    assignment = ahead.take_ahead(annotator)
    if assignment is None:
        return HttpResponse(status=204)
    now = own_progress(annotator)
    response = _page(
        request,
        annotator,
        show(assignment),
        {},
        status=200,
        progress=OwnProgress(now.answered + 1, now.total),
    )
    response["X-Fresh-Seconds"] = str(int(ahead.lease_of(annotator.project).total_seconds()))
    return response


@never_cache
@require_http_methods(["GET", "POST"])
@for_members()
def previous(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    """The person's newest answer again, to be changed; it stands until they answer anew."""
    annotator = _annotator(request, project)
    if request.method != "POST":
        return _reopened(request, annotator)
    try:
        envelope = AnswerEnvelope.of(request.POST)
        amend(
            annotator=annotator,
            judgment_id=envelope.handle,
            data=request.POST,
            submission_key=envelope.submission_key,
        )
    except InvalidAnswer:
        return _reopened(request, annotator, data=request.POST)
    except AnnotationError as error:
        return _done(request, annotator, warning=_(str(error)), status=409)
    return _done(request, annotator, saved=True)


@never_cache
@require_POST
@for_members()
def look_back_at(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    """The second answer to a question, given in hindsight; the first is kept beside it."""
    annotator = _annotator(request, project)
    try:
        envelope = AnswerEnvelope.of(request.POST)
        amend(
            annotator=annotator,
            judgment_id=envelope.handle,
            data=request.POST,
            submission_key=envelope.submission_key,
            phase=hindsight.IN_HINDSIGHT,
        )
    except InvalidAnswer:
        return _next_question(request, annotator, data=request.POST, status=422)
    except AnnotationError as error:
        return _done(request, annotator, warning=_(str(error)), status=409)
    return _done(request, annotator, saved=True)


@require_POST
@for_members()
def skip(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    annotator = _annotator(request, project)
    try:
        assignment_id, reason = SkipForm(request.POST).values()
        queue.release(annotator, assignment_id, reason=reason)
    except NotYourAssignment as error:
        return _done(request, annotator, warning=_(str(error)), status=409)
    return _done(request, annotator)


@require_POST
@for_members()
def renew(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    """A heartbeat of an open question; the page keeps working whatever the answer is."""
    annotator = _annotator(request, project)
    try:
        queue.renew(annotator, AnswerEnvelope.of(request.POST).handle)
    except NotYourAssignment:
        return HttpResponse(status=409)
    return HttpResponse(status=204)


def _annotator(request: HttpRequest, project: Project) -> Annotator:
    """The member as an annotator; membership itself was checked on the way in."""
    user = account(request)
    known = Annotator.objects.filter(project=project, user=user).first()
    if known is None:
        return annotator_of(project, user)
    known.project = project
    return known


def _done(
    request: HttpRequest,
    annotator: Annotator,
    *,
    saved: bool = False,
    warning: str = "",
    status: int = 200,
) -> HttpResponse:
    """After an answer: the next question as a fragment, or, without htmx, a redirect to it."""
    if is_fragment(request):
        return _next_question(request, annotator, saved=saved, warning=warning, status=status)
    if saved:
        messages.success(request, _("Your answer is saved."))
    if warning:
        messages.warning(request, warning)
    return redirect("annotation:judge", annotator.project.slug)


def _next_question(
    request: HttpRequest,
    annotator: Annotator,
    *,
    saved: bool = False,
    warning: str = "",
    data: QueryDict | None = None,
    status: int = 200,
) -> HttpResponse:
    """What to answer now: the last question again in hindsight (`data` if tried), else the next."""
    stopped, showing = "", None
    try:
        showing = _look_back(annotator, data) or _lease(annotator)
    except JudgingStopped as error:
        stopped = _(str(error))
    return _page(
        request,
        annotator,
        showing,
        {"saved": saved, "warning": warning, "stopped": stopped},
        status=status,
    )


def _lease(annotator: Annotator) -> Showing | None:
    if due(annotator) is not None:  # asked anew while somebody judges
        raise SurveyDue
    assignment = queue.lease_next(annotator)
    return show(assignment) if assignment else None


def _look_back(annotator: Annotator, data: QueryDict | None) -> Showing | None:
    judgment = hindsight.due_from(annotator)
    if judgment is None:
        return None
    key = AnswerEnvelope.of(data).submission_key if data else None
    return look_back(judgment, data=data, submission_key=key)


def _same_question(request: HttpRequest, annotator: Annotator) -> HttpResponse:
    """The question again with everything typed, its errors in words, and the same key."""
    envelope = AnswerEnvelope.of(request.POST)
    showing = show_again(
        annotator,
        envelope.handle,
        data=request.POST,
        submission_key=envelope.submission_key,
    )
    return _page(request, annotator, showing, {}, status=422)


def _reopened(
    request: HttpRequest, annotator: Annotator, *, data: QueryDict | None = None
) -> HttpResponse:
    named = str(data["handle"]) if data else request.GET.get("answer")
    latest = own_answer(annotator, named) if named else latest_of(annotator)
    if latest is None:
        return _done(request, annotator, warning=_("You have no earlier answer to change."))
    key = AnswerEnvelope.of(data).submission_key if data else None
    showing = reopen(latest, data=data, submission_key=key)
    return _page(request, annotator, showing, {}, status=422 if data else 200)


def _page(
    request: HttpRequest,
    annotator: Annotator,
    showing: Showing | None,
    context: dict[str, object],
    *,
    status: int,
    progress: OwnProgress | None = None,
) -> HttpResponse:
    fragment = is_fragment(request)
    template = "annotation/judge.html#task" if fragment else "annotation/judge.html"
    context |= {
        "project": annotator.project,
        "showing": showing,
        "progress": progress or own_progress(annotator),
        "skip_reasons": SKIP_REASONS,
    }
    return render(request, template, context, status=status)
