"""Images in prompts and responses, shown through this site where a project's owner allows it.

A response's text can name any address; loading it in the annotator's browser would tell a stranger
who is judging, and when. So rendering leaves a labelled link, and where the project's option
`images` is true the link becomes an image that this server fetches: only addresses that a page of
the project showed (they are signed), only through the one outbound guard, only a few formats by
their first bytes, only up to a size; then it is kept.
"""

import hashlib
import html
import os
import re
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

import httpx
from django.conf import settings
from django.core import signing
from django.urls import reverse

from annotation.errors import AnnotationError
from annotation.models import Project
from annotation.phrases import say
from config import outbound

LARGEST = 5 * 1024 * 1024  # bytes
SECONDS = 10.0
AT_ONCE = 3  # fetches per process, so that slow hosts can't occupy every thread
SALT = "annotation.images"

FORMATS = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
)
_LINK = re.compile(r'<a(?=[^>]*class="image-link")[^>]*?href="([^"]+)"[^>]*>([^<]*)</a>')
_fetching = threading.BoundedSemaphore(AT_ONCE)


class ImageRefused(AnnotationError):
    """An image that can't be shown; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Image:
    data: bytes
    content_type: str


def are_shown(project: Project) -> bool:
    return project.options.get("images") is True


def embed(rendered: str, project: Project) -> str:
    """Rendered HTML with its image links turned into images, if the project shows them."""
    if not are_shown(project) or 'class="image-link"' not in rendered:
        return rendered

    def shown(link: re.Match[str]) -> str:
        address, label = html.unescape(link[1]), link[2]
        source = reverse("annotation:image", args=[project.slug, ticket(project, address)])
        return f'<img class="shown-image" src="{source}" alt="{label}" loading="lazy">'

    return _LINK.sub(shown, rendered)


def ticket(project: Project, address: str) -> str:
    """What stands in the image's own address: which image of which project, signed."""
    return signing.dumps([project.pk, address], salt=SALT, compress=True)


def fetch(project: Project, signed: str) -> Image:
    """The image behind a ticket, from the cache or from its host. Raises ImageRefused."""
    try:
        owner, address = signing.loads(signed, salt=SALT)
    except signing.BadSignature as error:
        raise ImageRefused(say("This image's address was not made by this site.")) from error
    if owner != project.pk or not are_shown(project):
        raise ImageRefused(say("This project doesn't show images."))
    kept = _place_of(address)
    if not kept.exists():
        _keep(kept, _load(address))
    return _recognised(kept.read_bytes())


def _load(address: str) -> bytes:
    """The bytes from the image's host. Raises ImageRefused."""
    if not _fetching.acquire(timeout=SECONDS):
        raise ImageRefused(say("Too many images are being fetched; try again in a moment."))
    try:
        with outbound.client(timeout=SECONDS, max_bytes=LARGEST) as client:
            answer = client.get(address, headers={"Accept": "image/*"})
    except (outbound.OutboundRefused, httpx.HTTPError, httpx.InvalidURL) as error:
        raise ImageRefused(
            say("The image couldn't be fetched: %(name)s.", name=type(error).__name__)
        ) from error
    finally:
        _fetching.release()
    if answer.status_code != httpx.codes.OK:
        raise ImageRefused(
            say("The image's host answered with %(status_code)s.", status_code=answer.status_code)
        )
    return _recognised(answer.content).data


def _recognised(data: bytes) -> Image:
    """By its first bytes, whatever its host calls it: never a page, a script or an SVG."""
    for beginning, content_type in FORMATS:
        if beginning.match(data):
            return Image(data, content_type)
    raise ImageRefused(say("This is no PNG, JPEG, GIF or WebP image."))


def _place_of(address: str) -> Path:
    name = hashlib.sha256(address.encode("utf-8", "surrogatepass")).hexdigest()
    return Path(settings.VAR_DIR, "images", name[:2], name)


def _keep(place: Path, data: bytes) -> None:
    """Written beside and moved, so that a half-written image is never read."""
    place.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=place.parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    Path(temporary).replace(place)
