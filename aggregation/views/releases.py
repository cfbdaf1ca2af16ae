"""Releases: the list with the publish form and its preview, the library card, the files."""

import json
from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from aggregation import publishing
from aggregation.catalogue import EXPORTS, method_title
from aggregation.curation import REASONS, Curation, CurationError, Preview, preview
from aggregation.enqueue import NotPossible, default_kinds, request_check, request_release
from aggregation.forms import ReleaseForm
from aggregation.models import Check, Release
from aggregation.presenting import preview_chart
from aggregation.release_changes import changes_between
from aggregation.releasing import NoSuchFile, open_file
from aggregation.snapshot import pairs_of_votes
from aggregation.verification import MANIFEST, SIGNATURE
from annotation import log
from annotation.access import MANAGERS, REVIEWERS
from annotation.models import Adjudication, Judgment, Project, Role, WorkState
from annotation.telling import told
from annotation.views.entry import account, for_members, is_fragment

PREVIEWED_ROWS = 2
LONGEST_CELL = 1_200
MOST_COMPARED_ROWS = 400_000  # beyond, only what the manifests say; the command compares all
PREVIEWED_JUDGMENTS = 200_000  # beyond, the preview takes every k-th question and says so


@require_http_methods(["GET", "HEAD", "POST"])
@for_members(*REVIEWERS)
def releases(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    if request.method != "POST":
        return _list(request, project, role, ReleaseForm(project=project, initial=_first(project)))
    if role not in MANAGERS:
        messages.error(request, _("Publishing needs the role owner or manager."))
        return redirect("aggregation:releases", project.slug)
    form = ReleaseForm(request.POST, project=project)
    if not form.is_valid():
        return _list(request, project, role, form, status=422)
    try:
        release = request_release(
            project,
            exports=form.cleaned_data["exports"],
            curation=form.curation(),
            run=form.cleaned_data["run"],
            notes=form.cleaned_data["notes"],
            licence=form.cleaned_data["licence"],
            user=account(request),
        )
    except NotPossible as refusal:
        form.add_error(None, str(refusal))
        return _list(request, project, role, form, status=422)
    return redirect("aggregation:release", project.slug, release.version)


def _first(project: Project) -> dict[str, Any]:
    return {"kinds": default_kinds(project)}


def _list(
    request: HttpRequest, project: Project, role: Role, form: ReleaseForm, *, status: int = 200
) -> HttpResponse:
    context = {
        "project": project,
        "role": role,
        "may_publish": role in MANAGERS,
        "form": form,
        "listed": [
            (
                each,
                [told(EXPORTS[slug].title) if slug in EXPORTS else slug for slug in each.exports],
            )
            for each in Release.objects.filter(project=project).select_related("requested_by")
        ],
        "judged": Judgment.objects.filter(question__project=project).exists(),
    }
    return render(request, "aggregation/releases.html", context, status=status)


@require_safe
@never_cache
@for_members(*MANAGERS)
def release_preview(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    """What each policy would keep and leave out, for the choices made so far."""
    context: dict[str, Any] = {"project": project, "role": role}
    try:
        curation = _curation(request, project)
    except CurationError as refusal:
        context["refusal"] = str(refusal)
    else:
        counted, one_in = _preview(project, curation)
        context |= {
            "preview": counted,
            "chart": preview_chart(counted),
            "one_in": one_in,
            "reasons": REASONS,
            "sentences": curation.sentences(),
            "decided": curation.adjudicated == "prefer",
            "adjudicated": Adjudication.objects.filter(question__project=project)
            .values("question")
            .distinct()
            .count(),
        }
    template = "aggregation/release_preview.html" + ("#preview" if is_fragment(request) else "")
    return render(request, template, context)


def _curation(request: HttpRequest, project: Project) -> Curation:
    """The policy in the address, field by field; what isn't there keeps its default."""
    form = ReleaseForm(request.GET, project=project)
    form.is_valid()
    given = form.cleaned_data
    for name in ("kinds", "ties", "both_bad", "least_votes", "least_agreement"):
        if name in request.GET and name in form.errors:
            raise CurationError(f"{form.fields[name].label}: {form.errors[name][0]}")
    return Curation(
        kinds=tuple(sorted(given.get("kinds") or default_kinds(project))),
        ties=given.get("ties") or "half",
        both_bad=given.get("both_bad") or "as_tie",
        least_votes=given.get("least_votes") or 1,
        least_agreement=given.get("least_agreement") or 0.0,
        adjudicated=given.get("adjudicated") or "votes",
    )


def _preview(project: Project, curation: Curation) -> tuple[Preview, int]:
    mark = log.newest(project)
    size = Judgment.objects.filter(question__project=project, position__lte=mark).count()
    one_in = max(1, -(-size // PREVIEWED_JUDGMENTS))
    pairs = pairs_of_votes(
        project,
        mark,
        curation.kinds,
        one_in=one_in,
        without_adjudicated=curation.adjudicated == "prefer",
    )
    return preview(pairs, curation), one_in


@require_safe
@for_members(*REVIEWERS)
def release(request: HttpRequest, project: Project, role: Role, version: int) -> HttpResponse:
    found = _release(project, version)
    context: dict[str, Any] = {
        "project": project,
        "role": role,
        "release": found,
        "work": found,
        "may_publish": role in MANAGERS,
    }
    if found.state == WorkState.DONE:
        context |= _card(found)
    return render(request, "aggregation/release.html", context)


def _card(release: Release) -> dict[str, Any]:
    manifest = release.manifest or {}
    checks = list(Check.objects.filter(release=release)[:5])
    return {
        "manifest": manifest,
        "rule": told(method_title((manifest.get("run") or {}).get("method", ""))),
        "folder": str(publishing.release_folder(release)),
        "signer": manifest["signer"],
        "checks": checks,
        "latest": next((check for check in checks if check.report is not None), None),
        "going_on": any(not check.is_final for check in checks),
        "exports": [
            {**export, "preview": _rows(release, export)}
            for export in sorted(manifest["exports"], key=_for_trainers_first)
        ],
        "companions": [file for file in manifest["files"] if "export" not in file],
        "signed": [MANIFEST, SIGNATURE],
        "earlier": Release.objects.filter(
            project=release.project, state=WorkState.DONE, version__lt=release.version
        )
        .order_by("-version")
        .values_list("version", flat=True)
        .first(),
    }


def _for_trainers_first(export: dict[str, Any]) -> tuple[bool, str]:
    return all(field["type"] != "messages" for field in export["fields"]), export["slug"]


def _rows(release: Release, export: dict[str, Any]) -> list[list[tuple[str, str]]]:
    """The first rows as a trainer will see them; empty if the file was taken away."""
    path = publishing.release_folder(release) / f"{export['slug']}.jsonl"
    names = [field["name"] for field in export["fields"]]
    if not path.is_file():
        return []
    rows = []
    with path.open("rb") as file:
        for line, _row in zip(file, range(PREVIEWED_ROWS), strict=False):
            row = json.loads(line)
            rows.append([(name, _said(row.get(name))) for name in names])
    return rows


def _said(value: Any) -> str:
    if isinstance(value, list) and value and all(_is_message(each) for each in value):
        said = "\n\n".join(f"{message['role']}: {message['content']}" for message in value)
    elif isinstance(value, str):
        said = value
    elif value is None:
        said = "(empty)"
    else:
        said = json.dumps(value, ensure_ascii=False)
    return said if len(said) <= LONGEST_CELL else f"{said[:LONGEST_CELL]} …"


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"role", "content"}


@require_safe
@for_members(*REVIEWERS)
def release_changes(
    request: HttpRequest, project: Project, role: Role, version: int, earlier: int
) -> HttpResponse:
    """What changed since an earlier release, and why."""
    pair = [_release(project, number) for number in (earlier, version)]
    if any(each.state != WorkState.DONE for each in pair):
        raise Http404
    old, new = pair
    rows = sum(file.get("rows", 0) for each in pair for file in each.files())
    context: dict[str, Any] = {"project": project, "role": role, "old": old, "new": new}
    try:
        context["changes"] = changes_between(
            publishing.release_folder(old),
            publishing.release_folder(new),
            rows=rows <= MOST_COMPARED_ROWS,
        )
    except OSError:
        context["missing"] = True
    return render(request, "aggregation/release_changes.html", context)


@require_safe
@never_cache
@for_members(*REVIEWERS)
def release_status(
    request: HttpRequest, project: Project, role: Role, version: int
) -> HttpResponse:
    found = _release(project, version)
    context = {"project": project, "release": found, "work": found, "may_publish": role in MANAGERS}
    response = render(request, "aggregation/release.html#status", context)
    if found.is_final:
        response["HX-Refresh"] = "true"
    return response


@require_safe
@never_cache
@for_members(*REVIEWERS)
def check_status(request: HttpRequest, project: Project, role: Role, version: int) -> HttpResponse:
    found = _release(project, version)
    going_on = Check.objects.filter(release=found, state__in=["queued", "running"]).exists()
    context = {"project": project, "release": found, "going_on": going_on}
    response = render(request, "aggregation/release.html#checking", context)
    if not going_on:
        response["HX-Refresh"] = "true"
    return response


@require_POST
@for_members(*MANAGERS)
def cancel_release(
    request: HttpRequest, project: Project, role: Role, version: int
) -> HttpResponse:
    found = _release(project, version)
    found.request_cancel()
    if found.state == WorkState.RUNNING:
        messages.info(request, _("Publishing stops at its next look; nothing will be visible."))
    return redirect("aggregation:release", project.slug, version)


@require_POST
@for_members(*MANAGERS)
def check_release(request: HttpRequest, project: Project, role: Role, version: int) -> HttpResponse:
    try:
        request_check(_release(project, version), rebuild=request.POST.get("rebuild") == "yes")
    except NotPossible as refusal:
        messages.error(request, str(refusal))
    return redirect("aggregation:release", project.slug, version)


@require_safe
@for_members(*REVIEWERS)
def release_file(
    request: HttpRequest, project: Project, role: Role, version: int, name: str
) -> FileResponse:
    try:
        return open_file(_release(project, version), name)
    except NoSuchFile as error:
        raise Http404(str(error)) from error


def _release(project: Project, version: int) -> Release:
    return get_object_or_404(
        Release.objects.select_related("project", "requested_by", "run"),
        project=project,
        version=version,
    )
