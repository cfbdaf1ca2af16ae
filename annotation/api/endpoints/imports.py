from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.access import MANAGERS
from annotation.api import parsing
from annotation.api.filters import refuse_unknown
from annotation.api.permissions import Needs
from annotation.api.problems import Problem
from annotation.api.serializers.imports import FileSerializer, ReportSerializer, RowsSerializer
from annotation.api.viewsets import ProjectViewSet
from annotation.intake.importing import import_rows, run_import
from annotation.intake.refusals import ImportRefused
from annotation.intake.reports import ImportReport
from annotation.models import Prompt
from annotation.tokens import Scope


class BoundedMultiPartParser(MultiPartParser):
    """Uploads up to `settings.API_IMPORT_BYTES`: refused before anything is read."""

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        most = settings.API_IMPORT_BYTES
        declared = (parser_context or {})["request"].META.get("CONTENT_LENGTH") or "0"
        if not declared.isdigit() or int(declared) > most:
            raise Problem(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"Uploads here hold at most {most // 1024**2} MiB, and nothing was read. Import "
                "larger files on the project's import page or with `./polyphony import`.",
            )
        return super().parse(stream, media_type, parser_context)


class ImportsViewSet(ProjectViewSet[Prompt]):
    """Bring in prompts, candidates or judgments: all of it or nothing, as on the import page."""

    queryset = Prompt.objects.none()
    parser_classes = (parsing.StrictJSONParser, BoundedMultiPartParser)
    access = {"create": Needs(Scope.IMPORT, MANAGERS)}

    @extend_schema(
        request={"application/json": RowsSerializer, "multipart/form-data": FileSerializer},
        responses={200: ReportSerializer, 201: ReportSerializer},
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Import rows or a file. 201 when written, 200 after a dry run.

        Bad rows are refused all together: 400 with their lines, columns and reasons in `errors`.
        """
        refuse_unknown(request, set())
        is_file = (request.content_type or "").startswith("multipart/")
        given = (FileSerializer if is_file else RowsSerializer)(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            report = (self._file if is_file else self._rows)(given.validated_data)
        except ImportRefused as error:
            raise refusal_of(error) from error
        return Response(
            ReportSerializer(report).data,
            status=status.HTTP_200_OK if report.dry_run else status.HTTP_201_CREATED,
        )

    def _rows(self, data: dict[str, Any]) -> ImportReport:
        return import_rows(self.project, data["kind"], data["rows"], dry_run=data["dry_run"])

    def _file(self, data: dict[str, Any]) -> ImportReport:
        upload = data["file"]
        with on_disk(upload) as path:
            return run_import(
                self.project,
                path,
                data["kind"],
                read_mapping(data["mapping"]),
                ignore=[column.strip() for column in data["ignore"].split(",") if column.strip()],
                dry_run=data["dry_run"],
                filename=upload.name,
                processes=1,
            )


@contextmanager
def on_disk(upload: "UploadedFile[bytes]") -> Iterator[Path]:
    """The upload as a file that only we can read, gone afterwards."""
    folder = Path(settings.IMPORTS_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=folder, prefix="upload-") as file:
        for chunk in upload.chunks():
            file.write(chunk)
        file.flush()
        yield Path(file.name)


def read_mapping(text: str) -> dict[str, str]:
    if not text:
        return {}
    found = parsing.read(text)
    if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
        raise serializers.ValidationError(
            {"mapping": ['A mapping is an object of texts: {"prompt_text": "question"}.']}
        )
    return found


def refusal_of(error: ImportRefused) -> Problem:
    """The first bad rows by line and column. The rest is named by number."""
    flaws: dict[str, list[str]] = {}
    for line, column, reason in error.report.flaws:
        where = f"line {line}, {column}" if column else f"line {line}"
        flaws.setdefault(where, []).append(reason)
    return Problem(HTTPStatus.BAD_REQUEST, str(error), errors=flaws)
