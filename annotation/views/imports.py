"""The import page: send a file, look at what it would become, import it whole or not at all."""

import shutil
from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from annotation import uploads
from annotation.access import MANAGERS
from annotation.errors import AnnotationError
from annotation.forms import ColumnsForm, UploadForm
from annotation.intake.catalogue import KINDS
from annotation.intake.importing import run_import
from annotation.intake.previewing import preview
from annotation.intake.refusals import ImportRefused
from annotation.intake.reports import ImportReport
from annotation.models import Project, Role
from annotation.uploads import Upload
from annotation.views.entry import account, for_members


@require_http_methods(["GET", "HEAD", "POST"])
@for_members(*MANAGERS)
def send_file(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            upload = _keep(request, project, form.cleaned_data["file"])
            return redirect("annotation:import-file", project.slug, upload.token)
        except AnnotationError as error:
            form.add_error("file", str(error))
    context = {"project": project, "role": role, "form": form, "kinds": KINDS.values()}
    status = 422 if form.is_bound else 200
    return render(request, "annotation/import.html", context, status=status)


def _keep(request: HttpRequest, project: Project, file: Any) -> Upload:
    """The file written down, if it can be read at all. Raises AnnotationError."""
    upload = uploads.keep(
        project=project,
        user=account(request),
        name=file.name or "file",
        size=file.size or 0,
        chunks=file.chunks(),
    )
    try:
        preview(upload.path, filename=upload.name)
    except AnnotationError:
        upload.discard()
        raise
    return upload


@require_http_methods(["GET", "HEAD", "POST"])
@for_members(*MANAGERS)
def look_and_import(request: HttpRequest, project: Project, role: Role, token: str) -> HttpResponse:
    try:
        upload = uploads.kept(project=project, user=account(request), token=str(token))
    except uploads.UploadGone as error:
        messages.warning(request, str(error))
        return redirect("annotation:import", project.slug)
    asked = ColumnsForm.asked(request.POST or request.GET)
    if request.method != "POST":
        return _look(request, project, role, upload, asked)
    try:
        return _import(request, project, upload, asked)
    except ImportRefused as error:
        report = _with_all_flaws(upload, error.report)
        return _look(request, project, role, upload, asked, report=report)
    except AnnotationError as error:
        return _look(request, project, role, upload, asked, refusal=str(error))


def _import(
    request: HttpRequest, project: Project, upload: Upload, asked: ColumnsForm
) -> HttpResponse:
    report = run_import(
        project,
        upload.path,
        asked.kind,
        asked.mapping,
        ignore=asked.ignored(preview(upload.path, asked.kind, filename=upload.name).columns),
        filename=upload.name,
        processes=1,
    )
    upload.discard()
    for sentence in (str(report), *report.notes):
        messages.success(request, sentence)
    return redirect("annotation:project", project.slug)


def _look(
    request: HttpRequest,
    project: Project,
    role: Role,
    upload: Upload,
    asked: ColumnsForm,
    *,
    report: ImportReport | None = None,
    refusal: str = "",
) -> HttpResponse:
    columns = preview(upload.path, asked.kind or None, filename=upload.name).columns
    view = preview(
        upload.path,
        asked.kind or None,
        asked.mapping,
        ignore=asked.ignored(columns),
        filename=upload.name,
    )
    context = {
        "project": project,
        "role": role,
        "upload": upload,
        "view": view,
        "kinds": KINDS.values(),
        "rest_ignored": asked.rest_ignored,
        "fields": [(field, view.mapping.get(field.name, "")) for field in view.fields],
        "report": report,
        "refusal": refusal,
    }
    status = 422 if report or refusal else 200
    return render(request, "annotation/import_file.html", context, status=status)


def _with_all_flaws(upload: Upload, report: ImportReport) -> ImportReport:
    """Keep the full list of bad lines beside the file, so that it can be downloaded."""
    if report.flaws_file is not None:
        shutil.move(report.flaws_file, upload.flaws)
    return report


@require_safe
@for_members(*MANAGERS)
def flaws(request: HttpRequest, project: Project, role: Role, token: str) -> FileResponse:
    try:
        upload = uploads.kept(project=project, user=account(request), token=str(token))
        return FileResponse(upload.flaws.open("rb"), as_attachment=True, filename="bad-lines.csv")
    except (uploads.UploadGone, FileNotFoundError) as error:
        raise Http404 from error
