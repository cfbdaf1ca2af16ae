"""Files sent through the import page, kept for a day between looking at them and importing them.

A file belongs to one account in one project. Its own name is remembered, never used as a path.
"""

import shutil
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from annotation.errors import AnnotationError
from annotation.intake.limits import MB, human_size
from annotation.models import Project, User
from annotation.phrases import say

MOST_BYTES = 8 * MB  # what a web request can check and render while a person waits
KEPT_SECONDS = 24 * 3600


class UploadRefused(AnnotationError):
    """The file is empty or too large for the page."""


class UploadGone(AnnotationError):
    def __init__(self) -> None:
        super().__init__(
            say(
                "This file is no longer kept: it was imported, or a day has passed. "
                "Nothing was written; send the file again."
            )
        )


@dataclass(frozen=True, slots=True)
class Upload:
    """A kept file: `token` names it in addresses, `name` is what the person called it."""

    token: str
    folder: Path
    name: str

    @property
    def path(self) -> Path:
        return self.folder / "file"

    @property
    def flaws(self) -> Path:
        """Where the full list of bad lines is put after a refused import."""
        return self.folder / "flaws.csv"

    def discard(self) -> None:
        shutil.rmtree(self.folder)


def keep(*, project: Project, user: User, name: str, size: int, chunks: Iterable[bytes]) -> Upload:
    """Write an uploaded file down. Raises UploadRefused."""
    if size == 0:
        raise UploadRefused(say("“%(name)s” is empty. Nothing was kept.", name=name))
    if size > MOST_BYTES:
        raise UploadRefused(
            say(
                "“%(name)s” has %(human_size)s; this page takes up to %(human_size_2)s. "
                "Import larger ones on the server: ./polyphony import FILE --project "
                "%(slug)s --kind KIND",
                name=name,
                human_size=human_size(size),
                human_size_2=human_size(MOST_BYTES),
                slug=project.slug,
            )
        )
    forget_old()
    token = str(uuid.uuid4())
    folder = _folder(project, user, token)
    folder.mkdir(parents=True, mode=0o700)
    upload = Upload(token, folder, name[:200])
    (folder / "name").write_text(upload.name, encoding="utf-8", errors="replace")
    with upload.path.open("wb") as file:
        for chunk in chunks:
            file.write(chunk)
    return upload


def kept(*, project: Project, user: User, token: str) -> Upload:
    """The file this account sent to this project. Raises UploadGone."""
    folder = _folder(project, user, str(uuid.UUID(token)))
    try:
        return Upload(token, folder, (folder / "name").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UploadGone from error


def forget_old(*, now: float | None = None) -> None:
    """Delete files that nobody imported within a day."""
    oldest = (now or time.time()) - KEPT_SECONDS
    for folder in _uploads().glob("*"):
        if folder.stat().st_mtime < oldest:
            shutil.rmtree(folder)


def _uploads() -> Path:
    return Path(settings.IMPORTS_DIR) / "uploads"


def _folder(project: Project, user: User, token: str) -> Path:
    return _uploads() / f"{project.pk}-{user.pk}-{token}"
