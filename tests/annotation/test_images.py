"""Images of responses: links unless the owner allows them, and then fetched by this site only."""

import contextlib
import re
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from annotation import images
from annotation.models import Candidate
from annotation.rendering import render_markdown
from tests.cast import World, make_project

pytestmark = pytest.mark.django_db

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR"
ANSWERS = {
    "/cat.png": (200, "text/html", PNG),  # what its host calls it doesn't matter
    "/page.png": (200, "image/png", b"<script>alert(1)</script>"),
    "/drawing.svg": (200, "image/svg+xml", b"<svg onload='alert(1)'/>"),
    "/large.png": (200, "image/png", PNG + b"0" * images.LARGEST),
    "/gone.png": (404, "image/png", PNG),
    "/moved.png": (302, "image/png", PNG),
}


class _Host(BaseHTTPRequestHandler):
    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        status, content_type, body = ANSWERS[self.path]
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if status == 302:
            self.send_header("Location", "http://169.254.169.254/latest/meta-data/")
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # whoever asked may find it too much
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def host(settings: Any) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Host)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _Host.asked.clear()
    settings.OUTBOUND_ALLOW = [f"127.0.0.1:{server.server_port}"]
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def show_images(world: World, text: str) -> None:
    world.project.options = {"images": True}
    world.project.save()
    Candidate.objects.update(text=text, html=render_markdown(text))


def judged_page(client: Client, world: World) -> str:
    client.force_login(world.ada)
    return client.get(reverse("annotation:judge", args=["advice"])).content.decode()


def test_an_image_is_a_link_unless_the_owner_allows_it(world: World, client: Client) -> None:
    text = "![a **cat**](https://cats.example/cat.png)"
    Candidate.objects.update(text=text, html=render_markdown(text))
    page = judged_page(client, world)
    assert "<img" not in page
    assert ">Image: a cat</a>" in page


def test_an_allowed_image_comes_through_this_site_and_is_kept(
    world: World, client: Client, host: str
) -> None:
    show_images(world, f"![a cat]({host}/cat.png)")
    page = judged_page(client, world)
    assert host not in re.sub(r"<a[^>]*>", "", page)
    sources = re.findall(r'<img class="shown-image" src="([^"]+)" alt="Image: a cat"', page)
    assert len(sources) == 2
    for source in sources * 2:
        shown = client.get(source)
        assert (shown.status_code, shown["Content-Type"], shown.content) == (200, "image/png", PNG)
        assert shown["X-Content-Type-Options"] == "nosniff"
    assert _Host.asked == ["/cat.png"]


@pytest.mark.parametrize("name", ["page.png", "drawing.svg", "large.png", "gone.png", "moved.png"])
def test_what_is_no_image_is_not_shown(world: World, client: Client, host: str, name: str) -> None:
    show_images(world, "Nothing.")
    client.force_login(world.ada)
    signed = images.ticket(world.project, f"{host}/{name}")
    refused = client.get(reverse("annotation:image", args=["advice", signed]))
    assert refused.status_code == 404
    assert refused["Content-Type"].startswith("text/plain")
    assert _Host.asked == [f"/{name}"]


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest",
        "http://localhost:5432/",
        "http://10.0.0.1/",
        "http://[::1]/",
    ],
)
def test_addresses_inside_the_house_are_refused(world: World, address: str) -> None:
    show_images(world, "Nothing.")
    with pytest.raises(images.ImageRefused, match="OutboundRefused"):
        images.fetch(world.project, images.ticket(world.project, address))


def test_only_addresses_that_a_page_showed_are_fetched(
    world: World, client: Client, host: str
) -> None:
    show_images(world, "Nothing.")
    other = make_project("other", options={"images": True})
    client.force_login(world.ada)
    theirs = images.ticket(other, f"{host}/cat.png")
    mine = images.ticket(world.project, f"{host}/cat.png")
    for signed in (theirs, mine[:-1] + ("a" if mine[-1] != "a" else "b"), "made-up"):
        assert client.get(reverse("annotation:image", args=["advice", signed])).status_code == 404
    client.force_login(world.sam)  # a stranger
    assert client.get(reverse("annotation:image", args=["advice", mine])).status_code == 404
    assert _Host.asked == []
