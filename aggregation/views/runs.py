"""Runs: the list with the start form, one run, several side by side."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from aggregation.catalogue import METHODS, method_title
from aggregation.comparing import compare as compare_results
from aggregation.enqueue import (
    NotPossible,
    default_kinds,
    judgments_examined,
    refuse_if_people_left,
    request_replay,
    request_run,
    same_basis,
)
from aggregation.examined import judgments_view
from aggregation.findings import (
    effects_view,
    groups_view,
    majority_view,
    manipulation_view,
    newest_examination,
    plan_view,
    rules_view,
    sturdiness_view,
)
from aggregation.findings.groups import choice_sentence
from aggregation.fitting import methods_for, ranks, tables_of
from aggregation.forms import CompareForm, RunForm, SubjectForm
from aggregation.loading import criteria
from aggregation.models import Examination, Items, Run
from aggregation.presenting import RunView, matrix, run_view
from aggregation.reports import Report
from aggregation.snapshot import attribute_names
from aggregation.tables import Ballots, Comparisons, Ratings
from aggregation.views.steering import steering_context
from aggregation.warning_codes import WarningCode
from aggregation.wording import comparison_headline, named, number
from annotation.access import MANAGERS, REVIEWERS
from annotation.models import Annotator, Project, Role, WorkState
from annotation.telling import told
from annotation.views.entry import account, for_members, is_fragment

LISTED = 100
MOST_COMPARED = 12
MOST_CHARTS = 3
MOST_TIED = 50  # in an address


@require_http_methods(["GET", "HEAD", "POST"])
@for_members(*REVIEWERS)
def runs(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    if request.method == "POST":
        return _start(request, project, role)
    return _list(request, project, role, _run_form(request, project))


def _start(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    if role not in MANAGERS:
        messages.error(request, _("Starting a run needs the role owner or manager."))
        return redirect("aggregation:runs", project.slug)
    form = _run_form(request, project, bound=True)
    if form is not None and form.is_valid():
        try:
            started = [
                request_run(
                    project,
                    form.method.slug,
                    options=form.options(),
                    seed=form.cleaned_data["seed"],
                    kinds=form.cleaned_data["kinds"],
                    items=form.cleaned_data["items"],
                    criterion=criterion,
                    user=account(request),
                )
                for criterion in form.chosen_criteria()
            ]
            if len(started) > 1:
                return redirect("aggregation:runs", project.slug)
            return redirect("aggregation:run", project.slug, started[0].public_id)
        except NotPossible as refusal:
            form.add_error(None, str(refusal))
    return _list(request, project, role, form, status=422)


def _run_form(request: HttpRequest, project: Project, *, bound: bool = False) -> RunForm | None:
    """The form for the method named in the address or the form; None for an unknown one."""
    offered = methods_for(project)
    wanted = (request.POST if bound else request.GET).get("method", "")
    slug = wanted or ("bradley_terry" if "bradley_terry" in offered else next(iter(offered), ""))
    if slug not in METHODS:
        return None
    initial = {"kinds": default_kinds(project)}
    return RunForm(
        request.POST if bound else None,
        method=METHODS[slug],
        criteria=criteria(project),
        initial=initial,
    )


def _list(
    request: HttpRequest,
    project: Project,
    role: Role,
    form: RunForm | None,
    *,
    status: int = 200,
) -> HttpResponse:
    listed = list(
        Run.objects.filter(project=project, replay_of=None)
        .select_related("requested_by")
        .defer("result")[:LISTED]
    )
    context = {
        "project": project,
        "role": role,
        "may_start": role in MANAGERS,
        "form": form,
        "offered": methods_for(project),
        "listed": [(run, METHODS.get(run.method)) for run in listed],
        "comparable": len([run for run in listed if run.state == WorkState.DONE]) > 1,
        "going_on": any(not run.is_final for run in listed),
        **steering_context(project, role),
    }
    return render(request, "aggregation/runs.html" + _part(request), context, status=status)


def _part(request: HttpRequest) -> str:
    """Which part of the page htmx asks for: the list, or the form of another method."""
    if not is_fragment(request):
        return ""
    return "#listing" if request.headers.get("HX-Target") == "run-table" else "#options"


@require_safe
@for_members(*REVIEWERS)
def run(request: HttpRequest, project: Project, role: Role, public_id: str) -> HttpResponse:
    found = run_of(project, public_id)
    context: dict[str, Any] = {
        "project": project,
        "role": role,
        "run": found,
        "method": METHODS.get(found.method),
        "may_start": role in MANAGERS,
        "view": run_view(found) if found.state == WorkState.DONE else None,
        "replays": found.replays.order_by("-id")[:5],
        "ranked": found.method in METHODS and ranks(found.method),
        "others": _others(found),
    }
    context["tie_address"] = _tie_address(found, context["view"])
    context |= _examined(found, context["view"])
    if context["view"] and found.method in METHODS:
        context |= _looked_into(found)
    return render(request, "aggregation/run.html", context)


def _tie_address(run: Run, view: RunView | None) -> str:
    """Where the first place of a run can be drawn for in public; blank without a tie."""
    if view is None or WarningCode.TIE_UNRESOLVED not in view.result.codes:
        return ""
    tied = [named(view.result.ids[w]) for w in view.result.winners]
    if view.result.committees or not 1 < len(tied) <= MOST_TIED:
        return ""
    asked = {
        "options": "\n".join(tied),
        "digest": f"sha256:{run.result_digest}",
        "question": f"{run.project.slug}: first place under {run.method}",
    }
    return f"{reverse('aggregation:tie-breaks')}?{urlencode(asked)}"


def _others(run: Run) -> list[Run]:
    """The newest finished run of each other ranking rule on the same judgments."""
    newest: dict[str, Run] = {}
    same_mark = Run.objects.filter(
        project=run.project_id, mark=run.mark, state=WorkState.DONE, replay_of=None
    )
    for other in same_mark.exclude(method=run.method).defer("result").order_by("id"):
        if other.method in METHODS and ranks(other.method) and same_basis(run, other):
            newest[other.method] = other
    return list(newest.values())[: MOST_COMPARED - 1]


def _examined(run: Run, view: RunView | None) -> dict[str, Any]:
    """The look at a run's judgments, ordered by its ranks."""
    examination = judgments_examined(run)
    report = examination.report if examination else None
    result = view.result if view else None
    return {
        "examination": examination,
        "judgments": judgments_view(report, result, _called(run)) if report else None,
    }


def _called(run: Run) -> dict[str, str]:
    """What the annotators of a run's project are called, by their ids."""
    annotators = Annotator.objects.filter(project=run.project_id)
    return dict(annotators.values_list("external_id", "display_name"))


def _looked_into(run: Run) -> dict[str, Any]:
    """What else was asked about a run, and what can be."""
    found: dict[str, Any] = {"subjects": _subjects_of(run)}
    for subject in found["subjects"]:
        examination = newest_examination(run, subject)
        found[f"{subject}_examination"] = examination
        found[subject] = _shown(examination, VIEWS[subject])
        if subject in FORMS:
            found[f"{subject}_form"] = FORMS[subject](examination.options if examination else {})
    return found


def _subjects_of(run: Run) -> list[str]:
    """What makes sense to ask about a run of this method on this project's judgments."""
    method = METHODS[run.method]
    tables = tables_of(run.project)
    asked = ["sturdiness", "plan"] if ranks(run.method) else []
    if method.family == "social_choice" and tables & {Ballots, Ratings}:
        asked.append("manipulation")
    if not ranks(run.method):
        asked.append("majority")
    if tables & {Comparisons, Ballots, Ratings}:
        asked.append("effects")
    return asked


VIEWS: dict[str, Callable[[Report], Any]] = {
    "sturdiness": sturdiness_view,
    "plan": plan_view,
    "manipulation": manipulation_view,
    "majority": majority_view,
    "effects": effects_view,
}
FORMS: dict[str, Callable[[dict[str, Any]], SubjectForm]] = {
    "plan": lambda asked: SubjectForm("plan", ("goal", "level", "chance", "width"), asked),
    "effects": lambda asked: SubjectForm(
        "effects", ("attributes", "baselines", "more"), asked, long=("more",)
    ),
}


def _shown(examination: Examination | None, view: Callable[[Report], Any]) -> Any:
    return view(examination.report) if examination and examination.report else None


@require_safe
@never_cache
@for_members(*REVIEWERS)
def run_status(request: HttpRequest, project: Project, role: Role, public_id: str) -> HttpResponse:
    """The progress of a run; once it is final the page is asked to load itself again."""
    found = run_of(project, public_id)
    context = {"project": project, "run": found, "work": found, "may_start": role in MANAGERS}
    response = render(request, "aggregation/run.html#status", context)
    if found.is_final:
        response["HX-Refresh"] = "true"
    return response


@require_POST
@for_members(*MANAGERS)
def cancel_run(request: HttpRequest, project: Project, role: Role, public_id: str) -> HttpResponse:
    found = run_of(project, public_id)
    found.request_cancel()
    if found.state == WorkState.RUNNING:
        messages.info(request, _("The run stops at its next look; nothing will be stored."))
    return redirect("aggregation:run", project.slug, found.public_id)


@require_POST
@for_members(*MANAGERS)
def rebuild_run(request: HttpRequest, project: Project, role: Role, public_id: str) -> HttpResponse:
    found = run_of(project, public_id)
    try:
        replay = request_replay(found, user=account(request))
    except NotPossible as refusal:
        messages.error(request, str(refusal))
        return redirect("aggregation:run", project.slug, found.public_id)
    return redirect("aggregation:run", project.slug, replay.public_id)


@require_safe
@for_members(*REVIEWERS)
def run_result(request: HttpRequest, project: Project, role: Role, public_id: str) -> HttpResponse:
    """The whole stored result, byte for byte."""
    found = run_of(project, public_id)
    if found.result is None:
        raise Http404
    response = HttpResponse(found.result, content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{project.slug}-{found.method}.json"'
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@for_members(*REVIEWERS)
def compare(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    """Several rules on the same judgments: the runs named, or all on the newest state."""
    chosen = compared(request, project)
    if request.method == "POST":
        return _add_rules(request, project, role, chosen)
    views = [run_view(each) for each in chosen]
    context: dict[str, Any] = {"project": project, "role": role, "may_start": role in MANAGERS}
    if chosen:
        context |= _comparison(project, chosen, views)
    return render(request, "aggregation/compare.html", context)


def _comparison(project: Project, chosen: list[Run], views: list[RunView]) -> dict[str, Any]:
    titles = [told(method_title(run.method)) for run in chosen]
    comparison = compare_results([view.result for view in views])
    missing = [
        (slug, method)
        for slug, method in methods_for(project).items()
        if ranks(slug) and slug not in {run.method for run in chosen}
    ]
    return {
        "first": chosen[0],
        "columns": list(zip(chosen, titles, strict=True)),
        "headline": comparison_headline(comparison, titles),
        "matrix": matrix(comparison),
        "kendall": [
            (title, [number(tau) or "unknown" for tau in row])
            for title, row in zip(titles, comparison.kendall.tolist(), strict=True)
        ],
        "missing": missing,
        "named": compare_address(project, chosen).partition("?")[2],
        "cautions": _cautions(views, titles),
        "charts": _charts(chosen, titles, views),
        "run": chosen[0],
        **_rules(chosen, titles),
        **_groups(project, chosen, titles),
        **_examined(chosen[0], views[0]),
        "pending": Run.objects.filter(
            project=project, mark=chosen[0].mark, state__in=["queued", "running"]
        ).count(),
    }


def _rules(chosen: list[Run], titles: list[str]) -> dict[str, Any]:
    """The newest look at just these rules."""
    methods = [run.method for run in chosen]
    called = dict(zip(methods, titles, strict=True))
    found = newest_examination(chosen[0], "rules", beside=chosen[1:])
    return {
        "rules_examination": found,
        "rules": _shown(found, lambda report: rules_view(report, called)),
    }


def _groups(project: Project, chosen: list[Run], titles: list[str]) -> dict[str, Any]:
    """What each of these rules' choices costs whom, where people declared who they are."""
    declared = attribute_names(project)
    called = dict(zip((run.method for run in chosen), titles, strict=True))
    found = newest_examination(chosen[0], "groups", beside=chosen[1:])
    asked = found.options if found else {"attribute": next(iter(declared), "")}
    report = found.report if found else None
    return {
        "declares": bool(declared),
        "groups_examination": found,
        "groups": groups_view(report, called) if report else None,
        "groups_sentence": choice_sentence(report, called) if report else "",
        "groups_form": SubjectForm(
            "groups", ("attribute",), asked, offered={"attribute": declared}
        ),
    }


def _cautions(views: list[RunView], titles: list[str]) -> list[tuple[str, list[str]]]:
    """Each warning once, with the rules it concerns."""
    found: dict[str, list[str]] = {}
    for view, title in zip(views, titles, strict=True):
        for warning in view.warnings:
            found.setdefault(warning.sentence, []).append(title)
    return list(found.items())


def _charts(
    chosen: list[Run], titles: list[str], views: list[RunView]
) -> list[tuple[Run, str, SafeString]]:
    """Forest plots of the first rules that give intervals."""
    drawn = [
        (run, title, view.chart)
        for run, title, view in zip(chosen, titles, views, strict=True)
        if view.chart and view.result.lo is not None
    ]
    return drawn[:MOST_CHARTS]


def compared(request: HttpRequest, project: Project) -> list[Run]:
    done = Run.objects.filter(
        project=project,
        state=WorkState.DONE,
        replay_of=None,
        method__in=[slug for slug in METHODS if ranks(slug)],
    )
    wanted = [text for text in request.GET.getlist("run") if _is_uuid(text)]
    if wanted:
        picked = list(done.filter(public_id__in=wanted[:MOST_COMPARED]).order_by("id"))
        if not picked:
            raise Http404
        first = picked[0]
        return [run for run in picked if same_basis(run, first)]
    first_done = done.order_by("-mark", "-id").first()
    if first_done is None:
        return []
    newest: dict[str, Run] = {}
    for run in done.filter(mark=first_done.mark).order_by("id"):
        if same_basis(run, first_done):
            newest[run.method] = run
    return list(newest.values())[:MOST_COMPARED]


def _add_rules(
    request: HttpRequest, project: Project, role: Role, chosen: list[Run]
) -> HttpResponse:
    """Run further rules on the very state of the log that is being compared."""
    form = CompareForm(request.POST)
    if role not in MANAGERS:
        messages.error(request, _("Starting a run needs the role owner or manager."))
    elif not form.is_valid():
        messages.error(request, _("Choose at least one rule."))
    else:
        basis = chosen[0] if chosen else None
        try:
            if basis is not None:
                refuse_if_people_left(basis)
        except NotPossible as refusal:
            messages.error(request, str(refusal))
            return redirect("aggregation:compare", project.slug)
        for slug in form.cleaned_data["methods"]:
            request_run(
                project,
                slug,
                mark=basis.mark if basis else None,
                kinds=basis.kinds if basis else None,
                items=basis.items if basis else Items.SYSTEMS,
                criterion=basis.criterion if basis else "",
                user=account(request),
            )
        started = len(form.cleaned_data["methods"])
        said = ngettext(
            "%(n)s rule was started on the same judgments. Reload in a moment.",
            "%(n)s rules were started on the same judgments. Reload in a moment.",
            started,
        )
        messages.success(request, said % {"n": started})
    return redirect("aggregation:compare", project.slug)


def run_of(project: Project, public_id: str) -> Run:
    return get_object_or_404(
        Run.objects.select_related("requested_by", "replay_of", "project"),
        project=project,
        public_id=public_id,
    )


def compare_address(project: Project, chosen: list[Run]) -> str:
    """The page that shows these runs side by side."""
    named = urlencode({"run": [str(run.public_id) for run in chosen]}, doseq=True)
    return f"{reverse('aggregation:compare', args=[project.slug])}?{named}"


def _is_uuid(text: str) -> bool:
    return len(text) == 36 and set(text.lower()) <= set("0123456789abcdef-")
