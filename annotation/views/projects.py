"""Projects: the list, the overview, guidelines, and steering one."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation import projects
from annotation.access import MANAGERS, REVIEWERS
from annotation.asking import Way, ask_about_all, way_of
from annotation.catalogue import JUDGMENT_TYPES
from annotation.charts import columns
from annotation.errors import AnnotationError, InvalidQuestion
from annotation.forms import ASK_FORMS, GuidelineForm, MemberForm, StateForm
from annotation.models import Annotator, Project, ProjectState, Role
from annotation.progress import own_progress_of, project_progress, throughput
from annotation.quality.members import team
from annotation.questions import Asked
from annotation.quotas import quotas
from annotation.views.entry import account, for_accounts, for_members


@require_safe
@for_accounts
def home(request: HttpRequest) -> HttpResponse:
    user = account(request)
    found = Project.objects.seen_by(user).order_by("name")
    roles = {each.project_id: each.get_role_display() for each in user.memberships.all()}
    listed = [(each, roles.get(each.pk, Role.OWNER.label)) for each in found]
    context = {"listed": listed, "may_create": projects.may_create(user)}
    return render(request, "annotation/home.html", context)


@require_safe
@for_members()
def project(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    context = {
        "project": project,
        "role": role,
        "asks": _(JUDGMENT_TYPES[project.judgment_type].title),
        "guideline": project.current_guideline(),
    }
    if role not in REVIEWERS:
        context["own"] = own_progress_of(project, account(request))
        return render(request, "annotation/project_member.html", context)
    lately = throughput(project)
    context |= {
        "progress": project_progress(project),
        "team": team(project),
        "throughput": lately,
        "quotas": quotas(project),
        "chart": columns(
            "throughput",
            lately.days if lately.total else [],
            title=_("Judgments by people per day, the last four weeks"),
            unit=_("judgments a day"),
        ),
        "may_steer": role in MANAGERS,
        "asks_about": way_of(project.judgment_type),
        "ask_form": ASK_FORMS[way_of(project.judgment_type)](),
        "member_form": MemberForm(),
        "members": project.memberships.select_related("user").order_by("user__username"),
        "next_states": NEXT_STATES[ProjectState(project.state)],
    }
    return render(request, "annotation/project.html", context)


OPEN = (ProjectState.OPEN, gettext_lazy("Open for judging"))
PAUSE = (ProjectState.PAUSED, gettext_lazy("Pause"))
CLOSE = (ProjectState.CLOSED, gettext_lazy("Close"))
REOPEN = (ProjectState.OPEN, gettext_lazy("Open again"))
NEXT_STATES = {
    ProjectState.DRAFT: [OPEN],
    ProjectState.OPEN: [PAUSE, CLOSE],
    ProjectState.PAUSED: [REOPEN, CLOSE],
    ProjectState.CLOSED: [REOPEN],
}


@require_safe
@for_members()
def guideline(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    template = "annotation/guideline.html" + ("#text" if getattr(request, "htmx", False) else "")
    context = {
        "project": project,
        "role": role,
        "guideline": project.current_guideline(),
        "may_edit": role in MANAGERS,
    }
    return render(request, template, context)


@require_http_methods(["GET", "HEAD", "POST"])
@for_members(*MANAGERS)
def edit_guideline(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    current = project.current_guideline()
    form = GuidelineForm(request.POST or None, initial={"text": current.text if current else ""})
    if request.method == "POST" and form.is_valid():
        kept = projects.revise_guideline(project=project, text=form.cleaned_data["text"])
        messages.success(
            request, _("Version %(n)s of the guidelines is now shown.") % {"n": kept.version}
        )
        return redirect("annotation:guideline", project.slug)
    context = {"project": project, "role": role, "form": form, "guideline": current}
    status = 422 if form.is_bound else 200
    return render(request, "annotation/guideline_edit.html", context, status=status)


@require_POST
@for_members(*MANAGERS)
def set_state(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    form = StateForm(request.POST)
    if form.is_valid():
        projects.set_state(project=project, state=ProjectState(form.cleaned_data["state"]))
        messages.success(
            request,
            _("The project is now %(state)s.") % {"state": project.get_state_display().lower()},
        )
    else:
        messages.error(
            request, _("A project can be opened, paused or closed. Nothing was changed.")
        )
    return redirect("annotation:project", project.slug)


@require_POST
@for_members(*MANAGERS)
def ask_questions(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    """Turn the project's responses into questions; those already asked stay as they are."""
    way = way_of(project.judgment_type)
    form = ASK_FORMS[way](request.POST)
    try:
        if not form.is_valid():
            raise InvalidQuestion(
                _("Choose from what is offered, and numbers within their limits.")
            )
        asked = ask_about_all(project, form.plan())
    except InvalidQuestion as error:
        messages.error(request, _("%(why)s No question was asked.") % {"why": error})
    else:
        messages.success(request, _told(asked, way))
    return redirect("annotation:project", project.slug)


def _told(asked: Asked, way: Way) -> str:
    sentences = [_("%(n)s new questions are asked.") % {"n": f"{len(asked.questions):,}"}]
    if asked.already_there:
        sentences.append(_("%(n)s had been asked before.") % {"n": f"{asked.already_there:,}"})
    if asked.identical:
        told = _("%(n)s pairs of identical texts were left out.")
        if way is Way.SLATES:
            told = _("Left out with the text of another: %(n)s.")
        sentences.append(told % {"n": f"{asked.identical:,}"})
    if asked.too_few:
        told = _("%(n)s prompts have fewer than two responses.")
        sentences.append(told % {"n": f"{asked.too_few:,}"})
    return " ".join(sentences)


@require_POST
@for_members(*MANAGERS)
def set_member(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    form = MemberForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Give an account name and one of the roles. Nobody was added."))
        return redirect("annotation:project", project.slug)
    try:
        made = projects.set_role(
            project=project,
            username=form.cleaned_data["username"],
            role=Role(form.cleaned_data["role"]),
        )
        told = _("%(name)s is now %(role)s.")
        messages.success(
            request, told % {"name": made.user, "role": made.get_role_display().lower()}
        )
    except AnnotationError as error:
        messages.error(request, str(error))
    return redirect("annotation:project", project.slug)


@require_POST
@for_members(*MANAGERS)
def pause_annotator(
    request: HttpRequest, project: Project, role: Role, public_id: str
) -> HttpResponse:
    annotator = get_object_or_404(Annotator, project=project, public_id=public_id)
    paused = request.POST.get("paused") == "yes"
    try:
        projects.set_paused(annotator=annotator, paused=paused)
    except AnnotationError as error:
        messages.error(request, str(error))
        return redirect("annotation:project", project.slug)
    told = _("%(name)s gets no new questions.") if paused else _("%(name)s gets questions again.")
    messages.success(request, told % {"name": annotator})
    return redirect("annotation:project", project.slug)
