"""The pages of judges' cards: list, ask for one, read one, compare two, decide."""

from http import HTTPStatus
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.access import MANAGERS, REVIEWERS
from annotation.models import Project, Role
from annotation.telling import told
from annotation.views.entry import account, for_members, is_fragment
from models_runtime import audit_cards, audit_gate, enqueue
from models_runtime.audit_catalogue import audits_for
from models_runtime.audit_forms import AuditForm, LeaveForm
from models_runtime.audit_requests import expected, request_audit
from models_runtime.catalogue import PROTOCOLS
from models_runtime.errors import NotPossible
from models_runtime.models import AuditCall, AuditJob, AuditWaiver, Checkpoint
from models_runtime.views import PAGE_METHODS, context_of, given_in, status_of

MOST_LISTED = 100


@require_safe
@never_cache
@for_members(*REVIEWERS)
def cards(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    """The project's cards and what its owner asks of judges."""
    rows = AuditJob.objects.filter(project=project).select_related("checkpoint")
    waivers = AuditWaiver.objects.filter(project=project).select_related("checkpoint", "given_by")
    context = context_of(
        project,
        role,
        listed=[(card, _grade(card)) for card in rows.order_by("-id")[:MOST_LISTED]],
        demands=audit_gate.demands_card(project),
        waivers=waivers.order_by("-id")[:MOST_LISTED],
        protocols=[(slug, told(way.title)) for slug, way in PROTOCOLS.items() if audits_for(way)],
        has_models=Checkpoint.objects.filter(project=project, retired_at__isnull=True).exists(),
    )
    return render(request, "models_runtime/audit_cards.html", context)


@require_http_methods(PAGE_METHODS)
@for_members(*MANAGERS)
def new_audit(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    """Ask for an audit of a judge."""
    slug = request.GET.get("protocol", enqueue.DEFAULT_PROTOCOL)
    if slug not in PROTOCOLS or not audits_for(PROTOCOLS[slug]):
        raise Http404
    form = AuditForm(given_in(request), project=project, protocol=slug)
    would = None
    if request.method == "POST" and form.is_valid():
        try:
            if "estimate" not in request.POST:
                made = request_audit(project, user=account(request), **form.audit_fields())
                return redirect("models_runtime:judge-card", project.slug, made.public_id)
            would = expected(project, **form.expected_fields())
        except NotPossible as refusal:
            form.add_error(None, str(refusal))
    context = context_of(project, role, form=form, protocol=PROTOCOLS[slug], would=would)
    status = HTTPStatus.OK if would is not None else status_of(form)
    return render(request, "models_runtime/audit_new.html", context, status=status)


@require_safe
@never_cache
@for_members(*REVIEWERS)
def card(request: HttpRequest, project: Project, role: Role, public_id: UUID) -> HttpResponse:
    """A judge's card, or how far its audit is."""
    found = _card(project, public_id)
    has_findings = found.findings.exists()
    context = context_of(
        project,
        role,
        card=found,
        grade=_grade(found),
        verdict=audit_cards.verdict_of(found) if has_findings else "",
        lines=audit_cards.lines_of(found),
        chart=audit_cards.chart_of(found),
        curve=audit_cards.curve_of(found),
        changes=audit_cards.changes(found.earlier, found) if found.earlier else [],
        spent=found.spent(),
        calls=AuditCall.objects.filter(item__job=found).count(),
        waivers=AuditWaiver.objects.filter(job=found).select_related("given_by"),
        form=LeaveForm(),
    )
    template = "models_runtime/audit_card.html" + ("#whole" if is_fragment(request) else "")
    return render(request, template, context)


@require_safe
@never_cache
@for_members(*REVIEWERS)
def card_file(request: HttpRequest, project: Project, role: Role, public_id: UUID) -> HttpResponse:
    """The card as JSON."""
    return JsonResponse(audit_cards.as_json(_card(project, public_id)))


@require_POST
@for_members(*MANAGERS)
def cancel_audit(
    request: HttpRequest, project: Project, role: Role, public_id: UUID
) -> HttpResponse:
    enqueue.cancel(_card(project, public_id))
    messages.success(request, _("The audit stops. Its calls are kept."))
    return redirect("models_runtime:judge-card", project.slug, public_id)


@require_POST
@for_members(Role.OWNER)
def let_through(
    request: HttpRequest, project: Project, role: Role, public_id: UUID
) -> HttpResponse:
    """Let the card's judge label knowingly."""
    found = _card(project, public_id)
    form = LeaveForm(request.POST)
    if form.is_valid():
        audit_gate.let_through(
            project, found.checkpoint, found.protocol, found.options,
            reason=form.cleaned_data["reason"], user=account(request),
        )  # fmt: skip
        messages.success(request, _("It may label. Your reason is kept with its card."))
    else:
        messages.error(request, _("Say why it may label all the same. The reason is kept."))
    return redirect("models_runtime:judge-card", project.slug, public_id)


@require_POST
@for_members(Role.OWNER)
def set_rule(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    """Ask for a card before judges label, or no longer."""
    demands = request.POST.get("demands") == "yes"
    audit_gate.set_rule(project, demands=demands, user=account(request))
    said = (
        _("From now on judges need a card before they label.")
        if demands
        else _("From now on judges may label without a card.")
    )
    messages.success(request, said)
    return redirect("models_runtime:judge-cards", project.slug)


def _card(project: Project, public_id: UUID) -> AuditJob:
    rows = AuditJob.objects.select_related("checkpoint", "earlier", "project")
    return get_object_or_404(rows, project=project, public_id=public_id)


def _grade(found: AuditJob) -> dict[str, str]:
    """The grade with its mark and words, empty while there is no card."""
    if not found.findings.exists():
        return {}
    grade = audit_gate.grade_of(found)
    words, mark = str(audit_cards.GRADE_WORDS[grade]), audit_cards.MARKS[grade]
    return {"slug": grade.value, "words": words, "mark": mark}
