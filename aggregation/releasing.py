"""Handing out files of published releases: only whole releases, only names their manifest lists."""

from pathlib import Path

from django.http import FileResponse

from aggregation.models import Release
from aggregation.publishing import release_folder
from aggregation.verification import MANIFEST, SIGNATURE
from annotation.models import WorkState
from annotation.phrases import say

TYPES = {
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
    "json": "application/json",
    "md": "text/plain; charset=utf-8",
    "pem": "text/plain; charset=ascii",
    "sig": "text/plain; charset=ascii",
}


class NoSuchFile(Exception):
    """The release has no file of that name to hand out; the text says why."""


def open_file(release: Release, name: str) -> FileResponse:
    """The file as a download. Raises NoSuchFile."""
    if release.state != WorkState.DONE:
        raise NoSuchFile(say("This release isn't published, so it has no files."))
    listed = {file["name"] for file in release.files()} | {MANIFEST, SIGNATURE}
    path = release_folder(release) / name
    if name not in listed:
        raise NoSuchFile(say("This release has no such file; its manifest lists what it has."))
    if not path.is_file():
        raise NoSuchFile(say("The file is missing on the server's disk. Restore it from a backup."))
    filename = f"{release.project.slug}-v{release.version}-{name}"
    kind = TYPES.get(Path(name).suffix.lstrip("."), "application/octet-stream")
    return FileResponse(path.open("rb"), as_attachment=True, filename=filename, content_type=kind)
