"""The pages on which people build judges, try them, watch and compare them."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.access import MANAGERS, REVIEWERS
from annotation.models import Project, Question, Role, Rubric
from annotation.views.entry import account, for_members, is_fragment
from models_runtime import checklists, enqueue
from models_runtime.catalogue import JUDGE_EXPORTS, PROTOCOLS
from models_runtime.errors import NotPossible
from models_runtime.exporting_judges import as_lines
from models_runtime.judge_comparison import compare, rewards
from models_runtime.judge_estimates import estimate
from models_runtime.judge_forms import ChecklistForm, JudgingForm, LaunchForm, PlanForm
from models_runtime.judge_panels import cascade_line, simulated_voices
from models_runtime.judge_planning import PLATEAU, advise
from models_runtime.judge_trials import tried
from models_runtime.judge_verdicts import revealed
from models_runtime.judge_words import in_words
from models_runtime.models import Checkpoint, JudgingJob
from models_runtime.presenting import progress_of
from models_runtime.views import PAGE_METHODS, context_of, given_in, status_of


@require_safe
@never_cache
@for_members(*REVIEWERS)
def judges(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    """The project's judges side by side."""
    trials = JudgingJob.objects.filter(project=project, trial=True).select_related("checkpoint")
    context = context_of(
        project,
        role,
        rows=compare(project),
        exports=list(JUDGE_EXPORTS.items()),
        voices=simulated_voices(project),
        **_cascade(request, project),
        trials=trials.order_by("-id")[:5],
        has_models=Checkpoint.objects.filter(project=project, retired_at__isnull=True).exists(),
    )
    return render(request, "models_runtime/judges.html", context)


def _cascade(request: HttpRequest, project: Project) -> dict[str, Any]:
    """The cost line of two judges that were chosen, or why there is none."""
    jobs = JudgingJob.objects.filter(project=project, annotator__isnull=False)
    chosen = []
    for name in ("cheap", "strong"):
        try:
            wanted = UUID(request.GET.get(name, ""))
        except ValueError:
            return {}
        chosen.append(jobs.filter(public_id=wanted).select_related("project", "annotator").first())
    cheap, strong = chosen
    if cheap is None or strong is None:
        return {}
    told = {"cheap": cheap.public_id, "strong": strong.public_id}
    try:
        return {"line": cascade_line(cheap, strong), "compared": told}
    except NotPossible as refusal:
        return {"line_refused": str(refusal), "compared": told}


@require_safe
@for_members(*MANAGERS)
def choose_protocol(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    """What a judge can do here: every protocol with its cost and how many questions wait."""
    offered = []
    for slug, protocol in PROTOCOLS.items():
        options = protocol.options_class()
        waiting = estimate(project, protocol, options)
        allowed = project.is_simulated or not protocol.simulates
        offered.append((slug, protocol, sorted(protocol.judgment_types), waiting, allowed))
    offered.sort(key=lambda each: (not each[3].questions, each[1].title))
    return render(
        request, "models_runtime/judge_choose.html", context_of(project, role, offered=offered)
    )


@require_http_methods(PAGE_METHODS)
@for_members(*MANAGERS)
def new_judging(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    """Build a judge: see what it would take, try it on ten questions, or start it."""
    slug = request.GET.get("protocol", enqueue.DEFAULT_PROTOCOL)
    if slug not in PROTOCOLS:
        raise Http404
    form = JudgingForm(given_in(request), project=project, protocol=slug)
    protocol = PROTOCOLS[slug]
    options, asked = protocol.options_class(), None
    if request.method == "POST" and form.is_valid():
        fields = form.request_fields()
        try:
            if "estimate" not in request.POST:
                trial = "try" in request.POST
                made = enqueue.request_judging(
                    project, user=account(request), trial=trial, **fields
                )
                page = "judge-trial" if trial else "job"
                return redirect(f"models_runtime:{page}", project.slug, made.public_id)
            asked = fields["checkpoint"]
            _, options, _seats = enqueue.check_way(
                project, asked, slug, fields["options"], fields["seats"]
            )
        except NotPossible as refusal:
            form.add_error(None, str(refusal))
    context = context_of(
        project,
        role,
        form=form,
        slug=slug,
        protocol=protocol,
        waiting=estimate(project, protocol, options, checkpoint=asked),
        **(_planned(request, project) if protocol.plans else {}),
    )
    status = HTTPStatus.OK if asked is not None and not form.errors else status_of(form)
    return render(request, "models_runtime/judge_build.html", context, status=status)


def _planned(request: HttpRequest, project: Project) -> dict[str, Any]:
    """The planner's form and its advice, None where the form can't be read."""
    asked = {"plateau": PLATEAU, "verifications": 4} | request.GET.dict()
    form = PlanForm(asked)
    advice = advise(project, **form.cleaned_data) if form.is_valid() else None
    return {"plan_form": form, "advice": advice}


@require_safe
@never_cache
@for_members(*REVIEWERS)
def trial(request: HttpRequest, project: Project, role: Role, public_id: UUID) -> HttpResponse:
    """A trial: what was shown, what the judge said, what people said, what it would cost."""
    job = _trial(project, public_id)
    context = context_of(
        project,
        role,
        job=job,
        progress=progress_of(job),
        tried=tried(job),
        spent=job.spent(),
        waiting=estimate(
            project,
            job.read_protocol(),
            job.read_options(),
            checkpoint=job.checkpoint,
            trial=job,
        ),
        form=LaunchForm(),
        makes=job.read_protocol().makes,
    )
    template = "models_runtime/judge_trial.html" + ("#results" if is_fragment(request) else "")
    return render(request, template, context)


@require_POST
@for_members(*MANAGERS)
def launch(request: HttpRequest, project: Project, role: Role, public_id: UUID) -> HttpResponse:
    """Start the judge of a trial, with a money cap."""
    job = _trial(project, public_id)
    form = LaunchForm(request.POST)
    if not form.is_valid():
        for errors in form.errors.values():
            messages.error(request, " ".join(map(str, errors)))
        return redirect("models_runtime:judge-trial", project.slug, public_id)
    others = {seat.name: seat.checkpoint for seat in job.seats.select_related("checkpoint")}
    try:
        made = enqueue.request_judging(
            project,
            job.checkpoint,
            protocol=job.protocol,
            options=job.options,
            seats=others,
            reveals=form.cleaned_data["reveals"],
            seed=job.seed,
            max_cost=form.cleaned_data["max_cost"],
            user=account(request),
        )
    except NotPossible as refusal:
        messages.error(request, str(refusal))
        return redirect("models_runtime:judge-trial", project.slug, public_id)
    return redirect("models_runtime:job", project.slug, made.public_id)


@require_safe
@never_cache
@for_members(*REVIEWERS)
def judge_rewards(
    request: HttpRequest, project: Project, role: Role, public_id: UUID
) -> HttpResponse:
    """The rewards of systems against chosen baselines, under one judge."""
    job = get_object_or_404(
        JudgingJob.objects.select_related("checkpoint", "annotator"),
        project=project,
        public_id=public_id,
        annotator__isnull=False,
    )
    systems = list(project.systems.order_by("name").values_list("name", flat=True))
    chosen = [name for name in request.GET.getlist("baseline") if name in systems]
    found = rewards(job, chosen) if chosen else {}
    context = context_of(project, role, job=job, systems=systems, chosen=chosen, rewards=found)
    return render(request, "models_runtime/judge_rewards.html", context)


@require_safe
@never_cache
@for_members(*REVIEWERS)
def judge_export(
    request: HttpRequest, project: Project, role: Role, public_id: UUID, export: str
) -> StreamingHttpResponse:
    """A judge's own calls as data to train judges or critics, one JSON object a line."""
    if export not in JUDGE_EXPORTS:
        raise Http404
    rows = JudgingJob.objects.select_related("checkpoint", "project")
    job = get_object_or_404(rows, project=project, public_id=public_id)
    return as_lines(job, export)


@require_safe
@never_cache
@for_members()
def verdicts(request: HttpRequest, project: Project, role: Role, public_id: UUID) -> HttpResponse:
    """The fragment with judges' verdicts on a question, for whoever may see them."""
    question = get_object_or_404(Question, project=project, public_id=public_id)
    shown = revealed(question, account(request), reviews=role in REVIEWERS)
    rows = [(each.annotator, in_words(each.judgment_type, each.payload), each) for each in shown]
    template = "models_runtime/judge_verdicts.html" + ("#said" if is_fragment(request) else "")
    return render(request, template, context_of(project, role, rows=rows))


# --- Checklists -----------------------------------------------------------------------------------


@require_safe
@never_cache
@for_members(*MANAGERS)
def judge_checklists(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    listed = [(each, checklists.doubts_about(each)) for each in checklists.checklists_of(project)]
    context = context_of(project, role, listed=listed)
    return render(request, "models_runtime/judge_checklists.html", context)


@require_http_methods(PAGE_METHODS)
@for_members(*MANAGERS)
def judge_checklist(request: HttpRequest, project: Project, role: Role, pk: int) -> HttpResponse:
    """Edit a checklist and freeze it."""
    rubrics = Rubric.objects.select_related("prompt", "project")
    rubric = get_object_or_404(rubrics, project=project, pk=pk)
    if rubric.prompt is None and not checklists.is_mined(rubric):
        raise Http404
    form = ChecklistForm(given_in(request), rubric=rubric)
    if request.method == "POST" and form.is_valid():
        try:
            return _changed_checklist(request, project, rubric, form)
        except NotPossible as refusal:
            form.add_error(None, str(refusal))
    context: dict[str, Any] = context_of(
        project,
        role,
        rubric=rubric,
        prompt=rubric.prompt,
        form=form,
        doubts=checklists.doubts_about(rubric),
        asked=checklists.asked_with(rubric),
        responses=rubric.prompt.candidates.count() if rubric.prompt else 0,
    )
    return render(request, "models_runtime/judge_checklist.html", context, status=status_of(form))


def _changed_checklist(
    request: HttpRequest, project: Project, rubric: Rubric, form: ChecklistForm
) -> HttpResponse:
    kept = rubric
    if form.items() != [each.text for each in rubric.criteria.all()]:
        kept = checklists.rewrite(rubric, form.items(), user=account(request))
    if "freeze" in request.POST or "ask" in request.POST:
        asked = checklists.freeze(kept, asks="ask" in request.POST)
        said = _("The checklist is frozen. Judges may use it.")
        if "ask" in request.POST:
            told = ngettext("%(n)s question asks it.", "%(n)s questions ask it.", asked)
            said = f"{said} {told % {'n': asked}}"
        messages.success(request, said)
    else:
        messages.success(request, _("The draft is kept."))
    return redirect("models_runtime:checklist", project.slug, kept.pk)


def _trial(project: Project, public_id: UUID) -> JudgingJob:
    rows = JudgingJob.objects.select_related("checkpoint", "project")
    return get_object_or_404(rows, project=project, public_id=public_id, trial=True)
